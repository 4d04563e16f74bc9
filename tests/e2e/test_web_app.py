"""SAGE_WEB_ROOT: one process serves a built single-page application and the API."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.served import Platform, served

pytestmark = [pytest.mark.served, pytest.mark.xdist_group(__name__)]

INDEX = '<!doctype html><title>App</title><script type="module" src="/sage/assets/index-BvX3f9aK.js"></script>'
SCRIPT = "fetch('/prod-api/api/system/info')"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    root: Path = tmp_path_factory.mktemp("dist")
    (root / "assets").mkdir()
    (root / "index.html").write_text(INDEX)
    (root / "assets" / "index-BvX3f9aK.js").write_text(SCRIPT)
    (root / "logo.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (root.parent / "outside.txt").write_text("outside")
    (root / ".env").write_text("outside")
    (root / "link.txt").symlink_to(root.parent / "outside.txt")
    with served(SAGE_WEB_ROOT=str(root)) as running:
        yield running


@pytest.mark.parametrize(
    "path", ["/sage", "/sage/", "/sage/login", "/sage/agent/chat?id=1", "/sage/index.html", "/prod-api/sage/x"]
)
def test_every_page_of_the_application_is_its_index_and_never_cached(app: Platform, path: str) -> None:
    answer = app.caller().get(path)
    assert (answer.status_code, answer.text) == (200, INDEX)
    assert answer.headers["Content-Type"].replace('"', "") == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"


def test_what_has_a_hash_in_its_name_is_kept_for_ever(app: Platform) -> None:
    answer = app.caller().get("/sage/assets/index-BvX3f9aK.js")
    assert (answer.status_code, answer.text) == (200, SCRIPT)
    assert answer.headers["Cache-Control"] == "max-age=315360000, public, immutable"
    assert app.caller().get("/sage/logo.svg").headers["Cache-Control"] == "max-age=3600, public"


def test_the_root_leads_to_the_application(app: Platform) -> None:
    answer = app.caller().get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sage/")


@pytest.mark.parametrize(
    "path", ["/prod-api/api/system/info", "/api/system/info", "/prod-api/active", "/prod-api/oauth2/metadata"]
)
def test_the_prefix_is_taken_from_every_route(app: Platform, path: str) -> None:
    assert app.caller().get(path).status_code == 200


def test_an_unknown_route_under_the_prefix_is_an_enveloped_404(app: Platform) -> None:
    answer = app.caller().get("/prod-api/api/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, 404)


def test_sign_in_by_the_cookie_and_by_the_bearer(app: Platform) -> None:
    browser = app.caller()
    given = {"username_or_email": "admin", "password": app.admin_password}
    answer = browser.post("/prod-api/api/auth/login", given, headers={"Sec-Fetch-Site": "same-origin"})
    token = answer.json()["data"]["access_token"]
    assert browser.get("/prod-api/api/auth/session").json()["data"]["user"]["username"] == "admin"
    by_bearer = app.caller(Authorization=f"Bearer {token}")
    assert by_bearer.get("/prod-api/api/user/check_login").json()["data"]["user"]["username"] == "admin"


@pytest.mark.parametrize(
    "path", ["/sage/../outside.txt", "/sage/%2e%2e/outside.txt", "/sage/..%2foutside.txt", "/sage/.env", "/sage/link.txt"]
)
def test_nothing_outside_the_folder_is_served(app: Platform, path: str) -> None:
    assert "outside" not in app.caller().get(path).text


def test_the_admin_s_own_password_page_is_there_all_the_same(app: Platform) -> None:
    answer = app.admin().get("/admin/password_change/")
    assert answer.status_code == 302
    assert app.admin().get(answer.headers["Location"]).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/nonexistent", {}, 404),
        ("GET", "/prod-api/nope", {}, 404),
        ("POST", "/admin/login/", {"Content-Type": "application/x-www-form-urlencoded"}, 403),
        ("GET", "/admin/login/", {"Host": "evil.example"}, 400),
    ],
)
def test_errors_have_their_page(app: Platform, method: str, path: str, headers: dict[str, str], status: int) -> None:
    answer = app.caller().send(method, path, headers=headers)
    assert answer.status_code == status
    assert answer.headers["X-Request-ID"] in answer.text


def test_without_an_application_the_prefix_is_no_route(platform: Platform) -> None:
    assert platform.caller().get("/prod-api/api/system/info").status_code == 404
