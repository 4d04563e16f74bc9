"""Fixtures for tests of the identity routes: open registration, what the hasher was asked."""

import pytest

from sage_platform.accounts.hashers import SlottedArgon2PasswordHasher
from system.current import current_settings
from system.models import SystemSettings


@pytest.fixture
def open_registration(db: None) -> None:
    SystemSettings.objects.update_or_create(pk=1, defaults={"allow_registration": True})
    current_settings.forget()


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
