"""Tauri's own updater against a served platform: what it is offered, fetches, verifies and installs, in both forms of `check`."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.clients.desktop_app import OLD, PLATFORM, Desktop, UpdaterError, desktop
from tests.clients.signers import TauriSigner
from tests.clients.update_server import update_server
from tests.e2e.served import Browser, Platform, served
from tests.e2e.test_releasing_guide import SECRET, blocks, publish
from tests.object_store import ObjectServer
from tests.versions import updater_facts as facts

pytestmark = [pytest.mark.programs, pytest.mark.served, pytest.mark.xdist_group("clients")]

# As docs/releasing.md says, and without the query.
(EXAMPLE,), (CLIENT,) = blocks("json"), blocks("json client")
(ENDPOINT,) = json.loads(EXAMPLE)["plugins"]["updater"]["endpoints"]
DYNAMIC = ENDPOINT.removeprefix("https://sage.example")
ENDPOINTS = {"static": DYNAMIC.partition("?")[0], "dynamic": DYNAMIC}
NOTES = "Better.\n\nGrüße, 世界 🎉"
RELEASES = "/admin/versions/release/"
# The application of this version, which runs until the block ends.
Installed = Callable[[str], AbstractContextManager[Desktop]]


@dataclass
class Publisher:
    """An administrator with the key that updates are signed with."""

    platform: Platform
    signer: TauriSigner
    folder: Path
    browser: Browser

    def upload(self, version: str, content: bytes) -> tuple[str, str]:
        """An update in the platform's own store: its address and its signature."""
        file = self.folder / "Sage.AppImage"
        file.write_bytes(content)
        folder = {"path": f"bundle/{version}/{file.name}"}
        with file.open("rb") as stream:
            told = self.browser.send("POST", "/api/oss/upload", files={"file": (file.name, stream)}, data=folder).json()
        assert told["code"] == 200, told
        return told["data"]["url"], self.signer.sign(file, version)

    def send(self, version: str, content: bytes, platform: str = PLATFORM) -> dict[str, Any]:
        """The envelope with which the release is answered."""
        url, signature = self.upload(version, content)
        artifact = {"platform": platform, "installer_url": url, "updater_url": url, "updater_signature": signature}
        release = {"version": version, "release_notes": NOTES, "artifacts": [artifact]}
        told: dict[str, Any] = self.browser.post("/api/system/version", release).json()
        return told

    def publish(self, version: str, content: bytes, platform: str = PLATFORM) -> str:
        """The time at which it was published."""
        told = self.send(version, content, platform)
        assert told["code"] == 200, told
        return str(told["data"]["pub_date"])

    def withdraw(self, version: str) -> None:
        """In the administration, as there is no route for it."""
        staff = self.platform.caller()
        person = {"username_or_email": "admin", "password": self.platform.admin_password}
        assert staff.post("/api/auth/login", person).json()["code"] == 200
        page = staff.get(RELEASES).text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        row = re.search(rf'href="{RELEASES}(\d+)/change/[^"]*">{re.escape(version)}<', page)
        assert token
        assert row, page
        form = {"csrfmiddlewaretoken": token[1], "action": "withdraw", "_selected_action": row[1]}
        done = staff.send("POST", RELEASES, data=form | {"confirmed": "yes", "because": "It loses files."})
        assert done.status_code == 302, done.text

    def delete_all(self) -> None:
        for release in self.browser.get("/api/system/version").json()["data"]:
            assert self.browser.send("DELETE", f"/api/system/version/{release['version']}").json()["code"] == 200


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> TauriSigner:
    return TauriSigner(tmp_path_factory.mktemp("signer"))


@pytest.fixture(scope="module")
def platform(signer: TauriSigner) -> Iterator[Platform]:
    clients = CLIENT.replace('"…"', json.dumps(SECRET))
    with served(SAGE_UPDATER_PUBKEY=signer.public_key, SAGE_OAUTH2_CLIENTS=clients) as running:
        yield running


@pytest.fixture
def publisher(platform: Platform, signer: TauriSigner, tmp_path: Path) -> Iterator[Publisher]:
    """Nothing is published yet."""
    made = Publisher(platform, signer, tmp_path, platform.admin())
    yield made
    made.delete_all()


def on(platform: Platform, form: str, display: str, public_key: str) -> Installed:
    def installed(version: str) -> AbstractContextManager[Desktop]:
        return desktop(display, [platform.base + ENDPOINTS[form]], public_key, version=version)

    return installed


@pytest.fixture(params=ENDPOINTS)
def installed(request: pytest.FixtureRequest, platform: Platform, display: str, signer: TauriSigner) -> Installed:
    return on(platform, request.param, display, signer.public_key)


def update(content: bytes) -> bytes:
    """More than the server reads at once."""
    return b"\x7fELF" + content * 200_000


def test_an_update_is_offered_verified_and_installed(publisher: Publisher, installed: Installed) -> None:
    content = update(b"1.1.0")
    with installed("1.0.0") as app:
        assert app.check() is None
        published = publisher.publish("1.1.0", content)
        offered = app.check()
        assert offered is not None
        assert {name: offered[name] for name in ("currentVersion", "version", "body")} == {
            "currentVersion": "1.0.0", "version": "1.1.0", "body": NOTES,
        }  # fmt: skip
        # The updater writes the fraction of a second without zeros at its end.
        assert datetime.fromisoformat(offered["date"]) == datetime.fromisoformat(published)
        app.download()
        assert app.installed == OLD
        app.install()
        assert app.installed == content
    for up_to_date in ("1.1.0", "1.1.1"):
        with installed(up_to_date) as app:
            assert app.offered() is None


def test_what_is_withdrawn_is_offered_no_more_and_the_one_before_it_is(publisher: Publisher, installed: Installed) -> None:
    publisher.publish("1.0.5", update(b"1.0.5"))
    publisher.publish("1.1.0", update(b"1.1.0"))
    with installed("1.0.0") as old, installed("1.0.5") as newer:
        assert [old.offered(), newer.offered()] == ["1.1.0", "1.1.0"]
        publisher.withdraw("1.1.0")
        assert [old.offered(), newer.offered()] == ["1.0.5", None]
        old.download()
        publisher.delete_all()
        assert old.offered() is None


def test_a_file_that_was_tampered_with_is_not_installed(publisher: Publisher, installed: Installed) -> None:
    content = update(b"1.1.0")
    publisher.publish("1.1.0", content)
    with installed("1.0.0") as app:
        assert app.offered() == "1.1.0"
        media = publisher.platform.data / "media"
        (kept,) = [path for path in media.rglob("*") if path.is_file() and path.read_bytes() == content]
        kept.write_bytes(content[:-1] + b"1")
        with pytest.raises(UpdaterError, match="The signature verification failed"):
            app.download()
        assert app.installed == OLD


def test_an_update_of_another_key_is_neither_published_nor_installed(
    publisher: Publisher, installed: Installed, display: str, tmp_path: Path
) -> None:
    other = TauriSigner(tmp_path)
    told = Publisher(publisher.platform, other, tmp_path, publisher.browser).send("1.1.0", update(b"1.1.0"))
    assert (told["code"], [error["field"] for error in told["data"]["errors"]]) == (422, ["artifacts.0.updater_signature"])
    with installed("1.0.0") as app:
        assert app.offered() is None
    publisher.publish("1.1.0", update(b"1.1.0"))
    with on(publisher.platform, "static", display, other.public_key)("1.0.0") as app:
        assert app.offered() == "1.1.0"
        with pytest.raises(UpdaterError, match="created with a different key"):
            app.download()
        assert app.installed == OLD


def test_a_pre_release_is_offered_to_nobody_and_ends_with_the_release(publisher: Publisher, installed: Installed) -> None:
    publisher.publish("1.1.0-rc.17", update(b"rc.17"))
    with installed("1.0.0") as app, installed("1.1.0-rc.16") as tester:
        assert [app.offered(), tester.offered()] == [None, None]
        publisher.publish("1.1.0", update(b"1.1.0"))
        assert [app.offered(), tester.offered()] == ["1.1.0", "1.1.0"]


def test_build_metadata_counts(publisher: Publisher, installed: Installed) -> None:
    publisher.publish("1.0.0+build.10", update(b"+10"))
    for version, offered in {"1.0.0+build.9": "1.0.0+build.10", "1.0.0+build.10": None, "1.0.0+build.11": None}.items():
        with installed(version) as app:
            assert (version, app.offered()) == (version, offered)


def test_a_release_for_other_platforms(publisher: Publisher, display: str) -> None:
    """Without a query the updater finds it and not itself in it, and asked by its platform it is up to date."""
    publisher.publish("1.1.0", update(b"1.1.0"), platform="darwin-aarch64")
    key = publisher.signer.public_key
    with on(publisher.platform, "dynamic", display, key)("1.0.0") as app:
        assert app.offered() is None
    not_found = pytest.raises(UpdaterError, match=f"the platform `{PLATFORM}` was not found")
    with on(publisher.platform, "static", display, key)("1.0.0") as app, not_found:
        app.check()


@pytest.mark.parametrize("target", ["darwin-universal", f"{PLATFORM}-deb"])
def test_an_application_with_a_target_of_its_own(target: str, publisher: Publisher, installed: Installed) -> None:
    publisher.publish("1.1.0", update(b"1.1.0"), platform=target)
    with installed("1.0.0") as app:
        offered = app.check(target=target)
        assert offered is not None
        assert offered["version"] == "1.1.0"
        app.download()


def test_what_a_pipeline_publishes_by_the_guide_is_installed(publisher: Publisher, installed: Installed) -> None:
    content = update(b"1.4.0")
    file = publisher.folder / "dist" / PLATFORM / "Sage_1.4.0_amd64.AppImage"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    publisher.signer.sign(file, "1.4.0")
    (publisher.folder / "notes.md").write_text(NOTES, encoding="utf-8")
    (publisher.folder / "publish.sh").write_text("".join(blocks("sh publish")))
    client = {"CLIENT_ID": json.loads(CLIENT)[0]["client_id"], "CLIENT_SECRET": SECRET}
    done = publish(publisher.folder, publisher.platform, client, "v1.4.0")
    assert (done.returncode, done.stderr) == (0, "")
    with installed("1.0.0") as app:
        assert app.offered() == "1.4.0"
        app.download()
        app.install()
        assert app.installed == content


def test_updates_by_a_mirror(display: str, signer: TauriSigner, tmp_path: Path) -> None:
    with (
        update_server() as mirror,
        served(SAGE_UPDATER_PUBKEY=signer.public_key, SAGE_UPDATER_URL_PREFIX=f"{mirror.base}/") as platform,
        on(platform, "dynamic", display, signer.public_key)("1.0.0") as app,
    ):
        publisher = Publisher(platform, signer, tmp_path, platform.admin())
        publisher.publish("1.1.0", facts.CONTENT)
        assert app.offered() == "1.1.0"
        app.download()
        (row,) = publisher.browser.get("/api/system/version").json()["data"]
        assert [path for path, _headers in mirror.asked] == [f"/{row['artifacts'][0]['updater_url']}"]


@pytest.mark.s3
@pytest.mark.parametrize("form", ENDPOINTS)
def test_updates_in_an_object_store(
    form: str, object_server: ObjectServer, signer: TauriSigner, display: str, tmp_path: Path
) -> None:
    """The updater follows the redirect to the presigned address."""
    content = update(b"1.1.0")
    kept = object_server.settings(object_server.new_bucket())
    with served(workers=1, SAGE_UPDATER_PUBKEY=signer.public_key, **kept) as platform:
        Publisher(platform, signer, tmp_path, platform.admin()).publish("1.1.0", content)
        with on(platform, form, display, signer.public_key)("1.0.0") as app:
            assert app.check() is not None
            app.download()
            app.install()
            assert app.installed == content
