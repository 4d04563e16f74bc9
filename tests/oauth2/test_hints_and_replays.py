"""What somebody may send back to us: id_tokens of their own making, long addresses, codes that were used."""

from datetime import timedelta
from io import StringIO
from urllib.parse import urlencode

import pytest
from django.core.management import call_command
from django.utils import timezone
from jwcrypto import jwk, jwt

from sage_platform.oauth2.models import Application, Grant, SigningKey
from tests.oauth2_clients import ISSUER, Program, allow, answer_in, code_for, make_client, request_of
from tests.people import PASSWORD, Caller

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "hint",
    [
        '{"signatures":[]}',
        '{"signatures":[{"protected":"e30","signature":"e30"}],"payload":"e30"}',
        '{"payload":"e30","protected":"e30","signature":"e30"}',
        "eyJhbGciOiJSUzI1NiIsImtpZCI6Ilx1MDAwMCJ9.e30.c2ln",
        "a.b",
        "a.b.c.d",
        "..",
    ],
)
def test_a_crafted_hint_is_refused(hint: str, as_alice: Caller, lage: Application) -> None:
    """OpenID Connect Core §3.1.2.1; the library that reads it also takes JSON (RFC 7515 §7.2)."""
    allow(as_alice.user, lage)
    answer = answer_in(as_alice.get("/oauth2/authorize", request_of(id_token_hint=hint)))
    assert answer["error"] == "invalid_request"


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS256"])
def test_a_hint_in_another_algorithm_is_refused(
    algorithm: str, as_alice: Caller, lage: Application, signing_keys: list[SigningKey]
) -> None:
    """RFC 8725 §3.1: we sign in one, so that any other is none of ours, by the right key too."""
    allow(as_alice.user, lage)
    header = {"alg": algorithm, "kid": signing_keys[0].kid}
    token = jwt.JWT(header=header, claims={"iss": ISSUER, "sub": "alice"})
    token.make_signed_token(jwk.JWK.from_pem(signing_keys[0].private_key.reveal().encode()))
    answer = answer_in(as_alice.get("/oauth2/authorize", request_of(id_token_hint=token.serialize())))
    assert answer.get("error") == (None if algorithm == "RS256" else "invalid_request")


def test_who_was_never_asked_is_asked_once_the_client_has_to(as_alice: Caller, signing_keys: object) -> None:
    """The page comes unless the client may skip it or the person has consented before. Who was skipped has not."""
    client = make_client(skip_authorization=True)
    assert "code" in answer_in(as_alice.get("/oauth2/authorize", request_of()))
    Application.objects.filter(pk=client.pk).update(skip_authorization=False)
    page = as_alice.get("/oauth2/authorize", request_of())
    assert (page.status_code, "Allow Lage to use your account?" in page.content.decode()) == (200, True)


def test_signing_in_again_makes_no_request_too_long(as_alice: Caller, lage: Application) -> None:
    allow(as_alice.user, lage)
    state = "/:" * 900
    query = urlencode(request_of(state="", prompt="login")).replace("state=", f"state={state}")
    signed_in = as_alice.form(f"/oauth2/authorize?{query}", {"username": "alice", "password": PASSWORD})
    assert signed_in.status_code == 303
    assert answer_in(as_alice.get(signed_in.headers["Location"]))["state"] == state


def test_a_code_used_again_after_a_prune_ends_what_it_gave(as_alice: Caller, lage: Application, program: Program) -> None:
    """RFC 6749 §4.1.2"""
    allow(as_alice.user, lage)
    code = code_for(as_alice)
    token = program.exchange(code).json()["access_token"]
    Grant.objects.update(expires=timezone.now() - timedelta(days=1))
    call_command("prune", stdout=StringIO())
    assert program.exchange(code).json() == {"error": "invalid_grant"}
    assert program.introspect(token).json() == {"active": False}
    Grant.objects.update(expires=timezone.now() - timedelta(days=31))
    call_command("prune", stdout=StringIO())
    assert not Grant.objects.exists()
