"""GET /api/system/version/check: what the updater of the desktop application is answered."""

import pytest

from tests.people import Caller
from tests.versions.rows import MAC, SIGNATURE, make_release

pytestmark = pytest.mark.django_db

CHECK = "/api/system/version/check"


def test_no_release(anyone: Caller) -> None:
    response = anyone.get(CHECK)
    assert (response.status_code, response.content) == (204, b"")


def test_static(anyone: Caller) -> None:
    make_release("1.2.0", MAC)
    response = anyone.get(CHECK)
    assert response.status_code == 200
    assert response.content.decode() == (
        '{"version":"1.2.0","notes":"Notes of 1.2.0","pub_date":"2026-03-04T05:06:07.890123Z","platforms":{"darwin-aarch64":'
        f'{{"url":"https://dl.sage.example/1.2.0/app.tar.gz","signature":"{SIGNATURE}"}}}}}}'
    )
    print(response.headers)
