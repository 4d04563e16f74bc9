"""Bodies whose shape is a `msgspec.Struct`: for those of many parts, where the REST framework's serializers are too slow.

Measured for 500 objects of 12 members: serializers 35 ms, msgspec 0.3 ms. Only the first mistake is told.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from itertools import chain
from typing import Any, TypeVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from msgspec import Meta, Struct, ValidationError, convert, inspect
from msgspec.json import schema_components
from msgspec.structs import replace

from sage_platform.api.errors import InvalidInput
from sage_platform.api.fields import ANY_TEXT
from sage_platform.turns import PIECE, turns

S = TypeVar("S", bound=Struct)
# At most so many characters, with nothing that a database cannot store: no NUL and no lone surrogates.
STORABLE = r"^[^\0\ud800-\udfff]*$"

# A day, or the empty text: a form sends that for a field which nobody filled in. The library knows no "date or text".
A_DAY = gettext_lazy("A day, such as 2026-01-31.")
DAY_OR_EMPTY = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"


def text(least: int, most: int) -> Meta:
    """Of `Annotated[str, …]`."""
    return Meta(min_length=least, max_length=most, pattern=STORABLE)


def day_or_none(value: str | None, field: str) -> date | None:
    """Of a text under the pattern DAY_OR_EMPTY. Raises InvalidInput for one that no calendar has."""
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise InvalidInput([(field, A_DAY)]) from None


def checked(shape: type[S], data: object) -> S:
    """Raises InvalidInput with the one field that is wrong, `events.3.count` of nested ones, and never with what was sent.

    A long list goes in pieces, between which others run: while the library reads one, no other thread gets the interpreter.
    """
    name = _long_list(shape, data)
    if not name or not isinstance(data, dict):
        return _converted(shape, data)
    read: list[Any] = []
    for first in range(0, len(data[name]), PIECE):
        if first:
            turns.give_way()
        whole = _converted(shape, data | {name: data[name][first : first + PIECE]}, first)
        read += getattr(whole, name)
    return replace(whole, **{name: read})


def _long_list(shape: type[Struct], data: object) -> str:
    """The member that is a list of more than a piece, and of no more than there may be; empty where there is none."""
    if not isinstance(data, dict):
        return ""
    lists = ((name, data.get(name), most) for name, most in _lists(shape).items())
    return next((name for name, given, most in lists if isinstance(given, list) and PIECE < len(given) <= most), "")


@cache
def _lists(shape: type[Struct]) -> Mapping[str, int]:
    """By the name: how many entries it may have."""
    bare = [(field.name, _bare(field.type)) for field in inspect.type_info(shape).fields]  # type: ignore[attr-defined]
    return {name: node.max_length for name, node in bare if isinstance(node, inspect.ListType) and node.max_length}


def _converted(shape: type[S], data: object, first: int = 0) -> S:
    """`first` is the number of the first entry of a list that goes in pieces."""
    try:
        return convert(data, shape)
    except ValidationError as error:
        raise InvalidInput([mistake(shape, str(error), first)]) from None
    except UnicodeEncodeError:
        # A text or a name with a lone surrogate where no text is looked for: the library fails at it and does not say where.
        raise InvalidInput([("body", _("Null characters and lone surrogates are not allowed."))]) from None


def mistake(shape: type[Struct], told: str, first: int = 0) -> tuple[str, str]:
    """The field, and what it has to be: the library's own sentence is English and may repeat what was sent.

    The place is read out of that sentence, since the library tells it in no other way; `tests/api/test_structs.py` fails where a
    new version of it words one otherwise.
    """
    place = told.rpartition(" - at `$")[2].removesuffix("`") if " - at `$" in told else ""
    path = re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", place)
    parts = list(chain.from_iterable([part for part in pair if part] for pair in path))
    if first:
        parts[1] = str(first + int(parts[1]))  # All that is beside the list was right with its first piece.
    if missing := re.match(r"Object missing required field `(\w+)`", told):
        return ".".join([*parts, missing[1]]), _("This field is required.")
    return ".".join(parts) or "body", what_is_wanted(_node(inspect.type_info(shape), parts))


def _node(node: inspect.Type, parts: list[str]) -> inspect.Type:
    for part in parts:
        if isinstance(node, inspect.StructType):
            node = next(field.type for field in node.fields if field.encode_name == part)
        elif isinstance(node, inspect.ListType):
            node = node.item_type
        node = _bare(node)
    return node


def _bare(node: inspect.Type) -> inspect.Type:
    """Without its description, and without the null that it may be."""
    if isinstance(node, inspect.Metadata):
        return _bare(node.type)
    if isinstance(node, inspect.UnionType):
        return _bare(next(one for one in node.types if not isinstance(one, inspect.NoneType)))
    return node


def what_is_wanted(node: inspect.Type) -> str:
    match node:
        case inspect.StrType() if node.pattern == DAY_OR_EMPTY:
            wanted = str(A_DAY)
        case inspect.StrType(min_length=least, max_length=most):
            wanted = _("A text of %(least)d to %(most)d characters, without null characters and lone surrogates.")
            wanted %= {"least": least, "most": most}
        case inspect.IntType(ge=int(least), le=int(most)):
            wanted = _("A whole number from %(least)d to %(most)d.") % {"least": least, "most": most}
        case inspect.IntType():
            wanted = _("A whole number.")
        case inspect.DateTimeType():
            wanted = _("A time in ISO 8601 with an offset, such as 2026-01-31T08:00:00Z.")
        case inspect.DateType():
            wanted = str(A_DAY)
        case inspect.LiteralType(values=values):
            wanted = _("Must be one of: {choices}.").format(choices=", ".join(str(value) for value in values))
        case inspect.ListType(min_length=least, max_length=most):
            wanted = _("A list of %(least)d to %(most)d entries.") % {"least": least, "most": most}
        case _:
            wanted = _("Send a JSON object.")
    return wanted


@cache
def json_schema(shape: type[Struct]) -> Mapping[str, Any]:
    """For the OpenAPI document, whole and without references.

    Texts have the pattern of `fields.Text`: to ECMA's patterns an emoji is two surrogates.
    """
    (own,), components = schema_components([shape], ref_template="{name}")

    def whole(part: Any) -> Any:
        if isinstance(part, dict):
            named = components.get(part.get("$ref", ""))
            return whole(named) if named else {key: whole(value) for key, value in part.items()}
        if isinstance(part, list):
            return [whole(one) for one in part]
        return ANY_TEXT if part == STORABLE else part

    found: dict[str, Any] = whole(own)
    return found
