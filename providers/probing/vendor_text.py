"""Making what a vendor wrote fit to be shown: short, printable, and without the key, whatever shape it was echoed in."""

import base64
import hashlib
import html
import json
import math
import re
import unicodedata
from collections.abc import Iterator
from itertools import islice
from urllib.parse import quote, quote_plus, unquote

from providers.keys import ApiKey

DETAIL_LENGTH = 300
ANSWER_LENGTH = 1000
REMOVED = "***"

# Characters that are looked at. The text comes from a stranger, may be long, and little of it is shown. A page of HTML needs
# more, because most of it is markup.
MOST_READ_OF_A_PAGE = 8000
MOST_READ = 2 * ANSWER_LENGTH
# A part of the key as long as this gives it away. Shorter keys are removed only where they are a whole word.
TELLING_LENGTH = 8
SHORTEST_KEY = 4
MOST_DEPTH = 16
MOST_VALUES = 500
LARGEST_INTEGER = 2**63 - 1

_ASCII_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_SCRIPT = re.compile(r"<(script|style|head)\b.*?(</\1\s*>|$)", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<!--.*?(-->|$)|<[a-zA-Z/!?][^<>]*(>|$)", re.DOTALL)
# An HTML entity with too many digits to be a character. Python refuses to read thousands of digits as one number.
_ENDLESS_ENTITY = re.compile(r"&#[xX]?[0-9a-fA-F]{9,};?")
_LETTER = re.compile(r"[a-z0-9]")
_NEITHER = re.compile(r"[^a-z0-9]+")
_CODE = re.compile(r"\\+(?:u00|x)(?P<hex>[0-7][0-9a-fA-F])|\b(?P<number>[3-9][0-9]|1[01][0-9]|12[0-6])\b")
_TAG_START = re.compile(r"<(?=[a-zA-Z/!?])")
_WORD_CHARACTER = re.compile(r"[A-Za-z0-9_\-+/%~]")
# A key whose middle a service has masked, with the ends that it left. Both patterns begin at the start of a word: else a long
# word would be tried again from each of its letters.
_MASKED = re.compile(
    r"(?P<head>(?:(?<![A-Za-z0-9_\-])[A-Za-z0-9_\-]++)?)(?P<gap>\s?)(?P<mask>[*•●∗＊…]+|\.{2,})(?P<gap_after>\s?)(?P<tail>[A-Za-z0-9_\-]*)"
)
_CROSSED_OUT = re.compile(r"(?<![A-Za-z0-9_\-])(?P<head>[A-Za-z0-9_\-]{3,}?)[xX#]{3,}(?P<tail>[A-Za-z0-9_\-]*)")
_LOOKS_LIKE_A_KEY = [
    (re.compile(r"\b(bearer|basic)\s+(?=\S*\d|\S{16})[A-Za-z0-9._~+/=\-]{4,}", re.IGNORECASE), rf"\1 {REMOVED}"),
    (re.compile(r"\b(?:sk|pk|rk|ak|gsk|xai|hf|nvapi|r8|fw|pplx|key|ghp|glpat)[-_][A-Za-z0-9_\-.]{8,}"), REMOVED),
    (re.compile(r"\bAIza[A-Za-z0-9_\-]{20,}|\beyJ[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*){1,2}"), REMOVED),
    (re.compile(r"\b((?:api[-_]?)?key|(?:access[-_]?)?token|secret|password)=[^\s&\"']{4,}", re.IGNORECASE), rf"\1={REMOVED}"),
]


class Cleaner:
    """Cleans texts of one key. Of the key it keeps the `ApiKey` and hashes of its parts, so that no variable holds its text."""

    def __init__(self, api_key: ApiKey) -> None:
        self._key = api_key
        self._parts = {hash(part) for form in _forms(api_key.reveal()) for part in _parts_of(_lower(form))}

    def __repr__(self) -> str:
        return "Cleaner()"

    def detail(self, text: str) -> str:
        """One line of at most 300 characters, without markup: what a failure says of the vendor's own words."""
        # Markup may be written with entities or broken up by invisible characters. So tags are removed before these are resolved,
        # and once more after.
        tagless = _ENDLESS_ENTITY.sub(" ", _without_tags(text[:MOST_READ_OF_A_PAGE]))
        plain = _printable(html.unescape(tagless), keep="")
        return _cut(self._without_key(" ".join(_without_tags(plain).split())), DETAIL_LENGTH)

    def answer(self, text: str) -> str:
        """What a model said, with its line breaks."""
        return _cut(self._without_key(_printable(text[:MOST_READ], keep="\n").strip()), ANSWER_LENGTH)

    def value(self, value: object) -> object:
        """A JSON value that can be stored and sent on: bounded in depth, number and size, each text cleaned."""
        return self._value(value, MOST_DEPTH, iter(range(MOST_VALUES)))

    def _value(self, value: object, depth: int, budget: Iterator[int]) -> object:
        if next(budget, None) is None or not depth:
            return None
        if isinstance(value, dict):
            return {
                self.answer(str(name)): self._value(item, depth - 1, budget) for name, item in islice(value.items(), MOST_VALUES)
            }
        if isinstance(value, list):
            return [self._value(item, depth - 1, budget) for item in islice(value, MOST_VALUES)]
        return self.answer(value) if isinstance(value, str) else self._number(value)

    def _number(self, value: object) -> object:
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, float) and not math.isfinite(value):
            return None
        if not isinstance(value, int | float) or abs(value) > LARGEST_INTEGER:
            return None
        return value if self._without_key(str(value)) == str(value) else REMOVED

    def _without_key(self, text: str) -> str:
        text = _MASKED.sub(self._unmasked, text)
        text = _CROSSED_OUT.sub(self._uncrossed, text)
        text = _blotted(text, self._places(text))
        for pattern, replacement in _LOOKS_LIKE_A_KEY:
            text = pattern.sub(replacement, text)
        return REMOVED if self._is_spread_in(text) else text

    def _places(self, text: str) -> Iterator[tuple[int, int]]:
        """Where the key is, or a telling part of it."""
        lower = _lower(text)
        if SHORTEST_KEY <= len(self._key) < TELLING_LENGTH:
            yield from self._words(lower)
        for start in range(len(lower) - TELLING_LENGTH + 1):
            if hash(lower[start : start + TELLING_LENGTH]) in self._parts:
                yield start, start + TELLING_LENGTH

    def _words(self, lower: str) -> Iterator[tuple[int, int]]:
        """Where a short key is a whole word. This uses no pattern, because `re` would keep the pattern, and the key in it."""
        start = lower.find(_lower(self._key.reveal()))
        while start >= 0:
            end = start + len(self._key)
            if not _LETTER.match(lower, end) and not (start and _LETTER.match(lower, start - 1)):
                yield start, end
            start = lower.find(_lower(self._key.reveal()), start + 1)

    def _is_spread_in(self, text: str) -> bool:
        """Whether the key is in there with something between its letters, backwards, or with each letter as a code."""
        if len(_squeezed(self._key.reveal())) < TELLING_LENGTH:
            return False
        readings = [_squeezed(text), _squeezed(unquote(text)), _squeezed(_decoded(text))]
        return any(_squeezed(self._key.reveal()) in both for reading in readings for both in (reading, reading[::-1]))

    def _is_start(self, text: str) -> bool:
        return len(text) >= 3 and _lower(self._key.reveal()).startswith(_lower(text))

    def _is_end(self, text: str) -> bool:
        return len(text) >= 3 and _lower(self._key.reveal()).endswith(_lower(text))

    def _unmasked(self, found: "re.Match[str]") -> str:
        head, gap, mask, gap_after, tail = found.groups()
        # Three stars inside a word are somebody's masked key. Dots are common, so they count only beside an end of our key.
        starred = len(mask) >= 3 and mask[0] not in ".…" and bool((head and not gap) or (tail and not gap_after))
        if not (starred or self._is_start(head) or self._is_end(tail)):
            return found[0]
        before = head + gap if gap and not self._is_start(head) else ""
        after = gap_after + tail if gap_after and not self._is_end(tail) else ""
        return f"{before}{REMOVED}{after}"

    def _uncrossed(self, found: "re.Match[str]") -> str:
        return REMOVED if self._is_start(found["head"]) or self._is_end(found["tail"]) else found[0]


def _lower(text: str) -> str:
    """Lower case for ASCII alone, so that the length stays the same; str.lower() may change it."""
    return text.translate(_ASCII_LOWER)


def _squeezed(text: str) -> str:
    """Letters and digits alone, in lower case."""
    return _NEITHER.sub("", _lower(text))


def _decoded(text: str) -> str:
    r"""With `\u0073`, `\x73`, and a list of numbers such as `115 107 45`, as the characters that they stand for."""
    return _CODE.sub(lambda code: chr(int(code["hex"], 16) if code["hex"] else int(code["number"])), text)


def _forms(key: str) -> Iterator[str]:
    """The key as services echo it: as it is, escaped, encoded at any place in a longer text, and hashed."""
    escaped = json.dumps(key)[1:-1]
    content = key.encode("utf-8", "replace")
    yield from (key, quote(content), quote(content, safe=""), quote_plus(content), escaped, escaped.replace("/", "\\/"))
    yield content.hex()
    for offset in range(3):
        # In base64 three bytes make four characters, so a key looks different at three offsets. The characters at its ends
        # that depend on the neighbouring bytes are left out.
        shifted = base64.b64encode(bytes(offset) + content).decode().rstrip("=")
        kept = shifted[4 if offset else 0 : len(shifted) - 1]
        yield from (kept, kept.translate(str.maketrans("+/", "-_")))
    for digest in (hashlib.sha256, hashlib.sha1, hashlib.md5):
        yield digest(content, usedforsecurity=False).hexdigest()


def _parts_of(form: str) -> Iterator[str]:
    return (form[start : start + TELLING_LENGTH] for start in range(len(form) - TELLING_LENGTH + 1))


def _blotted(text: str, places: Iterator[tuple[int, int]]) -> str:
    """The text with a mark in place of each of these stretches, each widened to the whole word around it."""
    kept: list[str] = []
    done = 0
    for begin, until in places:
        if until <= done:
            continue
        start = next((at for at in range(begin, done, -1) if not _WORD_CHARACTER.match(text[at - 1])), min(begin, done))
        end = next((at for at in range(until, len(text)) if not _WORD_CHARACTER.match(text[at])), len(text))
        end += len(text[end : end + 2]) - len(text[end : end + 2].lstrip("="))  # The padding of base64.
        # Stretches that touch each other get one mark.
        kept += [text[done:start], REMOVED] if start > done or not kept else []
        done = end
    return "".join([*kept, text[done:]])


def _printable(text: str, *, keep: str) -> str:
    """Control characters become spaces. Invisible characters, which could hide a key or reverse the text, are dropped."""
    if text.isascii() and text.isprintable():
        return text
    whole = text.encode("utf-8", "replace").decode()
    return "".join(
        character
        if character in keep or not (category := unicodedata.category(character)).startswith("C")
        else _stand_in(category)
        for character in whole
    )


def _stand_in(category: str) -> str:
    return " " if category == "Cc" else ""


def _without_tags(text: str) -> str:
    return _TAG_START.sub(" ", _TAG.sub(" ", _SCRIPT.sub(" ", text)))


def _cut(text: str, length: int) -> str:
    """At most this many characters, not cut between a letter and what belongs to it."""
    if len(text) <= length:
        return text
    end = length - 1
    while end > 0 and _belongs_to_the_one_before(text[end]):
        end -= 1
    return text[:end].rstrip() + "…"


def _belongs_to_the_one_before(character: str) -> bool:
    # Marks, variation selectors, and the skin tones of emoji.
    return unicodedata.category(character).startswith("M") or "\U0001f3fb" <= character <= "\U0001f3ff"
