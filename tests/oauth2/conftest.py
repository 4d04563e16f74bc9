"""What tests of OAuth2 may ask for: signing keys, clients, a pair of tokens."""

from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from sage_platform.oauth2 import keys
from sage_platform.oauth2.models import Application, SigningKey
from tests.oauth2_clients import ISSUER, Program, allow, code_for, make_client, make_public_client
from tests.people import Caller


@pytest.fixture(autouse=True)
def _issuer(settings: Settings) -> None:
    settings.SAGE_OAUTH2_ISSUER = ISSUER


@pytest.fixture(scope="session")
def key_pair() -> list[SigningKey]:
    """Two keys for the whole run: making one takes longer than most tests."""
    return [keys.make_key(), keys.make_key()]


@pytest.fixture
def signing_keys(db: None, key_pair: list[SigningKey]) -> list[SigningKey]:
    """The key that signs, and the next one."""
    now = timezone.now()
    made = [SigningKey(kid=key.kid, private_key=key.private_key, public_jwk=key.public_jwk) for key in key_pair]
    made[0].activated_at = now
    for key in made:
        key.save(force_insert=True)
    return made


@pytest.fixture
def lage(signing_keys: object) -> Application:
    """A confidential client with HTTP Basic."""
    return make_client()


@pytest.fixture
def tool(signing_keys: object) -> Application:
    """A public client."""
    return make_public_client()


@pytest.fixture
def program(lage: Application) -> Program:
    return Program()


@pytest.fixture
def pair(program: Program, as_alice: Caller, lage: Application) -> dict[str, Any]:
    """What a fresh code of alice's was exchanged for."""
    allow(as_alice.user, lage)
    response = program.exchange(code_for(as_alice))
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer
