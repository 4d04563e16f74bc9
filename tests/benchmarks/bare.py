"""What the routes are measured against: a bare WSGI callable, and a bare Django view behind the usual five middlewares."""

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any
from urllib.parse import unquote

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

BODY_PIECE = 256 * 1024


def wsgi() -> Any:
    """The application of the other one."""
    return callable


PIECE_BYTES = 64 * 1024


def callable(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """What is asked for with a query is the file of that path, read and sent piece by piece."""
    if environ["QUERY_STRING"]:
        file = Path(unquote(environ["QUERY_STRING"]))
        start_response("200 OK", [("Content-Length", str(file.stat().st_size))])
        return iter(partial(file.open("rb").read, PIECE_BYTES), b"")
    if environ["REQUEST_METHOD"] == "POST":
        write_down(environ["wsgi.input"])
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


def write_down(body: Any) -> None:
    """Read a body and write it into a file that would survive a loss of power, and nothing else."""
    with TemporaryFile() as file:
        while piece := body.read(BODY_PIECE):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def view(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok", "user": None, "items": [1, 2, 3]})


urlpatterns = [path("bare", view)]


def django_view() -> Any:
    """The application of the Django one; settings are made here, so that importing this module changes nothing."""
    settings.configure(
        ROOT_URLCONF=__name__,
        SECRET_KEY="bare",
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
    )
    django.setup()
    return get_wsgi_application()
