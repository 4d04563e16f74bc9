"""What the server calls: Django, and in front of it what must answer whatever happens to Django."""

import os

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest
from django.urls import ResolverMatch, get_resolver

from sage_platform.api import seams
from sage_platform.front import front
from sage_platform.turns import turns

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sage_platform.settings")


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
            return match
        match = super().resolve_request(request)
        if not match.args and not match.kwargs:
            self._matches[request.path_info] = match
        return match


django.setup(set_prefix=False)
handler = Handler()
# Loaded now, so that no request waits for it, and no worker mixes two versions while files are being replaced.
list(get_resolver().url_patterns)
turns.set_amount(settings.SAGE_TURNS)
application = front(handler, dict(seams.front_answers.items()), takes_prefix=settings.SAGE_WEB_ROOT is not None)
