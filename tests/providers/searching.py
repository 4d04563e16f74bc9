"""Looking for a key, or a telling part of it, in everything that the platform says and keeps."""

import base64
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from django.db import connection

from providers.probing.vendor_text import TELLING_LENGTH
from tests.provider_rows import KEY, OTHER_KEY


def parts_of(key: str) -> set[str]:
    """What gives the key away: any eight characters of it, but for its beginning, which all keys of a kind share."""
    forms = [key[5:], quote(key[5:], safe=""), key.encode().hex()]
    forms += [base64.b64encode(b"-" * shift + key.encode()).decode()[8:-4] for shift in range(3)]
    return {form[at : at + TELLING_LENGTH] for form in forms for at in range(len(form) - TELLING_LENGTH + 1)}


PARTS = parts_of(KEY) | parts_of(OTHER_KEY)


def found_in(text: str) -> list[str]:
    return sorted(part for part in PARTS if part in text)


@dataclass
class Gathered:
    """Texts by where they were seen."""

    texts: list[tuple[str, str]] = field(default_factory=list)

    def take(self, where: str, text: Any) -> Any:
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


def whole_database() -> Iterator[tuple[str, str]]:
    """Each table as the database keeps it, past every model."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            yield table, str(cursor.fetchall())
