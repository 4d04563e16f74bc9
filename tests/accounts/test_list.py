"""GET /api/user/list"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from sage_platform.accounts.models import User
from tests.answers import assert_forbidden, assert_logged_out, invalid_fields, success
from tests.conftest import make_user
from tests.people import Caller, envelope, signed_in

PATH = "/api/user/list"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def row(name: str, minute: int, role: str = "user") -> dict[str, Any]:
    return {
        "user_id": name,
        "username": name,
        "email": f"{name}@sage.example",
        "phonenum": "",
        "role": role,
        "created_at": f"2026-01-01T12:{minute:02d}:00Z",
    }


def made_at(name: str, minute: int) -> None:
    User.objects.filter(pk=name).update(created_at=NOON + timedelta(minutes=minute))


def test_logged_out(anyone: Caller, alice: User) -> None:
    assert_logged_out(anyone.get(PATH))


def test_a_plain_user(as_alice: Caller) -> None:
    assert_forbidden(as_alice.get(PATH))


def test_one_row_and_three_take_the_same_queries(
    admin: User, hashed: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    desktop = signed_in(admin, token=True)
    made_at("admin", 0)
    with django_assert_num_queries(3):
        response = desktop.get(PATH)
    assert response.status_code == 200
    assert envelope(response) == success({"items": [row("admin", 0, "admin")], "total": 1})
    for minute, name in ((2, "alice"), (1, "bob")):
        make_user(name, hashed)
        made_at(name, minute)
    with django_assert_num_queries(3):
        response = desktop.get(PATH)
    newest_first = [row("alice", 2), row("bob", 1), row("admin", 0, "admin")]
    assert envelope(response) == success({"items": newest_first, "total": 3})


def test_pages(as_admin: Caller, hashed: str) -> None:
    made_at("admin", 0)
    for minute in range(1, 26):
        make_user(f"u{minute:02d}", hashed)
        made_at(f"u{minute:02d}", minute)
    names = [*(f"u{minute:02d}" for minute in range(25, 0, -1)), "admin"]

    def page(**query: int | str) -> list[str]:
        data = envelope(as_admin.get(PATH, query))["data"]
        assert data["total"] == 26
        return [item["user_id"] for item in data["items"]]

    assert page() == names[:20]
    assert page(page=2) == names[20:]
    assert page(page=3) == []
    assert page(page=1_000_000) == []
    assert page(page=3, page_size=10) == names[20:]
    assert page(page_size=1) == names[:1]
    assert page(page_size=100) == names
    assert page(unknown="x") == names[:20]


def test_made_at_the_same_moment_the_order_still_holds(as_admin: Caller, hashed: str) -> None:
    for name in ("b", "a", "c"):
        make_user(name, hashed)
    User.objects.update(created_at=NOON)
    seen = [envelope(as_admin.get(PATH, {"page": n, "page_size": 1}))["data"]["items"][0]["user_id"] for n in range(1, 5)]
    assert sorted(seen) == ["a", "admin", "b", "c"]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"page_size": "0"}, ["page_size"]),
        ({"page_size": "101"}, ["page_size"]),
        ({"page_size": "-1"}, ["page_size"]),
        ({"page_size": "1.0"}, ["page_size"]),
        ({"page_size": "٣"}, ["page_size"]),
        ({"page_size": ""}, ["page_size"]),
        ({"page_size": "9" * 5000}, ["page_size"]),
        ({"page": "0"}, ["page"]),
        ({"page": "-1"}, ["page"]),
        ({"page": "x"}, ["page"]),
        ({"page": "1e3"}, ["page"]),
        ({"page": "9223372036854775808"}, ["page"]),
        ({"page": "\0"}, ["page"]),
        ({"page": "x", "page_size": "y"}, ["page", "page_size"]),
    ],
)
def test_bad_input(query: dict[str, str], fields: list[str], as_admin: Caller) -> None:
    assert invalid_fields(as_admin.get(PATH, query)) == fields


def test_no_hash_leaves(as_admin: Caller, alice: User) -> None:
    content = as_admin.get(PATH).content
    assert alice.password.encode() not in content
    assert b"argon2" not in content
