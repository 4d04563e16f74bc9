"""Looking for secrets in texts: whole, cut, or written in another way."""

import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from urllib.parse import unquote_plus

# So many characters of a secret tell too much of it.
TELLING = 12
# What is shorter is searched as a word of its own, and only with a digit in it: "secret" is no secret.
SHORTEST = 6
# Not a part of a number with a point.
WORD = re.compile(r"(?<![\w.])[A-Za-z0-9]+(?!\w|\.\d)")
BASE64 = re.compile(r"[A-Za-z0-9+/_-]{11,}")
HEX = re.compile(r"\b(?:[0-9a-f]{2}){8,}\b")
TO_STANDARD = str.maketrans("-_", "+/")
# What the platform says of itself too, and tests send as passwords.
COMMON = ("wrong password", "https://sage.example")
# Of a signing key (`kid`): what stands beside a hyphen in it can look like a token. It is read over, and nothing of it is kept.
KEY_ID = r"(?<![\w-])[\w-]{43}(?![\w-])"
# What is seen to be a secret whoever made it, also in another process.
SHAPES = {
    "token": re.compile(r"\bsage_(?:at|rt|oat|ort|oac|cs)_[\w-]{4,}"),
    "signed token": re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]+"),
    "private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    "file's address": re.compile(r"/files/[0-9a-f]{4,}"),
    # As Django makes sessions' keys, and masks its tokens against forged forms.
    "session's key": re.compile(KEY_ID + r"|\b((?=[0-9a-f]*[g-z])(?=[a-z]*[0-9])[a-z0-9]{32})\b"),
    "token of a form": re.compile(
        KEY_ID + r"|\b((?=[A-Z0-9]*[a-z])(?=[a-z0-9]*[A-Z])(?=[A-Za-z]*[0-9])(?:[A-Za-z0-9]{32}){1,2})\b"
    ),
}


def windows(text: str, length: int, step: int = 1) -> Iterator[str]:
    return (text[at : at + length] for at in range(0, len(text) - length + 1, step))


def plain(text: str) -> str:
    """Without the backslashes of JSON and of Python's `repr`, of which there may be several layers."""
    return text.replace("\\", "") if "\\" in text else text


def strings_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from chain.from_iterable(map(strings_in, chain(value.keys(), value.values())))
    elif isinstance(value, list):
        yield from chain.from_iterable(map(strings_in, value))
    else:
        yield str(value)


def unfolded(line: str) -> str:
    """The strings of a line of JSON; any other line as it is."""
    try:
        return plain("\n".join(strings_in(json.loads(line))))
    except ValueError:
        return plain(line)


def decoded(run: str) -> Iterator[str]:
    """What base64 may mean. It may begin anywhere in the run."""
    standard = run.translate(TO_STANDARD)
    for begin in range(4):
        whole = (len(standard) - begin) // 4 * 4
        piece = standard[begin : begin + whole]
        rest = standard[begin + whole :]
        if len(rest) > 1:
            piece += rest + "=" * (4 - len(rest))
        yield binascii.a2b_base64(piece).decode("latin-1")


def readings(text: str) -> Iterator[str]:
    """The text, and what it says to whoever decodes it."""
    yield text
    if "%" in text or "+" in text:
        yield (once := unquote_plus(text))
        if "%" in once:
            yield unquote_plus(once)
    for run in BASE64.findall(text):
        yield from decoded(run)
    for run in HEX.findall(text):
        yield bytes.fromhex(run).decode("latin-1")


@dataclass
class Secrets:
    """Those that are known so far, by their kinds. `telling` characters of one in a row are looked for wherever they begin.

    To have all of them would be too many where there are thousands. With `step` only some are kept: the first, and then one
    after so many characters.
    """

    telling: int = TELLING
    step: int = TELLING
    known: set[str] = field(default_factory=set)
    # By what is looked for: the kind, and the whole secret.
    parts: dict[str, tuple[str, str]] = field(default_factory=dict)
    words: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, kind: str, value: str) -> None:
        value = plain(value)
        if value in self.known:
            return
        self.known.add(value)
        if len(value) >= self.telling:
            for part in chain(windows(value, self.telling, self.step), [value[-self.telling :]]):
                if not any(part in said for said in COMMON):
                    self.parts.setdefault(part, (kind, value))
        elif len(value) >= SHORTEST and WORD.fullmatch(value) and any(map(str.isdigit, value)):
            self.words.setdefault(value, (kind, value))

    def found_in(self, text: str) -> dict[str, tuple[str, str]]:
        """What tells of secrets in a text or a line of JSON, each with the kind of secret and all of it."""
        whole = unfolded(text)
        found = {part: self.parts[part] for part in self.parts_in(whole)}
        for kind, shape in SHAPES.items():
            found.update((match, (kind, match)) for match in shape.findall(whole) if match)
        found.update((word, self.words[word]) for word in WORD.findall(whole) if word in self.words)
        return found

    def parts_in(self, text: str) -> set[str]:
        """Those of the known secrets, however they are written."""
        return {part for reading in readings(text) for part in windows(reading, self.telling) if part in self.parts}

    def report(self, lines: Iterable[str]) -> list[str]:
        """For each line that holds a secret the kinds of it, and the line without it."""
        return [
            f"{', '.join(sorted({kind for kind, _ in found.values()}))} in: {masked(line, found)}"
            for line in lines
            if (found := self.found_in(line))
        ]


def masked(line: str, found: Mapping[str, tuple[str, str]]) -> str:
    """The line without the secrets; where one is written in another way, only who wrote the line."""
    text = plain(line)
    if all(part in text for part in found):
        for part, (_, whole) in found.items():
            text = re.sub(rf"[^\s\"]*{re.escape(part)}[^\s\"]*", "•••", text.replace(whole, "•••"))
        return text
    try:
        return f"a line of {json.loads(line)['logger']}, written in another way"
    except (ValueError, KeyError, TypeError):
        return "a line that is not of JSON, written in another way"
