from django.apps import AppConfig
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from sage_platform.api import seams


class ProvidersConfig(AppConfig):
    name = "providers"
    verbose_name = _("Model providers")

    def ready(self) -> None:
        from providers import checks  # noqa: F401  The checks register themselves on import.
        from providers.models import Provider

        seams.caller_facts.register("has_provider", Provider.any_owned_by)
        seams.admin_panels.register("providers", admin_panel)


def admin_panel(_request: HttpRequest) -> seams.Panel:
    """How many providers there are, and how many of them failed when they were last asked: one query."""
    from django.db.models import Count, Q

    from providers.models import Provider

    failing = Count("pk", filter=Q(probe_result=Provider.ProbeResult.FAILS))
    return seams.Panel("providers/admin_panel.html", Provider.objects.aggregate(all=Count("pk"), failing=failing))
