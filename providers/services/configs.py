"""Finding the same endpoint, model and key again without keeping the key readable."""

from django.conf import settings
from django.utils.crypto import salted_hmac

SALT = "providers.config"


def digests_of(base_url: str, model: str, key: str) -> list[str]:
    """Keyed digests of one configuration, as the newest secret and each former one of the deployment make them."""
    text = f"{base_url}\0{model}\0{key}"
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [salted_hmac(SALT, text, secret=secret, algorithm="sha256").hexdigest() for secret in secrets]
