"""Every way to answer that the scripted vendor knows, by name."""

import base64
import gzip
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from tests.vendor.exchange import Exchange, head

Behaviour = Callable[[Exchange], None]
MODELS = ["scripted-large", "scripted-small"]
DRIP_SECONDS = 1.0
HANG_SECONDS = 30.0


# -- What answers are made of ---------------------------------------------------------------------------------------------


def completion(content: object, *, finish_reason: str = "stop", **message: object) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1710000000,
        "model": "scripted-large",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content} | message,
                "finish_reason": finish_reason,
            }
        ],
        "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
    }


def openai_error(message: str, *, type: str = "invalid_request_error", **more: object) -> dict[str, Any]:
    return {"error": {"message": message, "type": type, "param": None, "code": None} | more}


def chunk(delta: dict[str, object], *, finish_reason: str | None = None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1710000000,
        "model": "scripted-large",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    }


def events(*words: str) -> bytes:
    """What a model says word by word, as server-sent events."""
    chunks = [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": word}) for word in words),
        chunk({}, finish_reason="stop"),
        chunk({}) | {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}},
    ]
    return b"".join(b"data: %s\n\n" % json.dumps(each).encode() for each in chunks) + b"data: [DONE]\n\n"


def saying(content: object, *, finish_reason: str = "stop", **message: object) -> Behaviour:
    """Answers every chat with these words."""
    return answering(completion(content, finish_reason=finish_reason, **message))


def answering(body: object, *, status: int = 200, **headers: str) -> Behaviour:
    """Answers everything with this JSON value, or with these bytes."""

    def behave(exchange: Exchange) -> None:
        if isinstance(body, bytes):
            exchange.send(body, status=status, **headers)
        else:
            exchange.json(body, status=status, **headers)

    return behave


def after(seconds: float, then: "str | Behaviour" = "good") -> Behaviour:
    """Does it after a time."""

    def behave(exchange: Exchange) -> None:
        if exchange.wait(seconds):
            (BEHAVIOURS[then] if isinstance(then, str) else then)(exchange)

    return behave


def only(kind: str, then: Behaviour) -> Behaviour:
    """Does it when asked for this kind of thing, and is good otherwise."""

    def behave(exchange: Exchange) -> None:
        (then if exchange.received.kind == kind else good)(exchange)

    return behave


# -- Good -----------------------------------------------------------------------------------------------------------------


def good(exchange: Exchange) -> None:
    """Sees the picture, obeys every JSON mode, lists two models."""
    received = exchange.received
    if received.kind == "models":
        exchange.json(
            {
                "object": "list",
                "data": [{"id": name, "object": "model", "created": 1710000000, "owned_by": "scripted"} for name in MODELS],
            }
        )
    elif received.method != "POST" or not received.path.split("?")[0].endswith("/chat/completions"):
        exchange.json({"detail": "Not Found"}, status=404)
    elif (received.body or {}).get("stream"):
        stream(exchange)
    else:
        exchange.json(completion(words_of_a_good_model(exchange)))


def words_of_a_good_model(exchange: Exchange) -> str:
    if exchange.received.kind == "image":
        return f"{exchange.received.colour().capitalize()}."
    return '{"ok": true}' if exchange.received.kind == "json" else "OK"


def stream(exchange: Exchange) -> None:
    """The same as events, one for each character."""
    exchange.send(events(*words_of_a_good_model(exchange)), content_type="text/event-stream; charset=utf-8")


# -- Time and the wire ----------------------------------------------------------------------------------------------------


def hang(exchange: Exchange) -> None:
    exchange.wait(HANG_SECONDS)


def hang_in_body(exchange: Exchange) -> None:
    exchange.write(head(200, {"Content-Type": "application/json", "Content-Length": "500"}) + b'{"choices": ')
    exchange.wait(HANG_SECONDS)


def drip(exchange: Exchange) -> None:
    """One byte a second, so that no single wait is long."""
    for byte in head(200, {"Content-Type": "application/json", "Content-Length": "500"}) + b" " * 500:
        exchange.write(bytes([byte]))
        if not exchange.wait(DRIP_SECONDS):
            return


def drip_body(exchange: Exchange) -> None:
    exchange.write(head(200, {"Content-Type": "application/json", "Content-Length": "500"}))
    while exchange.wait(DRIP_SECONDS):
        exchange.write(b" ")


def cut_mid_body(exchange: Exchange) -> None:
    exchange.write(head(200, {"Content-Type": "application/json", "Content-Length": "500"}) + b'{"choices": [{"mess')


def reset(exchange: Exchange) -> None:
    exchange.reset()


def gzip_bomb(exchange: Exchange) -> None:
    """100 MB of spaces, in 100 KB."""
    exchange.send(_bomb(), content_type="application/json", Content_Encoding="gzip")


def huge(exchange: Exchange) -> None:
    """100 MB that the length announces."""
    _pour(exchange, head(200, {"Content-Type": "application/json", "Content-Length": str(100 * 1024 * 1024)}))


def huge_unannounced(exchange: Exchange) -> None:
    """100 MB without a length."""
    _pour(exchange, head(200, {"Content-Type": "application/json", "Connection": "close"}))


def _pour(exchange: Exchange, start: bytes) -> None:
    exchange.write(start)
    for _piece in range(100):
        exchange.write(b" " * (1024 * 1024))


_BOMB: list[bytes] = []


def _bomb() -> bytes:
    if not _BOMB:
        _BOMB.append(gzip.compress(b" " * (100 * 1024 * 1024), 1))
    return _BOMB[0]


# -- Parameters and modes -------------------------------------------------------------------------------------------------


def refusing_parameter(name: str, *, offer: str = "") -> Behaviour:
    """Good, but for this parameter."""
    hint = f" Use '{offer}' instead." if offer else ""
    error = openai_error(
        f"Unsupported parameter: '{name}' is not supported with this model.{hint}", param=name, code="unsupported_parameter"
    )

    def behave(exchange: Exchange) -> None:
        if name in (exchange.received.body or {}):
            exchange.json(error, status=400)
        else:
            good(exchange)

    return behave


def streaming_only(exchange: Exchange) -> None:
    """As DashScope says it (FoundationAgents/OpenManus#330)."""
    if exchange.received.kind != "models" and not (exchange.received.body or {}).get("stream"):
        words = "This model only support stream mode, please enable the stream parameter to access the model. "
        exchange.json(openai_error(words, code="invalid_parameter_error"), status=400)
    else:
        good(exchange)


def streaming_always(exchange: Exchange) -> None:
    """Asked for it or not."""
    (good if exchange.received.kind == "models" else stream)(exchange)


def needing_room(exchange: Exchange) -> None:
    """As OpenAI's reasoning models say it (BerriAI/litellm#26987)."""
    if (exchange.received.body or {}).get("max_tokens", 512) < 512:
        words = "Could not finish the message because max_tokens or model output limit was reached."
        exchange.json(openai_error(f"{words} Please try again with higher max_tokens."), status=400)
    else:
        good(exchange)


def refusing_parameter_like_pydantic(name: str) -> Behaviour:
    error = {"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted", "input": 512}

    def behave(exchange: Exchange) -> None:
        if name in (exchange.received.body or {}):
            exchange.json({"detail": [error]}, status=422)
        else:
            good(exchange)

    return behave


def obeying_modes(*modes: str, refusing: bool = True) -> Behaviour:
    """Obeys these JSON modes. The others it refuses, or answers in prose."""

    def behave(exchange: Exchange) -> None:
        mode = (exchange.received.body or {}).get("response_format", {}).get("type", "")
        if exchange.received.kind != "json" or mode in modes:
            good(exchange)
        elif mode and refusing:
            exchange.json(openai_error(f"response_format of type '{mode}' is not supported"), status=400)
        else:
            exchange.json(completion("Sure! It is all right."))

    return behave


def key_echoed(exchange: Exchange) -> None:
    """Says the key in every way that services are known to."""
    key = exchange.received.key
    forms = [
        key,
        f"'{key}'",
        f"Bearer {key}",
        f"{key[:6]}{'*' * 12}{key[-4:]}",
        f"{key[:5]}...{key[-4:]}",
        quote(key, safe=""),
        base64.b64encode(key.encode()).decode(),
        base64.b64encode(f"Bearer {key}".encode()).decode(),
    ]
    exchange.json(openai_error(f"Incorrect API key provided: {' / '.join(forms)}", code="invalid_api_key"), status=401)


def redirect(location: str, status: int = 307) -> Behaviour:
    return answering(b"", status=status, Location=location)


def _html(title: str) -> bytes:
    return f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>".encode()


QUOTA = openai_error(
    "You exceeded your current quota, please check your plan and billing details.",
    type="insufficient_quota",
    code="insufficient_quota",
)
RATE = openai_error("Rate limit reached for requests", type="requests", code="rate_limit_exceeded")
NO_MODEL = openai_error("The model `nope` does not exist or you do not have access to it.", code="model_not_found")
NO_KEY = openai_error("Incorrect API key provided.", code="invalid_api_key")
NO_IMAGES = openai_error("This model does not support image input.")
OTHER_PERSON = openai_error("You may not use this model.", type="permission_error")
DOWN = openai_error("The server had an error while processing your request.", type="server_error")

BEHAVIOURS: dict[str, Behaviour] = {
    "good": good,
    # Refusals by status.
    "unauthorized_401": answering(NO_KEY, status=401),
    "forbidden_403": answering(OTHER_PERSON, status=403),
    "not_found_404": answering(NO_MODEL, status=404),
    "rate_limited_429": answering(RATE, status=429),
    "quota_429": answering(QUOTA, status=429),
    "payment_402": answering({"error": {"message": "Insufficient Balance", "type": "unknown_error"}}, status=402),
    "error_500": answering(DOWN, status=500),
    "unavailable_503": answering({"detail": "Service Unavailable"}, status=503),
    "key_echoed": key_echoed,
    # Time and the wire.
    "hang": hang,
    "hang_in_body": hang_in_body,
    "drip": drip,
    "drip_body": drip_body,
    "cut_mid_body": cut_mid_body,
    "reset": reset,
    "redirect": redirect("https://elsewhere.example/v1/chat/completions"),
    "redirect_to_metadata": redirect("http://169.254.169.254/latest/meta-data/", 302),
    "gzip_bomb": gzip_bomb,
    "huge": huge,
    "huge_unannounced": huge_unannounced,
    # Not an OpenAI-compatible API.
    "html": answering(_html("Welcome"), content_type="text/html; charset=utf-8"),
    "html_404": answering(_html("404 Not Found"), status=404, content_type="text/html"),
    "empty": answering(b""),
    "empty_404": answering(b"", status=404),
    "not_json": answering(b"pong", content_type="text/plain"),
    "other_json": answering({"hello": "world"}),
    # Odd answers within HTTP 200.
    "error_in_200": answering(openai_error("Incorrect API key provided.", code="invalid_api_key")),
    "empty_choices": answering(completion("") | {"choices": []}),
    "null_content": saying(None),
    "reasoning_only": saying(None, reasoning_content="The person wants one word."),
    "length": saying("", finish_reason="length"),
    "wrong_content_type": answering(json.dumps(completion("OK")).encode(), content_type="text/html"),
    "parts": saying([{"type": "text", "text": "O"}, {"type": "text", "text": "K"}]),
    "tool_call": saying(
        None,
        finish_reason="tool_calls",
        tool_calls=[{"id": "1", "type": "function", "function": {"name": "reply", "arguments": '{"ok": true}'}}],
    ),
    # Images.
    "image_refused_400": only("image", answering(NO_IMAGES, status=400)),
    "image_refused_422": only("image", answering(NO_IMAGES, status=422)),
    "image_refused_500": only("image", answering(DOWN, status=500)),
    "image_ignored": only("image", saying("Hello! How can I help you today?")),
    "image_blind": only("image", saying("I'm sorry, I cannot see images. Please describe it.")),
    "image_hangs": only("image", hang),
    # JSON modes.
    "json_mode_refused": obeying_modes(),
    "json_schema_only": obeying_modes("json_schema"),
    "json_object_only": obeying_modes("json_object"),
    "json_ignored": obeying_modes(refusing=False),
    "json_fails_500": only("json", answering(DOWN, status=500)),
    "json_hangs": only("json", hang),
    # Parameters.
    "refuses_max_tokens": refusing_parameter("max_tokens", offer="max_completion_tokens"),
    "refuses_max_completion_tokens": refusing_parameter("max_completion_tokens"),
    "refuses_max_tokens_422": refusing_parameter_like_pydantic("max_tokens"),
    "refuses_max_completion_tokens_422": refusing_parameter_like_pydantic("max_completion_tokens"),
    "needs_room": needing_room,
    # Streams.
    "streams_only": streaming_only,
    "streams_always": streaming_always,
}
