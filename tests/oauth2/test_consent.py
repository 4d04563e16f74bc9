"""The consent page at /oauth2/authorize: asked, allowed, refused, remembered."""

import re
from ipaddress import ip_network
from typing import Any
from urllib.parse import quote

import pytest
from pytest_django import Settings

from sage_platform.accounts.models import SignIn, User
from sage_platform.oauth2.models import Application, Consent, Grant
from tests.oauth2_clients import CALLBACK, allow, answer_in, make_client, make_public_client, request_of
from tests.people import PASSWORD, Caller

pytestmark = pytest.mark.django_db


def nothing_given() -> bool:
    return not Grant._default_manager.exists() and not Consent.objects.exists()


def ask(caller: Caller, **changes: object) -> tuple[str, Any]:
    """The page's own address and the page."""
    page = caller.get("/oauth2/authorize", request_of(**changes))
    assert page.status_code == 200, page.headers
    return page.wsgi_request.get_full_path(), page


def test_it_says_who_asks_for_what_in_words(as_alice: Caller, signing_keys: object) -> None:
    make_client(name="Lage <b>", description="Shows the situation.")
    text = ask(as_alice)[1].content.decode()
    for words in (
        "Allow Lage &lt;b&gt; to use your account?",
        "Shows the situation.",
        "Know who you are",
        "See your name and picture",
        "See your email address",
        "<strong>alice</strong>",
        "<strong>lage.example</strong>",
    ):
        assert words in text
    assert "Report usage" not in text
    assert nothing_given()


@pytest.mark.parametrize("path", ["/oauth2/authorize", "/api/oauth2/authorize"])
def test_nobody_frames_it_and_the_redirect_may_happen(path: str, as_alice: Caller, lage: Application) -> None:
    page = as_alice.get(path, request_of())
    policy = page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    # It would bind the redirect after the form too, and with it stop the way back to the client.
    assert "form-action" not in policy
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Cache-Control"] == "no-store, private"
    assert page.headers["Referrer-Policy"] == "same-origin"


def test_allowed_and_remembered(as_alice: Caller, lage: Application) -> None:
    address, _page = ask(as_alice)
    assert "code" in answer_in(as_alice.form(address, {"decision": "allow"}))
    consent = Consent.objects.get()
    assert (consent.user_id, consent.application_id, consent.scopes) == ("alice", lage.pk, "openid profile email")
    assert "code" in answer_in(as_alice.get("/oauth2/authorize", request_of()))
    assert "code" in answer_in(as_alice.get("/oauth2/authorize", request_of(scope="openid")))


def test_refused(as_alice: Caller, lage: Application) -> None:
    """RFC 6749 §4.1.2.1."""
    address, _page = ask(as_alice)
    assert answer_in(as_alice.form(address, {"decision": "deny"})) == {
        "error": "access_denied",
        "state": "a state",
        "iss": "https://sage.example/oauth2",
    }
    assert nothing_given()


@pytest.mark.parametrize("decision", ["", "yes", "Allow"])
def test_anything_but_allow_is_a_refusal(decision: str, as_alice: Caller, lage: Application) -> None:
    address, _page = ask(as_alice)
    assert answer_in(as_alice.form(address, {"decision": decision}))["error"] == "access_denied"
    assert nothing_given()


def test_another_sites_form_allows_nothing(as_alice: Caller, lage: Application) -> None:
    address, _page = ask(as_alice)
    as_alice.client.handler.enforce_csrf_checks = True
    for path in (address, address.replace("/oauth2/", "/api/oauth2/")):
        response = as_alice.form(path, {"decision": "allow"})
        assert response.status_code == 403
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert nothing_given()


def test_the_form_has_what_it_takes(as_alice: Caller, lage: Application) -> None:
    as_alice.client.handler.enforce_csrf_checks = True
    address, page = ask(as_alice)
    token = page.context["csrf_token"]
    assert "code" in answer_in(as_alice.form(address, {"decision": "allow", "csrfmiddlewaretoken": str(token)}))


def test_a_decision_on_a_forged_request_is_a_page(as_alice: Caller, lage: Application) -> None:
    address, _page = ask(as_alice)
    response = as_alice.form(address.replace("lage.example", "evil.example"), {"decision": "allow"})
    assert response.status_code == 400
    assert nothing_given()


def test_more_than_before_is_asked_for(as_alice: Caller, lage: Application) -> None:
    allow(as_alice.user, lage, "openid")
    address, page = ask(as_alice)
    assert "See your email address" in page.content.decode()
    as_alice.form(address, {"decision": "allow"})
    assert Consent.objects.get().scopes == "openid profile email"


def test_less_than_before_gives_less(as_alice: Caller, lage: Application) -> None:
    """A remembered consent never widens a token."""
    allow(as_alice.user, lage)
    answer_in(as_alice.get("/oauth2/authorize", request_of(scope="openid")))
    assert Grant._default_manager.get().scope == "openid"
    assert Consent.objects.get().scopes == "openid profile email"


def test_consent_is_each_persons_own(as_alice: Caller, as_bob: Caller, lage: Application) -> None:
    allow(as_alice.user, lage)
    ask(as_bob)


@pytest.mark.parametrize("skips", [False, True])
def test_asked_again_where_the_client_wants_it(skips: bool, as_alice: Caller, signing_keys: object) -> None:
    """OpenID Connect Core §3.1.2.1."""
    allow(as_alice.user, make_client(skip_authorization=skips))
    address, _page = ask(as_alice, prompt="consent")
    assert "code" in answer_in(as_alice.form(address, {"decision": "allow"}))


NATIVE = ["http://127.0.0.1:4711/callback", "http://[::1]/callback", "http://localhost/callback", "com.example.app:/callback"]


@pytest.mark.parametrize("address", NATIVE)
@pytest.mark.parametrize("skips", [False, True])
def test_a_public_client_on_the_device_is_asked_each_time(
    *, skips: bool, address: str, as_alice: Caller, signing_keys: object
) -> None:
    """RFC 8252 §8.6: another program on the device can pose as it. Also where a row from before the rule skips consent."""
    client = make_public_client(redirect_uris=address, skip_authorization=skips)
    allow(as_alice.user, client)
    asked = request_of("tool", redirect_uri=address)
    for _ in range(2):
        page = as_alice.get("/oauth2/authorize", asked)
        assert page.status_code == 200
        assert "code" in answer_in(as_alice.form(page.wsgi_request.get_full_path(), {"decision": "allow"}))
    silent = answer_in(as_alice.get("/oauth2/authorize", asked | {"prompt": "none"}))
    assert silent["error"] == "consent_required"
    assert Grant._default_manager.count() == 2


def test_a_public_client_in_the_web_is_asked_once(as_alice: Caller, signing_keys: object) -> None:
    """Nobody but the owner of the host gets what is sent there."""
    allow(as_alice.user, make_public_client(redirect_uris=f"{CALLBACK} {NATIVE[0]}"))
    assert "code" in answer_in(as_alice.get("/oauth2/authorize", request_of("tool")))


def test_a_public_client_skips_nothing_while_it_has_such_an_address(as_alice: Caller, signing_keys: object) -> None:
    client = make_public_client(redirect_uris=f"{CALLBACK} {NATIVE[0]}", skip_authorization=True)
    assert as_alice.get("/oauth2/authorize", request_of("tool")).status_code == 200
    Application.objects.filter(pk=client.pk).update(redirect_uris=CALLBACK)
    assert "code" in answer_in(as_alice.get("/oauth2/authorize", request_of("tool")))


def test_a_client_with_a_secret_is_asked_once_wherever_it_is(as_alice: Caller, signing_keys: object) -> None:
    allow(as_alice.user, make_client(redirect_uris=NATIVE[0]))
    assert "code" in answer_in(as_alice.get("/oauth2/authorize", request_of(redirect_uri=NATIVE[0])))


def test_logged_out_in_the_meantime(as_alice: Caller, anyone: Caller, lage: Application) -> None:
    address, _page = ask(as_alice)
    response = anyone.form(address, {"decision": "allow"})
    assert response.headers["Location"].startswith("/sage/login?next=%2Foauth2%2Fauthorize%3F")
    assert nothing_given()


def test_in_chinese(as_alice: Caller, lage: Application) -> None:
    response = as_alice.get("/oauth2/authorize", request_of(), Accept_Language="zh-CN")
    assert '<html lang="zh-CN">' in response.content.decode()


@pytest.mark.parametrize("path", ["/oauth2/authorize", "/api/oauth2/authorize"])
def test_the_language_switch_keeps_the_request(path: str, as_alice: Caller, lage: Application) -> None:
    response = as_alice.get(path, request_of(lang="zh-CN", state="a&b"))
    assert response.status_code == 302
    again = as_alice.client.get(response.headers["Location"])
    assert '<html lang="zh-CN">' in again.content.decode()
    assert again.headers["Content-Language"] == "zh-CN"
    assert answer_in(as_alice.form(again.wsgi_request.get_full_path(), {"decision": "deny"}))["state"] == "a&b"


@pytest.mark.parametrize(
    ("nickname", "words"),
    [
        ("", "You are signed in as <strong>alice</strong>."),
        ("Alice <i>", "You are signed in as <strong>Alice &lt;i&gt;</strong> (alice)."),
    ],
)
def test_it_says_who_is_signed_in(nickname: str, words: str, as_alice: Caller, lage: Application) -> None:
    User.objects.filter(pk="alice").update(nickname=nickname)
    assert words in ask(as_alice)[1].content.decode()


# -- Where it leads -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Evil \u202e?tnuocca", "\u2068Evil ?tnuocca\u2069"),
        ("a\u2069\u2067b", "\u2068ab\u2069"),
        ("زينب", "\u2068زينب\u2069"),
        ("Lage", "Lage"),
    ],
)
def test_a_name_cannot_turn_our_words_around(name: str, shown: str, as_alice: Caller, signing_keys: object) -> None:
    """UAX #9: an override in a client's name would go on into the sentence that asks for consent."""
    client = make_client(name=name, description=name)
    User.objects.filter(pk="alice").update(nickname=name)
    text = ask(as_alice)[1].content.decode()
    assert f"<h1>Allow {shown} to use your account?</h1>" in text
    assert f"<title>Allow {shown}? · Sage</title>" in text
    assert f"<p>{shown} asks to:</p>" in text
    assert f"<strong>{shown}</strong> (alice)" in text
    assert f'<p class="lead">{shown}</p>' in text
    allow(User.objects.get(pk="alice"), client)
    connected = as_alice.get("/oauth2/consents").content.decode()
    assert re.findall(r'<h2[^>]*>([^<]*)</h2>\s*<p class="quiet">([^<]*)</p>', connected) == [(shown, shown)]
    assert f'<h1 id="name">{shown}</h1>' in as_alice.get("/sage/").content.decode()


@pytest.mark.parametrize("path", ["/oauth2/", "/api/oauth2/"])
def test_it_links_the_page_where_consent_is_withdrawn(path: str, as_alice: Caller, lage: Application) -> None:
    """Where a web application is served there is no account page of ours, so the page itself is named, to be noted down."""
    text = as_alice.get(f"{path}authorize", request_of()).content.decode()
    assert "Your permission is remembered." in text
    where = f'<a href="{path}consents">connected applications</a> (testserver{path}consents)'
    assert f"You can withdraw your permission at any time under {where}." in text
    assert "account page" not in text


def test_it_says_where_nothing_is_remembered(as_alice: Caller, signing_keys: object) -> None:
    make_public_client(redirect_uris=NATIVE[0])
    text = as_alice.get("/oauth2/authorize", request_of("tool", redirect_uri=NATIVE[0])).content.decode()
    assert "You are asked each time, since another program on your device could pose as this one." in text
    assert "is remembered." not in text
    assert "You can withdraw your permission at any time under" in text


def test_another_account(as_alice: Caller, bob: User, hashed: str, lage: Application) -> None:
    """This session's sign-in ends, and the same request comes back once somebody else has signed in."""
    address, page = ask(as_alice)
    assert "Use another account" in page.content.decode()
    again = as_alice.form(address, {"decision": "another_account"})
    assert (again.status_code, again.headers["Location"]) == (303, address)
    assert SignIn.objects.get().ended_at is not None
    login = as_alice.client.get(address)
    assert login.headers["Location"] == f"/sage/login?next={quote(address, safe='')}"
    assert nothing_given()
    signed = as_alice.form(login.headers["Location"], {"username": "bob", "password": PASSWORD, "next": address})
    assert (signed.status_code, signed.headers["Location"]) == (302, address)
    assert "<strong>bob</strong>" in as_alice.client.get(address).content.decode()
    answer_in(as_alice.form(address, {"decision": "allow"}))
    assert Grant._default_manager.get().user_id == "bob"


def test_another_site_signs_nobody_out(as_alice: Caller, lage: Application) -> None:
    address, _page = ask(as_alice)
    as_alice.client.handler.enforce_csrf_checks = True
    assert as_alice.form(address, {"decision": "another_account"}).status_code == 403
    assert SignIn.objects.get().ended_at is None


def test_whom_the_proxy_names_has_no_other_account_here(alice: User, lage: Application, settings: Settings) -> None:
    settings.SAGE_AUTH_MODE = "trusted_proxy"
    settings.SAGE_TRUSTED_IDENTITY_PROXY_IPS = [ip_network("127.0.0.0/8")]
    page = Caller().get("/oauth2/authorize", request_of(), X_Sage_Internal_UserId="carol")
    assert page.status_code == 200
    assert "<strong>carol</strong>" in page.content.decode()
    assert "Use another account" not in page.content.decode()
