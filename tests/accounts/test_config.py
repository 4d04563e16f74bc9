"""GET and POST /api/user/config"""

import json

import pytest
from pytest_django import DjangoAssertNumQueries

from sage_platform.accounts.models import User, UserConfig
from tests.answers import assert_logged_out, invalid_fields, refused, success
from tests.people import Caller, envelope, signed_in
from tests.racing import at_once

PATH = "/api/user/config"


def config_of(caller: Caller) -> object:
    return envelope(caller.get(PATH))["data"]["config"]


def test_logged_out(anyone: Caller, alice: User) -> None:
    assert_logged_out(anyone.get(PATH))
    assert_logged_out(anyone.post(PATH, {"config": {"a": 1}}))
    assert not UserConfig.objects.exists()


def test_nothing_yet(alice: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    desktop = signed_in(alice, token=True)
    with django_assert_num_queries(2):
        response = desktop.get(PATH)
    assert response.status_code == 200
    assert envelope(response) == success({"config": {}})


def test_merges_one_level_deep(as_alice: Caller, as_bob: Caller) -> None:
    first = as_alice.post(PATH, {"config": {"theme": "dark", "panel": {"left": 1, "right": 2}, "list": [1, 2]}})
    assert first.status_code == 200
    assert envelope(first) == success({"config": {"theme": "dark", "panel": {"left": 1, "right": 2}, "list": [1, 2]}})
    merged: dict[str, object] = {"theme": "dark", "panel": {"left": 3}, "list": [], "new": None}
    second = as_alice.post(PATH, {"config": {"panel": {"left": 3}, "list": [], "new": None}})
    assert envelope(second) == success({"config": merged})
    assert envelope(as_alice.get(PATH)) == success({"config": merged})
    assert envelope(as_alice.post(PATH, {"config": {}})) == success({"config": merged})
    assert config_of(as_bob) == {}


def test_texts_of_all_kinds_come_back_as_sent(as_alice: Caller) -> None:
    config = {"😀": "张三", "": "", "n": 1.5, "big": 2**63 - 1, "small": -(2**63), "deep": [[[{"a": [True, None]}]]]}
    as_alice.post(PATH, {"config": config})
    assert config_of(as_alice) == config


def test_sixty_four_kibibytes(as_alice: Caller) -> None:
    text = "x" * (64 * 1024 - len(json.dumps({"a": ""}, separators=(",", ":"))))
    assert envelope(as_alice.post(PATH, {"config": {"a": text}}))["code"] == 200
    for change in ({"a": text + "x"}, {"b": 1}):
        response = as_alice.post(PATH, {"config": change})
        assert response.status_code == 413
        assert envelope(response) == refused(413, "The configuration is over 64 KiB.")
    assert config_of(as_alice) == {"a": text}
    assert envelope(as_alice.post(PATH, {"config": {"a": ""}}))["code"] == 200


def test_the_first_one_too_large_leaves_nothing(as_alice: Caller) -> None:
    assert as_alice.post(PATH, {"config": {"a": "x" * 70_000}}).status_code == 413
    assert not UserConfig.objects.exists()


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"config": None},
        {"config": []},
        {"config": "x"},
        {"config": 1},
        {"config": {"a": "null\0inside"}},
        {"config": {"null\0inside": 1}},
        {"config": {"a": "\ud800"}},
        {"config": {"\udfff": 1}},
        {"config": {"a": [{"b": "\ud800"}]}},
        {"config": {"a": 2**63}},
        {"config": {"a": -(2**63) - 1}},
        {"config": {"a": nested(70)}},
        b'{"config": {"a": 1e999}}',
    ],
)
def test_bad_input(body: object, as_alice: Caller) -> None:
    as_alice.post(PATH, {"config": {"kept": 1}})
    assert invalid_fields(as_alice.post(PATH, body)) == ["config"]
    assert config_of(as_alice) == {"kept": 1}


@pytest.mark.parametrize(
    "raw", [b'{"config": {"a": 1, "a": 2}}', b'{"config": {"a": NaN}}', b'{"config": {"a": "\xff"}}', b"[" * 100_000]
)
def test_what_is_no_json(raw: bytes, as_alice: Caller) -> None:
    assert invalid_fields(as_alice.post(PATH, raw)) == ["body"]
    assert config_of(as_alice) == {}


@pytest.mark.django_db(transaction=True)
def test_eight_at_once_lose_nothing(alice: User) -> None:
    callers = [signed_in(alice) for _ in range(8)]
    codes = at_once(8, lambda n: envelope(callers[n].post(PATH, {"config": {f"key{n}": n}}))["code"])
    assert codes == [200] * 8
    assert config_of(callers[0]) == {f"key{n}": n for n in range(8)}
