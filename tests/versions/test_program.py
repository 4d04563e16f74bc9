"""A build pipeline: a client with the scope `release:write` publishes releases and uploads their files, and does nothing else."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone
from pytest_django import Settings

from sage_platform.accounts.models import User
from sage_platform.oauth2 import clients, tokens
from sage_platform.oauth2.models import AccessToken, Application
from sage_platform.oauth2.tokens import Approval
from tests.answers import assert_forbidden, assert_logged_out, refused
from tests.contract.routes import ROUTES, Row
from tests.oauth2_clients import Program, make_client
from tests.people import Caller, Response, envelope
from tests.uploads.sending import files_in, part, send
from tests.versions.rows import MAC, NONE, PATH, SIGNATURE, body, make_release, refusals, stored
from uploads import forms
from uploads.models import Upload
from versions.models import Release
from versions.services import releases
from versions.services.judging import judge

pytestmark = pytest.mark.django_db
SCOPE = "release:write"
# The pipeline has another one too, which opens a route of its own.
HELD = f"{SCOPE} usage:write"
BUNDLE = "bundle/1.2.0/app.tar.gz"
PIPELINE_ONLY = "A program uploads files of releases alone: give the path bundle/<version>/<name>."


@pytest.fixture
def pipeline(db: None) -> Caller:
    """With a token that it asked for itself, as a program does."""
    make_client("build", grant_types=["client_credentials"], scope=HELD, redirect_uris="")
    answer = Program("build").post("/oauth2/token", {"grant_type": "client_credentials"}).json()
    assert answer["scope"] == HELD
    return Caller(headers={"Authorization": f"Bearer {answer['access_token']}"})


def product_of(user: User, scope: str = SCOPE) -> Caller:
    """A product that somebody signed in to, and granted the scope."""
    client = Application.objects.filter(client_id="lage").first() or make_client(scope=f"openid {SCOPE}")
    approval = Approval(client, user, user.credentials_version, token_family=uuid.uuid4())
    token = tokens.new(tokens.ACCESS_PREFIX)
    tokens.save_access_token(token, approval, scope=f"openid {scope}")
    return Caller(headers={"Authorization": f"Bearer {token}"})


def upload(caller: Caller, path: str = BUNDLE, content: bytes = b"an update") -> Response:
    return send(caller, *[part("path", path.encode())] if path else [], part("file", content, "app.tar.gz"))


def assert_no_scope(response: Response, scope: str = "first-party") -> None:
    assert_forbidden(response)
    assert response.headers["WWW-Authenticate"] == f'Bearer error="insufficient_scope", scope="{scope}"'


# -- What it may -----------------------------------------------------------------------------------------------------------


def test_a_pipeline_uploads_and_publishes(pipeline: Caller, as_alice: Caller, media: Path) -> None:
    told = envelope(upload(pipeline))["data"]
    update = NONE | {"platform": "linux-x86_64", "updater_url": told["url"], "updater_signature": SIGNATURE}
    published = envelope(pipeline.post(PATH, body("v1.2.0", update)))
    assert published["code"] == 200
    assert files_in(media) == {BUNDLE: b"an update"}
    (row,) = envelope(as_alice.get(PATH))["data"]
    assert (row["version"], row["artifacts"]) == ("1.2.0", [update])
    # What staff see of whose they are.
    assert Release.objects.values_list("source", "made_by").get() == ("api", "build")
    kept = Upload.objects.get()
    assert (kept.owner, kept.came_from, kept.source) == (None, "build, 127.0.0.1", "upload")
    assert not LogEntry.objects.exists()


def test_a_pipeline_s_refusals_are_kept_for_staff(pipeline: Caller) -> None:
    make_release("1.1.0", MAC)
    before = stored()
    assert envelope(pipeline.post(PATH, body("1.1.0"))) == refused(400, "This version exists already.")
    assert envelope(pipeline.post(PATH, body("x" * 2**20)))["code"] == 422
    assert envelope(pipeline.post(f"{PATH}?dry_run=true", body("nonsense")))["code"] == 422
    assert stored() == before
    assert [(row["made_by"], row["version"]) for row in refusals()] == [("build", "1.1.0"), ("build", "x" * 100)]
    assert [[fault["kind"] for fault in row["faults"]] for row in refusals()] == [["taken"], ["version"]]


def test_no_room_is_counted_for_a_pipeline(pipeline: Caller, settings: Settings, media: Path) -> None:
    settings.SAGE_UPLOAD_QUOTA_BYTES = 10
    assert envelope(upload(pipeline, content=b"x" * 1000))["code"] == 200
    settings.SAGE_UPLOAD_MAX_BYTES = 2000
    assert upload(pipeline, "bundle/1.2.0/large", b"x" * 2001).status_code == 413
    assert files_in(media) == {BUNDLE: b"x" * 1000}


def test_a_bundle_that_a_release_uses_is_not_replaced(pipeline: Caller, media: Path) -> None:
    url = envelope(upload(pipeline))["data"]["url"]
    update = NONE | {"platform": "linux-x86_64", "updater_url": url, "updater_signature": SIGNATURE}
    assert envelope(pipeline.post(PATH, body("1.2.0", update)))["code"] == 200
    message = "A release uses this file, so it can be neither replaced nor deleted."
    assert envelope(upload(pipeline, content=b"another")) == refused(400, message)
    assert files_in(media) == {BUNDLE: b"an update"}


# -- What it may not -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["", "notes", "Bundle/1.2.0/a", "bundle", "bundle/1.2.0", "bundle/1.2.0/a/b", "bundle/../x", "/bundle/1/a", "users/a"]
)
def test_it_uploads_no_other_file(path: str, pipeline: Caller, media: Path) -> None:
    response = upload(pipeline, path)
    assert response.status_code == 422
    (error,) = envelope(response)["data"]["errors"]
    assert error["field"] == "path"
    if not path.startswith("bundle"):
        assert error["message"] == PIPELINE_ONLY
    assert not Upload.objects.exists()
    assert not media.exists() or not files_in(media)


OTHERS = [
    row
    for row in ROUTES
    if row.answer == "enveloped" and row.who not in {"Anyone", "AnyoneOfThisSite"} and row.scope not in HELD.split()
]


@pytest.mark.parametrize("row", OTHERS, ids=lambda row: f"{row.method} {row.path}")
def test_it_opens_no_other_route(row: Row, pipeline: Caller) -> None:
    """Neither the list with its drafts nor a deletion among them."""
    make_release("1.2.0", MAC)
    before = stored()
    path = row.path.replace("<str:version>", "1.2.0").replace("<str:provider_id>", str(uuid.uuid4()))
    assert_no_scope(pipeline.send(row.method, path, {}))
    assert stored() == before


def test_nor_the_administration_nor_pages(pipeline: Caller) -> None:
    for path in ("/admin/", "/admin/versions/release/", "/files", "/sage/"):
        response = pipeline.get(path)
        assert (response.status_code, "login" in response.headers["Location"]) == (302, True)
    assert pipeline.get("/oauth2/userinfo").status_code == 403


def test_another_scope_opens_none_of_it(db: None) -> None:
    make_client("reporter", grant_types=["client_credentials"], scope="usage:write", redirect_uris="")
    answer = Program("reporter").post("/oauth2/token", {"grant_type": "client_credentials"}).json()
    caller = Caller(headers={"Authorization": f"Bearer {answer['access_token']}"})
    for response in (caller.post(PATH, body()), upload(caller), caller.post(f"{PATH}?dry_run=true", body())):
        assert_no_scope(response, SCOPE)
    assert (stored(), Upload.objects.count(), refusals()) == ([[], [], 0], 0, [])


def test_a_client_without_the_scope_is_given_none(db: None) -> None:
    make_client("reporter", grant_types=["client_credentials"], scope="usage:write", redirect_uris="")
    response = Program("reporter").post("/oauth2/token", {"grant_type": "client_credentials", "scope": SCOPE})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize("ends", ["switched off", "scope taken", "grant taken"])
def test_a_client_s_end_ends_its_token(ends: str, pipeline: Caller) -> None:
    client = Application.objects.get(client_id="build")
    if ends == "switched off":
        clients.set_enabled(client, enabled=False)
    else:
        change = {"scope": "usage:write"} if ends == "scope taken" else {"grant_types": ["authorization_code"]}
        Application.objects.filter(pk=client.pk).update(**change)
    for response in (pipeline.post(PATH, body()), upload(pipeline)):
        assert response.status_code in {401, 403}
    assert (stored(), Upload.objects.count()) == ([[], [], 0], 0)


@pytest.mark.parametrize("ends", ["switched off", "token ended", "scope taken"])
def test_a_client_ends_while_its_file_is_on_the_way(
    ends: str, pipeline: Caller, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stolen secret: whoever has begun a long upload with it must not end it once the client is switched off."""
    receive: Callable[..., Any] = forms.receive

    def ends_then(*given: Any) -> Any:
        received = receive(*given)
        client = Application.objects.filter(client_id="build")
        if ends == "token ended":
            tokens.end_of_client(client.get())
        else:
            client.update(**{"enabled": False} if ends == "switched off" else {"scope": "usage:write"})
        return received

    monkeypatch.setattr(forms, "receive", ends_then)
    response = upload(pipeline)
    assert response.status_code == (403 if ends == "scope taken" else 401)
    assert not Upload.objects.exists()
    assert not files_in(media)


def test_a_client_ends_while_its_release_is_judged(pipeline: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def judge_and_then(*given: Any, **named: Any) -> Any:
        judgement = judge(*given, **named)
        clients.set_enabled(Application.objects.get(client_id="build"), enabled=False)
        return judgement

    monkeypatch.setattr(releases, "judge", judge_and_then)
    assert_logged_out(pipeline.post(PATH, body()), 'Bearer error="invalid_token"')
    assert stored() == [[], [], 0]


def test_a_token_may_run_out_while_a_file_is_on_the_way(pipeline: Caller, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token lives an hour, and so may a file that comes slowly."""
    receive: Callable[..., Any] = forms.receive

    def runs_out_then(*given: Any) -> Any:
        received = receive(*given)
        AccessToken._default_manager.update(expires=timezone.now())
        return received

    monkeypatch.setattr(forms, "receive", runs_out_then)
    assert envelope(upload(pipeline))["code"] == 200
    assert files_in(media) == {BUNDLE: b"an update"}
    assert_logged_out(upload(pipeline), 'Bearer error="invalid_token"')


# -- A person's token that has the scope -----------------------------------------------------------------------------------


def test_an_administrator_s_product_acts_for_them(admin: User, media: Path) -> None:
    product = product_of(admin)
    assert envelope(product.post(PATH, body()))["code"] == 200
    assert envelope(upload(product))["code"] == 200
    assert Release.objects.values_list("made_by").get() == ("admin (lage)",)
    assert Upload.objects.values_list("owner", "came_from").get() == ("admin", "lage, 127.0.0.1")
    assert list(LogEntry.objects.values_list("user_id", "object_repr")) == [("admin", "1.2.0")]
    response = upload(product, "")
    assert (response.status_code, envelope(response)["data"]["errors"][0]["field"]) == (422, "path")
    assert_no_scope(product.send("DELETE", f"{PATH}/1.2.0"))
    assert_no_scope(product.get(PATH))
    assert files_in(media) == {BUNDLE: b"an update"}


def test_nobody_grants_more_than_they_may(alice: User, as_alice: Caller, media: Path) -> None:
    """The scope was granted, but alice may not publish: neither by her product, nor by a cookie beside it."""
    product = product_of(alice)
    beside = Caller(client=as_alice.client, headers=product.headers)
    for caller in (product, beside):
        for response in (
            caller.post(PATH, body()),
            caller.post(f"{PATH}?dry_run=true", body()),
            upload(caller),
            upload(caller, ""),
        ):
            assert_forbidden(response)
        # Before the body is looked at.
        assert_forbidden(caller.send("POST", "/api/oss/upload", b"x", Content_Type="text/plain"))
    assert (stored(), Upload.objects.count(), refusals()) == ([[], [], 0], 0, [])


def test_who_is_no_administrator_any_more(admin: User, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    product = product_of(admin)
    receive: Callable[..., Any] = forms.receive

    def then(*given: Any) -> Any:
        received = receive(*given)
        User.objects.filter(pk="admin").update(role="user")
        return received

    monkeypatch.setattr(forms, "receive", then)
    assert_forbidden(upload(product))
    assert_forbidden(product.post(PATH, body()))
    assert (Upload.objects.count(), files_in(media)) == (0, {})


def test_a_person_s_own_uploads_are_as_before(as_alice: Caller, as_admin: Caller, anyone: Caller, media: Path) -> None:
    assert_logged_out(upload(anyone))
    assert (
        envelope(upload(as_alice, ""))["code"] == envelope(upload(as_alice))["code"] == envelope(upload(as_admin))["code"] == 200
    )
    assert BUNDLE in files_in(media)
    assert Upload.objects.filter(owner="alice").count() == 2


def test_staff_see_which_client_it_was(pipeline: Caller, as_admin: Caller) -> None:
    assert envelope(upload(pipeline))["code"] == 200
    path = "/admin/uploads/upload/"
    assert "build, 127.0.0.1" in as_admin.get(f"{path}{Upload.objects.get().pk}/change/").content.decode()
    assert "app.tar.gz" in as_admin.get(f"{path}?q=build").content.decode()
    assert "app.tar.gz" not in as_admin.get(f"{path}?q=other").content.decode()
