from django.apps import AppConfig


class SagePlatformConfig(AppConfig):
    """The project package as an app without models: its commands, checks and templates are found."""

    name = "sage_platform"
    label = "sage_platform"

    def ready(self) -> None:
        from sage_platform import checks  # noqa: F401  The checks register themselves on import.
