"""What the server calls: Django, and in front of it what must answer whatever happens to Django."""

import os
from functools import cache
from typing import Any
from wsgiref.types import StartResponse

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest
from django.urls import Resolver404, ResolverMatch, get_resolver

from sage_platform import paths
from sage_platform.api import seams
from sage_platform.api.seams import Environ
from sage_platform.front import front
from sage_platform.telemetry import access
from sage_platform.telemetry.requests import observed, template
from sage_platform.turns import turns

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sage_platform.settings")

# Of WSGI's environ. By a name: in this file the test of who reads the environment takes a literal key for a variable of that.
PATH = "PATH_INFO"


class Handler(WSGIHandler):
    """Django's own, which remembers where the addresses without a variable part lead.

    Django compares an address with one pattern after the other, a hundred of them. There are as many matches to remember as there
    are such routes, whatever addresses are asked for.
    """

    def __init__(self) -> None:
        super().__init__()
        self._matches: dict[str, ResolverMatch] = {}

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        match = self._matches.get(request.path_info)
        if match is not None:
            request.resolver_match = match
        else:
            match = super().resolve_request(request)
            if not match.args and not match.kwargs:
                self._matches[request.path_info] = match
        observed(request.META).leads_to(route_of(match.route))
        return match

    def __call__(self, environ: Environ, start_response: StartResponse) -> Any:
        response = super().__call__(environ, start_response)
        seen = observed(environ)
        if length := response.headers.get("Content-Length"):
            seen.length = int(length)
        if not seen.route:
            # It was answered before it was led anywhere: a static file, a preflight, a refusal for want of a place.
            seen.route = self.route_of_unled(environ[PATH])
        return response

    def route_of_unled(self, path: str) -> str:
        """Empty for an address that leads nowhere."""
        if path.startswith(settings.STATIC_URL):
            return WHOLE[paths.STATIC]
        try:
            match = self._matches.get(path) or get_resolver().resolve(path)
        except Resolver404:
            return ""
        return route_of(match.route)


# A subtree of which each address counts as the same route.
WHOLE = {name: f"/{name}" for name in (paths.ADMIN, paths.STATIC, settings.SAGE_WEB_BASE_PATH.strip("/"))}


@cache  # There are as many as routes.
def route_of(route: str) -> str:
    """As the figures of requests name it."""
    for name, whole in WHOLE.items():
        if route == name or route.startswith(f"{name}/"):
            return whole
    return template(route)


django.setup(set_prefix=False)
handler = Handler()
# Loaded now, so that no request waits for it, and no worker mixes two versions while files are being replaced.
list(get_resolver().url_patterns)
turns.set_amount(settings.SAGE_TURNS)
application = front(
    handler,
    dict(seams.front_answers.items()),
    takes_prefix=settings.SAGE_WEB_ROOT is not None,
    access_log=access.is_on(),
)
