"""A `next` of 4096 characters, the longest that there is (docs/api.md#where-next-leads), is followed wherever one is taken."""

from urllib.parse import quote

import pytest

from sage_platform.accounts.models import User
from tests import visitor
from tests.oauth2_clients import make_client, request_of
from tests.people import Caller
from tests.visitor import Visitor, hidden_next

LONGEST = "/admin/?q=" + "%22" * 1362
ENCODED = quote(LONGEST, safe="")


@pytest.mark.parametrize("path", ["/sage/login", "/admin/login/"])
def test_a_login_page(path: str, admin: User) -> None:
    assert len(LONGEST) == 4096
    page = f"{path}?next={ENCODED}"
    assert hidden_next(Visitor().open(page)) == LONGEST
    sent = Visitor().sign_in("admin", path=page, next=LONGEST)
    assert (sent.status_code, sent.headers["Location"]) == (302, LONGEST)


def test_who_is_signed_in_already(as_admin: Caller) -> None:
    assert visitor.of(as_admin).open(f"/sage/login?next={ENCODED}").headers["Location"] == LONGEST


def test_a_page_of_the_web_application_with_the_base_path_before_it(alice: User) -> None:
    longest = "/agent/chat?q=" + "%22" * 1360
    assert Visitor().sign_in("alice", next=longest).headers["Location"] == f"/sage{longest}"


@pytest.mark.parametrize("path", ["/sage/password", "/files", "/oauth2/consents", "/sage/usage"])
def test_a_page_that_somebody_who_is_signed_out_asks_for(path: str, alice: User) -> None:
    asked = f"{path}?q=" + "%22" * ((4096 - len(path) - 3) // 3)
    sent = Visitor().open(asked)
    assert (sent.status_code, sent.headers["Location"]) == (302, f"/sage/login?next={quote(asked, safe='')}")
    assert hidden_next(Visitor().open(sent.headers["Location"])) == asked


def test_a_page_of_the_administration(admin: User) -> None:
    asked = "/admin/accounts/user/?q=" + "%22" * 1350
    sent = Visitor().open(asked)
    assert sent.status_code == 302
    assert Visitor().sign_in("admin", path=sent.headers["Location"]).headers["Location"] == asked


def test_a_request_of_oauth2(alice: User) -> None:
    make_client()
    asked = request_of(state="%" * 900)
    sent = Caller().get("/oauth2/authorize", asked)
    assert sent.status_code == 302
    page = Visitor().open(sent.headers["Location"])
    assert hidden_next(page).startswith("/oauth2/authorize?")
    assert hidden_next(page).count("%25") == 900
    there = Visitor().sign_in("alice", path=sent.headers["Location"], next=hidden_next(page))
    assert there.headers["Location"] == hidden_next(page)


@pytest.mark.parametrize("path", ["/sage/login", "/admin/login/", "/api/observability/jaeger/login"])
def test_one_that_is_too_long_is_no_error(path: str, as_admin: Caller) -> None:
    for length in (4097, 8000, 60_000):
        assert as_admin.get(f"{path}?next=/{'a' * length}", Accept="text/html").status_code in {200, 302}
