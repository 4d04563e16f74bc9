"""The page of an error: what it offers to do next."""

import re

import pytest
from django.test import RequestFactory

from sage_platform.api.seams import ErrorParts
from sage_platform.pages.errors import error_page


def again(path: str, status: int, method: str = "GET") -> list[str]:
    """Where the page of that error leads whoever wants to try again."""
    request = RequestFactory().generic(method, path)
    request.path = request.path_info = path.partition("?")[0]  # The factory takes `//host` for another site's address.
    page = error_page(request, ErrorParts(status, status, "Wrong.", None), {}).content.decode()
    return re.findall(r'<a class="button[^"]*" href="([^"]*)">Try again</a>', page)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_can_be_tried_again(status: int) -> None:
    assert again("/sage/login?next=%2Fa", status) == ["/sage/login?next=%2Fa"]
    assert again("/sage/login", status, "POST") == []


@pytest.mark.parametrize("status", [400, 403, 404])
def test_what_stays_wrong_cannot(status: int) -> None:
    assert again("/sage/login", status) == []


def test_it_does_not_lead_to_another_site() -> None:
    assert again("//evil.example/x", 503) == ["/%2Fevil.example/x"]
