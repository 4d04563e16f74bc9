"""A built single-page application, served under SAGE_WEB_BASE_PATH from SAGE_WEB_ROOT."""

import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe
from whitenoise.middleware import WhiteNoiseMiddleware

from sage_platform import paths

# Build tools put a hash of the content into a file's name: app-BvX3f9aK.js, app.3f9c2b1e.css. Such a file never changes.
HASHED_NAME = re.compile(r"[.-][0-9A-Za-z_-]{8,}\.[0-9A-Za-z]+\Z")


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]
    """Serves the packages' static files, and the web application's where there is one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if settings.SAGE_WEB_ROOT is not None:
            self.add_files(str(settings.SAGE_WEB_ROOT), prefix=f"{settings.SAGE_WEB_BASE_PATH}/")

    def add_file_to_dictionary(self, url: str, path: str, stat_cache: Any = None) -> None:
        """Nothing hidden, and nothing that a link leads to outside the folder."""
        root = settings.SAGE_WEB_ROOT
        if root is not None and url.startswith(f"{settings.SAGE_WEB_BASE_PATH}/"):
            hidden = any(part.startswith(".") and part != paths.WELL_KNOWN for part in url.split("/"))
            if hidden or not Path(path).resolve().is_relative_to(root.resolve()):
                return
        super().add_file_to_dictionary(url, path, stat_cache)

    def immutable_file_test(self, path: str, url: str) -> bool:
        return HASHED_NAME.search(url) is not None

    def add_cache_headers(self, headers: Any, path: str, url: str) -> None:
        """A page names the files of its build, so it must be asked for anew each time; what it names may be kept."""
        if url.endswith(".html"):
            headers["Cache-Control"] = "no-cache"
        else:
            super().add_cache_headers(headers, path, url)


@require_safe
def index(request: HttpRequest, rest: str = "") -> HttpResponse:
    """The application's index.html for every address that is one of its pages and no file."""
    root: Path = settings.SAGE_WEB_ROOT  # type: ignore[assignment]
    page = (root / "index.html").read_bytes()
    return HttpResponse(page, content_type="text/html; charset=utf-8", headers={"Cache-Control": "no-cache"})


def urlpatterns() -> list[URLPattern]:
    base = settings.SAGE_WEB_BASE_PATH.lstrip("/")
    return [path(base, index), path(f"{base}/", index), path(f"{base}/<path:rest>", index)]
