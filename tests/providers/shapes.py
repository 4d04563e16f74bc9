"""What the routes refuse with 422, as data: what is sent in place of a good field, and the field that is named."""

from collections.abc import Iterable
from typing import Any

from tests.provider_rows import KEY, MASKED

ADDRESS = "Enter an address such as https://api.example.com/v1."
ONE = "Send a list of exactly one key."
LINE = "The key must be a single line of printable ASCII characters without spaces."
KEY_IS_MASKED = "This is the masked key. Enter the key itself."
BLANK = "This field may not be blank."
NULL = "This field may not be null."
STRING = "Not a valid string."
NUMBER = "A valid number is required."
INTEGER = "A valid integer is required."
BOOLEAN = "Must be true or false."
NUL = "Null characters are not allowed."

ADDRESSES: list[Any] = [
    "api.example.com/v1", "//api.example.com/v1", "/v1", "ftp://api.example.com/v1", "file:///etc/passwd",
    "javascript:alert(1)", "http://", "https:///v1", "http:", "http://:80/v1", "http://api.example.com:99999/v1",
    "http://api.example.com:port/v1", "https://user:hunter2@api.example.com/v1", "https://user@api.example.com/v1",
    "https://@api.example.com/v1", "http://api.example.com\\@evil.example/v1", "http://api example.com/v1",
    "http://api.example.com\n/v1", "http://api.example.com\r\nHost: evil/v1", "http://api.example.com/v1\x00",
    "http://\ud800/v1", "http://[::1/v1", "http://[fe80::1%25eth0]/v1", "http://%31%32%37.0.0.1/v1", "http://1.2.3.4.5/v1",
    "http://256.1.1.1/v1", "http://api..example.com/v1", "http://api.example.com/v1?key=hunter2",
    "http://api.example.com/v1#part", "http://api.example.com/v1?", "http://api.example.com/v1#",
]  # fmt: skip
KEY_SHAPES: list[tuple[Any, str]] = [
    ([], ONE),
    ([KEY, KEY], ONE),
    ([KEY, ""], ONE),
    (KEY, ONE),
    (5, ONE),
    (True, ONE),
    ({"0": KEY}, ONE),
    ([5], ONE),
    ([None], ONE),
    ([[KEY]], ONE),
    (None, NULL),
    ([""], "Enter the API key."),
    ([" "], "Enter the API key."),
    (["\n"], LINE),
    ([f"{KEY}\n"], LINE),
    ([f"{KEY}\r\nX-Evil: 1"], LINE),
    ([f"{KEY}\n{KEY}"], LINE),
    ([f"{KEY}\x00"], LINE),
    ([f"{KEY}\t"], LINE),
    ([f"{KEY}\x7f"], LINE),
    (["sk-🔑🔑🔑🔑"], LINE),
    (["sk-ключ"], LINE),
    (["sk-\ud800"], LINE),
    ([f"Bearer {KEY}"], LINE),
    (["x" * 4097], "The key is too long."),
]
MASKED_KEYS = [MASKED, "***", "abcd***wxyz", f" {MASKED} "]
TEXTS: list[tuple[Any, str]] = [
    (5, STRING),
    (True, STRING),
    (["x"], STRING),
    ({}, STRING),
    ("a\x00b", NUL),
    ("\ud800", "Surrogate characters are not allowed: U+D800."),
    ("x" * 256, "Ensure this field has no more than 255 characters."),
]
BOUNDS = [("temperature", 0, 2), ("top_p", 0, 1), ("presence_penalty", -2, 2)]
LENGTHS = ["max_tokens", "max_model_len"]
FLAGS = ["supports_multimodal", "supports_structured_output", "is_default"]


def each(field: str, values: Iterable[Any], message: str) -> list[tuple[str, Any, str]]:
    return [(field, value, message) for value in values]


def numbers() -> list[tuple[str, Any, str]]:
    found: list[tuple[str, Any, str]] = []
    for name, least, most in BOUNDS:
        found += each(name, [least - 0.001, -1e300], f"Ensure this value is greater than or equal to {least}.")
        found += each(name, [most + 0.001, 1e300], f"Ensure this value is less than or equal to {most}.")
        found += each(name, ["1", "", True, [], {}], NUMBER)
    for name in LENGTHS:
        found += each(name, [-1, -(10**400)], "Ensure this value is greater than or equal to 1.")
        found += each(name, [2**31, 10**400], "Ensure this value is less than or equal to 2147483647.")
        found += each(name, [1.5, "512", " ", True, False, [], {}], INTEGER)
    return found


def settings_shapes() -> list[tuple[str, Any, str]]:
    flags = [shape for name in FLAGS for shape in each(name, [0, 1, "true", "", []], BOOLEAN) + each(name, [None], NULL)]
    return numbers() + flags


def endpoint_shapes() -> list[tuple[str, Any, str]]:
    long = f"http://api.example.com/{'a' * 2048}"
    found = each("base_url", ADDRESSES, ADDRESS) + each("base_url", ["", " "], BLANK) + each("base_url", [None], NULL)
    found += each("base_url", [5, []], STRING) + each("base_url", [long], "Ensure this field has no more than 2048 characters.")
    found += [("api_keys", value, why) for value, why in KEY_SHAPES]
    return found + [("name", value, why) for value, why in TEXTS]


def model_shapes() -> list[tuple[str, Any, str]]:
    return [("model", value, why) for value, why in [*TEXTS, ("", BLANK), (" ", BLANK), (None, NULL)]]


def masked_shapes() -> list[tuple[str, Any, str]]:
    return each("api_keys", [[key] for key in MASKED_KEYS], KEY_IS_MASKED)


# By the field, the value that is sent in place of a good one, and the whole message.
WHOLE = [*endpoint_shapes(), *model_shapes(), *masked_shapes(), *settings_shapes()]
WITHOUT_MODEL = [*endpoint_shapes(), *masked_shapes(), *settings_shapes()]
CHANGES = [*endpoint_shapes(), *model_shapes(), *settings_shapes()]
