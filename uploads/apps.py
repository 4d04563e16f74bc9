from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from sage_platform.api import seams


class UploadsConfig(AppConfig):
    name = "uploads"
    verbose_name = _("Uploads")

    def ready(self) -> None:
        from uploads.addresses import held_files, stored_file
        from uploads.documentation import ROUTES
        from uploads.health import check_storage
        from uploads.pages import account_panel

        seams.health_checks.register("storage", check_storage)
        seams.account_panels.register("uploads", account_panel)
        seams.raw_routes.register("uploads", seams.RawRoutes(ROUTES))
        seams.stored_files.fill(stored_file)
        seams.held_files.fill(held_files)
