"""list_models: what the endpoint's own /models says, with its ids, and within bounds."""

from dataclasses import replace
from typing import Any

import pytest

from providers.probing import Category, ModelEndpoint, ProbeFailed, list_models
from tests.providers.probing.conftest import KEY
from tests.vendor import Vendor, answering
from tests.vendor.behaviours import openai_error

NO_LIST = "This service does not list its models. Type the model's name, or check the base URL; it often ends in /v1."
AUTHENTICATION = "Authentication failed. Check the API key: it may be mistyped, expired or revoked."
NOT_OPENAI = "This address does not answer like an OpenAI-compatible API. Check the base URL; it often ends in /v1."


def test_a_good_vendor(vendor: Vendor, target: ModelEndpoint) -> None:
    assert list_models(target, timeout=5) == [
        {"id": "scripted-large", "object": "model", "created": 1710000000, "owned_by": "scripted"},
        {"id": "scripted-small", "object": "model", "created": 1710000000, "owned_by": "scripted"},
    ]
    (received,) = vendor.requests
    assert (received.method, received.path, received.body) == ("GET", "/v1/models", None)
    assert received.headers["authorization"] == f"Bearer {KEY}"


def test_a_query_stays_at_the_end(vendor: Vendor, target: ModelEndpoint) -> None:
    list_models(replace(target, base_url=f"{vendor.base_url}/?api-version=1"), timeout=5)
    assert vendor.requests[0].path == "/v1/models?api-version=1"


LISTS: list[tuple[str, Any, list[dict[str, Any]]]] = [
    ("none", {"object": "list", "data": []}, []),
    # opendatahub-io/models-as-a-service#513
    ("null, as Go says it", {"data": None, "object": "list"}, []),
    ("nothing but the word list", {"object": "list"}, []),
    ("a bare list", [{"id": "a"}, {"id": "b"}], [{"id": "a"}, {"id": "b"}]),
    ("nested values", {"data": [{"id": "a", "pricing": {"prompt": 1}, "tags": ["x"], "name": "A"}]}, [{"id": "a", "name": "A"}]),
    ("long texts", {"data": [{"id": "a", "description": "x" * 301, "name": "x" * 300}]}, [{"id": "a", "name": "x" * 300}]),
    ("twice the same", {"data": [{"id": "a"}, {"id": "b"}, {"id": "a"}]}, [{"id": "a"}, {"id": "b"}]),
    (
        "what are no models",
        {"data": [None, "a", 1, [], {}, {"id": None}, {"id": 7}, {"id": ""}, {"id": "x" * 301}, {"id": "ok"}]},
        [{"id": "ok"}],
    ),
    ("odd letters", {"data": [{"id": "模型-é\x00\u202e"}]}, [{"id": "模型-é"}]),
    (
        "odd numbers",
        {"data": [{"id": "a", "n": 10**30, "f": 1.5, "b": True, "z": None}]},
        [{"id": "a", "n": None, "f": 1.5, "b": True, "z": None}],
    ),
    ("a field that pretends to be the id", {"data": [{"\x00id": "b", "id": "a"}]}, [{"id": "a"}]),
]


@pytest.mark.parametrize(("body", "models"), [row[1:] for row in LISTS], ids=[row[0] for row in LISTS])
def test_each_list(body: object, models: list[dict[str, Any]], vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(models=answering(body))
    assert list_models(target, timeout=5) == models


def test_a_list_has_an_end(vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(
        models=answering({"data": [{"id": f"m{number}"} | {f"f{field}": 1 for field in range(50)} for number in range(1500)]})
    )
    models = list_models(target, timeout=5)
    assert len(models) == 1000
    assert {len(model) for model in models} == {11}
    assert models[-1]["id"] == "m999"


FAILURES: list[tuple[str, int, Any, Category, str]] = [
    (
        "the key",
        401,
        openai_error("Incorrect API key provided.", code="invalid_api_key"),
        Category.AUTHENTICATION,
        f"{AUTHENTICATION} The service says: Incorrect API key provided.",
    ),
    ("no such route", 404, {"detail": "Not Found"}, Category.NOT_OPENAI, f"{NO_LIST} The service says: Not Found"),
    ("no such method", 405, b"", Category.NOT_OPENAI, NO_LIST),
    ("a page", 404, b"<html><title>404</title></html>", Category.NOT_OPENAI, f"{NO_LIST} The service says: 404"),
    ("HTML", 200, b"<html><title>Welcome</title></html>", Category.NOT_OPENAI, f"{NOT_OPENAI} The service says: Welcome"),
    ("nothing", 200, b"", Category.NOT_OPENAI, NOT_OPENAI),
    ("no list", 200, {"data": {"id": "a"}}, Category.NOT_OPENAI, NOT_OPENAI),
    ("null that is said to be no list", 200, {"object": "page", "data": None}, Category.NOT_OPENAI, NOT_OPENAI),
    (
        "an error beside null",
        200,
        {"object": "list", "data": None, "error": {"message": "Incorrect API key provided."}},
        Category.AUTHENTICATION,
        f"{AUTHENTICATION} The service says: Incorrect API key provided.",
    ),
    ("a number", 200, 5, Category.NOT_OPENAI, NOT_OPENAI),
    (
        "an error inside HTTP 200",
        200,
        [{"error": {"code": 429, "message": "Slow down"}}],
        Category.RATE_LIMIT,
        "The service limits how often it may be asked. Wait a moment, then try again. The service says: Slow down",
    ),
    (
        "a redirect",
        301,
        b"",
        Category.NOT_OPENAI,
        "This address redirects elsewhere. Enter the address that it leads to as the base URL.",
    ),
    (
        "a crash",
        500,
        openai_error("Oops"),
        Category.SERVICE,
        "The service answered with an error. Try again later, or ask the service. The service says: Oops",
    ),
]


@pytest.mark.parametrize("failure", [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES])
def test_each_failure(failure: tuple[int, Any, Category, str], vendor: Vendor, target: ModelEndpoint) -> None:
    status, body, category, message = failure
    vendor.behave(models=answering(body, status=status))
    with pytest.raises(ProbeFailed) as failed:
        list_models(target, timeout=5)
    assert (failed.value.category, failed.value.message) == (category, message)


@pytest.mark.parametrize(
    ("behaviour", "category"),
    [
        ("hang", Category.TIMEOUT),
        ("drip_body", Category.TIMEOUT),
        ("reset", Category.CONNECTION),
        ("huge", Category.NOT_OPENAI),
        ("key_echoed", Category.AUTHENTICATION),
    ],
)
def test_the_wire(behaviour: str, category: Category, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(behaviour)
    with pytest.raises(ProbeFailed) as failed:
        list_models(target, timeout=0.3 if category is Category.TIMEOUT else 5)
    assert failed.value.category is category
    assert KEY not in failed.value.message
