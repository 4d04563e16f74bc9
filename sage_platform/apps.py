from django.apps import AppConfig
from django.http import HttpRequest

from sage_platform.api import seams


class SagePlatformConfig(AppConfig):
    """The project package as an app without models: its commands, checks and templates are found."""

    name = "sage_platform"
    label = "sage_platform"

    def ready(self) -> None:
        from sage_platform import api_docs, checks, disk, liveness  # noqa: F401  The checks register themselves on import.
        from sage_platform.api.seams import RawRoutes

        seams.front_answers.register(liveness.PATH, liveness.active)
        seams.raw_routes.register("platform", RawRoutes([liveness.ROUTE, *api_docs.ROUTES]))
        seams.account_panels.register("administration", administration_panel)
        seams.gauges.register("sage_server_disk_free_bytes", seams.Gauge("Room that is left on a disk.", disk.free, ("place",)))
        seams.gauges.register("sage_server_disk_total_bytes", seams.Gauge("Size of a disk.", disk.total, ("place",)))


def administration_panel(request: HttpRequest) -> seams.Panel | None:
    return seams.Panel("account_panel.html") if getattr(request.user, "is_admin", False) else None
