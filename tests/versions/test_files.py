"""A release and its files in our own store: whole together, or refused, also where both are written at the same moment."""

from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from tests.answers import refused
from tests.people import Caller, envelope
from tests.racing import all_at_once
from tests.uploads.sending import part, send
from tests.uploads.sending import stored as uploaded
from tests.versions.rows import NONE, PATH, SIGNATURE, body, make_release, refusals
from uploads.models import State, Upload
from uploads.stores.disk import DiskStore
from versions.models import Artifact, Release, Revision, Source
from versions.services import releases
from versions.services.judging import judge
from versions.services.releases import Author

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "bundle/1.2.0/app.tar.gz"
IN_USE = refused(400, "A release uses this file, so it can be neither replaced nor deleted.")
SAID = "linux-x86_64, update: There is no file at this address of ours. Upload it again."
GONE = {
    "code": 422,
    "message": SAID,
    "data": {"errors": [{"field": "artifacts.0.updater_url", "message": SAID}]},
}
GONE_ROW = {"kind": "file_gone", "field": "artifacts.0.updater_url", "details": {}}
FIRST, SECOND = b"first " * 1000, b"second " * 1000


def again(caller: Caller) -> Caller:
    """The same person at another browser."""
    other = Caller(user=caller.user)
    other.client.cookies["sage_session"] = caller.client.cookies["sage_session"].value
    return other


def bundle(caller: Caller, content: bytes = FIRST) -> str:
    return str(uploaded(caller, content, "app.tar.gz", path=KEY)["url"])


def release_of(url: str, version: str = "1.2.0") -> dict[str, Any]:
    update = NONE | {"platform": "linux-x86_64", "updater_url": url, "updater_signature": SIGNATURE}
    return body(version, update)


def post(caller: Caller, url: str) -> dict[str, Any]:
    return envelope(again(caller).post(PATH, release_of(url)))


def upload(caller: Caller) -> dict[str, Any]:
    return envelope(send(again(caller), part("path", KEY.encode()), part("file", SECOND, "app.tar.gz")))


def delete(caller: Caller) -> dict[str, Any]:
    """On the page of one's own files. What the page says of a refusal stands for the API's."""
    browser = again(caller)
    for public_id in Upload.objects.filter(key=KEY, state=State.STORED).values_list("public_id", flat=True):
        browser.form("/files", {"upload": public_id})
    return IN_USE if IN_USE["message"] in browser.get("/files").content.decode() else {"code": 200}


CHANGES = {"replace": upload, "delete": delete}


def downloaded(url: str) -> bytes | None:
    response = Caller().get(url.removeprefix("http://127.0.0.1:8000"))
    return response.getvalue() if response.status_code == 200 else None


@pytest.mark.parametrize("before", ["", "/prod-api"])
def test_a_release_holds_its_files(before: str, as_admin: Caller) -> None:
    """Also where its address is that of a web application, whose proxy takes off what it puts before ours."""
    url = bundle(as_admin).replace("/files/", f"{before}/files/")
    assert post(as_admin, url)["code"] == 200
    assert list(Artifact.objects.values_list("installer_key", "updater_key")) == [("", KEY)]
    assert upload(as_admin) == delete(as_admin) == IN_USE
    assert downloaded(url.replace(before, "")) == FIRST
    assert envelope(as_admin.send("DELETE", f"{PATH}/1.2.0"))["code"] == 200
    assert upload(as_admin)["code"] == 200
    assert downloaded(url.replace(before, "")) is None


@pytest.mark.parametrize("path", ["/files/", "//files/", "/prod-api/files/", "//prod-api//files/", "/x/%2e%2e/prod-api/f%69les/"])
def test_a_file_of_ours_that_is_gone(path: str, as_admin: Caller) -> None:
    url = bundle(as_admin).replace("/files/", path)
    assert upload(as_admin)["code"] == 200
    assert post(as_admin, url) == GONE
    assert not Release.objects.exists()
    assert refusals() == [{"source": "api", "made_by": "admin", "version": "1.2.0", "faults": [GONE_ROW]}]


@pytest.mark.parametrize("change", CHANGES)
def test_published_while_its_file_is_being_changed(change: str, as_admin: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judged, the file is still there; a moment later other bytes would be, or none."""
    url = bundle(as_admin)
    began, ended = Event(), Event()
    step = "keep" if change == "replace" else "delete_object"
    real: Callable[..., Any] = getattr(DiskStore, step)

    def slow(store: DiskStore, *given: Any, **named: Any) -> Any:
        began.set()
        assert ended.wait(30)
        return real(store, *given, **named)

    monkeypatch.setattr(DiskStore, step, slow)

    def publish() -> dict[str, Any]:
        assert began.wait(30)
        try:
            return post(as_admin, url)
        finally:
            ended.set()

    changed, published = all_at_once(lambda: CHANGES[change](as_admin), publish)
    assert (changed["code"], published) == (200, GONE)
    assert not Release.objects.exists()
    assert [row["faults"] for row in refusals()] == [[GONE_ROW]]


@pytest.mark.parametrize("change", CHANGES)
def test_published_and_its_file_changed_at_once(change: str, as_admin: Caller) -> None:
    ends = set()
    for _round in range(6):
        Release.objects.all().delete()
        Upload.objects.filter(key=KEY).delete()
        url = bundle(as_admin)
        published, changed = all_at_once(lambda: post(as_admin, url), lambda: CHANGES[change](as_admin))  # noqa: B023  It runs now.
        if published["code"] == 200:
            assert (changed, downloaded(url)) == (IN_USE, FIRST)
        else:
            assert (published, changed["code"], downloaded(url)) == (GONE, 200, None)
            assert not Release.objects.exists()
        ends.add(published["code"])
    assert ends <= {200, 422}


def test_a_draft_whose_file_goes_while_it_is_published(as_admin: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was drafted when the file was being replaced, so that it holds nothing."""
    url = bundle(as_admin)
    update = NONE | {"platform": "linux-x86_64", "updater_url": url, "updater_signature": SIGNATURE}
    draft = make_release("1.2.0", update, state="draft")

    def judge_and_then(*given: Any, **named: Any) -> Any:
        judgement = judge(*given, **named)
        assert upload(as_admin)["code"] == 200
        return judgement

    monkeypatch.setattr(releases, "judge", judge_and_then)
    with pytest.raises(releases.FilesGone):
        releases.publish(draft, Author("admin", Source.ADMIN))
    draft.refresh_from_db()
    assert (draft.state, draft.pub_date) == ("draft", None)
    assert Revision.current() == 1
    assert [(row["source"], row["faults"]) for row in refusals()] == [("admin", [GONE_ROW])]
