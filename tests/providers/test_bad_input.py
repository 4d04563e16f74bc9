"""422 on every route that takes a provider's fields: the whole answer, nothing asked of anybody, nothing stored or counted."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from sage_platform.accounts.models import User
from tests.people import Caller, envelope
from tests.provider_rows import KEY, fields, make_provider, started, stored
from tests.providers import shapes
from tests.vendor import Vendor

Send = Callable[[Caller, Any], Any]
TAKE_ALL = [
    "/api/llm-provider/verify",
    "/api/llm-provider/verify-capabilities",
    "/api/llm-provider/verify-multimodal",
    "/api/llm-provider/create",
]
UNREADABLE = "The request is not valid. See data.errors for what to change."


def invalid(*errors: tuple[str, str]) -> dict[str, Any]:
    rows = [{"field": field, "message": message} for field, message in errors]
    return {"code": 422, "message": UNREADABLE, "data": {"errors": rows}}


def check_each(refused: list[tuple[str, Any, str]], send: Callable[[dict[str, Any]], Any]) -> None:
    """Each shape gets its own answer and no other; a value that was sent is never in it."""
    for field, value, message in refused:
        response = send({field: value})
        told = (field, repr(value)[:80], response.content)
        assert response.status_code == 422, told
        assert envelope(response) == invalid((field, message)), told
        assert b"hunter2" not in response.content


@pytest.mark.parametrize("path", TAKE_ALL)
def test_each_shape(path: str, vendor: Vendor, as_alice: Caller) -> None:
    check_each(shapes.WHOLE, lambda changes: as_alice.post(path, fields(vendor, **changes)))
    assert (vendor.requests, stored(), started()) == ([], [[], []], 0)


def test_each_shape_when_models_are_asked_for(vendor: Vendor, as_alice: Caller) -> None:
    """The model is not known yet, so its shapes are another matter."""
    refused = [*shapes.WITHOUT_MODEL, *[("model", value, why) for value, why in shapes.TEXTS]]
    check_each(refused, lambda changes: as_alice.post("/api/llm-provider/models", fields(vendor, **changes)))
    assert (vendor.requests, stored(), started()) == ([], [[], []], 0)


@pytest.mark.parametrize(("method", "path"), [("PUT", "update"), ("POST", "verify-capabilities")])
def test_each_shape_of_a_change(method: str, path: str, vendor: Vendor, alice: User, as_alice: Caller) -> None:
    provider = make_provider(alice, vendor.base_url, max_tokens=5, temperature=1)
    before = stored()
    address = f"/api/llm-provider/{path}/{provider.pk}"
    refused = [*shapes.CHANGES, ("name", "", shapes.BLANK), ("name", None, shapes.NULL)]
    check_each(refused, lambda changes: as_alice.send(method, address, changes))
    # One good field beside the bad one is not taken either.
    check_each([("temperature", 3, "Ensure this value is less than or equal to 2.")], lambda changes: as_alice.send(
        method, address, changes | {"name": "Changed", "api_keys": [KEY]}
    ))  # fmt: skip
    assert (vendor.requests, stored(), started()) == ([], before, 0)


@pytest.mark.parametrize("path", [*TAKE_ALL, "/api/llm-provider/models"])
def test_what_is_missing(path: str, as_alice: Caller) -> None:
    required = "This field is required."
    model = [] if path.endswith("/models") else [("model", required)]
    response = as_alice.post(path, {})
    assert response.status_code == 422
    assert envelope(response) == invalid(("base_url", required), ("api_keys", required), *model)


@pytest.mark.parametrize("path", TAKE_ALL)
def test_all_that_is_wrong_is_named_at_once(path: str, as_alice: Caller) -> None:
    response = as_alice.post(path, {"base_url": "x", "api_keys": [], "model": "", "top_p": 2, "max_tokens": -1})
    assert envelope(response) == invalid(
        ("max_tokens", "Ensure this value is greater than or equal to 1."),
        ("top_p", "Ensure this value is less than or equal to 1."),
        ("base_url", shapes.ADDRESS),
        ("api_keys", shapes.ONE),
        ("model", shapes.BLANK),
    )


BODIES = [
    (b"[]", "Send a JSON object."),
    (b'"text"', "Send a JSON object."),
    (b"{", "The body is not valid JSON in UTF-8."),
    (b'{"temperature": NaN}', "The body is not valid JSON in UTF-8."),
    (b'{"model": "a", "model": "b"}', "The body is not valid JSON in UTF-8."),
    ('{"model": "é"}'.encode("latin-1"), "The body is not valid JSON in UTF-8."),
]


@pytest.mark.parametrize("path", [*TAKE_ALL, "/api/llm-provider/models"])
def test_what_is_no_json_object(path: str, as_alice: Caller) -> None:
    for body, message in BODIES:
        assert envelope(as_alice.post(path, body)) == invalid(("body", message))


@pytest.mark.parametrize("text", ["1e400", "-1e400", "1" * 401])
def test_a_number_that_no_float_holds(text: str, vendor: Vendor, as_alice: Caller) -> None:
    body = json.dumps(fields(vendor))[:-1] + f', "temperature": {text}}}'
    response = as_alice.post("/api/llm-provider/verify", body.encode())
    assert (response.status_code, envelope(response)["data"]["errors"][0]["field"]) == (422, "temperature")
    assert vendor.requests == []


GOOD: list[dict[str, Any]] = [
    {"name": ""},
    {"name": None},
    {"model": "x" * 255},
    {"model": "组织/模型-é:free"},
    {"max_tokens": 0, "max_model_len": ""},
    {"max_tokens": 1, "max_model_len": 2147483647},
    {"max_tokens": None, "temperature": None, "top_p": None, "presence_penalty": None},
    {"temperature": 0, "top_p": 0, "presence_penalty": -2},
    {"temperature": 2, "top_p": 1, "presence_penalty": 2},
    {"temperature": 0.7, "top_p": 0.5, "presence_penalty": -0.5},
    {"api_keys": ["x"]},
    {"api_keys": ["x" * 4096]},
    {"api_keys": [f" {KEY} "]},
    {"api_keys": ["!\"#$%&'()+,-./:;<=>?@[\\]^_`{|}~"]},
    {"unknown": "ignored", "id": 5, "user_id": "bob"},
]


@pytest.mark.parametrize("changes", GOOD)
def test_what_is_good(changes: dict[str, Any], vendor: Vendor, as_alice: Caller) -> None:
    """The edges of what is taken, so that the refusals above come from their values and from nothing else."""
    response = as_alice.post("/api/llm-provider/verify", fields(vendor, **changes))
    assert envelope(response) == {"code": 200, "message": "Verified", "data": None}
    (received,) = vendor.requests
    assert received.key == changes.get("api_keys", [KEY])[0].strip()


@pytest.mark.parametrize("end", ["", "/", "//", " "])
def test_an_address_loses_its_trailing_slash(end: str, vendor: Vendor, as_alice: Caller) -> None:
    response = as_alice.post("/api/llm-provider/verify-capabilities", fields(vendor, base_url=vendor.base_url + end))
    assert envelope(response)["data"]["base_url"] == vendor.base_url
    assert {received.path for received in vendor.requests} == {"/v1/chat/completions"}
