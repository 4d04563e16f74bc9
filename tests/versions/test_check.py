"""GET /api/system/version/check: what the updater of the desktop application is answered."""

import json
import re
from hashlib import sha256

import pytest
from pytest_django import Settings

from sage_platform.api import seams
from tests.people import Caller, Response, envelope
from tests.test_front import broken_django, call, front
from tests.versions.fleet import CASES, CHECK, FLEET, LATEST, REFUSED, Case, Told, ask, dynamic, sent, static
from tests.versions.rows import LINUX, MAC, NONE, make_release
from versions.models import Release, Source
from versions.services import releases
from versions.services.releases import Author

pytestmark = pytest.mark.django_db
CACHED = "public, max-age=0, must-revalidate"
EVERY_VARY = "origin, X-Sage-Locale, X-Accept-Language, Accept-Language"


@pytest.fixture
def fleet(as_admin: Caller) -> dict[str, Told]:
    """The releases as the API told them when they were published, by version."""
    return {version: envelope(as_admin.post("/api/system/version", sent(version)))["data"] for version in FLEET}


def etag_of(content: bytes) -> str:
    return f'"{sha256(content).hexdigest()[:32]}"'


def answered_in_front(query: str, **headers: str) -> tuple[str, list[tuple[str, str]], bytes]:
    return call(front(broken_django, takes_prefix=False), headers.pop("method", "GET"), CHECK, query, **headers)


def assert_nothing(response: Response) -> None:
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["Cache-Control"] == CACHED
    assert {"Content-Type", "ETag"}.isdisjoint(response.headers)


def test_no_release(anyone: Caller) -> None:
    assert_nothing(anyone.get(CHECK))
    assert_nothing(anyone.get(f"{CHECK}?{ask('linux', 'x86_64', '1.0.0')}"))


def test_the_static_form_is_of_the_highest_stable_release_with_an_update(anyone: Caller, fleet: dict[str, Told]) -> None:
    """1.11.0 has an installer alone, and 2.0.0-rc.10 is no stable one. Of a version's builds it is the highest."""
    response = anyone.get(CHECK)
    body = static(fleet["1.10.1+build.12"])
    assert (response.status_code, response.content) == (200, body)
    assert body.count(b'"url"') == 3
    told = {name: response.headers[name] for name in ("Content-Type", "ETag", "Cache-Control", "Vary", "X-Content-Type-Options")}
    assert told == {
        "Content-Type": "application/json",
        "ETag": etag_of(body),
        "Cache-Control": CACHED,
        "Vary": EVERY_VARY,
        "X-Content-Type-Options": "nosniff",
    }


@pytest.mark.parametrize("query", ["", "bundle_type=deb", "utm=1&Target=linux", "&&=&"])
def test_other_parameters_ask_for_the_static_form(query: str, anyone: Caller, fleet: dict[str, Told]) -> None:
    assert anyone.get(f"{CHECK}?{query}").content == static(fleet["1.10.1+build.12"])


def test_the_dynamic_form(anyone: Caller, fleet: dict[str, Told]) -> None:
    told = {case.about: (anyone.get(f"{CHECK}?{case.query}"), case) for case in CASES}
    assert len(told) == len(CASES)
    got = {about: (response.status_code, response.content) for about, (response, _case) in told.items()}
    assert got == {case.about: expected(case, fleet) for case in CASES}


def expected(case: Case, fleet: dict[str, Told]) -> tuple[int, bytes]:
    if case.offered is None:
        return 204, b""
    version, platform = case.offered
    return 200, dynamic(fleet[version], platform)


def test_the_same_in_front_of_django(fleet: dict[str, Told]) -> None:
    common = [("Cache-Control", CACHED), ("Vary", "origin"), ("X-Content-Type-Options", "nosniff")]
    for case in [*CASES, Case("static", "", None)]:
        status, body = expected(case, fleet) if case.query else (200, static(fleet["1.10.1+build.12"]))
        own = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("ETag", etag_of(body))]
        words, headers = ("200 OK", own + common) if status == 200 else ("204 No Content", common)
        assert answered_in_front(case.query) == (words, headers, body), case.about
        assert answered_in_front(case.query, method="HEAD") == (words, headers, b""), case.about


@pytest.mark.parametrize(("query", "errors"), REFUSED)
def test_what_cannot_be_answered(query: str, errors: dict[str, str], anyone: Caller, fleet: dict[str, Told]) -> None:
    response = anyone.get(f"{CHECK}?{query}")
    assert response.status_code == 422
    assert envelope(response) == {
        "code": 422,
        "message": "The request is not valid. See data.errors for what to change.",
        "data": {"errors": [{"field": name, "message": message} for name, message in errors.items()]},
    }


def test_what_cannot_be_answered_in_chinese(anyone: Caller) -> None:
    response = anyone.get(f"{CHECK}?a={'b' * 2047}", X_Sage_Locale="zh-CN")
    assert envelope(response)["data"]["errors"] == [{"field": "query", "message": "查询部分过长：最多 2048 个字符。"}]


def test_a_query_of_the_longest_length(anyone: Caller, fleet: dict[str, Told]) -> None:
    query = ask("linux", "aarch64", "1.0.0")
    response = anyone.get(f"{CHECK}?{query}&a={'b' * (2048 - len(query) - 3)}")
    assert response.content == dynamic(fleet["1.10.1+build.12"], "linux-aarch64")


@pytest.mark.parametrize("form", ["{0}", "W/{0}", '"other", {0}', '"other",W/{0}, "more"', "*", " {0} "])
@pytest.mark.parametrize("query", ["", ask("linux", "x86_64", "1.0.0")])
def test_who_has_the_answer_already(form: str, query: str, anyone: Caller, fleet: dict[str, Told]) -> None:
    etag = anyone.get(f"{CHECK}?{query}").headers["ETag"]
    response = anyone.get(f"{CHECK}?{query}", If_None_Match=form.format(etag))
    assert (response.status_code, response.content) == (304, b"")
    assert (response.headers["ETag"], response.headers["Cache-Control"]) == (etag, CACHED)
    assert answered_in_front(query, HTTP_IF_NONE_MATCH=form.format(etag)) == (
        "304 Not Modified",
        [("ETag", etag), ("Cache-Control", CACHED), ("Vary", "origin"), ("X-Content-Type-Options", "nosniff")],
        b"",
    )


@pytest.mark.parametrize("form", ['"other"', "{1}", "{0}x", "W/", ""])
def test_who_has_another_answer(form: str, anyone: Caller, fleet: dict[str, Told]) -> None:
    etag = anyone.get(CHECK).headers["ETag"]
    given = form.format(etag, etag.strip('"'))
    assert anyone.get(CHECK, If_None_Match=given).status_code == 200
    assert answered_in_front("", HTTP_IF_NONE_MATCH=given)[0] == "200 OK"


def test_a_condition_that_is_too_long_is_passed_over(anyone: Caller, fleet: dict[str, Told]) -> None:
    etag = anyone.get(CHECK).headers["ETag"]
    longest = (etag + ', "a"' * 600)[:2048]
    assert anyone.get(CHECK, If_None_Match=longest).status_code == 304
    assert anyone.get(CHECK, If_None_Match=f"{longest}  ").status_code == 200


def test_nothing_new_has_no_etag_to_compare(anyone: Caller) -> None:
    assert_nothing(anyone.get(CHECK, If_None_Match="*"))
    assert answered_in_front("", HTTP_IF_NONE_MATCH="*")[0] == "204 No Content"


def test_the_etag_is_that_of_the_answer(anyone: Caller, fleet: dict[str, Told]) -> None:
    queries = ["", ask("linux", "aarch64", "1.0.0"), ask("linux", "x86_64", "1.0.0")]
    etags = [anyone.get(f"{CHECK}?{query}").headers["ETag"] for query in queries]
    assert len(set(etags)) == 3
    Release.objects.filter(version="1.10.1+build.12").update(release_notes="corrected")
    make_release("0.1.0", MAC)
    after = [anyone.get(f"{CHECK}?{query}").headers["ETag"] for query in queries]
    assert [before == now for before, now in zip(etags, after, strict=True)] == [False, False, True]


def test_head(anyone: Caller, fleet: dict[str, Told]) -> None:
    got, headed = anyone.get(CHECK), anyone.send("HEAD", CHECK)
    assert (headed.status_code, headed.headers["Content-Length"]) == (200, str(len(got.content)))
    assert headed.headers["ETag"] == got.headers["ETag"]
    assert anyone.send("HEAD", f"{CHECK}?target=linux").status_code == 422


def test_drafts_and_withdrawn_releases_are_offered_to_nobody(anyone: Caller, as_admin: Caller) -> None:
    make_release("1.0.0", MAC)
    make_release("1.1.0", MAC, state="withdrawn")
    make_release("1.2.0", MAC, state="draft")
    question = ask("darwin", "aarch64", "0.1.0")
    for caller in (anyone, as_admin):
        assert caller.get(CHECK).json()["version"] == "1.0.0"
        assert caller.get(f"{CHECK}?{question}").json()["version"] == "1.0.0"
        assert envelope(caller.get(LATEST))["data"]["version"] == "1.0.0"


def test_after_a_withdrawal_the_release_before_is_offered(anyone: Caller) -> None:
    author = Author("admin", Source.COMMAND)
    make_release("1.0.0", MAC)
    release = make_release("1.1.0", MAC)
    assert anyone.get(CHECK).json()["version"] == "1.1.0"
    releases.withdraw(release, author, because="It does not start.")
    assert anyone.get(CHECK).json()["version"] == "1.0.0"
    releases.delete(Release.objects.get(version="1.0.0"), author)
    assert_nothing(anyone.get(CHECK))


def test_before_the_addresses_of_updates(anyone: Caller, fleet: dict[str, Told], settings: Settings) -> None:
    settings.SAGE_UPDATER_URL_PREFIX = prefix = "https://mirror.example/?url="
    make_release("0.1.0")  # So that the answers are made anew.
    question = ask("linux", "aarch64", "1.0.0")
    assert anyone.get(CHECK).content == static(fleet["1.10.1+build.12"], prefix=prefix)
    assert anyone.get(f"{CHECK}?{question}").content == dynamic(fleet["1.10.1+build.12"], "linux-aarch64", prefix=prefix)
    make_release("3.0.0", MAC, LINUX)
    (mac, linux) = envelope(anyone.get(LATEST))["data"]["artifacts"]
    assert mac == MAC | {"updater_url": prefix + MAC["updater_url"]}
    assert linux == NONE | LINUX
    assert Release.objects.get(version="3.0.0").artifacts.get(platform="darwin-aarch64").updater_url == MAC["updater_url"]


@pytest.mark.parametrize("path", [CHECK, LATEST])
def test_what_django_has_to_answer(path: str) -> None:
    """Another site's page, a body, a Host that is not ours, another method: None of it is answered in front."""
    make_release("1.0.0", MAC)
    in_front = dict(seams.front_answers.items())[path]
    asked = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "", "HTTP_HOST": "127.0.0.1:8000"}

    def start_response(*_: object) -> object:
        raise AssertionError("It was answered.")

    for more in (
        {"HTTP_ORIGIN": "https://evil.example"},
        {"CONTENT_LENGTH": "2"},
        {"HTTP_TRANSFER_ENCODING": "chunked"},
        {"HTTP_HOST": "evil.example"},
        {"HTTP_HOST": "a" * 300},
        {"HTTP_HOST": ""},
        {"REQUEST_METHOD": "POST"},
        {"REQUEST_METHOD": "OPTIONS"},
    ):
        assert in_front(asked | more, start_response) is None, more  # type: ignore[arg-type]
    wrong = asked | {"QUERY_STRING": "target=linux"}
    assert path == LATEST or in_front(wrong, start_response) is None  # type: ignore[arg-type]


def test_a_forged_host_and_another_method(anyone: Caller) -> None:
    assert anyone.get(CHECK, Host="evil.example").status_code == 400
    response = anyone.post(CHECK)
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")
    assert anyone.send("DELETE", CHECK).status_code == 405


@pytest.mark.parametrize(("given", "told"), [("abcd-1234.5", True), ("short", False), ("a" * 65, False), ("a\r\nb: c456", False)])
def test_the_id_of_a_request(given: str, told: bool) -> None:
    make_release("1.0.0", MAC)
    _status, headers, _body = answered_in_front("", HTTP_X_REQUEST_ID=given)
    assert (("X-Request-ID", given) in headers) == told
    assert ("X-Request-ID" in dict(headers)) == told


def test_whatever_a_client_says_of_itself(anyone: Caller) -> None:
    """An updater may send headers of its own, among them tokens that have run out."""
    make_release("1.0.0", MAC)
    sent = {"Authorization": "Bearer gone", "Cookie": "sage_session=gone", "Accept": "image/png", "Range": "bytes=0-3"}
    assert anyone.get(CHECK, **sent).status_code == 200


class TestLatest:
    @pytest.mark.parametrize(("language", "tag"), [({}, "en"), ({"HTTP_X_SAGE_LOCALE": "zh-CN"}, "zh-CN")])
    def test_in_front_of_django(self, language: dict[str, str], tag: str, anyone: Caller, fleet: dict[str, Told]) -> None:
        in_front = front(broken_django, takes_prefix=False)
        status, headers, body = call(in_front, "GET", LATEST, "a=b", HTTP_X_REQUEST_ID="of-the-page", **language)
        content = json.loads(body)
        assert isinstance(content.pop("timestamp"), float)
        by_django = anyone.get(LATEST)
        told = {"code": 200, "message": "success", "data": json.loads(by_django.content)["data"], "request_id": "of-the-page"}
        assert (status, content, [*content]) == ("200 OK", told, ["code", "message", "data", "request_id"])
        unchanging = [
            ("Cache-Control", CACHED),
            ("X-Content-Type-Options", "nosniff"),
            ("Vary", EVERY_VARY),
            ("ETag", by_django.headers["ETag"]),
            ("X-Request-ID", "of-the-page"),
            ("Content-Language", tag),
        ]
        assert headers == [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *unchanging]
        headed = call(in_front, "HEAD", LATEST, HTTP_X_REQUEST_ID="of-the-page", **language)
        # The time may be shorter by some digits.
        assert (headed[0], headed[2], [name for name, _ in headed[1]]) == ("200 OK", b"", [name for name, _ in headers])
        known = {"HTTP_IF_NONE_MATCH": by_django.headers["ETag"], "HTTP_X_REQUEST_ID": "of-the-page", **language}
        assert call(in_front, "GET", LATEST, **known) == ("304 Not Modified", unchanging, b"")

    def test_its_id_is_made_where_none_was_given(self) -> None:
        status, headers, body = call(front(broken_django, takes_prefix=False), "GET", LATEST, HTTP_X_REQUEST_ID="short")
        made = dict(headers)["X-Request-ID"]
        assert re.fullmatch(r"[0-9a-f]{32}", made)
        assert (status, json.loads(body)["request_id"], json.loads(body)["data"]) == ("200 OK", made, None)

    def test_no_release(self, anyone: Caller) -> None:
        assert envelope(anyone.get(LATEST)) == {"code": 200, "message": "success", "data": None}

    def test_the_highest_stable_one(self, anyone: Caller, fleet: dict[str, Told]) -> None:
        """Also without an update."""
        response = anyone.get(LATEST)
        told = {name: fleet["1.11.0"][name] for name in ("version", "release_notes", "pub_date", "artifacts")}
        assert envelope(response) == {"code": 200, "message": "success", "data": told}
        assert told["artifacts"] == [NONE | FLEET["1.11.0"][0]]
        assert (response.headers["Cache-Control"], response.headers["Vary"]) == (CACHED, EVERY_VARY)

    def test_its_etag_is_of_the_data_alone(self, anyone: Caller, fleet: dict[str, Told]) -> None:
        first, second = anyone.get(LATEST), anyone.get(LATEST, X_Sage_Locale="zh-CN")
        assert first.content != second.content
        etag = first.headers["ETag"]
        assert etag == second.headers["ETag"]
        known = anyone.get(LATEST, If_None_Match=f'W/"other", W/{etag}')
        assert (known.status_code, known.content, known.headers["ETag"]) == (304, b"", etag)
        make_release("1.12.0", MAC)
        assert anyone.get(LATEST, If_None_Match=etag).status_code == 200

    def test_none_has_an_etag_too(self, anyone: Caller) -> None:
        etag = anyone.get(LATEST).headers["ETag"]
        assert anyone.get(LATEST, If_None_Match=etag).status_code == 304
