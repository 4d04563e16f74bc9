"""Downloads that Debian's nginx hands out (SAGE_X_ACCEL_REDIRECT), by the location `/media/` of deploy/nginx/sage.conf."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.e2e.nginx import ORIGIN, Nginx, nginx, production
from tests.e2e.served import Platform, served

pytestmark = [pytest.mark.served, pytest.mark.nginx, pytest.mark.xdist_group(__name__)]

CONTENT = bytes(range(256)) * 4 + b"and so on until there are 1058 ..."
KEYS = ["users/alice/x", "users/alice/100% 🌿/’a?b#c{d}\"e'/%2e%2e/x", "users/alice/a&b=c;d+e/x"]
NAME = '100% 🌿 ’a?b#c{d}"e.bin'
MAKE = f"""
import json
from tests.uploads.kept import kept
rows = [kept({CONTENT!r}, {NAME!r}, "application/octet-stream", key=key) for key in {KEYS!r}]
print(json.dumps([[row.path, row.sha256] for row in rows]))
"""
# Of every answer: who made it, when and in what language, and which one it is.
OF_ALL = {"date", "server", "connection", "x-request-id", "content-language"}


@contextmanager
def media_root() -> Iterator[Path]:
    """nginx runs here as another user, and keeps the group of the test, as in a deployment it has the platform's."""
    folder = Path(tempfile.mkdtemp(prefix="sage-media-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def deployed() -> Iterator[tuple[Platform, Nginx, list[tuple[str, str]]]]:
    with media_root() as media:
        media.chmod(0o750)
        settings = production() | {"SAGE_MEDIA_ROOT": str(media), "SAGE_X_ACCEL_REDIRECT": "/media/"}
        with served(workers=1, **settings) as platform, nginx(platform.port, {"/srv/sage-media/": f"{media}/"}) as front:
            made = platform.manage("shell", "-v", "0", "-c", MAKE)
            assert made.returncode == 0, made.stderr
            yield platform, front, [tuple(pair) for pair in json.loads(made.stdout)]


@pytest.fixture
def front(deployed: tuple[Platform, Nginx, list[tuple[str, str]]]) -> Nginx:
    return deployed[1]


@pytest.fixture
def files(deployed: tuple[Platform, Nginx, list[tuple[str, str]]]) -> list[tuple[str, str]]:
    """Paths and SHA-256."""
    return deployed[2]


def told(answer: requests.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items() if name.lower() not in OF_ALL}


def test_nginx_sends_what_the_platform_would(
    deployed: tuple[Platform, Nginx, list[tuple[str, str]]], front: Nginx, files: list[tuple[str, str]]
) -> None:
    """With If-Match the platform sends the file itself, so it shows what the headers are."""
    platform = deployed[0]
    for path, sum_ in files:
        for address in (path, f"/prod-api{path}"):
            answer = front.browser().get(ORIGIN + address)
            assert (answer.status_code, answer.content) == (200, CONTENT), path
            own = front.browser().get(ORIGIN + address, headers={"If-Match": f'"{sum_}"'})
            assert (own.status_code, own.content) == (200, CONTENT)
            assert told(answer) == told(own)
            assert answer.headers["ETag"] == f'"{sum_}"'
            head = front.browser().head(ORIGIN + address)
            assert (head.status_code, head.content, told(head)) == (200, b"", told(answer))
        assert "X-Accel-Redirect" in platform.caller().get(path, headers={"Host": "sage.example"}).headers


def test_ranges(front: Nginx, files: list[tuple[str, str]]) -> None:
    path, sum_ = files[0]
    parts = {"bytes=0-9": (0, 10), "bytes=1000-": (1000, 1058), "bytes=-500": (558, 1058), "bytes=-9999": (0, 1058)}
    for asked, (start, stop) in parts.items():
        answer = front.browser().get(ORIGIN + path, headers={"Range": asked})
        assert (answer.status_code, answer.content) == (206, CONTENT[start:stop]), asked
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/1058"
        assert answer.headers["ETag"] == f'"{sum_}"'
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    for asked in ("bytes=2000-", "bytes=-0"):
        answer = front.browser().get(ORIGIN + path, headers={"Range": asked})
        assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */1058"), asked
    several = front.browser().get(ORIGIN + path, headers={"Range": "bytes=0-9,20-29"})
    assert (several.status_code, several.content) == (200, CONTENT)


def test_conditions(front: Nginx, files: list[tuple[str, str]]) -> None:
    path, sum_ = files[0]
    asked = {
        "If-None-Match": (f'"{sum_}"', 304),
        "If-Range": (f'"{sum_}"', 206),
        "If-Match": ('"another"', 412),
        "If-Modified-Since": ("Sat, 28 Nov 2099 14:00:00 GMT", 206),
    }
    for name, (value, status) in asked.items():
        answer = front.browser().get(ORIGIN + path, headers={"Range": "bytes=0-9", name: value})
        assert answer.status_code == status, name
    for known in ('"another"', "Sat, 28 Nov 2026 14:00:00 GMT"):
        assert front.browser().get(ORIGIN + path, headers={"Range": "bytes=0-9", "If-Range": known}).status_code == 200


def test_nobody_reaches_a_file_but_by_its_address(front: Nginx, files: list[tuple[str, str]]) -> None:
    for path in (f"/media/{KEYS[0]}", "/media/", "/media/../etc/passwd", f"/prod-api/media/{KEYS[0]}", f"/files/{'0' * 32}/x"):
        assert front.browser().get(ORIGIN + path).status_code == 404, path
    assert front.log == ""
