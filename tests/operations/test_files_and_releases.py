"""Uploads, imports, releases and reports of usage: each way counts once, by how it ended."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from pytest_django import Settings

from sage_platform.accounts.models import User
from tests.admin_forms import save
from tests.operations.counting import counting
from tests.outbound.servers import answer, says, serving
from tests.people import Caller, envelope, signed_in
from tests.provider_rows import exhaust_rate
from tests.system.usage.bodies import REPORT, batch, event
from tests.system.usage.reporters import product_of, program
from tests.uploads.sending import part, send
from tests.versions.github_server import LIST, FakeGitHub, playing_github
from tests.versions.rows import PATH, body
from tests.versions.test_admin import LIST as RELEASES
from tests.versions.test_admin import ROW, chosen, typed
from tests.versions.test_import_github import FILES, IMPORT
from uploads.models import Upload
from versions.models import Release

pytestmark = pytest.mark.django_db
FILE = part("file", b"hello", "a.txt")


def failures(store: str) -> float:
    return REGISTRY.get_sample_value("sage_server_store_failures_total", {"store": store}) or 0


# -- Files ----------------------------------------------------------------------------------------------------------------


def test_uploads(as_alice: Caller, media: Path, settings: Settings) -> None:
    before = failures("disk")
    with counting() as right:
        assert envelope(send(as_alice, FILE))["code"] == 200
    with counting() as empty:
        assert send(as_alice, part("file", b"", "a.txt")).status_code == 422
    with counting() as logged_out:
        assert send(Caller(), FILE).status_code == 401
    settings.SAGE_UPLOAD_QUOTA_BYTES = 1
    with counting() as no_room:
        assert envelope(send(as_alice, FILE))["code"] == 400
    assert (right, empty, logged_out) == ({"uploads/upload ok": 1}, {"uploads/upload refused": 1}, {})
    assert (no_room, failures("disk") - before) == ({"uploads/upload refused": 1}, 0)


def test_an_upload_that_the_disk_does_not_take(as_alice: Caller, media: Path) -> None:
    before = failures("disk")
    (media / "users").parent.mkdir(parents=True)
    (media / "users").write_text("no folder")
    with counting() as broken:
        assert send(as_alice, FILE).status_code == 503
    assert (broken, failures("disk") - before) == ({"uploads/upload error": 1}, 1)


@pytest.mark.s3
def test_an_upload_that_s3_does_not_take(as_alice: Caller, bucket: object, settings: Settings) -> None:
    before = failures("s3")
    settings.STORAGES = settings.STORAGES | {
        "s3": settings.STORAGES["s3"] | {"OPTIONS": settings.STORAGES["s3"]["OPTIONS"] | {"bucket_name": "gone"}}
    }
    with counting() as broken:
        assert send(as_alice, FILE).status_code == 503
    # The look for what was left of it fails too.
    assert (broken, failures("s3") - before) == ({"uploads/upload error": 1}, 2)


def test_files_by_their_address(as_alice: Caller, dead_address: str, settings: Settings) -> None:
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = True
    found = {}
    missing, failing = (answer(b"no", status=status) for status in ("404 Not Found", "500 Internal Server Error"))
    told = {"ok": answer(b"hello"), "missing": missing, "failing": failing, "empty": answer(b"")}
    for name, said in told.items():
        with serving(says(said)) as server, counting() as found[name]:
            as_alice.post("/api/oss/import_url", {"url": f"{server.url}/a.txt"})
    with counting() as found["dead"]:
        as_alice.post("/api/oss/import_url", {"url": dead_address})
    with counting() as found["malformed"]:
        as_alice.post("/api/oss/import_url", {"url": "nonsense"})
    exhaust_rate(as_alice.user)
    with counting() as found["too often"]:
        as_alice.post("/api/oss/import_url", {"url": dead_address})
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = False
    with counting() as found["not allowed"]:
        as_alice.post("/api/oss/import_url", {"url": dead_address})
    ok, refused, error = ({f"uploads/import {status}": 1} for status in ("ok", "refused", "error"))
    assert found == {
        "ok": ok,
        "missing": refused,
        "failing": error,
        "empty": refused,
        "dead": error,
        "malformed": refused,
        "too often": refused,
        "not allowed": refused,
    }


def test_deleting(as_alice: Caller, as_admin: Caller) -> None:
    send(as_alice, FILE)
    row = Upload.objects.get()
    action = {"action": "delete_files", "_selected_action": [str(row.pk)], "confirmed": "yes"}
    with counting() as deleted:
        as_admin.form("/admin/uploads/upload/", action)
    assert (deleted, Upload.objects.count()) == ({"uploads/delete ok": 1}, 0)


# -- Releases -------------------------------------------------------------------------------------------------------------


def test_publishing_by_the_api(as_admin: Caller, as_alice: Caller, breaking: Callable[[str], None]) -> None:
    with counting() as tried:
        assert envelope(as_admin.post(f"{PATH}?dry_run=true", body()))["code"] == 200
    with counting() as right:
        assert envelope(as_admin.post(PATH, body()))["code"] == 200
    with counting() as taken:
        assert envelope(as_admin.post(PATH, body()))["code"] == 400
    with counting() as forbidden:
        assert as_alice.post(PATH, body("1.3.0")).status_code == 403
    breaking("versions.models.Revision.advance")
    with counting() as broken:
        assert as_admin.post(PATH, body("1.3.0")).status_code == 503
    assert (tried, right, forbidden) == ({}, {"versions/publish ok": 1}, {})
    assert (taken, broken) == ({"versions/publish refused": 1}, {"versions/publish error": 1})


def test_publishing_in_the_administration(as_admin: Caller) -> None:
    with counting() as drafted:
        save(as_admin, f"{RELEASES}add/", typed([ROW], version="1.4.0", release_notes=""))
    draft = Release.objects.get()
    with counting() as published:
        as_admin.form(RELEASES, chosen(draft, "publish"))
    assert Release.objects.get().state == "published"
    broken = Release.objects.create(version="1.5.0", state="draft", source="api")
    broken.artifacts.create(platform="nonsense", installer_url="nowhere")
    with counting() as refused:
        as_admin.form(RELEASES, chosen(broken, "publish"))
    assert (drafted, published) == ({"versions/draft ok": 1}, {"versions/publish ok": 1})
    assert refused == {"versions/publish refused": 1}


@pytest.fixture
def github(settings: Settings) -> Iterator[FakeGitHub]:
    with playing_github(settings) as fake:
        yield fake


def test_imports_from_github(as_admin: Caller, github: FakeGitHub, settings: Settings, dead_address: str) -> None:
    """An import is not counted as a publication too."""
    with counting() as nothing:
        assert envelope(as_admin.post(IMPORT))["code"] == 500
    github.publish("v1.2.0", FILES)
    with counting() as right:
        assert envelope(as_admin.post(IMPORT))["code"] == 200
    github.hooks[LIST] = lambda request: request.reply(500)
    with counting() as failing:
        as_admin.post(IMPORT)
    github.hooks[LIST] = lambda request: request.reply(401)
    with counting() as bad_token:
        as_admin.post(IMPORT)
    settings.SAGE_GITHUB_API_BASE = dead_address
    with counting() as dead:
        as_admin.post(IMPORT)
    ok, refused, error = ({f"versions/import {status}": 1} for status in ("ok", "refused", "error"))
    assert (nothing, right, failing, bad_token, dead) == (refused, ok, error, refused, error)


# -- Usage ----------------------------------------------------------------------------------------------------------------


def test_reports_of_usage(alice: User, bob: User, breaking: Callable[[str], None]) -> None:
    callers = {"person": signed_in(alice), "product": product_of(alice), "client": program()}
    ok, refused, error = ({f"usage/ingest {status}": 1} for status in ("ok", "refused", "error"))
    for caller in callers.values():
        with counting() as right:
            assert envelope(caller.post(REPORT, batch(event(user_id="alice"))))["code"] == 200
        with counting() as no_user:
            assert caller.post(REPORT, batch(event("e2", user_id="nobody"))).status_code in {403, 422}
        with counting() as malformed:
            assert caller.post(REPORT, {"events": 1}).status_code == 422
        assert (right, no_user, malformed) == (ok, refused, {})
    breaking("system.usage.ingest._store")
    for caller in callers.values():
        with counting() as broken:
            assert caller.post(REPORT, batch(event(user_id="alice"))).status_code == 503
        assert broken == error
