"""Reading a chat completion that came as server-sent events, and giving it the form of one that came whole.

Some models only stream, and some gateways stream though they were asked not to.
"""

import json
import re
from collections.abc import Iterator

from providers.probing import complaints

# 512 tokens are about a thousand lines: each token has a line of data and an empty one.
MOST_LINES = 20_000
_LINE_END = re.compile(r"\r\n|\n|\r")
# Fields of an event. A line that begins with a colon is a comment, which some services send while the model has not begun.
_FIRST_LINE = re.compile(r"(data|event|id|retry)?:")
# What a delta, which is a part of a message, may hold of what the model said or thought.
_PIECES = ("content", "refusal", "reasoning_content", "reasoning", "reasoning_details", "thinking")


def completion_in(content: bytes) -> object:
    """The completion that the events make up, or the error that they tell; None where this is no stream of completions."""
    choices: dict[str, _Choice] = {}
    error: object = None
    for event in _events(content.decode("utf-8", "replace").removeprefix("\ufeff").lstrip()):
        parts = event.get("choices") if isinstance(event, dict) else None
        parts = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
        # An error that ends a stream stands where a part of the answer would, or in it.
        error = error or next((told for told in (event, *parts) if complaints.is_complaint(told)), None)
        for part in parts:
            choices.setdefault(str(part.get("index", 0)), _Choice()).add(part)
    if error and not any(choice.pieces for choice in choices.values()):
        return error
    return {"choices": [choice.whole() for choice in choices.values()]} if choices else None


class _Choice:
    """One choice, whose message comes piece by piece."""

    def __init__(self) -> None:
        self.pieces: dict[str, list[object]] = {}
        self.finish_reason: object = None

    def add(self, part: dict[str, object]) -> None:
        # Some gateways send the whole message in one event.
        message = part.get("delta") or part.get("message")
        if isinstance(message, dict):
            for name in _PIECES:
                if message.get(name):
                    self.pieces.setdefault(name, []).append(message[name])
        self.finish_reason = part.get("finish_reason") or self.finish_reason

    def whole(self) -> dict[str, object]:
        message = {name: _joined(pieces) for name, pieces in self.pieces.items()}
        return {"message": message, "finish_reason": self.finish_reason}


def _joined(pieces: list[object]) -> object:
    """Texts as one text; parts of a message as one list of parts."""
    texts = [piece for piece in pieces if isinstance(piece, str)]
    if len(texts) == len(pieces):
        return "".join(texts)
    return [part for piece in pieces for part in (piece if isinstance(piece, list) else [piece])]


def _events(text: str) -> Iterator[object]:
    """The JSON values of the events, in order."""
    if text.startswith("{"):
        # A whole answer to which a gateway has added the end of a stream.
        try:
            whole, end = json.JSONDecoder().raw_decode(text)
        except (ValueError, RecursionError):
            return
        yield whole
        text = text[end:].lstrip()
    if not _FIRST_LINE.match(text):
        return
    data: list[str] = []
    for line in [*_LINE_END.split(text, MOST_LINES)[:MOST_LINES], ""]:
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").strip())
        elif not line:
            yield from _values(data)
            data = []


def _values(data: list[str]) -> Iterator[object]:
    """An event's value. Its lines belong together, but some servers leave out the empty line between two events."""
    is_json, value = complaints.parse("\n".join(data).encode())
    if is_json:
        yield value
        return
    read = (complaints.parse(line.encode()) for line in data)
    yield from (value for is_json, value in read if is_json)
