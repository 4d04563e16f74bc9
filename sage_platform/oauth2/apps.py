from django.apps import AppConfig
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from sage_platform.api import seams


class OAuth2Config(AppConfig):
    name = "sage_platform.oauth2"
    label = "oauth2"
    verbose_name = _("OAuth2")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from sage_platform.oauth2 import authorization, consents, documentation, keys, pruning, tokens

        seams.third_party_tokens.register(tokens.ACCESS_PREFIX, tokens.find_access_token)
        seams.locks_before_a_user_s.register("consents", consents.hold_of_user)
        seams.raw_routes.register("oauth2", documentation.RAW_ROUTES)
        seams.account_panels.register("oauth2", account_panel)
        seams.waiting_clients.register("oauth2", authorization.client_waiting_at)
        age = seams.Gauge("Age of the key that signs id_tokens.", keys.ages)
        seams.gauges.register("sage_server_signing_key_age_seconds", age)
        for name, rows in pruning.PRUNABLE.items():
            seams.prunable.register(name, rows)


def account_panel(_request: HttpRequest) -> seams.Panel:
    """The way to the page of connected applications."""
    return seams.Panel("oauth2/account_panel.html")
