"""Names that people give: a file's, a folder's, a release bundle's."""

import re
import unicodedata
from urllib.parse import quote, unquote

from django.utils.http import parse_header_parameters
from django.utils.translation import gettext as _

from sage_platform.api.errors import InvalidInput

MOST_NAME_BYTES = 255
MOST_PATH_BYTES = 600
# An ending longer than this is part of the name.
MOST_ENDING_BYTES = 32
# A name is much shorter, and reading a long header would take a while.
MOST_HEADER_LENGTH = 4096
UNNAMED = "file"
BUNDLE = "bundle"
PUBLIC_ID = re.compile(r"[0-9a-f]{32}")
OWN_KEY = re.compile(rf"users/.+/{PUBLIC_ID.pattern}", re.DOTALL)

# What turns the direction of the text around it, so that "gpj.exe" can look like "exe.jpg" (Unicode Bidi_Control), and what ends
# a line.
UNFIT = re.compile("[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# RFC 8187 §3.2.1, beside what `quote` leaves alone anyway.
ATTR_CHAR = "!#$&+^`|"
EXTENDED = re.compile(r";\s*filename\*\s*=\s*(?P<charset>[\w-]+)'[\w-]*'(?P<value>[^;\s'\"]+)", re.ASCII | re.IGNORECASE)
QUOTED_STRING = re.compile(r'"(?:\\.|[^"\\])*"')


def clean_name(given: str) -> str:
    """A name that can be shown, stored, and put into an address and a header: never empty, never a path."""
    last = re.split(r"[/\\]", given)[-1]
    name = unicodedata.normalize("NFC", "".join(letter for letter in last if _is_fit(letter))).strip()
    if len(name.encode()) > MOST_NAME_BYTES:
        name = _shortened(name)
    return name if any(_is_seen(letter) and letter != "." for letter in name) else UNNAMED


def own_key(user_id: str, path: str, public_id: str) -> str:
    """The key of a person's file, in the folder `path` below their prefix. Raises InvalidInput.

    Its last part is the file's id, so that no other file ever has it. No folder is named like an id, since on a disk there can be
    no folder where a file is. And an identity proxy may name a user "." or "..", which a path takes for other folders.
    """
    user = user_id if user_id.strip(".") else user_id.replace(".", "%2E")
    folders = [f"{part}%" if PUBLIC_ID.fullmatch(part) else part for part in _segments(path)] if path else []
    return "/".join(["users", user, *folders, public_id])


def is_own(key: str) -> bool:
    """Whether it is a person's file's, as `own_key` makes them."""
    return OWN_KEY.fullmatch(key) is not None


def is_bundle(path: str) -> bool:
    """Whether an administrator means a file of a release by it."""
    return path.split("/", 1)[0] == BUNDLE


def bundle_key(path: str) -> str:
    """The key of a release's file, `bundle/<version>/<name>`. Raises InvalidInput."""
    segments = _segments(path)
    if len(segments) != 3 or segments[0] != BUNDLE:
        raise InvalidInput([("path", _("A file of a release goes to bundle/<version>/<name>."))])
    return "/".join(segments)


def disposition(name: str, *, inline: bool) -> str:
    """The Content-Disposition for a cleaned name (RFC 6266). Where it has more than plain ASCII, its ASCII is for old clients.

    Clients read quotes, backslashes and percent signs in different ways (RFC 6266 appendix D), so those are not plain.
    """
    kind = "inline" if inline else "attachment"
    plain = re.sub(r'[^ -~]|["\\%]', "_", name)
    header = f'{kind}; filename="{plain}"'
    return header if plain == name else f"{header}; filename*=UTF-8''{quote(name, safe=ATTR_CHAR)}"


def extended_filename(header: str) -> str | None:
    """The `filename*` of a Content-Disposition (RFC 8187), which counts before `filename`. None without one that can be read."""
    outside_quotes = QUOTED_STRING.sub('""', header)
    found = EXTENDED.search(outside_quotes)
    if found is None:
        return None
    try:
        return unquote(found["value"], encoding=found["charset"], errors="strict")
    except (LookupError, ValueError):  # There is no such charset, or these are not its bytes.
        return None


def told_filename(header: str) -> str | None:
    """The name in an answer's Content-Disposition (RFC 6266 §4.3), as it was written. None without one that can be read."""
    if len(header) > MOST_HEADER_LENGTH:
        return None
    try:
        told = extended_filename(header) or parse_header_parameters(header)[1].get("filename")
    except (LookupError, ValueError):
        return None
    # The library puts this sign where the bytes are not of the charset that is named.
    return told if told and "\ufffd" not in told else None


def _is_fit(letter: str) -> bool:
    return unicodedata.category(letter) not in {"Cc", "Cs"} and not UNFIT.match(letter)


def _is_seen(letter: str) -> bool:
    return unicodedata.category(letter)[0] not in "CZ"


def _shortened(name: str) -> str:
    """At most `MOST_NAME_BYTES` of UTF-8, with the ending, by which people and programs know what it is."""
    stem, dot, ending = name.rpartition(".")
    ending = dot + ending
    if not stem or len(ending.encode()) > MOST_ENDING_BYTES:
        stem, ending = name, ""
    room = MOST_NAME_BYTES - len(ending.encode())
    return (stem.encode()[:room].decode(errors="ignore") + ending).strip()


def _segments(path: str) -> list[str]:
    segments = path.split("/")
    if "" in segments or "." in segments or ".." in segments:
        raise InvalidInput([("path", _("Give a path of names with single slashes between them, without . and .. among them."))])
    if "\\" in path or not all(_is_fit(letter) for letter in path):
        raise InvalidInput([("path", _("A path has no backslashes and no control characters."))])
    if len(path.encode()) > MOST_PATH_BYTES or any(len(segment.encode()) > MOST_NAME_BYTES for segment in segments):
        raise InvalidInput([("path", _("The path is too long: 600 bytes at most, and 255 for each name in it."))])
    return segments
