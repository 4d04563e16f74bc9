"""Fixtures for tests of the identity routes: open registration, cheaper hashes."""

import pytest
from django.contrib.auth.hashers import make_password

from sage_platform.accounts.hashers import SlottedArgon2PasswordHasher
from sage_platform.accounts.models import User
from system.current import current_settings
from system.models import SystemSettings
from tests.people import PASSWORD


@pytest.fixture
def open_registration(db: None) -> None:
    SystemSettings.objects.update_or_create(pk=1, defaults={"allow_registration": True})
    current_settings.forget()


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> str:
    """A hash of PASSWORD at a hundredth of the real cost, as are all later hashes of the test: for tests with many guesses."""
    monkeypatch.setattr(SlottedArgon2PasswordHasher, "memory_cost", 64)
    return make_password(PASSWORD)


@pytest.fixture
def cheap_alice(alice: User, cheap_hashes: str) -> User:
    alice.password = cheap_hashes
    alice.save(update_fields=["password"])
    return alice


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls of the hasher in order: `verify` for a stored hash, `encode` for a new password or for an unknown user."""
    calls: list[str] = []

    def noted(name: str) -> None:
        real = getattr(SlottedArgon2PasswordHasher, name)

        def call(self: object, *args: object, **kwargs: object) -> object:
            calls.append(name)
            return real(self, *args, **kwargs)

        monkeypatch.setattr(SlottedArgon2PasswordHasher, name, call)

    noted("verify")
    noted("encode")
    return calls
