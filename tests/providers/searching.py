"""Looking for a key, or a telling part of it, in everything that the platform says and keeps."""

import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import TypeVar

from django.db import connection

from providers.keys import ApiKey
from providers.probing.vendor_text import TELLING_LENGTH
from tests.provider_rows import KEY, OTHER_KEY
from tests.secret_search import Secrets, plain

Taken = TypeVar("Taken")
# What gives a key away: any eight characters of it, but for its beginning, which all keys of a kind share.
KEYS = Secrets(telling=TELLING_LENGTH, step=1)
for key in (KEY, OTHER_KEY):
    KEYS.add("API key", key[5:])


def found_in(text: str) -> list[str]:
    return sorted(KEYS.parts_in(plain(text)))


@dataclass
class Gathered:
    """Texts by where they were seen."""

    texts: list[tuple[str, str]] = field(default_factory=list)

    def take(self, where: str, text: Taken) -> Taken:
        """An answer with its headers, an exception with its traceback, or anything that can be printed."""
        if hasattr(text, "headers") and hasattr(text, "content"):
            self.texts.append((where, f"{text.headers}\n{text.content.decode()}"))
        elif isinstance(text, BaseException):
            self.texts.append((where, "".join(traceback.format_exception(text)) + repr(text) + repr(vars(text))))
        else:
            self.texts.append((where, str(text)))
        return text

    def leaks(self) -> dict[str, list[str]]:
        return {where: parts for where, text in self.texts if (parts := found_in(text))}


def texts_within(value: object, depth: int = 16) -> Iterator[str]:
    """Every text that a variable holds, at whatever depth, in objects of ours too; an `ApiKey` is closed."""
    if isinstance(value, str | bytes):
        yield str(value)
    elif isinstance(value, ApiKey) or not depth:
        return
    elif isinstance(value, dict):
        for pair in value.items():
            yield from texts_within(pair, depth - 1)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from texts_within(item, depth - 1)
    elif type(value).__module__.startswith("providers"):
        yield from texts_within([repr(value), getattr(value, "__dict__", {})], depth - 1)


def variables_of_the_callers() -> Iterator[tuple[str, str]]:
    """What a report of a crash at this place could show: each frame of ours, with the texts in its variables.

    The door for outbound HTTP is left out, since it has the request with its header, and so are the tests.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame:
        module = str(frame.f_globals.get("__name__"))
        if module.startswith(("providers", "sage_platform")) and not module.startswith("sage_platform.outbound"):
            yield f"{module}.{frame.f_code.co_name}", " ".join(texts_within(frame.f_locals))
        frame = frame.f_back


def whole_database() -> Iterator[tuple[str, str]]:
    """Each table as the database keeps it, past every model."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            yield table, str(cursor.fetchall())
