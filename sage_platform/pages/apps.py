from django.apps import AppConfig

from sage_platform.api import seams


class PagesConfig(AppConfig):
    """An app without models, so that its templates and its style sheet are found."""

    name = "sage_platform.pages"
    label = "pages"

    def ready(self) -> None:
        from sage_platform.pages.errors import error_page

        seams.error_page.fill(error_page)
