"""Every address that the platform answers begins with a segment of its own, or with the web application's base path."""

import re
from collections.abc import Callable, Iterable, Iterator

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.urls import URLPattern, URLResolver, get_resolver

from sage_platform import configuration, paths
from sage_platform.front import front
from tests.test_front import broken_django, call

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


def test_the_front() -> None:
    """What it answers itself, and the prefix that it takes off, are own paths; it leaves all others to Django."""
    asked: list[str] = []

    def django(environ: dict[str, object], start_response: Callable[..., object]) -> Iterable[bytes]:
        asked.append(str(environ["PATH_INFO"]))
        start_response("204 No Content", [])
        return []

    assert call(front(broken_django), "GET", "/active")[0] == "200 OK"
    for name in sorted(paths.OWN - {"active"}):
        call(front(django, takes_prefix=True), "GET", f"/{name}/x")
    assert asked == ["/.well-known/x", "/admin/x", "/api/x", "/files/x", "/jaeger/x", "/oauth2/x", "/x", "/static/x"]


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
