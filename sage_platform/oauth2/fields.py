"""Columns that cannot hold the secret they stand for."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.crypto import salted_hmac
from oauth2_provider.models import ClientSecretField

from sage_platform.oauth2 import client_secrets

if TYPE_CHECKING:
    CharField = models.CharField[str, str]
else:
    CharField = models.CharField


class Digest(str):
    """A code as it is stored. The type, not the form of the text, tells it from a code that somebody sent."""

    __slots__ = ()


class DigestField(CharField):
    """A short-lived code (authorization, device or user code), of which only a keyed digest reaches the database.

    Writing hashes and so does every lookup, so `Grant.objects.create(code=code)` and `Grant.objects.get(code=code)` in
    the toolkit work unchanged while no code path can store the code itself. A value that was read from the database is
    a `Digest` and is not hashed again; a client that sends the text of a stolen digest sends a plain `str`, which is,
    so the digest opens nothing.

    The digest is HMAC-SHA256 under `SECRET_KEY`, since a user code has so few letters (RFC 8628 §6.1) that a plain hash
    would be reversed by trying them all. A changed `SECRET_KEY` ends the codes that are under way, minutes at most, and
    nothing else. The model and column are in the key, so a digest of one kind never matches another kind.
    """

    def from_db_value(self, value: str | None, *_: object) -> Digest | None:
        return None if value is None else Digest(value)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Put the digest on the instance too, so that a second save does not hash twice and the code leaves memory."""
        value = self.get_prep_value(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value

    def get_prep_value(self, value: object) -> object:
        if isinstance(value, Digest):
            return value
        value = super().get_prep_value(value)
        if not isinstance(value, str):
            return value
        salt = f"{self.model._meta.label_lower}.{self.name}"
        return Digest(salted_hmac(salt, value, algorithm="sha256").hexdigest())


class SecretField(ClientSecretField):
    """A client secret, hashed as `client_secrets` has it; none stays none.

    The toolkit takes a quarter of a second for each, and hashes the empty text too: with that a public client authenticates
    by sending an empty secret.
    """

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        secret = getattr(model_instance, self.attname)
        if secret and not client_secrets.is_hashed(secret):
            secret = client_secrets.hashed(secret)
            setattr(model_instance, self.attname, secret)
        return secret
