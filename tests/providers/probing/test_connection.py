"""check_connection: what counts as connected, what is sent, and what each failure says."""

import socket
import time
from dataclasses import replace
from typing import Any

import pytest
from pytest_django import Settings

from providers.keys import ApiKey
from providers.probing import Category, Connection, ModelEndpoint, ProbeFailed, check_connection
from sage_platform.outbound import using_resolver
from tests.providers.probing.conftest import KEY
from tests.providers.sentences import ASKED_TWICE
from tests.vendor import Exchange, Vendor, answering, saying
from tests.vendor.behaviours import completion

AUTHENTICATION = "Authentication failed. Check the API key: it may be mistyped, expired or revoked."
PERMISSION = "Permission denied. The key is known, but it may not use this. Ask the service for access, or use another key."
MODEL = "The model is not available. Check its name, or choose another model of this service."
QUOTA = "The quota or balance is used up. Top up the account or raise its limit at the service."
RATE = "The service limits how often it may be asked. Wait a moment, then try again."
TIMEOUT = "The service did not answer in time. Try again, or check whether it is up."
CONNECTION = "The connection failed. Check the address, and that the service can be reached from here."
NOT_OPENAI = "This address does not answer like an OpenAI-compatible API. Check the base URL; it often ends in /v1."
SERVICE = "The service answered with an error. Try again later, or ask the service."
SILENT = "The service answered, but the model said nothing. Try again, or choose another model."
MOVED = "This address redirects elsewhere. Enter the address that it leads to as the base URL."
BROKE = " The connection to the server broke."

FAILURES = {
    "unauthorized_401": (Category.AUTHENTICATION, AUTHENTICATION, "Incorrect API key provided."),
    "forbidden_403": (Category.PERMISSION, PERMISSION, "You may not use this model."),
    "not_found_404": (Category.MODEL, MODEL, "The model `nope` does not exist or you do not have access to it."),
    "rate_limited_429": (Category.RATE_LIMIT, RATE, "Rate limit reached for requests"),
    "quota_429": (Category.QUOTA, QUOTA, "You exceeded your current quota, please check your plan and billing details."),
    "payment_402": (Category.QUOTA, QUOTA, "Insufficient Balance"),
    "error_500": (Category.SERVICE, SERVICE, "The server had an error while processing your request."),
    "unavailable_503": (Category.SERVICE, SERVICE, "Service Unavailable"),
    "hang": (Category.TIMEOUT, TIMEOUT, ""),
    "hang_in_body": (Category.TIMEOUT, TIMEOUT, ""),
    "drip": (Category.TIMEOUT, TIMEOUT, ""),
    "drip_body": (Category.TIMEOUT, TIMEOUT, ""),
    "cut_mid_body": (Category.CONNECTION, CONNECTION + BROKE, ""),
    "reset": (Category.CONNECTION, CONNECTION + BROKE, ""),
    "redirect": (Category.NOT_OPENAI, MOVED, ""),
    "redirect_to_metadata": (Category.NOT_OPENAI, MOVED, ""),
    "gzip_bomb": (Category.NOT_OPENAI, NOT_OPENAI, ""),
    "huge": (Category.NOT_OPENAI, NOT_OPENAI, ""),
    "huge_unannounced": (Category.NOT_OPENAI, NOT_OPENAI, ""),
    "html": (Category.NOT_OPENAI, NOT_OPENAI, "Welcome"),
    "html_404": (Category.NOT_OPENAI, NOT_OPENAI, "404 Not Found"),
    "empty": (Category.NOT_OPENAI, NOT_OPENAI, ""),
    "empty_404": (Category.NOT_OPENAI, NOT_OPENAI, ""),
    "not_json": (Category.NOT_OPENAI, NOT_OPENAI, "pong"),
    "other_json": (Category.NOT_OPENAI, NOT_OPENAI, ""),
    "error_in_200": (Category.AUTHENTICATION, AUTHENTICATION, "Incorrect API key provided."),
    "empty_choices": (Category.SERVICE, SILENT, ""),
    "null_content": (Category.SERVICE, SILENT, ""),
    "tool_call": (Category.SERVICE, SILENT, ""),
}


def failure(target: ModelEndpoint, timeout: float = 5) -> ProbeFailed:
    with pytest.raises(ProbeFailed) as raised:
        check_connection(target, timeout=timeout)
    return raised.value


@pytest.mark.parametrize("behaviour", FAILURES)
def test_each_failure(behaviour: str, vendor: Vendor, target: ModelEndpoint) -> None:
    category, sentence, detail = FAILURES[behaviour]
    vendor.behave(behaviour)
    began = time.monotonic()
    failed = failure(target, 0.3 if category is Category.TIMEOUT else 5)
    # One deadline for the whole call: a byte a second never starts it anew.
    assert category is not Category.TIMEOUT or 0.3 <= time.monotonic() - began < 5
    assert (failed.category, str(failed.sentence), failed.detail) == (category, sentence, detail)
    assert failed.message == str(failed) == (f"{sentence} The service says: {detail}" if detail else sentence)
    assert len(vendor.requests) == (2 if behaviour in ASKED_TWICE else 1), "nothing is tried twice in secret"


def test_what_is_sent(vendor: Vendor, target: ModelEndpoint) -> None:
    check_connection(target, timeout=5)
    (received,) = vendor.requests
    assert (received.method, received.path) == ("POST", "/v1/chat/completions")
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert received.headers["content-type"] == "application/json"
    assert received.body == {
        "model": "scripted-large",
        "messages": [{"role": "user", "content": "Reply with the one word: OK"}],
        "max_tokens": 16,
        "stream": False,
    }


def test_without_a_key_nothing_is_sent_for_one(vendor: Vendor, target: ModelEndpoint) -> None:
    assert check_connection(replace(target, api_key=ApiKey("")), timeout=5).answer == "OK"
    assert "authorization" not in vendor.requests[0].headers


ANSWERS: list[tuple[str, Any, str]] = [
    ("a text", completion("OK"), "OK"),
    ("parts", completion([{"type": "text", "text": "Hello, "}, {"type": "text", "text": "world"}]), "Hello, world"),
    ("a part by itself", completion({"type": "text", "text": "Hello"}), "Hello"),
    ("thinking in the text", completion("<think>One word.</think>\n\nOK"), "OK"),
    ("thinking whose start is in the template", completion("One word.\n</think>\nOK"), "OK"),
    ("nothing but thinking in the text", completion("<think>One word.</think>"), "One word."),
    ("thinking that was cut", completion("<think>One w", finish_reason="length"), "One w"),
    ("reasoning_content", completion("", reasoning_content="One word."), "One word."),
    ("reasoning", completion(None, reasoning="One word."), "One word."),
    ("reasoning in details", completion(None, reasoning_details=[{"type": "reasoning.text", "text": "One word."}]), "One word."),
    (
        "thinking as a part",
        completion([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "OK"}]),
        "OK",
    ),
    ("cut before the first word", completion("", finish_reason="length"), ""),
    ("cut without a content", completion(None, finish_reason="length"), ""),
    ("cut, as Gemini says it", completion(None, finish_reason="MAX_TOKENS"), ""),
    ("a refusal", completion(None, refusal="I will not."), "I will not."),
    ("an error that is null", completion("OK") | {"error": None}, "OK"),
    ("MiniMax's state", completion("OK") | {"base_resp": {"status_code": 0, "status_msg": ""}}, "OK"),
    ("the second choice", {"choices": [{"message": {"content": ""}}, {"message": {"content": "OK"}}]}, "OK"),
    ("odd choices", {"choices": [None, "x", {"message": None}, {"message": {"content": "OK"}}]}, "OK"),
    ("other languages", completion("好的。Ça va 👍"), "好的。Ça va 👍"),
    ("control characters", completion("a\x00b\x1b[31m\u202ec\ud800\nd"), "a b [31mc?\nd"),
    ("a long text", completion("word " * 1000), ("word " * 200).strip()[:999] + "…"),
    ("a byte order mark", b"\xef\xbb\xbf" + b'{"choices": [{"message": {"content": "OK"}}]}', "OK"),
    ("UTF-16", '{"choices": [{"message": {"content": "OK"}}]}'.encode("utf-16"), "OK"),
    ("blank lines before", b"\n\n\n" + b'{"choices": [{"message": {"content": "OK"}}]}', "OK"),
]


@pytest.mark.parametrize(("body", "answer"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_connected(body: object, answer: str, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(answering(body))
    connection = check_connection(target, timeout=5)
    assert connection == Connection(answer, connection.latency_ms)


@pytest.mark.parametrize("behaviour", ["wrong_content_type", "parts", "good"])
def test_the_content_type_is_not_asked(behaviour: str, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(behaviour)
    assert check_connection(target, timeout=5).answer == "OK"


def test_the_latency_is_that_of_the_answer(vendor: Vendor, target: ModelEndpoint) -> None:
    def slow(exchange: Exchange) -> None:
        exchange.wait(0.2)
        saying("OK")(exchange)

    vendor.behave(slow)
    assert 200 <= check_connection(target, timeout=5).latency_ms < 2000


@pytest.mark.parametrize(
    ("base_url", "path"),
    [
        ("{root}/v1", "/v1/chat/completions"),
        ("{root}/v1/", "/v1/chat/completions"),
        ("{root}", "/chat/completions"),
        ("{root}/openai/deployments/d?api-version=2024-06-01", "/openai/deployments/d/chat/completions?api-version=2024-06-01"),
        ("{root}/v1#part", "/v1/chat/completions"),
    ],
)
def test_the_address(base_url: str, path: str, vendor: Vendor, target: ModelEndpoint) -> None:
    check_connection(replace(target, base_url=base_url.format(root=vendor.base_url.removesuffix("/v1"))), timeout=5)
    assert [received.path for received in vendor.requests] == [path]


@pytest.mark.parametrize("key", ["sk-ключ", "“sk-abcdefgh”", "sk-a\r\nHost: evil", "sk-a\x00", " sk-a", "sk-a\t", "sk-\ud800"])
def test_a_key_that_no_header_takes(key: str, vendor: Vendor, target: ModelEndpoint) -> None:
    failed = failure(replace(target, api_key=ApiKey(key)))
    assert failed.category is Category.AUTHENTICATION
    assert failed.message == (
        "Authentication failed. The API key has characters that no key has. Copy it again, without spaces and quotes around it."
    )
    assert vendor.requests == []


NOT_ALLOWED = (
    "The connection failed. This address is not allowed here. Use the service's public address, or ask the administrator."
)


@pytest.mark.parametrize(
    "base_url", ["http://169.254.169.254/v1", "http://[fe80::1]/v1", "http://100.100.100.200", "http://0.0.0.0"]
)
@pytest.mark.parametrize("trusted", [True, False])
def test_an_address_that_is_never_allowed(base_url: str, trusted: bool) -> None:
    failed = failure(ModelEndpoint(base_url, ApiKey(KEY), "m", trusted=trusted))
    assert (failed.category, failed.message) == (Category.CONNECTION, NOT_ALLOWED)


def test_a_private_address_in_production(vendor: Vendor, target: ModelEndpoint, settings: Settings) -> None:
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = False
    failed = failure(target)
    assert (failed.category, failed.message) == (Category.CONNECTION, NOT_ALLOWED)
    assert vendor.requests == []
    # But the deployment's own provider may be on its own network.
    assert check_connection(replace(target, trusted=True), timeout=5).answer == "OK"


def test_a_name_that_leads_to_a_private_address(vendor: Vendor, target: ModelEndpoint, settings: Settings) -> None:
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = False
    named = replace(target, base_url=vendor.base_url.replace("127.0.0.1", "models.example"))
    with using_resolver(lambda host, port: ["127.0.0.1"]):
        failed = failure(named)
    assert (failed.category, failed.message) == (Category.CONNECTION, NOT_ALLOWED)
    assert vendor.requests == []


def test_a_name_that_is_not_known() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror

    with using_resolver(unknown):
        failed = failure(ModelEndpoint("https://models.example/v1", ApiKey(KEY), "m"))
    assert (failed.category, failed.message) == (Category.CONNECTION, f"{CONNECTION} The name of the server was not found.")


def test_nobody_listens(settings: Settings) -> None:
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = True
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # Not listening: the port is taken, and nobody answers.
        failed = failure(ModelEndpoint(f"http://127.0.0.1:{bound.getsockname()[1]}/v1", ApiKey(KEY), "m"))
    assert (failed.category, failed.message) == (Category.CONNECTION, f"{CONNECTION} The server could not be reached.")


@pytest.mark.parametrize("base_url", ["ftp://models.example", "models.example/v1", "https://a:b@models.example", "https://", ""])
def test_an_address_that_is_none(base_url: str) -> None:
    failed = failure(ModelEndpoint(base_url, ApiKey(KEY), "m"))
    assert failed.category is Category.CONNECTION
    assert failed.message == f"{CONNECTION} Enter an absolute http or https address without a user name."
