"""Reading an error body. There is no standard, so every service has a shape of its own."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

# The members in which services put the words of an error (the first that is there counts), its names (all count), and a further
# error inside the error.
_WORDS = ("message", "msg", "status_msg", "error_msg", "error_message", "errorMessage", "Message", "detail", "title", "raw")
_NAMES = ("code", "type", "status", "reason", "status_code", "statusCode", "error_code", "error_type", "errorCode")
_WITHIN = ("error", "errors", "message", "detail", "details", "violations", "metadata", "base_resp", "header")
# Which of Google's quotas is used up. The names of its quotas tell the time that they are for, such as `…PerMinutePerProject…`.
_QUOTAS = ("quotaId", "quota_limit")
_HTML = re.compile(r"\s*<(!doctype html|html|head|body|title|center|h1)\b", re.IGNORECASE)
_TITLE = re.compile(r"<title[^<>]*>([^<]+)<", re.IGNORECASE)
_LINK = re.compile(r"https?://\S+")
_FINE_CODES = {"0", "200", "20000", "ok", "success", "none"}
MOST_READ = 64 * 1024
MOST_DEPTH = 10
MOST_ITEMS = 20
# Every pattern is run over the words, and Python runs no other thread meanwhile, so that their length must be bounded.
MOST_WORDS = 2000
MOST_TEXTS = 50
MOST_VALUES = 500
LONGEST_NAME = 200


@dataclass(frozen=True)
class Complaint:
    """What an error body says. Holds a stranger's raw text, which may hold the key: it is cleaned before it is shown."""

    words: str = field(default="", repr=False)
    names: frozenset[str] = field(default=frozenset(), repr=False)
    fields: str = field(default="", repr=False)
    is_json: bool = False
    is_html: bool = False

    @property
    def plain(self) -> str:
        """The words in lower case without links: a link to a page about billing does not mean that billing is the problem."""
        return _LINK.sub(" ", self.words).lower()

    @property
    def everything(self) -> str:
        """The words and the names of the fields that they are about, in lower case."""
        return f"{self.plain} {self.fields.lower()}"


@dataclass
class _Found:
    words: dict[str, None] = field(default_factory=dict)  # In order, each once.
    names: set[str] = field(default_factory=set)
    fields: list[str] = field(default_factory=list)
    values: int = 0

    def say(self, text: str) -> None:
        if text and len(self.words) < MOST_TEXTS:
            self.words[_in_short(text)] = None

    def is_full(self) -> bool:
        """Whether enough was looked at: a body may hold a hundred thousand values."""
        self.values += 1
        return self.values > MOST_VALUES


def parse(content: bytes) -> tuple[bool, object]:
    """Whether this is JSON, and its value. The content type is not asked: many services get it wrong."""
    try:
        return True, json.loads(content)
    except (ValueError, RecursionError):  # Not JSON, not UTF-8, a number too long, or nested to exhaust us.
        return False, None


def read(content: bytes) -> Complaint:
    """What the body of an error says, JSON or not."""
    is_json, value = parse(content[:MOST_READ])
    if is_json:
        return read_value(value)
    text = content[:MOST_READ].decode("utf-8", "replace").strip()
    if not _HTML.match(text):
        return Complaint(words=_in_short(text))
    title = _TITLE.search(text)
    return Complaint(words=title[1] if title else text, is_html=True)


def read_value(value: object) -> Complaint:
    found = _Found()
    _walk(value, found, MOST_DEPTH)
    return Complaint("; ".join(found.words)[:MOST_WORDS], frozenset(found.names), " ".join(found.fields), is_json=True)


def is_complaint(value: object) -> bool:
    """Whether this body, which came with HTTP 200, is an error all the same."""
    if isinstance(value, list):
        return bool(value) and isinstance(value[0], dict) and is_complaint(value[0])
    if not isinstance(value, dict):
        return False
    if value.get("error") or value.get("errors") or value.get("detail") or value.get("success") is False:
        return True
    if "error" in (str(value.get("object")).lower(), value.get("type")):
        return True
    state = value.get("base_resp")
    if isinstance(state, dict) and str(state.get("status_code", 0)) != "0":
        return True
    said = value.get("message") or value.get("msg")
    return bool(said) and "choices" not in value and str(value.get("code", 0)).lower() not in _FINE_CODES


def _walk(value: object, found: _Found, depth: int) -> None:
    if not depth or found.is_full():
        return
    if isinstance(value, str):
        _take_text(value.strip(), found, depth)
    elif isinstance(value, list):
        for item in value[:MOST_ITEMS]:
            _walk(item, found, depth - 1)
    elif isinstance(value, dict):
        _take_object(value, found, depth)


def _take_text(text: str, found: _Found, depth: int) -> None:
    """Gateways put the whole JSON error that they received into a text of their own; then it is read as JSON."""
    is_json, inner = parse(text.encode("utf-8", "replace")) if text.startswith(("{", "[")) else (False, None)
    if is_json:
        _walk(inner, found, depth - 1)
    else:
        found.say(text)


def _take_object(value: dict[str, Any], found: _Found, depth: int) -> None:
    # MiniMax, known by its `status_msg`, uses the same numbers as Zhipu for other errors. The prefix keeps them apart.
    prefix = "minimax_" if "status_msg" in value else ""
    found.names |= {_name(prefix, value[name]) for name in (*_NAMES, *_QUOTAS) if isinstance(value.get(name), str | int)}
    if isinstance(value.get("retryDelay"), str):
        found.names.add(_name("retry_in_", value["retryDelay"]))
    place = _place(value)
    found.fields += [place] if place else []
    words = next((value[name] for name in _WORDS if isinstance(value.get(name), str) and value[name].strip()), "")
    if words:
        about = f"{place}: " if place and "loc" in value else ""
        _take_text(about + words.strip(), found, depth)
    error = value.get("error")
    if isinstance(error, str):
        found.names.add(_name("", error.strip()))
        if " " in error.strip() or not words:
            _take_text(error.strip(), found, depth)
    for name in _WITHIN:
        if isinstance(value.get(name), dict | list):
            _walk(value[name], found, depth - 1)


def _name(prefix: str, value: str | int) -> str:
    return prefix + str(value)[:LONGEST_NAME].lower().replace(" ", "_").replace("-", "_")


def _place(value: dict[str, Any]) -> str:
    """The field that an error is about: a path of pydantic's, or OpenAI's `param`."""
    path = value.get("loc")
    if isinstance(path, list):
        return ".".join(str(step)[:LONGEST_NAME] for step in path[:MOST_ITEMS])
    return value["param"][:LONGEST_NAME] if isinstance(value.get("param"), str) else ""


def _in_short(text: str) -> str:
    """The beginning, with single spaces."""
    return " ".join(text[: 2 * MOST_WORDS].split())[:MOST_WORDS]
