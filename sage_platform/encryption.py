"""Secrets that must be read again, encrypted at rest: authenticated encryption under a ring of keys.

`SAGE_ENCRYPTION_KEYS` is the ring, newest first: the first key writes, every key reads. What is stored is
`<key id>:<Fernet token>` (https://github.com/fernet/spec). The key id says which key is needed, so that a rotation knows what is
left to do.
"""

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import models


class UndecryptableError(Exception):
    """No key of the ring opens it: a key was taken out of the ring too early, or the stored text was changed."""


def key_id(key: str) -> str:
    """Names a key without telling it: 8 hexadecimal digits."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


@lru_cache(maxsize=4)
def _ring(keys: tuple[str, ...]) -> dict[str, Fernet]:
    return {key_id(key): Fernet(key) for key in keys}


def ring() -> dict[str, Fernet]:
    """The keys by their ids, newest first."""
    return _ring(tuple(settings.SAGE_ENCRYPTION_KEYS))


def newest_key_id() -> str:
    return next(iter(ring()))


def encrypt(text: str) -> str:
    """Under the newest key."""
    name, key = next(iter(ring().items()))
    return f"{name}:{key.encrypt(text.encode()).decode()}"


def decrypt(stored: str) -> str:
    """What `encrypt` was given. Raises UndecryptableError, which holds nothing of it."""
    name, _separator, token = stored.partition(":")
    try:
        return ring()[name].decrypt(token.encode()).decode()
    except (KeyError, InvalidToken):
        raise UndecryptableError("No key of SAGE_ENCRYPTION_KEYS opens this.") from None


class Sealed:
    """An encrypted secret. It shows itself to nobody: reading it takes `reveal`, and each use of that can be found."""

    __slots__ = ("stored",)

    def __init__(self, stored: str) -> None:
        self.stored = stored

    @classmethod
    def of(cls, secret: str) -> "Sealed":
        return cls(encrypt(secret))

    def reveal(self) -> str:
        """The secret; raises UndecryptableError."""
        return decrypt(self.stored)

    def __repr__(self) -> str:
        return "<Sealed>"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sealed) and other.stored == self.stored

    def __hash__(self) -> int:
        return hash(self.stored)


if TYPE_CHECKING:
    TextField = models.TextField[Sealed, Sealed]
else:
    TextField = models.TextField


class SealedField(TextField):
    """A column of `Sealed`. Plain text cannot be stored by mistake: it is refused. A dump holds the encrypted text."""

    def from_db_value(self, value: str | None, *_: object) -> Sealed | None:
        return None if value is None else Sealed(value)

    def to_python(self, value: Any) -> Any:
        return Sealed(value) if isinstance(value, str) else value  # From a fixture, where it is encrypted as well.

    def get_prep_value(self, value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, Sealed):
            raise TypeError(f"{self.name} takes a Sealed")
        return value.stored

    def value_to_string(self, obj: models.Model) -> str:
        return self.value_from_object(obj).stored
