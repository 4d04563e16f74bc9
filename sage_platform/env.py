"""Typed readers for the process environment.

Only the settings module calls these. A wrong value stops the start with the variable's name and what was expected; the value
itself is never repeated, because it may be a secret.
"""

import os
import re
import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from sage_platform import paths
from sage_platform.oauth2.registration import InvalidRegistrationError, Registration, read_clients

Network = IPv4Network | IPv6Network
FERNET_KEY = re.compile(r"[A-Za-z0-9_-]{43}=")
T = TypeVar("T")

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})
# NORMAL in WAL mode: what was acknowledged survives the death of the process; only a loss of power may take the last moments.
SQLITE_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-2000;"


def misconfigured(name: str, expected: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name}: expected {expected}.")


def text(name: str, default: str = "") -> str:
    """The variable's text without surrounding white space; unset and empty both mean the default."""
    return os.environ.get(name, "").strip() or default


def secret(name: str, default: str = "") -> str:
    """A secret from NAME, or from the file that NAME_FILE names. Setting both is refused, since one would win silently."""
    path = text(f"{name}_FILE")
    if not path:
        return text(name, default)
    if text(name):
        raise misconfigured(name, f"either {name} or {name}_FILE, not both")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise misconfigured(f"{name}_FILE", "the path of a readable UTF-8 file") from None


def choice(name: str, default: str, choices: Sequence[str]) -> str:
    value = text(name, default)
    if value not in choices:
        raise misconfigured(name, "one of " + ", ".join(choices))
    return value


def boolean(name: str, *, default: bool) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value in TRUE_WORDS or value in FALSE_WORDS:
        return value in TRUE_WORDS
    raise misconfigured(name, "true or false")


def integer(name: str, default: int, *, least: int, most: int) -> int:
    value = text(name, str(default))
    # int() would also take "1_000", "+5" and the digits of other scripts, which an operator never means.
    if not (value.isascii() and value.isdigit() and len(value) < 19 and least <= int(value) <= most):
        raise misconfigured(name, f"a whole number from {least} to {most}")
    return int(value)


def more_than(name: str, value: int, /, **parts: int) -> None:
    """Stops the start unless the setting is more than these others together."""
    least = sum(parts.values()) + 1
    if value < least:
        raise misconfigured(name, f"more than {' and '.join(parts)} together, which is {least} at least")


def secret_items(name: str) -> list[str]:
    return [part.strip() for part in secret(name).split(",") if part.strip()]


def encryption_keys(name: str, given: Sequence[str]) -> list[str]:
    """Fernet keys (32 bytes in URL-safe base64), newest first. A key twice would never leave the ring."""
    expected = "Fernet keys (32 random bytes in URL-safe base64) separated by commas, newest first, each once"
    # Python's own decoder stops at the first `=`, so that of two keys with another separator it would see but one.
    if not given or not all(FERNET_KEY.fullmatch(key) for key in given) or len(set(given)) < len(given):
        raise misconfigured(name, expected)
    return list(given)


def new_encryption_key() -> str:
    return Fernet.generate_key().decode()


def oauth2_clients(name: str, scopes: Sequence[str]) -> list[Registration]:
    """A JSON array, with secrets in it, so that it may be a file."""
    try:
        return read_clients(secret(name), scopes)
    except InvalidRegistrationError as error:
        raise misconfigured(name, str(error)) from None


def all_or_none(**given: str) -> None:
    """Settings that mean something only together."""
    missing = [name for name, value in given.items() if not value]
    if missing and len(missing) < len(given):
        raise misconfigured(missing[0], f"a value, since {next(name for name in given if given[name])} is set")


def rate(name: str, default: str) -> tuple[int, timedelta]:
    """So many in such a time, for example `10/min`."""
    amount, _slash, unit = text(name, default).partition("/")
    seconds = {"s": 1, "sec": 1, "min": 60, "hour": 3600, "day": 86400}.get(unit.strip())
    amount = amount.strip()
    if seconds is None or not (amount.isascii() and amount.isdigit() and len(amount) < 7 and int(amount)):
        raise misconfigured(name, "a number and a time, such as 10/min (sec, min, hour or day)")
    return int(amount), timedelta(seconds=seconds)


def items(name: str, default: Sequence[str] = (), *, convert: Callable[[str], T] | None = None) -> list[T]:
    """A comma-separated list; `convert` turns each item into its type and raises ValueError for a wrong one."""
    raw = [part.strip() for part in text(name, ",".join(default)).split(",") if part.strip()]
    return [convert(part) for part in raw] if convert else list(raw)  # type: ignore[arg-type]


def networks(name: str) -> list[Network]:
    """Addresses and CIDR blocks, for example `10.0.0.1, 10.1.0.0/16, fd00::/8`."""
    try:
        return items(name, convert=ip_network)
    except ValueError:
        raise misconfigured(name, "IP addresses or CIDR blocks separated by commas") from None


def origin(name: str, default: str = "") -> str:
    """An origin (RFC 6454 §6.1): scheme and host, perhaps a port, nothing behind."""
    value = _origin(name, text(name, default)) if text(name, default) else ""
    if value and not value.startswith(("http://", "https://")):
        raise misconfigured(name, "an origin such as https://sage.example")
    return value


def origins(name: str) -> list[str]:
    return [value if value == "*" else _origin(name, value) for value in items(name, convert=str)]


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


def folder(name: str, *, holding: str) -> Path | None:
    """An existing folder with a certain file in it; unset means none."""
    value = text(name)
    if value and not (Path(value) / holding).is_file():
        raise misconfigured(name, f"a folder that holds {holding}")
    return Path(value).absolute() if value else None


def url(name: str, default: str) -> str:
    """An absolute http or https address without query and fragment; a trailing slash is dropped."""
    value = text(name, default).rstrip("/")
    try:
        parts = urlsplit(value)
        whole = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        whole = False
    if not whole or parts.query or parts.fragment:
        raise misconfigured(name, "an absolute http or https address")
    return value


def database(name: str, value: str) -> dict[str, Any]:
    """Django's settings for `sqlite:///path` or `postgres://user:password@host:port/name`."""
    expected = "sqlite:///path/to/file or postgres://user:password@host:5432/name"
    # The parser would print part of an address that it does not know, and with it perhaps of a password.
    if value.partition("://")[0] not in {"sqlite", "postgres", "postgresql", "pgsql", "psql"}:
        raise misconfigured(name, expected)
    try:
        config: dict[str, Any] = dict(environ.Env.db_url_config(value))
    except (ValueError, KeyError, ImproperlyConfigured):
        raise misconfigured(name, expected) from None
    engine = str(config.get("ENGINE", ""))
    options = config.setdefault("OPTIONS", {})
    if engine.endswith("sqlite3"):
        # WAL lets reads go on beside a write; IMMEDIATE makes a transaction wait at its start and never fail in its middle.
        options |= {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": SQLITE_PRAGMAS}
        return config | {"CONN_MAX_AGE": None}
    if engine.endswith("postgresql"):
        options |= {"pool": postgresql_pool(), "connect_timeout": 3}
        return config | {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True}
    raise misconfigured(name, expected)


def postgresql_pool() -> dict[str, Any]:
    from sage_platform.database import ImpatientConnection  # noqa: PLC0415  On SQLite the driver would only cost memory.

    return {
        "connection_class": ImpatientConnection,
        "min_size": 1,
        "max_size": 16,
        "timeout": 2,
        "max_lifetime": 1800,
        # Attempts to reconnect come at ever longer intervals. By giving up they start anew, from the shortest one.
        "reconnect_timeout": 3,
    }


def cache(name: str, value: str) -> dict[str, Any]:
    if not value:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    try:
        parts = urlsplit(value)
        right = parts.scheme in {"redis", "rediss", "unix"} and parts.port != 0 and _is_database_number(parts)
    except ValueError:
        right = False
    if not right:
        raise misconfigured(name, "redis://host:6379/0")
    timeouts = {"socket_timeout": 1, "socket_connect_timeout": 1, "health_check_interval": 30}
    return {
        "BACKEND": "sage_platform.cache.PausingRedisCache",
        "LOCATION": value,
        "KEY_PREFIX": "sage",
        "OPTIONS": timeouts,
    }


def object_store(endpoint: str, media_root: Path) -> dict[str, Any]:
    """Where uploads are kept: the local disk, or an S3-compatible store when its endpoint is given."""
    if not endpoint:
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": media_root, "base_url": None},
        }
    secure = boolean("SAGE_S3_SECURE", default=True)
    address = endpoint if "://" in endpoint else f"{'https' if secure else 'http'}://{endpoint}"
    options = {
        "endpoint_url": address,
        "access_key": secret("SAGE_S3_ACCESS_KEY"),
        "secret_key": secret("SAGE_S3_SECRET_KEY"),
        "bucket_name": text("SAGE_S3_BUCKET_NAME", "sage"),
        "use_ssl": secure,
        "file_overwrite": False,
        "querystring_auth": True,
    }
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}


def _is_database_number(parts: SplitResult) -> bool:
    return parts.scheme == "unix" or parts.path in {"", "/"} or parts.path.removeprefix("/").isdigit()


def mail(name: str, value: str) -> dict[str, Any]:
    """Django's EMAIL_* settings from, for example, `smtp+tls://user:password@mail.example:587`."""
    try:
        return dict(environ.Env.email_url_config(value or "dummymail://"))
    except (ValueError, KeyError, ImproperlyConfigured):
        raise misconfigured(name, "smtp://host:25, smtp+tls://user:password@host:587, smtp+ssl://… or consolemail://") from None


def base_path(name: str, default: str) -> str:
    """A path such as `/sage`: one leading slash, no trailing one, plain characters only."""
    value = text(name, default).rstrip("/")
    segments = value.split("/")[1:]
    plain = all(
        part and part.strip(".") and part.replace("-", "").replace("_", "").replace(".", "").isalnum() for part in segments
    )
    taken = segments[:1] and segments[0] in paths.OWN
    if not value.startswith("/") or not value.isascii() or not plain:
        raise misconfigured(name, "a path such as /sage")
    if taken:
        raise misconfigured(name, "a path such as /sage, and none of the platform's own")
    return value


def kept_secret(path: Path, make: Callable[[], str] = lambda: secrets.token_urlsafe(48)) -> str:
    """The random secret kept in a file, made on first use.

    Several processes may start at once: the file is linked into place whole, so each of them reads the same secret.
    """
    if not path.exists():
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            raise misconfigured("SAGE_DATA_DIR", "a folder that can be made and written") from None
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(make() + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        except FileExistsError:
            pass  # Another process was first; its secret is the one.
        finally:
            draft.unlink(missing_ok=True)
    return path.read_text(encoding="utf-8").strip()
