"""GET /api/llm-provider/list: this user's providers, newest first."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from providers.models import Provider
from sage_platform.accounts.models import User
from tests.answers import success
from tests.people import Caller, envelope, signed_in
from tests.provider_rows import KEY, OTHER_KEY, make_provider

PATH = "/api/llm-provider/list"
BARE = {
    "name": "Acme",
    "base_url": "https://api.example.com/v1",
    "api_keys": ["sk-p***8Hd3"],
    "model": "scripted-large",
    "max_tokens": None,
    "temperature": None,
    "top_p": None,
    "presence_penalty": None,
    "max_model_len": None,
    "supports_multimodal": False,
    "supports_structured_output": False,
    "is_default": False,
    "user_id": "alice",
    "created_at": "2026-01-02T03:04:05.678901Z",
    "updated_at": "2026-02-03T04:05:06Z",
}


def made(owner: User | None, *, day: int = 2, base_url: str = "https://api.example.com/v1", **values: Any) -> Provider:
    provider = make_provider(owner, base_url, **values)
    Provider.objects.filter(pk=provider.pk).update(
        created_at=datetime(2026, 1, day, 3, 4, 5, 678901, UTC), updated_at=datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    )
    return provider


def test_none(as_alice: Caller) -> None:
    response = as_alice.get(PATH)
    assert (response.status_code, envelope(response)) == (200, success([]))
    assert response.headers["Cache-Control"] == "no-store"


def test_one_that_has_nothing_set(alice: User, as_alice: Caller) -> None:
    provider = made(alice)
    assert envelope(as_alice.get(PATH)) == success([BARE | {"id": str(provider.pk)}])


def test_one_that_has_everything_set(alice: User, as_alice: Caller) -> None:
    numbers: dict[str, Any] = {
        "max_tokens": 4096,
        "max_model_len": 131072,
        "temperature": 0.7,
        "top_p": 1.0,
        "presence_penalty": -0.5,
    }
    yes: dict[str, Any] = {"supports_multimodal": True, "supports_structured_output": True, "is_default": True}
    provider = made(alice, name="艾克米", **numbers, **yes)
    expected = BARE | numbers | yes | {"id": str(provider.pk), "name": "艾克米"}
    assert envelope(as_alice.get(PATH)) == success([expected])


@pytest.mark.parametrize(
    ("key", "masked"),
    [
        ("x", "***"),
        ("sk-123456789012", "***"),
        ("sk-1234567890123", "sk-1***0123"),
        (KEY, "sk-p***8Hd3"),
        ("x" * 4096, "xxxx***xxxx"),
    ],
)
def test_keys_are_masked(key: str, masked: str, alice: User, as_alice: Caller) -> None:
    """Of a key under 16 characters not even its ends."""
    made(alice, key=key)
    response = as_alice.get(PATH)
    assert [row["api_keys"] for row in envelope(response)["data"]] == [[masked]]
    assert len(key) == 1 or key not in response.content.decode()


def test_newest_first_and_nobody_elses(alice: User, bob: User, as_alice: Caller, as_bob: Caller) -> None:
    for day in (5, 9, 7):
        made(alice, day=day, name=f"Day {day}", model=f"m{day}")
    made(bob, day=8, name="Bob's", key=OTHER_KEY)
    made(None, day=8, name="The system's", is_default=True)
    assert [row["name"] for row in envelope(as_alice.get(PATH))["data"]] == ["Day 9", "Day 7", "Day 5"]
    assert [(row["name"], row["user_id"]) for row in envelope(as_bob.get(PATH))["data"]] == [("Bob's", "bob")]


def test_an_administrator_sees_their_own(alice: User, as_admin: Caller) -> None:
    made(alice)
    made(None)
    assert envelope(as_admin.get(PATH)) == success([])


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("token", [False, True], ids=["cookie", "bearer"])
def test_the_number_of_queries_does_not_grow(
    rows: int, token: bool, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """One for the list, one for who asks, and one more where the browser's session is in the database."""
    expected = 2
    for number in range(rows):
        made(alice, model=f"m{number}")
    caller = signed_in(alice, token=token)
    caller.get(PATH)
    with django_assert_num_queries(expected):
        response = caller.get(PATH)
    assert len(envelope(response)["data"]) == rows


def test_the_content_type_that_the_web_application_sends_on_get(as_alice: Caller) -> None:
    assert as_alice.get(PATH, Content_Type="application/json;charset=UTF-8").status_code == 200
