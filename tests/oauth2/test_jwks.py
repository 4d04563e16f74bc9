"""GET /oauth2/jwks (RFC 7517), and the keys behind it: made, rotated, encrypted."""

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from jwcrypto import jwk, jwt
from pytest_django import Settings

from sage_platform.encryption import Sealed
from sage_platform.oauth2 import keys
from sage_platform.oauth2.models import Application, SigningKey
from tests.oauth2_clients import Program, allow, code_for
from tests.people import Caller


def published(anyone: Caller, path: str = "/oauth2/jwks") -> list[dict[str, Any]]:
    response = anyone.get(path, Origin="https://app.example")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "public, max-age=300"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    found: list[dict[str, Any]] = response.json()["keys"]
    return found


@pytest.mark.parametrize("path", ["/oauth2/jwks", "/api/oauth2/jwks"])
def test_the_public_halves_alone(path: str, anyone: Caller, signing_keys: list[SigningKey]) -> None:
    rows = published(anyone, path)
    assert [row["kid"] for row in rows] == [key.kid for key in signing_keys]
    for row in rows:
        assert set(row) == {"kty", "use", "alg", "kid", "n", "e"}
        assert (row["kty"], row["use"], row["alg"]) == ("RSA", "sig", "RS256")


def test_a_strict_client_verifies_an_id_token(anyone: Caller, pair: dict[str, Any]) -> None:
    """By another door than our own: the key that the header names, from the published set."""
    token = jwt.JWT(
        jwt=pair["id_token"],
        key=jwk.JWKSet.from_json(json.dumps({"keys": published(anyone)})),
        algs=["RS256"],
        expected_type="JWS",
    )
    assert json.loads(token.claims)["sub"] == "alice"
    assert json.loads(token.header)["kid"] == published(anyone)[0]["kid"]


def test_private_halves_are_encrypted(signing_keys: list[SigningKey]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT private_key FROM oauth2_signingkey")
        stored = [row[0] for row in cursor.fetchall()]
    assert len(stored) == 2
    assert all("PRIVATE KEY" not in text and text.split(":")[1].startswith("gAAAA") for text in stored)


def test_rotation(anyone: Caller, pair: dict[str, Any], program: Program) -> None:
    """OpenID Connect Core §10.1.1: the next is published before it signs, and the last stays while its tokens are under way."""
    current, following = (row["kid"] for row in published(anyone))
    keys.rotate()
    after = [row["kid"] for row in published(anyone)]
    assert (after[0], after[2], len(after)) == (following, current, 3)
    assert keys.read(pair["id_token"]) is not None
    keys.rotate()
    twice = [row["kid"] for row in published(anyone)]
    assert (twice[0], twice[2], len(twice)) == (after[1], following, 3)
    assert keys.read(pair["id_token"]) is None


@pytest.mark.django_db
def test_prune_rotates_when_it_is_due(signing_keys: list[SigningKey], capsys: pytest.CaptureFixture[str]) -> None:
    call_command("prune")
    assert SigningKey.objects.count() == 2
    SigningKey.objects.filter(activated_at__isnull=False).update(activated_at=timezone.now() - timedelta(days=91))
    call_command("prune")
    assert "the next one signs now" in capsys.readouterr().out
    assert SigningKey.objects.get(activated_at__isnull=False, retired_at=None).kid == signing_keys[1].kid


# -- Keys under an encryption key that is lost ------------------------------------------------------------------------------


def lose_the_key(*rows: SigningKey) -> None:
    """The rows as they are under an encryption key that nobody has any more."""
    keys._private.cache_clear()
    for row in rows:
        SigningKey.objects.filter(pk=row.pk).update(private_key=Sealed(f"00000000:{row.private_key.stored.partition(':')[2]}"))


def signing() -> SigningKey:
    return SigningKey.objects.get(activated_at__isnull=False, retired_at=None)


@pytest.mark.parametrize("lost", ["the one that signs", "both"])
def test_a_key_that_cannot_be_opened_is_replaced_by_itself(
    lost: str, as_alice: Caller, lage: Application, signing_keys: list[SigningKey], log: io.StringIO
) -> None:
    allow(as_alice.user, lage)
    before = keys.sign({"sub": "alice"})
    lose_the_key(*(signing_keys if lost == "both" else signing_keys[:1]))
    first, second = (Program().exchange(code_for(as_alice)) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    (line,) = (json.loads(row) for row in log.getvalue().splitlines())
    assert (line["level"], line["logger"], line["message"]) == ("ERROR", "sage.oauth2", "signing key replaced")
    assert (line["kid"], line["cause"]) == (signing_keys[0].kid, "no key of SAGE_ENCRYPTION_KEYS opens it")
    assert (signing().kid == signing_keys[1].kid) == (lost != "both")
    # The public halves: of the one that signs, the next one, and the retired one, by which clients verify what they have.
    shown = [row["kid"] for row in published(as_alice)]
    assert (shown[0], shown[2], len(shown)) == (signing().kid, signing_keys[0].kid, 3)
    for token in (first.json()["id_token"], second.json()["id_token"]):
        assert json.loads(jwt.JWT(jwt=token, key=jwk.JWK(**signing().public_jwk), algs=["RS256"]).header)["kid"] == shown[0]
    assert keys.read(before) == {"sub": "alice"}
    # Nothing is left that `rotate_encryption_keys` could not read.
    for row in SigningKey.objects.all():
        row.private_key.reveal()


def test_a_next_key_that_cannot_be_opened_does_not_come_to_sign(signing_keys: list[SigningKey]) -> None:
    lose_the_key(signing_keys[1])
    keys.rotate()
    assert signing().kid not in {key.kid for key in signing_keys}
    assert keys.read(keys.sign({"sub": "alice"})) == {"sub": "alice"}


def test_bootstrap_says_so(signing_keys: list[SigningKey], settings: Settings, tmp_path: Path) -> None:
    settings.SAGE_DATA_DIR = tmp_path
    call_command("bootstrap", stdout=io.StringIO())
    lose_the_key(*signing_keys)
    told, again = io.StringIO(), io.StringIO()
    call_command("bootstrap", stdout=told)
    call_command("bootstrap", stdout=again)
    replaced = "The key that signs id_tokens could not be opened with SAGE_ENCRYPTION_KEYS. Another one signs now.\n"
    assert (told.getvalue(), again.getvalue()) == (replaced, "")
    assert signing().kid not in {key.kid for key in signing_keys}


def test_other_texts_are_no_id_tokens(signing_keys: list[SigningKey]) -> None:
    good = keys.sign({"sub": "alice"})
    header, body, signature = good.split(".")
    none = jwk.base64url_encode(json.dumps({"alg": "none", "kid": signing_keys[0].kid}))
    for text in ("", "x", "a.b.c", f"{header}.{body}.", f"{none}.{body}.", f"{header}.{body[:-2]}.{signature}", "é.é.é"):
        assert keys.read(text) is None
    assert keys.read(good) == {"sub": "alice"}
