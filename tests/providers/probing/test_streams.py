"""Models that only stream, and services that stream unasked: what is asked once more, and how events are read."""

import json
import time
from typing import Any

import pytest

from providers.probing import Capability, Category, Connection, ModelEndpoint, ProbeFailed, check_capabilities, check_connection
from tests.providers.probing.sources import SOURCE
from tests.vendor import Exchange, Vendor, answering
from tests.vendor.behaviours import chunk, completion, events, good, openai_error
from tests.vendor.exchange import head

ONLY_STREAM = "This model only support stream mode, please enable the stream parameter to access the model. "
THINKING = "parameter.enable_thinking must be set to false for non-streaming calls"
# Who asks for a stream, the status, the body, and the source.
ASKING: list[tuple[str, int, Any, str]] = [
    ("DashScope", 400, openai_error(ONLY_STREAM, code="invalid_parameter_error"), "FoundationAgents/OpenManus#330"),
    ("DashScope, through a gateway", 400, openai_error(f"{ONLY_STREAM} (aiproxy: )"), "PDFMathTranslate/PDFMathTranslate#911"),
    ("DashScope: thinking", 400, openai_error(THINKING, code="invalid_parameter_error"), "infiniflow/ragflow#8972"),
    (
        "DashScope: thinking, natively",
        400,
        {"code": "InvalidParameter", "message": THINKING, "request_id": "1"},
        "langchain4j/langchain4j#3974",
    ),
    (
        "DashScope: thinking, in Chinese",
        400,
        openai_error("parameter.enable_thinking必须设置为false才能进行非流式调用", code="invalid_parameter_error"),
        "alibaba/spring-ai-alibaba#867",
    ),
    (
        "ModelScope",
        400,
        openai_error("enable thinking can not be support when `stream=False`.", code="invalid_parameter_error"),
        "musistudio/claude-code-router#948",
    ),
    ("Codex", 400, {"detail": "Stream must be set to true"}, "tinyhumansai/openhuman#5165"),
    (
        "Command Code",
        400,
        {
            "success": False,
            "error": {
                "code": "BAD_REQUEST",
                "status": 400,
                "message": "Invalid request error. Often missing required parameters or typo. HINT: Validation error: Invalid"
                ' input: expected true at "params.stream"',
            },
        },
        "decolua/9router#1705",
    ),
    ("in a 200", 200, openai_error(ONLY_STREAM), "made up after FoundationAgents/OpenManus#330"),
    ("in Chinese", 400, {"error": {"code": "1210", "message": "该模型仅支持流式调用"}}, "made up after DashScope's words"),
    (
        "by the call",
        400,
        {"error": {"code": "1212", "message": "当前模型不支持SYNC调用方式"}},
        "https://docs.bigmodel.cn/cn/api/api-code",
    ),
]
NOT_ASKING: list[tuple[str, int, Any]] = [
    (
        "a stream refused",
        400,
        openai_error("Unsupported value: 'stream' does not support true with this model. Only the default (false) value."),
    ),
    ("the parameter unknown", 400, openai_error("Unsupported parameter: 'stream'", param="stream")),
    ("a gateway", 400, openai_error("Please check the upstream service.")),
    ("a rate limit", 429, openai_error("Too many requests: only one stream at a time.")),
    ("the key", 401, openai_error("Incorrect API key provided; set stream=true.", code="invalid_api_key")),
    ("a failure", 500, openai_error(ONLY_STREAM)),
    ("a page", 400, b"<html><title>Please enable stream mode</title></html>"),
]


def streams(vendor: Vendor) -> list[bool]:
    return [body["stream"] for body in vendor.bodies()]


def sse(*values: object) -> bytes:
    return b"".join(b"data: %s\n\n" % json.dumps(value).encode() for value in values) + b"data: [DONE]\n\n"


@pytest.mark.parametrize(("status", "body"), [row[1:3] for row in ASKING], ids=[row[0] for row in ASKING])
def test_asked_once_more_as_a_stream(status: int, body: object, vendor: Vendor, target: ModelEndpoint) -> None:
    refuse = answering(body, status=status)
    vendor.behave(lambda exchange: (good if (exchange.received.body or {})["stream"] else refuse)(exchange))
    connection = check_connection(target, timeout=5)
    assert connection == Connection("OK", connection.latency_ms, streams_only=True)
    assert streams(vendor) == [False, True]


def test_each_source_is_named() -> None:
    assert [row[0] for row in ASKING if not SOURCE.fullmatch(row[3])] == []


@pytest.mark.parametrize(("status", "body"), [row[1:3] for row in ASKING], ids=[row[0] for row in ASKING])
def test_once_more_means_once(status: int, body: object, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(answering(body, status=status))
    with pytest.raises(ProbeFailed):
        check_connection(target, timeout=5)
    assert streams(vendor) == [False, True]


@pytest.mark.parametrize(("status", "body"), [row[1:] for row in NOT_ASKING], ids=[row[0] for row in NOT_ASKING])
def test_what_asks_for_no_stream(status: int, body: object, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(answering(body, status=status))
    with pytest.raises(ProbeFailed):
        check_connection(target, timeout=5)
    assert streams(vendor) == [False]


def test_what_the_second_answer_says_is_told(vendor: Vendor, target: ModelEndpoint) -> None:
    def refuse(exchange: Exchange) -> None:
        told = "Incorrect API key provided." if (exchange.received.body or {})["stream"] else ONLY_STREAM
        exchange.json(openai_error(told), status=400)

    vendor.behave(refuse)
    with pytest.raises(ProbeFailed) as failed:
        check_connection(target, timeout=5)
    assert (failed.value.category, failed.value.detail) == (Category.AUTHENTICATION, "Incorrect API key provided.")


def test_a_good_model_does_not_only_stream(vendor: Vendor, target: ModelEndpoint) -> None:
    assert not check_connection(target, timeout=5).streams_only
    assert streams(vendor) == [False]


def test_the_capabilities_remember_that_it_only_streams(vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave("streams_only")
    found = check_capabilities(target, timeout=5)
    assert found.connection.streams_only
    assert (found.image.capability, found.structured.capability) == (Capability.YES, Capability.YES)
    assert streams(vendor) == [False, True, True, True]


# -- Events ---------------------------------------------------------------------------------------------------------------

HELLO = events("Hello", ", ", "world")
WHOLE = json.dumps(completion("OK")).encode()
READ: list[tuple[str, bytes, str]] = [
    ("word by word", HELLO, "Hello, world"),
    ("with CRLF", HELLO.replace(b"\n", b"\r\n"), "Hello, world"),
    ("with CR", HELLO.replace(b"\n", b"\r"), "Hello, world"),
    ("no space after the colon", HELLO.replace(b"data: ", b"data:"), "Hello, world"),
    ("no empty lines", HELLO.replace(b"\n\n", b"\n"), "Hello, world"),
    ("no end", HELLO.removesuffix(b"data: [DONE]\n\n"), "Hello, world"),
    ("cut in the last event", HELLO.partition(b"data: [DONE]")[0] + b'data: {"choi', "Hello, world"),
    ("comments before", b": OPENROUTER PROCESSING\n\n" * 3 + HELLO, "Hello, world"),
    ("a byte order mark", b"\xef\xbb\xbf" + HELLO, "Hello, world"),
    ("blank lines before", b"\n\n" + HELLO, "Hello, world"),
    ("names and ids", HELLO.replace(b"data: {", b"event: message\nid: 1\nretry: 5\ndata: {"), "Hello, world"),
    (
        "an event of several lines",
        b'data: {"choices":\ndata: [{"delta": {"content": "OK"}}]}\n\n',
        "OK",
    ),
    ("events that are none", b"data: ping\n\ndata: 7\n\ndata: null\n\ndata: []\n\n" + HELLO, "Hello, world"),
    ("the whole message in one event", sse(completion("OK")), "OK"),
    # decolua/9router#3492
    ("a whole answer with the end of a stream", WHOLE + b"\n\ndata: [DONE]\n\n", "OK"),
    ("the same without a line between", WHOLE + b"data: [DONE]", "OK"),
    ("thoughts, then words", sse(chunk({"reasoning_content": "Hm"}), chunk({"content": "O"}), chunk({"content": "K"})), "OK"),
    ("thoughts alone", sse(chunk({"reasoning_content": "One "}), chunk({"reasoning_content": "word."})), "One word."),
    ("thinking in the words", events("<thi", "nk>One word.</think>", "OK"), "OK"),
    (
        "parts",
        sse(chunk({"content": [{"type": "thinking", "thinking": "Hm"}]}), chunk({"content": [{"type": "text", "text": "OK"}]})),
        "OK",
    ),
    ("parts and words", sse(chunk({"content": [{"type": "text", "text": "O"}]}), chunk({"content": "K"})), "OK"),
    ("cut before the first word", sse(chunk({"content": ""}), chunk({}, finish_reason="length")), ""),
    ("a refusal", sse(chunk({"refusal": "I will "}), chunk({"refusal": "not."})), "I will not."),
    ("a null delta", sse({"choices": [{"delta": None}]}, chunk({"content": "OK"})), "OK"),
    ("odd choices", sse({"choices": None}, {"choices": [7, None]}, {"choices": [{"delta": 7}]}, chunk({"content": "OK"})), "OK"),
    ("an odd index", sse({"choices": [{"index": [1], "delta": {"content": "OK"}}]}), "OK"),
    ("two choices", sse({"choices": [{"index": 1, "delta": {"content": "B"}}]}, chunk({"content": "A"})), "B"),
    ("an error after words", sse(chunk({"content": "OK"}), {"error": {"message": "Overloaded", "code": 502}}), "OK"),
    ("errors that are null", sse(chunk({"content": "OK"}) | {"error": None}), "OK"),
]


@pytest.mark.parametrize(("body", "answer"), [row[1:] for row in READ], ids=[row[0] for row in READ])
@pytest.mark.parametrize("content_type", ["text/event-stream", "application/json"])
def test_events_are_read(body: bytes, answer: str, content_type: str, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(answering(body, content_type=content_type))
    connection = check_connection(target, timeout=5)
    assert connection == Connection(answer, connection.latency_ms, streams_only=True)
    assert streams(vendor) == [False]


FAILING: list[tuple[str, bytes, Category, str, int]] = [
    ("an error", sse({"error": {"message": "Insufficient balance"}}), Category.QUOTA, "Insufficient balance", 1),
    (
        "an error by its name",
        b'event: error\ndata: {"type": "error", "error": {"type": "authentication_error", "message": "No."}}\n\n',
        Category.AUTHENTICATION,
        "No.",
        1,
    ),
    (
        "an error in a choice",
        sse({"choices": [{"error": {"code": 429, "message": "Slow down"}, "delta": {"content": ""}}]}),
        Category.RATE_LIMIT,
        "Slow down",
        1,
    ),
    ("nothing said", sse(chunk({"content": ""}), chunk({}, finish_reason="stop")), Category.SERVICE, "", 2),
    (
        "another kind of stream",
        b'event: ping\ndata: {"type": "ping"}\n\n',
        Category.NOT_OPENAI,
        'event: ping data: {"type": "ping"}',
        1,
    ),
    ("the end alone", b"data: [DONE]\n\n", Category.NOT_OPENAI, "data: [DONE]", 1),
    ("comments alone", b": hello\n\n", Category.NOT_OPENAI, ": hello", 1),
    ("nested beyond reading", b"data: " + b"[" * 100_000 + b"\n\n", Category.NOT_OPENAI, f"data: {'[' * 293}…", 1),
    ("no JSON", b'{"choices": ', Category.NOT_OPENAI, '{"choices":', 1),
]


@pytest.mark.parametrize("failing", [row[1:] for row in FAILING], ids=[row[0] for row in FAILING])
def test_events_that_are_no_answer(failing: tuple[bytes, Category, str, int], vendor: Vendor, target: ModelEndpoint) -> None:
    body, category, detail, requests = failing
    vendor.behave(answering(body, content_type="text/event-stream"))
    with pytest.raises(ProbeFailed) as failed:
        check_connection(target, timeout=5)
    assert (failed.value.category, failed.value.detail, len(vendor.requests)) == (category, detail, requests)


# -- Bounds ---------------------------------------------------------------------------------------------------------------


def pouring(piece: bytes, *, pause: float) -> Any:
    """A stream that never ends."""

    def behave(exchange: Exchange) -> None:
        exchange.write(head(200, {"Content-Type": "text/event-stream", "Connection": "close"}))
        while exchange.wait(pause):
            exchange.write(piece)

    return behave


def test_a_stream_that_drips_ends_with_the_deadline(vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(pouring(b": still thinking\n\n", pause=0.05))
    began = time.monotonic()
    with pytest.raises(ProbeFailed) as failed:
        check_connection(target, timeout=0.4)
    assert failed.value.category is Category.TIMEOUT
    assert 0.4 <= time.monotonic() - began < 5


def test_a_stream_without_an_end_ends_with_the_size(vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(pouring(b"data: %s\n\n" % json.dumps(chunk({"content": "x" * 60_000})).encode(), pause=0))
    with pytest.raises(ProbeFailed) as failed:
        check_connection(target, timeout=5)
    assert failed.value.category is Category.NOT_OPENAI


@pytest.mark.parametrize(("lines", "answer"), [(19_998, "OK"), (20_000, None)])
def test_lines_have_an_end(lines: int, answer: str | None, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(answering(b":\n" * lines + sse(chunk({"content": "OK"})), content_type="text/event-stream"))
    if answer:
        assert check_connection(target, timeout=5).answer == answer
    else:
        with pytest.raises(ProbeFailed) as failed:
            check_connection(target, timeout=5)
        assert failed.value.category is Category.NOT_OPENAI


@pytest.mark.parametrize("body", [b"data:\n" * 170_000, b"\n" * 1_000_000, b"data: {}\n" * 110_000, b"data: {}\n\n" * 100_000])
def test_a_stranger_cannot_keep_us_busy(body: bytes, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(answering(body, content_type="text/event-stream"))
    began = time.process_time()
    with pytest.raises(ProbeFailed):
        check_connection(target, timeout=5)
    assert time.process_time() - began < 1
