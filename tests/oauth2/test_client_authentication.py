"""How a client proves who it is at the token endpoint (RFC 6749 §2.3, §3.2.1), and how often it may fail."""

import base64
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.utils import timezone

from sage_platform.accounts.models import LimitedAct
from sage_platform.accounts.services import limits
from sage_platform.oauth2 import client_secrets
from sage_platform.oauth2.models import AccessToken, Application
from tests.hashing_queue import share_taken
from tests.oauth2_clients import SECRET, Program, Response, allow, basic, code_for, make_client, make_public_client
from tests.people import Caller

pytestmark = pytest.mark.django_db
CHOSEN = "Kaffee+Tee & 100% Milch: ja"


def ask(caller: Caller, fields: dict[str, str] | None = None, authorization: str = "", **headers: str) -> Any:
    from urllib.parse import urlencode

    body = urlencode({"grant_type": "client_credentials"} | (fields or {}))
    extra = {"Authorization": authorization} if authorization else {}
    return caller.send(
        "POST", "/oauth2/token", body.encode(), Content_Type="application/x-www-form-urlencoded", **extra | headers
    )


def refused(response: Response, description: str = "") -> None:
    assert response.status_code == 401, response.content
    assert response.json() == {"error": "invalid_client"} | ({"error_description": description} if description else {})
    # RFC 6749 §5.2: a challenge for the scheme that the client may use.
    assert response.headers["WWW-Authenticate"] == 'Basic realm="sage", charset="UTF-8"'
    assert response.headers["Cache-Control"] == "no-store"
    assert not AccessToken._default_manager.exists()


def machine(**changes: object) -> Application:
    values = {"client_id": "machine", "grant_types": ["client_credentials"], "scope": "usage:write", "redirect_uris": ""}
    return make_client(**values | changes)


def raw(credentials: str) -> str:
    return base64.b64encode(credentials.encode()).decode()


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_the_schemes_name_is_in_any_case(scheme: str, anyone: Caller) -> None:
    """RFC 9110 §11.1."""
    machine()
    assert ask(anyone, authorization=f"{scheme} {raw(f'machine:{SECRET}')}").status_code == 200


@pytest.mark.parametrize("authorization", [basic("machine", CHOSEN), f"Basic {raw(f'machine:{CHOSEN}')}"], ids=["encoded", "raw"])
def test_credentials_are_percent_encoded_or_raw(authorization: str, anyone: Caller) -> None:
    """RFC 6749 §2.3.1 has them encoded; many clients send them as they are."""
    machine(client_secret=CHOSEN)
    assert ask(anyone, authorization=authorization).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        basic("machine", "wrong"),
        basic("machine", ""),
        basic("nobody", SECRET),
        basic("", ""),
        basic("machine\0", SECRET),
        basic("machine", SECRET + "\0"),
        basic("m" * 5000, SECRET),
        basic("machine", "s" * 5000),
        f"Basic {raw('machine')}",
        "Basic ####",
        "Basic",
        "Basic //79/A==",
        f"Bearer {SECRET}",
        f"Basic {raw(f'machine:{SECRET}')} x",
    ],
)
def test_wrong_credentials(authorization: str, anyone: Caller) -> None:
    machine()
    refused(ask(anyone, authorization=authorization))


def test_the_stored_hash_is_no_secret(anyone: Caller) -> None:
    refused(ask(anyone, authorization=basic("machine", machine().client_secret)))


# -- The registered method and no other ---------------------------------------------------------------------------------------


def test_post_as_registered(anyone: Caller) -> None:
    machine(token_endpoint_auth_method="client_secret_post")
    assert ask(anyone, {"client_id": "machine", "client_secret": SECRET}).status_code == 200


@pytest.mark.parametrize("secret", [SECRET, "wrong"])
def test_basic_for_a_client_with_post(secret: str, anyone: Caller) -> None:
    """The refusal names the method, whether or not the secret is right, so that it tells nothing of that."""
    machine(token_endpoint_auth_method="client_secret_post")
    told = "This client is registered for the authentication method client_secret_post."
    refused(ask(anyone, authorization=basic("machine", secret)), told)


@pytest.mark.parametrize("secret", [SECRET, "wrong"])
def test_post_for_a_client_with_basic(secret: str, anyone: Caller) -> None:
    machine(token_endpoint_auth_method="client_secret_basic")
    told = "This client is registered for the authentication method client_secret_basic."
    refused(ask(anyone, {"client_id": "machine", "client_secret": secret}), told)


def test_either_where_nobody_chose(anyone: Caller) -> None:
    """Libraries differ in which one they use by themselves."""
    assert machine().token_endpoint_auth_method == "either"
    assert ask(anyone, {"client_id": "machine", "client_secret": SECRET}).status_code == 200
    assert ask(anyone, authorization=basic("machine")).status_code == 200


def test_either_is_not_both_and_not_none(anyone: Caller) -> None:
    """RFC 6749 §2.3: one method in each request."""
    machine()
    both = ask(anyone, {"client_id": "machine", "client_secret": SECRET}, basic("machine"))
    assert (both.status_code, both.json()["error"]) == (400, "invalid_request")
    refused(ask(anyone, authorization=basic("machine", "wrong")))
    refused(ask(anyone, {"client_id": "machine", "client_secret": "wrong"}))


@pytest.mark.parametrize("sent", [{}, {"client_secret": ""}])
def test_no_secret_for_a_client_that_has_one(sent: dict[str, str], anyone: Caller) -> None:
    machine()
    told = "This client has a secret, and none was sent: send it by HTTP Basic or in the body."
    refused(ask(anyone, {"client_id": "machine"} | sent), told)
    Application.objects.update(token_endpoint_auth_method="client_secret_basic")
    told = "This client is registered for the authentication method client_secret_basic."
    refused(ask(anyone, {"client_id": "machine"} | sent), told)


def test_two_methods_at_once(anyone: Caller) -> None:
    """RFC 6749 §2.3."""
    machine()
    response = ask(anyone, {"client_id": "machine", "client_secret": SECRET}, basic("machine"))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_the_body_names_another_client(anyone: Caller) -> None:
    machine()
    make_client("other")
    response = ask(anyone, {"client_id": "other"}, basic("machine"))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_the_body_names_the_same_client(anyone: Caller) -> None:
    machine()
    assert ask(anyone, {"client_id": "machine"}, basic("machine")).status_code == 200


@pytest.mark.parametrize("authorization", [basic("tool", ""), basic("tool", "x"), f"Basic {raw('tool:')}"])
def test_a_public_client_does_not_authenticate_with_a_secret(authorization: str, anyone: Caller) -> None:
    """The toolkit hashes the empty secret, and lets it in."""
    make_public_client(grant_types=["authorization_code", "client_credentials"], scope="usage:write")
    told = "This client is registered for the authentication method none."
    refused(ask(anyone, authorization=authorization), told)
    refused(ask(anyone, {"client_id": "tool", "client_secret": "x"}), told)


def test_a_public_client_has_no_token_of_its_own(anyone: Caller) -> None:
    """RFC 6749 §4.4: client credentials are for confidential clients."""
    make_public_client(grant_types=["authorization_code", "client_credentials"], scope="usage:write")
    response = ask(anyone, {"client_id": "tool"})
    assert (response.status_code, response.json()["error"]) == (400, "unauthorized_client")
    assert not AccessToken._default_manager.exists()


def test_a_disabled_client(anyone: Caller) -> None:
    machine(enabled=False)
    refused(ask(anyone, authorization=basic("machine")))


# -- Secrets at rest -------------------------------------------------------------------------------------------------------------


def test_a_generated_secret_has_a_fast_hash_with_a_salt() -> None:
    secret = client_secrets.generate()
    first, second = client_secrets.hashed(secret), client_secrets.hashed(secret)
    assert first.startswith("sha256$")
    assert first != second
    assert client_secrets.matches(secret, first)
    assert client_secrets.matches(secret, second)
    assert not client_secrets.matches(secret + "x", first)


@pytest.mark.parametrize("secret", [CHOSEN, "sage_cs_short", "a" * 63, "A" * 64, "sage_cs_" + " " * 43])
def test_a_chosen_secret_is_hashed_as_a_password(secret: str) -> None:
    assert client_secrets.hashed(secret).startswith("argon2$argon2id$")


@pytest.mark.parametrize("stored", ["", "sha256$", "sha256$x$y", "plain"])
def test_nothing_matches_what_is_no_hash(stored: str) -> None:
    for secret in ("", stored, "x"):
        assert not client_secrets.matches(secret, stored)


# -- Failures are counted (docs/oauth2-clients.md#limits) -----------------------------------------------------------------------


def fail_thirty_times(caller: Caller, authorization: str) -> None:
    for _ in range(30):
        refused(ask(caller, authorization=authorization))


def shut_out(response: Response) -> None:
    assert response.status_code == 429
    assert response.json()["error"] == "temporarily_unavailable"
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert not AccessToken._default_manager.exists()


def test_thirty_failures_a_minute_with_a_chosen_secret(anyone: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can be guessed, so past the limit the right one is refused as well."""
    machine(client_secret=CHOSEN)
    monkeypatch.setattr(client_secrets, "check_password", lambda given, _stored: given == CHOSEN)
    fail_thirty_times(anyone, basic("machine", "wrong"))
    for authorization in (basic("machine", "wrong"), basic("machine", CHOSEN)):
        shut_out(ask(anyone, authorization=authorization))
    # Another client from here, and this one from elsewhere, go on.
    make_client("other", grant_types=["client_credentials"], scope="usage:write")
    assert ask(anyone, authorization=basic("other")).status_code == 200
    from_elsewhere(anyone, 7)
    assert ask(anyone, authorization=basic("machine", CHOSEN)).status_code == 200


def test_a_chosen_secret_is_hashed_once_in_a_process(anyone: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program shows it at each call. The guesses at it go on counting, and past the limit the right one is refused too."""
    application = machine(client_secret=CHOSEN)
    hashed: list[str] = []

    def check(given: str, stored: str) -> bool:
        hashed.append(given)
        return check_password(given, stored)

    monkeypatch.setattr(client_secrets, "check_password", check)
    right, wrong = basic("machine", CHOSEN), basic("machine", f"{CHOSEN}!")
    assert ask(anyone, authorization=wrong).status_code == 401
    assert [ask(anyone, authorization=right).status_code for _ in range(40)] == [200] * 40
    assert [ask(anyone, authorization=wrong).status_code for _ in range(29)] == [401] * 29
    # A secret by HTTP Basic may be encoded or not, so a wrong one is looked at twice.
    assert (len(hashed), hashed[0], hashed[2]) == (3, f"{CHOSEN}!", CHOSEN)
    for authorization in (wrong, right):
        assert ask(anyone, authorization=authorization).status_code == 429
    from_elsewhere(anyone, 7)
    Application.objects.filter(pk=application.pk).update(client_secret=client_secrets.hashed("another one"))
    assert ask(anyone, authorization=right).status_code == 401
    assert ask(anyone, authorization=basic("machine", "another one")).status_code == 200
    assert len(hashed) == 6


def test_a_chosen_secret_waits_in_the_queue_for_passwords(anyone: Caller) -> None:
    application = machine(client_secret=CHOSEN)
    with share_taken(f"client:{application.pk}"):
        response = ask(anyone, authorization=basic("machine", CHOSEN))
    assert (response.status_code, response.json()["error"]) == (429, "temporarily_unavailable")
    assert response.headers["Retry-After"] == "2"
    assert not LimitedAct.objects.exists()
    assert ask(anyone, authorization=basic("machine", CHOSEN)).status_code == 200


@pytest.mark.parametrize("whole_address", [False, True])
def test_the_right_generated_secret_is_never_shut_out(*, whole_address: bool, anyone: Caller) -> None:
    """A stranger behind the same address must not be able to stop the client."""
    machine()
    if whole_address:
        LimitedAct.objects.bulk_create(failed("127.0.0.1", "x") for _ in range(270))
    fail_thirty_times(anyone, basic("machine", "wrong"))
    shut_out(ask(anyone, authorization=basic("machine", "wrong")))
    assert ask(anyone, authorization=basic("machine")).status_code == 200


def test_a_public_client_is_never_shut_out(as_alice: Caller, tool: Application) -> None:
    """It shows no secret that could be wrong; whoever sends one in its name fails for themselves."""
    allow(as_alice.user, tool)
    LimitedAct.objects.bulk_create(failed("127.0.0.1", str(tool.pk)) for _ in range(300))
    shut_out(ask(Caller(), authorization=basic("tool", "x")))
    assert Program("tool", secret="").exchange(code_for(as_alice, client_id="tool")).status_code == 200


def from_elsewhere(caller: Caller, number: int) -> None:
    caller.client.defaults["REMOTE_ADDR"] = f"192.0.2.{number}"


def failures() -> int:
    return LimitedAct.objects.count()


@pytest.mark.parametrize("path", ["token", "revoke", "introspect"])
def test_invented_clients_count_for_the_address(path: str, anyone: Caller) -> None:
    """A limit for each name that a stranger makes up would be reached by none of them. One row each, and none past the limit."""
    LimitedAct.objects.bulk_create(failed("127.0.0.1", str(number)) for number in range(297))
    for number in range(3):
        refused(Program(f"invented-{number}", "wrong", anyone).post(f"/oauth2/{path}", {"grant_type": "x"}))
    assert failures() == 300
    for number in range(3, 6):
        response = Program(f"invented-{number}", "wrong", anyone).post(f"/oauth2/{path}", {"grant_type": "x"})
        assert (response.status_code, response.json()["error"]) == (429, "temporarily_unavailable")
        assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert failures() == 300
    from_elsewhere(anyone, 7)
    refused(Program("invented-7", "wrong", anyone).post(f"/oauth2/{path}", {"grant_type": "x"}))


def failed(address: str, client: str) -> LimitedAct:
    """A failure for some client, written down a moment ago."""
    return LimitedAct(
        limit="OAuth2 client", subject=limits.keyed_digest(address), detail=limits.keyed_digest(client), at=timezone.now()
    )


def test_failures_for_existing_clients_count_for_the_address_too(anyone: Caller) -> None:
    row = machine()
    LimitedAct.objects.bulk_create(failed("127.0.0.1", str(row.pk + number)) for number in range(1, 300))
    refused(ask(anyone, authorization=basic("machine", "wrong")))
    assert failures() == 300
    assert ask(anyone, authorization=basic("machine", "wrong")).status_code == 429
    assert failures() == 300


def test_the_wrong_method_counts_for_the_client(anyone: Caller) -> None:
    machine(token_endpoint_auth_method="client_secret_basic")
    for _ in range(30):
        assert ask(anyone, {"client_id": "machine", "client_secret": SECRET}).status_code == 401
    assert ask(anyone, authorization=basic("machine", "wrong")).status_code == 429


def test_a_client_that_is_switched_off_counts_as_none(anyone: Caller) -> None:
    machine(enabled=False)
    for _ in range(31):
        refused(ask(anyone, authorization=basic("machine", "wrong")))


def test_success_is_no_failure(anyone: Caller) -> None:
    machine()
    for _ in range(35):
        assert ask(anyone, authorization=basic("machine")).status_code == 200
    assert not LimitedAct.objects.exists()


def test_revoke_and_introspect_count_too(anyone: Caller) -> None:
    machine()
    wrong = Program("machine", "wrong", anyone)
    for _ in range(15):
        refused(wrong.revoke("x"))
        refused(wrong.introspect("x"))
    assert wrong.revoke("x").status_code == 429
    assert wrong.introspect("x").status_code == 429
