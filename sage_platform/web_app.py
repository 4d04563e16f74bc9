"""A built single-page application, served under SAGE_WEB_BASE_PATH from SAGE_WEB_ROOT."""

import re
from collections.abc import Callable
from pathlib import Path
from wsgiref.headers import Headers

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe
from whitenoise.middleware import WhiteNoiseMiddleware

from sage_platform.web_files import served_files

# Build tools put a hash of the content into a file's name: app-BvX3f9aK.js, app.3f9c2b1e.css. Such a file never changes.
HASHED_NAME = re.compile(r"[.-][0-9A-Za-z_-]{8,}\.[0-9A-Za-z]+\Z")


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]
    """Serves the packages' static files, and the web application's where there is one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        super().__init__(get_response)
        if settings.SAGE_WEB_ROOT is not None:
            self.add_files(str(settings.SAGE_WEB_ROOT), prefix=f"{settings.SAGE_WEB_BASE_PATH}/")

    def update_files_dictionary(self, root: str, prefix: str) -> None:
        """WhiteNoise's own, which follows every link, is for the packages' files; `root` ends with a slash."""
        if settings.SAGE_WEB_ROOT is None or Path(root) != settings.SAGE_WEB_ROOT:
            super().update_files_dictionary(root, prefix)
            return
        files = served_files(settings.SAGE_WEB_ROOT)
        for file in files:
            self.add_file_to_dictionary(prefix + file.removeprefix(root), file, stat_cache=files)

    def immutable_file_test(self, path: str, url: str) -> bool:
        return HASHED_NAME.search(url) is not None

    def add_cache_headers(self, headers: Headers, path: str, url: str) -> None:
        """A browser asks for a page each time, since it names the files of the latest build. Those files may be cached."""
        if url.endswith(".html"):
            headers["Cache-Control"] = "no-cache"
        else:
            super().add_cache_headers(headers, path, url)


@require_safe
def index(request: HttpRequest, root: Path, rest: str = "") -> HttpResponse:
    """The application's index.html, for every address under its base path that is no file: the application has its own routes."""
    page = (root / "index.html").read_bytes()
    return HttpResponse(page, content_type="text/html; charset=utf-8", headers={"Cache-Control": "no-cache"})


def urlpatterns() -> list[URLPattern]:
    base = settings.SAGE_WEB_BASE_PATH.lstrip("/")
    place = {"root": settings.SAGE_WEB_ROOT}
    return [path(base, index, place), path(f"{base}/", index, place), path(f"{base}/<path:rest>", index, place)]
