from django.apps import AppConfig

from sage_platform.api import seams


class UploadsConfig(AppConfig):
    name = "uploads"

    def ready(self) -> None:
        from uploads.health import check_storage

        seams.health_checks.register("storage", check_storage)
