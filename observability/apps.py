from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from sage_platform.api import seams


class ObservabilityConfig(AppConfig):
    name = "observability"
    verbose_name = _("Observability")

    def ready(self) -> None:
        from observability.documentation import ROUTES

        seams.raw_routes.register("observability", seams.RawRoutes(ROUTES))
