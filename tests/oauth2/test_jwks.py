"""GET /oauth2/jwks (RFC 7517), and the keys behind it: made, rotated, encrypted."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from jwcrypto import jwk, jwt

from sage_platform.oauth2 import keys
from sage_platform.oauth2.models import SigningKey
from tests.oauth2_clients import Program
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


def test_other_texts_are_no_id_tokens(signing_keys: list[SigningKey]) -> None:
    good = keys.sign({"sub": "alice"})
    header, body, signature = good.split(".")
    none = jwk.base64url_encode(json.dumps({"alg": "none", "kid": signing_keys[0].kid}))
    for text in ("", "x", "a.b.c", f"{header}.{body}.", f"{none}.{body}.", f"{header}.{body[:-2]}.{signature}", "é.é.é"):
        assert keys.read(text) is None
    assert keys.read(good) == {"sub": "alice"}
