from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from sage_platform.api import seams


class OAuth2Config(AppConfig):
    name = "sage_platform.oauth2"
    label = "oauth2"
    verbose_name = _("OAuth2")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from sage_platform.oauth2 import tokens

        seams.third_party_tokens.register(tokens.ACCESS_PREFIX, tokens.find_access_token)
