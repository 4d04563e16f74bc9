from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from sage_platform.api import seams


class ProvidersConfig(AppConfig):
    name = "providers"
    verbose_name = _("Model providers")

    def ready(self) -> None:
        from providers import checks  # noqa: F401  The checks register themselves on import.
        from providers.models import Provider

        seams.caller_facts.register("has_provider", Provider.owned_by)
