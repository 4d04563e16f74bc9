"""Finding the same endpoint, model and key again without keeping the key readable."""

from django.conf import settings
from django.utils.crypto import salted_hmac

from providers.probing import ModelEndpoint

SALT = "providers.config"


def digests_of(target: ModelEndpoint) -> list[str]:
    """Keyed digests of one configuration, as the newest secret and each former one of the deployment make them."""
    return [
        salted_hmac(
            SALT, f"{target.base_url}\0{target.model}\0{target.api_key.reveal()}", secret=secret, algorithm="sha256"
        ).hexdigest()
        for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]
