"""Columns that store a digest or a hash, whatever secret is put into them."""

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
    """A code as it is stored. It is told from a code that somebody sent by its type, because a client can send any text."""

    __slots__ = ()


class DigestField(CharField):
    """A short-lived code (authorization, device or user code), of which only a keyed digest reaches the database.

    Every write and every look-up hashes its value, so that `Grant.objects.create(code=code)` and `Grant.objects.get(code=code)`
    take the code and no code path can store it. A value that was read from the database is a `Digest`, which is not hashed again.
    A client that sends the text of a stolen digest sends a plain `str`. That is hashed, and so it finds nothing.

    The digest is HMAC-SHA256 under `SECRET_KEY`, since a user code has so few letters (RFC 8628 §6.1) that a plain hash
    would be reversed by trying them all. When `SECRET_KEY` is changed, the codes that were issued in the last minutes end, and
    nothing else. The model and the column are part of the key, so that a digest of one kind never matches another kind.
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
    """A client secret, hashed by `client_secrets`. An empty one stays empty.

    The toolkit's field hashes every secret slowly, in a quarter of a second. It hashes the empty text too, and then a public
    client could authenticate by sending an empty secret.
    """

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        secret = getattr(model_instance, self.attname)
        if secret and not client_secrets.is_hashed(secret):
            secret = client_secrets.hashed(secret)
            setattr(model_instance, self.attname, secret)
        return secret
