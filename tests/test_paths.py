"""Every address that the platform answers begins with a segment of its own, or with the web application's base path."""

import re
from collections.abc import Iterable, Iterator
from importlib import reload
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.urls import URLPattern, URLResolver, get_resolver

from sage_platform import configuration, paths, wsgi
from tests.test_front import call

NAMES = ["active", "admin", "api", "files", "jaeger", "oauth2", "prod-api", "static", ".well-known"]


def test_the_names() -> None:
    """Clients, proxies and people's bookmarks have these addresses."""
    assert sorted(paths.OWN) == sorted(NAMES)


def first_segments(patterns: Iterable[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for entry in patterns:
        route = before + str(entry.pattern)
        if "/" in route or isinstance(entry, URLPattern):
            yield route.partition("/")[0]
        else:
            yield from first_segments(entry.url_patterns, route)


def test_the_routes() -> None:
    base = settings.SAGE_WEB_BASE_PATH.split("/")[1]
    found = set(first_segments(get_resolver().url_patterns))
    assert {"admin", "api", "oauth2", ".well-known", base} <= found
    # The empty one is the redirect from `/` to the web application.
    assert found - paths.OWN == {"", base}


def test_static_files() -> None:
    assert settings.STATIC_URL == "/static/"


@pytest.mark.parametrize("before", ["", "/prod-api"])
def test_the_front(before: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it answers by itself, and the prefix that it takes off where a web application is served."""
    monkeypatch.setattr(settings, "SAGE_WEB_ROOT", tmp_path)
    assert call(reload(wsgi).application, "GET", f"{before}/active")[::2] == ("200 OK", b"Service is available.")


@pytest.mark.parametrize("name", NAMES)
def test_a_web_application_is_put_over_none_of_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (f"/{name}", f"/{name}/deeper/"):
        monkeypatch.setenv("SAGE_WEB_BASE_PATH", value)
        with pytest.raises(ImproperlyConfigured) as caught:
            configuration.base_path("SAGE_WEB_BASE_PATH", "/sage")
        assert str(caught.value) == "SAGE_WEB_BASE_PATH: expected a path such as /sage, and none of the platform's own."
    monkeypatch.setenv("SAGE_WEB_BASE_PATH", f"/sage/{name}")
    assert configuration.base_path("SAGE_WEB_BASE_PATH", "/sage") == f"/sage/{name}"


@pytest.mark.parametrize(
    ("path", "shared"),
    [
        ("/api/system/info", True),
        ("/sage/", True),
        ("/oauth2/token", False),
        ("/api/oauth2/token", False),
        ("/.well-known/oauth-authorization-server", False),
        ("/xwell-known/x", True),
    ],
)
def test_which_paths_the_settings_of_cors_are_for(path: str, shared: bool) -> None:
    """The OAuth2 routes answer preflights for themselves."""
    assert bool(re.match(settings.CORS_URLS_REGEX, path)) is shared
