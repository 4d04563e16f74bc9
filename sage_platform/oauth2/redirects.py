"""Redirect addresses: which may be registered, which may be asked for, and how the answer is added to one.

This module imports no settings and translates nothing, because the settings are read with it.
"""

import re
from collections.abc import Sequence
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from sage_platform.languages import marked as _

MAX_LENGTH = 2048
# Where a native client listens on the person's own machine (RFC 8252 §7.3, RFC 9700 §4.1.3).
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]|localhost))(?::[0-9]{1,5})?((?:[/?].*)?)\Z")
# RFC 3986 §2: what an address may be spelled with. No white space, no quote, no bracket but an IPv6 one, no fragment.
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+\Z")
# The parameters of our answer. An address that has one already would make it appear twice (RFC 6749 §3.1).
RESERVED = frozenset({"code", "state", "iss", "error", "error_description", "error_uri"})


def problem_with(address: str) -> str:
    """Why the address may not be registered, in English and marked for translation. Empty when it may."""
    parts = _split(address)
    if parts is None:
        return _("An address is not absolute, too long, or has white space or a fragment in it.")
    own_scheme = parts.scheme not in {"http", "https"}
    problems = {
        _("An address has user information or a wildcard in it."): "@" in parts.netloc or "*" in parts.netloc,
        _("An address has no host."): not own_scheme and not parts.hostname,
        _("An address is plain http, which only the loopback addresses of native clients may be."): parts.scheme == "http"
        and parts.hostname not in LOOPBACK_HOSTS,
        # RFC 8252 §7.1 and §8.4. It also shuts out javascript:, data: and the like.
        _("An address has a scheme of its own that is no reversed domain name, such as com.example.app."): own_scheme
        and "." not in parts.scheme,
        _("An address has a parameter in its query that the answer itself uses."): bool(
            RESERVED & {name for name, _value in parse_qsl(parts.query, keep_blank_values=True)}
        ),
    }
    return next((problem for problem, there in problems.items() if there), "")


def _split(address: str) -> SplitResult | None:
    if len(address) > MAX_LENGTH or not ADDRESS.match(address):
        return None
    try:
        parts = urlsplit(address)
        return parts if parts.port != 0 else None
    except ValueError:
        return None


def is_native(address: str) -> bool:
    """Whether the answer goes to a program on the person's own device: by loopback or by a scheme of its own (RFC 8252 §7)."""
    parts = urlsplit(address)
    return parts.scheme not in {"http", "https"} or parts.hostname in LOOPBACK_HOSTS


def is_registered(asked: str, registered: Sequence[str]) -> bool:
    """Whether the strings are equal, character for character (RFC 9700 §2.1); on loopback the port may differ."""
    if asked in registered:
        return True
    asked_parts = _without_port(asked)
    return asked_parts is not None and any(_without_port(one) == asked_parts for one in registered)


def _without_port(address: str) -> tuple[str, str] | None:
    """Host and rest of a loopback address; None for any other."""
    found = LOOPBACK.match(address) if _split(address) is not None else None
    return (found[1], found[2]) if found else None


def with_answer(address: str, answer: dict[str, str]) -> str:
    """The address with the answer added to its query. A query that it was registered with is kept (RFC 6749 §4.1.2)."""
    return f"{address}{'&' if '?' in address else '?'}{urlencode(answer)}"
