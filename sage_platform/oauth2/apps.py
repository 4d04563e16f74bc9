from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OAuth2Config(AppConfig):
    name = "sage_platform.oauth2"
    label = "oauth2"
    verbose_name = _("OAuth2")
    default_auto_field = "django.db.models.BigAutoField"
