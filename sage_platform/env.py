"""Typed readers for the process environment. They know no setting; `configuration.py` has what this product alone needs.

Only the settings call these. A wrong value stops the start with the variable's name and what was expected; the value
itself is never repeated, because it may be a secret. While the settings are read, what is wrong is collected, and all of it is
told at once.
"""

import os
import re
import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta
from difflib import get_close_matches
from functools import wraps
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

Network = IPv4Network | IPv6Network

Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")

# Every name that a reader was asked for, with the _FILE names of secrets.
_asked: set[str] = set()
# What is wrong, by the setting's name; None while nothing is collected. A setting that is wrong counts as unset from then on.
_wrong: dict[str, str] | None = None
TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})


def misconfigured(name: str, expected: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name}: expected {expected}.")


def collect() -> None:
    """From here on a wrong value does not stop the start at once."""
    global _wrong  # noqa: PLW0603  The settings are one for the process.
    _wrong = {}


def stop_if_wrong() -> None:
    """Ends the collecting. Raises ImproperlyConfigured, with a line for each setting that is wrong."""
    global _wrong
    found, _wrong = _wrong, None
    if found:
        raise ImproperlyConfigured("\n".join(found.values()))


def _note(error: ImproperlyConfigured) -> None:
    """The first that is said of a setting; what follows from it would only mislead."""
    if _wrong is None:
        raise error
    name = str(error).partition(":")[0].removesuffix("_FILE")
    _wrong.setdefault(name, str(error))


def reader(read: Callable[Parameters, Value]) -> Callable[Parameters, Value]:
    """For a reader whose first argument is the setting's name: what is wrong is noted, and the value is the default."""

    @wraps(read)
    def noting(*arguments: Parameters.args, **options: Parameters.kwargs) -> Value:
        try:
            return read(*arguments, **options)
        except ImproperlyConfigured as error:
            _note(error)
            return read(*arguments, **options)

    return noting


def or_else(fallback: Callable[[], Value]) -> Callable[[Callable[Parameters, Value]], Callable[Parameters, Value]]:
    """For a function that would find the same wrong again: what is wrong is noted, and the value is another."""

    def wrapped(read: Callable[Parameters, Value]) -> Callable[Parameters, Value]:
        @wraps(read)
        def noting(*arguments: Parameters.args, **options: Parameters.kwargs) -> Value:
            try:
                return read(*arguments, **options)
            except ImproperlyConfigured as error:
                _note(error)
                return fallback()

        return noting

    return wrapped


def required(name: str, value: str, expected: str, *, instead: str) -> str:
    """The value, which must be given. `instead` stands for it until `stop_if_wrong`."""
    if not value:
        _note(misconfigured(name, expected))
    return value or instead


def text(name: str, default: str = "") -> str:
    """The variable's text without surrounding white space; unset and empty both mean the default."""
    _asked.add(name)
    if _wrong is not None and name.removesuffix("_FILE") in _wrong:
        return default
    return os.environ.get(name, "").strip() or default


@reader
def secret(name: str, default: str = "") -> str:
    """A secret from NAME, or from the file that NAME_FILE names. Setting both is refused, since one would win silently."""
    path, given = text(f"{name}_FILE"), text(name)
    if not path:
        return given or default
    if given:
        raise misconfigured(name, f"either {name} or {name}_FILE, not both")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise misconfigured(f"{name}_FILE", "the path of a readable UTF-8 file") from None


def unknown(prefix: str) -> dict[str, str]:
    """The variables with this prefix that no reader was asked for: by name, the nearest name that is known, or an empty text."""
    # Compared without the prefix, which makes any two of them alike.
    known = {name.removeprefix(prefix): name for name in sorted(_asked) if name.startswith(prefix)}
    given = (name.removeprefix(prefix) for name, value in sorted(os.environ.items()) if name.startswith(prefix) and value.strip())
    return {
        prefix + word: next((known[near] for near in get_close_matches(word, known, n=1)), "")
        for word in given
        if word not in known
    }


@reader
def choice(name: str, default: str, choices: Sequence[str]) -> str:
    value = text(name, default)
    if value not in choices:
        raise misconfigured(name, "one of " + ", ".join(choices))
    return value


@reader
def boolean(name: str, *, default: bool) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value in TRUE_WORDS or value in FALSE_WORDS:
        return value in TRUE_WORDS
    raise misconfigured(name, "true or false")


@reader
def integer(name: str, default: int, *, least: int, most: int) -> int:
    value = text(name, str(default))
    # int() would also take "1_000", "+5" and the digits of other scripts, which an operator never means.
    if not (value.isascii() and value.isdigit() and len(value) < 19 and least <= int(value) <= most):
        raise misconfigured(name, f"a whole number from {least} to {most}")
    return int(value)


@reader
def share(name: str, default: str) -> float:
    """A part of a whole: 0 for none, 1 for all."""
    value = text(name, default)
    # float() would also take "nan", "1_0" and the digits of other scripts.
    if not re.fullmatch(r"[01]|[01]?\.[0-9]{1,9}", value) or float(value) > 1:
        raise misconfigured(name, "a number from 0 to 1, such as 0.1")
    return float(value)


@or_else(lambda: None)
def more_than(name: str, value: int, /, **parts: int) -> None:
    """Stops the start unless the setting is more than these others together."""
    least = sum(parts.values()) + 1
    if value < least:
        raise misconfigured(name, f"more than {' and '.join(parts)} together, which is {least} at least")


@or_else(lambda: None)
def all_or_none(**given: str) -> None:
    """Stops the start when some of these settings are given and others are not."""
    missing = [name for name, value in given.items() if not value]
    if missing and len(missing) < len(given):
        raise misconfigured(missing[0], f"a value, since {next(name for name in given if given[name])} is set")


@reader
def rate(name: str, default: str) -> tuple[int, timedelta]:
    """So many in such a time, for example `10/min`."""
    amount, _slash, unit = text(name, default).partition("/")
    seconds = {"s": 1, "sec": 1, "min": 60, "hour": 3600, "day": 86400}.get(unit.strip())
    amount = amount.strip()
    if seconds is None or not (amount.isascii() and amount.isdigit() and len(amount) < 7 and int(amount)):
        raise misconfigured(name, "a number and a time, such as 10/min (sec, min, hour or day)")
    return int(amount), timedelta(seconds=seconds)


def items(name: str, default: Sequence[str] = ()) -> list[str]:
    """A list separated by commas; empty items are left out."""
    return split(text(name, ",".join(default)))


def secret_items(name: str) -> list[str]:
    return split(secret(name))


def split(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


@reader
def networks(name: str) -> list[Network]:
    """Addresses and CIDR blocks, for example `10.0.0.1, 10.1.0.0/16, fd00::/8`."""
    try:
        return [ip_network(part) for part in items(name)]
    except ValueError:
        raise misconfigured(name, "IP addresses or CIDR blocks separated by commas") from None


@reader
def address(name: str, default: str) -> str:
    """An IP address; one of IPv6 may stand in brackets."""
    try:
        return str(ip_address(text(name, default).removeprefix("[").removesuffix("]")))
    except ValueError:
        raise misconfigured(name, "an IP address, such as 127.0.0.1, 0.0.0.0 or ::1") from None


@reader
def origin(name: str, default: str = "") -> str:
    """An origin (RFC 6454 §6.1): http or https, a host, and a port unless it is the usual one. Unset without a default: empty."""
    value = _origin(name, text(name, default)) if text(name, default) else ""
    if value and not value.startswith(("http://", "https://")):
        raise misconfigured(name, "an origin such as https://sage.example")
    return value


@reader
def origins(name: str) -> list[str]:
    """Origins of any scheme, since a desktop application has one of its own; `*` stands for every origin."""
    return [value if value == "*" else _origin(name, value) for value in items(name)]


def _origin(name: str, value: str) -> str:
    expected = "an origin such as https://sage.example"
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise misconfigured(name, expected) from None
    if (
        not parts.scheme
        or not parts.hostname
        or "@" in parts.netloc
        or parts.path not in {"", "/"}
        or parts.query
        or parts.fragment
    ):
        raise misconfigured(name, expected)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    implied = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{host}" if port in {None, implied} else f"{parts.scheme}://{host}:{port}"


@reader
def url(name: str, default: str = "") -> str:
    """An absolute http or https address without query and fragment; a trailing slash is dropped.

    Unset without a default means none, which is empty.
    """
    if not text(name, default):
        return ""
    value = text(name, default).rstrip("/")
    try:
        parts = urlsplit(value)
        whole = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        whole = False
    if not whole or parts.query or parts.fragment:
        raise misconfigured(name, "an absolute http or https address")
    return value


def kept_secret(name: str, path: Path, make: Callable[[], str] = lambda: secrets.token_urlsafe(48)) -> str:
    """The random secret kept in a file, made on first use. The setting NAME says in which folder.

    Several processes may start at once: the file is linked into place whole, so each of them reads the same secret.
    """
    try:
        if not path.exists():
            _keep(path, make())
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise misconfigured(name, f"a folder that can be made and written, and whose {path.name} can be read") from None


def _keep(path: Path, value: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(value + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass  # Another process was first, and its secret counts.
    finally:
        draft.unlink(missing_ok=True)
