"""What a vendor wrote is shown short, printable and without the key, in whatever shape it was echoed."""

import base64
import hashlib
import html
import json
import re
import string
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.keys import ApiKey
from providers.probing import ModelEndpoint, ProbeFailed, check_connection, check_json, list_models
from providers.probing.vendor_text import Cleaner
from sage_platform.api.envelope import to_json
from tests.providers.probing.conftest import KEY
from tests.vendor import Vendor, answering, saying
from tests.vendor.behaviours import openai_error

ECHOES: list[tuple[str, str, str]] = [
    ("as it is", f"Incorrect API key provided: {KEY}.", "Incorrect API key provided: ***."),
    ("in quotes", f"The key '{KEY}' / \"{KEY}\" is unknown", "The key '***' / \"***\" is unknown"),
    ("in other letters", f"unknown: {KEY.upper()} {KEY.lower()}", "unknown: *** ***"),
    ("in a header", f"Authorization: Bearer {KEY}", "Authorization: Bearer ***"),
    ("inside a word", f"xx{KEY}yy is unknown", "*** is unknown"),
    ("only its start", f"{KEY[:14]} is unknown", "*** is unknown"),
    ("only its end", f"the key that ends in {KEY[-9:]}", "the key that ends in ***"),
    ("masked as OpenAI does", f"provided: {KEY[:8]}{'*' * 40}{KEY[-4:]}. You can find", "provided: ***. You can find"),
    ("masked with three stars", f"key {KEY[:5]}***{KEY[-4:]} is invalid", "key *** is invalid"),
    ("masked with one star", f"key {KEY[:4]}*{KEY[-4:]} is invalid", "key *** is invalid"),
    ("masked at the start, as DeepSeek does", f"Your api key: ****{KEY[-4:]} is invalid", "Your api key: *** is invalid"),
    ("masked at the end", f"Your api key: {KEY[:7]}**** is invalid", "Your api key: *** is invalid"),
    ("masked with dots, as LiteLLM does", f"Received API Key = {KEY[:3]}...{KEY[-4:]}, Key", "Received API Key = ***, Key"),
    ("masked with an ellipsis", f"key {KEY[:6]}…{KEY[-4:]} is", "key *** is"),
    ("masked with bullets", f"key {KEY[:6]}••••{KEY[-4:]} is", "key *** is"),
    ("masked with crosses", f"key {KEY[:6]}XXXXXXXX{KEY[-4:]} is", "key *** is"),
    ("masked with gaps", f"from {KEY[:6]} *** {KEY[-4:]} on", "from *** on"),
    ("masked, somebody else's", "key zz-98****12 is", "key *** is"),
    ("hashed, as LiteLLM does", f"Key Hash (Token) ={hashlib.sha256(KEY.encode()).hexdigest()}. x", "Key Hash (Token) =***. x"),
    ("in hexadecimal", f"got {KEY.encode().hex()} here", "got *** here"),
    ("in base64", f"got {base64.b64encode(KEY.encode()).decode()} here", "got *** here"),
    ("in base64 with what was before", f"got {base64.b64encode(f'Bearer {KEY}'.encode()).decode()} here", "got *** here"),
    ("in base64 with a name", f"got {base64.urlsafe_b64encode(f'me:{KEY}'.encode()).decode()} here", "got *** here"),
    ("with invisible letters", f"got {KEY[:6]}\u200b{KEY[6:12]}\u2060{KEY[12:]} here", "got *** here"),
    ("with invisible entities", f"got {KEY[:6]}&#8203;{KEY[6:12]}&ZeroWidthSpace;{KEY[12:]} here", "got *** here"),
    ("with markup", f"got {KEY[:12]}<b>{KEY[12:]}</b> here", "got *** *** here"),
    ("in an address", f"GET https://x.example/v1?key={KEY}&a=1 failed", "GET https://x.example/v1?key=***&a=1 failed"),
    ("another key", "use sk-AAAABBBBCCCC, not AIzaSyA1234567890123456789012345", "use ***, not ***"),
    ("another bearer", "Bearer abc123def456 is unknown", "Bearer *** is unknown"),
    ("a token in the text", "access_token=abcdef is unknown", "access_token=*** is unknown"),
    ("a web token", "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln here", "got *** here"),
]
UNHARMED = [
    "The model `m` does not exist or you do not have access to it.",
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth.",
    "Missing bearer or basic authentication in header",
    "**Error**: use *one* of the models... please",
    "2 * 3 * 4 is 24; a... b… c",
    "Visit https://platform.example/account/api-keys",
    "您的账户已欠费，请充值后重试。",
    "Request id 0b0f6a2c-7a44-4c8e-9d2e-1f1e5d3c2b1a",
    "max_tokens: Extra inputs are not permitted",
]


@pytest.mark.parametrize(("said", "shown"), [row[1:] for row in ECHOES], ids=[row[0] for row in ECHOES])
def test_the_key_is_removed(said: str, shown: str) -> None:
    assert Cleaner(ApiKey(KEY)).detail(said) == shown


@pytest.mark.parametrize("said", UNHARMED)
def test_other_words_stay(said: str) -> None:
    assert Cleaner(ApiKey(KEY)).detail(said) == said
    assert Cleaner(ApiKey("")).detail(said) == said


ODD_KEYS = [
    'p/+a=ss w%rd<&>"quoted"',
    "id12345.secret6789",
    "a" * 30,
    "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl",
    "abc def ghi jkl",
    "1234567890123",
]


@pytest.mark.parametrize("key", ODD_KEYS)
@pytest.mark.parametrize(
    "echo",
    [str, quote, quote_plus, html.escape, json.dumps, lambda key: json.dumps(key).replace("/", "\\/"), repr],
)
def test_keys_with_characters_that_are_escaped(key: str, echo: Callable[[str], str]) -> None:
    shown = Cleaner(ApiKey(key)).detail(f"before: {echo(key)} :after")
    assert shown.startswith("before: ")
    assert shown.endswith(" :after")
    assert not pieces(key) & pieces(shown)


@pytest.mark.parametrize(
    ("key", "said", "shown"),
    [
        ("a-a-a", "xa-a-a-a", "***"),
        ("a-a-a", "xa-a-a", "xa-a-a"),
        ("test", "test testtest test", "*** testtest ***"),
        ("test", "test", "***"),
        ("te.t", "text te.t", "text ***"),
    ],
)
def test_a_short_key_within_a_word_is_none(key: str, said: str, shown: str) -> None:
    assert Cleaner(ApiKey(key)).detail(said) == shown


def test_no_pattern_keeps_a_short_key() -> None:
    """`re` keeps the patterns that it has read, for as long as the process lives."""
    Cleaner(ApiKey("qzx7")).detail("The key qzx7 is unknown")
    assert "qzx7" not in str(vars(re)["_cache"])


def test_short_keys_are_removed_as_words() -> None:
    assert (
        Cleaner(ApiKey("test")).detail("The key test is unknown; testing goes on, TEST too")
        == "The key *** is unknown; testing goes on, *** too"
    )
    assert Cleaner(ApiKey("no")).detail("There is no such key") == "There is no such key", (
        "so short a key is no secret, and a text a need"
    )


def pieces(text: str, length: int = 8) -> set[str]:
    lower = text.lower()
    return {lower[start : start + length] for start in range(len(lower) - length + 1)}


KEYS = st.text(st.sampled_from(string.ascii_letters + string.digits + "-_"), min_size=12, max_size=80)
# Letters that no key has, so that what is found of the key in the text was put there.
AROUND = st.text(st.sampled_from("тест 你好。，:=\"'(<\n"), max_size=60)


@given(
    KEYS,
    AROUND,
    AROUND,
    st.sampled_from([str, str.upper, lambda key: quote(key, safe=""), lambda key: key[:9], lambda key: key[3:]]),
)
def test_no_echo_survives(key: str, before: str, after: str, echo: Callable[[str], str]) -> None:
    for text in (
        Cleaner(ApiKey(key)).detail(before + echo(key) + after),
        Cleaner(ApiKey(key)).answer(before + echo(key) + after),
    ):
        assert not pieces(key) & pieces(text)


@given(KEYS, st.binary(max_size=20), st.binary(max_size=20))
def test_no_base64_survives(key: str, before: bytes, after: bytes) -> None:
    encoded = base64.b64encode(before + key.encode() + after).decode()
    shown = Cleaner(ApiKey(key)).detail(encoded)
    for start in range(len(shown)):
        for end in (start + 16, start + 20, start + 24):
            with_key = (
                base64.b64decode(shown[start:end] + "===")
                if set(shown[start:end]) <= set(string.ascii_letters + "+/0123456789")
                else b""
            )
            assert not pieces(key) & pieces(with_key.decode("latin-1"))


@given(KEYS, st.integers(4, 6), st.integers(4, 6), st.sampled_from(["*", "***", "********", "...", "…", "••••", " *** "]))
def test_no_masked_end_survives(key: str, first: int, last: int, mask: str) -> None:
    assert Cleaner(ApiKey(key)).detail(f"ключ {key[:first]}{mask}{key[-last:]} неверен") == "ключ *** неверен"
    assert Cleaner(ApiKey(key)).detail(f"ключ {key[:first]}{mask.strip()} неверен") == "ключ *** неверен"
    assert Cleaner(ApiKey(key)).detail(f"ключ {mask.strip()}{key[-last:]} неверен") == "ключ *** неверен"


MARKUP_AND_ODD = st.sampled_from(["<script", ">", "</script>", "&lt;", "script", "<", "\x00", "\u202e", "\r\n", "&#x1b;"])


@given(st.lists(st.one_of(st.text(max_size=100), MARKUP_AND_ODD), max_size=12).map("".join))
def test_any_text_is_one_printable_line(text: str) -> None:
    shown = Cleaner(ApiKey(KEY)).detail(text)
    assert len(shown) <= 300
    assert shown.isprintable() or not shown
    assert "<script" not in shown.lower()
    shown.encode()  # No lone surrogates: they could be neither stored nor sent.


MARKUP = [
    ("<p>Not <b>found</b></p>", "Not found"),
    ("<script>alert(1)</script>gone", "gone"),
    ("<style>p {}</style>gone", "gone"),
    ("a <!-- comment --> b", "a b"),
    ("&lt;img src=x onerror=alert(1)&gt;gone", "gone"),
    ("Fish &amp; chips", "Fish & chips"),
    ("left&#8238;right&#x1b;&#0;", "leftright\ufffd"),
    ("<\u200bimg src=x onerror=alert(1)>gone", "gone"),
    ("<scr\x00ipt>alert(1)</scr\x00ipt>gone", "alert(1) gone"),
    ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
    ("<img src=x", ""),
    ("one\r\n\ttwo\x00\x1b[31mthree", "one two [31mthree"),
    ("left\u202eright\u2066x\ufeff", "leftrightx"),
]


@pytest.mark.parametrize(("said", "shown"), MARKUP)
def test_markup_and_control_characters(said: str, shown: str) -> None:
    assert Cleaner(ApiKey(KEY)).detail(said) == shown


def test_long_texts_are_cut_between_letters() -> None:
    cleaner = Cleaner(ApiKey(KEY))
    assert cleaner.detail("x" * 300) == "x" * 300
    assert cleaner.detail("x" * 301) == "x" * 299 + "…"
    # Not between a letter and its accent, nor between an emoji and its colour.
    assert cleaner.detail("x" * 298 + "e\u0301" + "y" * 10) == "x" * 298 + "…"
    assert cleaner.detail("x" * 298 + "👍🏽" + "y" * 10) == "x" * 298 + "…"
    assert len(cleaner.detail("中" * 1000)) == 300


def test_a_key_at_the_cut_is_removed_first() -> None:
    for length in range(280, 301):
        assert not pieces(KEY, 5) & pieces(Cleaner(ApiKey(KEY)).detail("ж" * length + " " + KEY), 5)


@pytest.mark.parametrize(
    "text", ["a" * 50_000, "<" * 50_000, "<a" * 25_000, "*" * 50_000, "a*" * 25_000, "&" * 50_000, ("x" * 99 + " ") * 500]
)
def test_a_stranger_cannot_keep_us_busy(text: str) -> None:
    began = time.process_time()
    Cleaner(ApiKey(KEY)).detail(text)
    assert time.process_time() - began < 0.5


def assert_no_frame_shows_the_key(error: BaseException) -> None:
    """Pages and reports of a crash print the variables of each frame."""
    frames = [
        frame for frame, _line in traceback.walk_tb(error.__traceback__) if "/providers/probing/" in frame.f_code.co_filename
    ]
    ours = [frame for frame in frames if "/tests/" not in frame.f_code.co_filename]
    assert len(ours) > 1
    for frame in ours:
        for name, value in frame.f_locals.items():
            assert not pieces(KEY) & pieces(repr(value)), (frame.f_code.co_name, name)


def test_a_key_that_cannot_be_sent_is_not_shown(target: ModelEndpoint) -> None:
    with pytest.raises(ProbeFailed) as failed:
        check_connection(replace(target, api_key=ApiKey(f"{KEY}\n")), timeout=5)
    assert_no_frame_shows_the_key(failed.value)


def test_an_echoed_key_is_in_no_failure(vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave("key_echoed")
    with pytest.raises(ProbeFailed) as failed:
        check_connection(target, timeout=5)
    error = failed.value
    assert_no_frame_shows_the_key(error)
    for shown in (error.message, str(error), repr(error), str(error.args), repr(error.__dict__), repr(target)):
        assert not pieces(KEY) & pieces(shown)
    assert error.message.startswith("Authentication failed. ")
    # Nothing that a report of the crash would print leads to the request.
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize("behaviour", ["hang", "reset", "cut_mid_body", "huge"])
def test_failures_of_the_wire_hold_no_request(behaviour: str, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(behaviour)
    with pytest.raises(ProbeFailed) as failed:
        check_connection(target, timeout=0.3)
    assert_no_frame_shows_the_key(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None


def test_the_key_is_in_nothing_that_a_model_says(vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(saying(f"Your header was Authorization: Bearer {KEY}"))
    assert check_connection(target, timeout=5).answer == "Your header was Authorization: Bearer ***"
    vendor.behave(json=saying(json.dumps({"ok": True, KEY: [KEY, {"deep": f"<{KEY}>"}]})))
    found = check_json(target, timeout=5)
    assert found.parsed == {"ok": True, "***": ["***", {"deep": "<***>"}]}
    assert not pieces(KEY) & pieces(found.answer or "")
    vendor.behave(answering({"data": [{"id": KEY, "owned_by": KEY, KEY: 1}]}))
    assert list_models(target, timeout=5) == [{"id": "***", "owned_by": "***", "***": 1}]


HOSTILE: list[tuple[str, Any, Any]] = [
    ("not finite", '{"ok": NaN, "a": Infinity, "b": 1e999}', {"ok": None, "a": None, "b": None}),
    ("beyond 64 bits", '{"ok": 123456789012345678901234567890}', {"ok": None}),
    ("lone surrogates", '{"ok": "\\ud800"}', {"ok": "?"}),
    ("a NUL", '{"ok": "a\\u0000b"}', {"ok": "a b"}),
    ("much", json.dumps({"ok": True, "a": [1] * 1000}), None),
    ("deep", '{"ok": ' + "[" * 100 + "]" * 100 + "}", None),
]


@pytest.mark.parametrize(("content", "parsed"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_parsed_values_can_be_sent_and_stored(content: str, parsed: object, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(json=saying(content))
    found = check_json(target, timeout=5)
    assert found.parsed is not None
    sent = to_json(found.parsed)
    assert len(sent) < 10_000
    assert b"\\u0000" not in sent
    assert parsed is None or found.parsed == parsed


def test_an_error_without_words(vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(answering(openai_error(""), status=401))
    with pytest.raises(ProbeFailed) as failed:
        check_connection(target, timeout=5)
    assert failed.value.message == "Authentication failed. Check the API key: it may be mistyped, expired or revoked."
