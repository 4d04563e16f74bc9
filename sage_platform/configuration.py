"""The product's own settings that take more than a reader of one value: database, cache, object store, mail, keys, clients.

Only the settings module calls these. Like the readers of `env`, they name the variable that is wrong and never repeat its value.
"""

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from sage_platform import env, paths
from sage_platform.oauth2.registration import InvalidRegistrationError, Registration, read_clients
from sage_platform.sealed_search import UnknownError, holds_sealed
from sage_platform.telemetry.collector import Collector, CollectorError, read_collector, read_headers
from sage_platform.web_files import served_files
from versions.updater_key import UpdaterKey, is_secret_key

# Segments of plain characters, each with a letter or a digit in it, so that none is `..`; no slash at the end.
BASE_PATH = re.compile(r"(?:/[._-]*[A-Za-z0-9][A-Za-z0-9._-]*)+")
# Scheme, host and perhaps a port, then a path as above.
JAEGER_ADDRESS = re.compile(rf"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?(?:{BASE_PATH.pattern})?")
HOST_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*")
LOCATION = re.compile(r"/(?:[._-]*[A-Za-z0-9][A-Za-z0-9._-]*/)+")
# RFC 8314 §3.3: TLS from the first byte. On the other two a session begins in the clear and STARTTLS follows (RFC 3207).
IMPLICIT_TLS_PORT = 465
STARTTLS_PORTS = frozenset({25, 587})
# A name (RFC 1123 §2.1), an underscore in it as in container networks, or an address.
ENDPOINT_HOST = re.compile(r"[a-z0-9_.:-]+")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# Neither white space nor what an address holds in percent-encoding alone (RFC 3986 §2), nor a fragment, which no server sees.
URL_PREFIX = re.compile(r"[A-Za-z0-9._~:/?@!$&'()*+,;=%\[\]-]+")
HEADER_VALUE = re.compile(r"[!-~]*")
REPOSITORY = re.compile(r"[A-Za-z0-9_-]+/[A-Za-z0-9._-]+")
FERNET_KEY = re.compile(r"[A-Za-z0-9_-]{43}=")
# In WAL mode NORMAL keeps every committed write when the process dies; only a loss of power can take the last moments.
SQLITE_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-2000;"


@env.reader
def base_path(name: str, default: str) -> str:
    """Where the web application is, for example `/sage`; a trailing slash is dropped."""
    value = env.text(name, default).rstrip("/")
    if not BASE_PATH.fullmatch(value):
        raise env.misconfigured(name, "a path such as /sage")
    if value.split("/")[1] in paths.OWN:
        raise env.misconfigured(name, "a path such as /sage, and none of the platform's own")
    return value


@env.reader
def web_root(name: str) -> Path | None:
    """The folder of a built web application; unset means none. Workers that cannot read it would die one after the other."""
    value = env.text(name)
    if not value:
        return None
    root = Path(value).absolute()
    try:
        files = served_files(root)
    except (FileNotFoundError, NotADirectoryError):
        files = {}
    except OSError:
        raise env.misconfigured(name, "a folder of which everything can be read") from None
    if str(root / "index.html") not in files:
        raise env.misconfigured(name, "a folder that holds index.html")
    return root


@env.or_else(str)
def header_secret(name: str, value: str, example: str = "for example from `openssl rand -base64 32`") -> str:
    """A secret that is sent as a header's value, which is visible ASCII and nothing else (RFC 9110 §5.5)."""
    if not HEADER_VALUE.fullmatch(value) or (not value and env.text(f"{name}_FILE")):
        raise env.misconfigured(name, f"letters, digits and signs without spaces, {example}")
    return value


@env.or_else(list[str])
def encryption_keys(name: str, given: Sequence[str]) -> list[str]:
    """Fernet keys (32 bytes in URL-safe base64), newest first. A key given twice would stay when one of the two is taken out."""
    expected = "Fernet keys (32 random bytes in URL-safe base64) separated by commas, newest first, each once"
    # The form is compared here, since Python's base64 decoder stops at the first `=`: of `key;key` it would read one key.
    if not given or not all(FERNET_KEY.fullmatch(key) for key in given) or len(set(given)) < len(given):
        raise env.misconfigured(name, expected)
    return list(given)


def new_encryption_key() -> str:
    return Fernet.generate_key().decode()


@env.or_else(lambda: "unusable")
def kept_secret_key(path: Path) -> str:
    """The secret in the data folder, made on first use."""
    return env.kept_secret("SAGE_DATA_DIR", path)


@env.or_else(new_encryption_key)
def kept_encryption_key(path: Path, database: Mapping[str, Any]) -> str:
    """The key in the data folder, made on first use; never for a database in which another key was used."""
    if not database:
        return new_encryption_key()  # Its address is wrong, and the start ends; this one is not kept.
    if not path.exists():
        try:
            sealed = holds_sealed(database)
        except UnknownError as error:
            expected = f"a key, since none is made while the database cannot be asked whether another one is needed ({error})"
            raise env.misconfigured("SAGE_ENCRYPTION_KEYS", expected) from None
        if sealed:
            expected = (
                f"the key that encrypted what is in the database, since {path} is gone: put it back, or give a new key here"
            )
            raise env.misconfigured("SAGE_ENCRYPTION_KEYS", expected)
    return env.kept_secret("SAGE_DATA_DIR", path, new_encryption_key)


@env.reader
def oauth2_clients(name: str, scopes: Sequence[str]) -> list[Registration]:
    """A JSON array, with secrets in it, so that it may be a file."""
    try:
        return read_clients(env.secret(name), scopes)
    except InvalidRegistrationError as error:
        raise env.misconfigured(name, str(error)) from None


@env.or_else(dict[str, Any])
def database(name: str, value: str) -> dict[str, Any]:
    """Django's settings for `sqlite:///path` or `postgres://user:password@host:port/name`.

    The host may be the folder of the server's socket: `postgres://user@%2Fvar%2Frun%2Fpostgresql/name`.
    """
    expected = "sqlite:///path/to/file or postgres://user:password@host:5432/name"
    # The parser would print part of an address that it does not know, and with it perhaps of a password.
    if value.partition("://")[0] not in {"sqlite", "postgres", "postgresql", "pgsql", "psql"}:
        raise env.misconfigured(name, expected)
    # Without a third slash the first folder of the path would be taken for a host, and passed over.
    if value.startswith("sqlite://") and not value.startswith(("sqlite:///", "sqlite://:memory:")):
        raise env.misconfigured(name, expected)
    try:
        config: dict[str, Any] = dict(environ.Env.db_url_config(value))
    except (ValueError, KeyError, ImproperlyConfigured):
        raise env.misconfigured(name, expected) from None
    engine = str(config.get("ENGINE", ""))
    options = config.setdefault("OPTIONS", {})
    if engine.endswith("sqlite3"):
        # WAL lets reads go on during a write. IMMEDIATE takes the write lock at the start of a transaction, not in its middle.
        options |= {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": SQLITE_PRAGMAS}
        return config | {"ENGINE": "sage_platform.databases.sqlite3", "CONN_MAX_AGE": None}
    if engine.endswith("postgresql"):
        if not (config["NAME"] or "service" in options):
            raise env.misconfigured(name, expected)
        config["HOST"] = _socket_folder(value) or config["HOST"]
        options |= {"pool": postgresql_pool(), "connect_timeout": 3}
        return config | {"ENGINE": "sage_platform.databases.postgresql", "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True}
    raise env.misconfigured(name, expected)


def _socket_folder(value: str) -> str:
    """The folder of a PostgreSQL server's socket, given percent-encoded as the host (PostgreSQL manual, §34.1.1.2); else empty.

    The parser turns every host into lower case, which is right for names and wrong for folders.
    """
    host = unquote(urlsplit(value).netloc.rpartition("@")[2].partition(":")[0])
    return host if host.startswith("/") else ""


def postgresql_pool() -> dict[str, Any]:
    from sage_platform.databases.patience import ImpatientConnection  # noqa: PLC0415  With SQLite the driver is not loaded.

    return {
        "connection_class": ImpatientConnection,
        "min_size": 1,
        "max_size": 16,
        "timeout": 2,
        "max_lifetime": 1800,
        # The intervals between attempts to reconnect grow. After this many seconds they begin again from the shortest one.
        "reconnect_timeout": 3,
    }


@env.or_else(dict[str, Any])
def cache(name: str, value: str) -> dict[str, Any]:
    if not value:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    try:
        parts = urlsplit(value)
        right = parts.scheme in {"redis", "rediss", "unix"} and parts.port != 0 and _is_database_number(parts)
    except ValueError:
        right = False
    if not right:
        raise env.misconfigured(name, "redis://host:6379/0")
    timeouts = {"socket_timeout": 1, "socket_connect_timeout": 1, "health_check_interval": 30}
    return {
        "BACKEND": "sage_platform.cache.PausingRedisCache",
        "LOCATION": value,
        "KEY_PREFIX": "sage",
        "OPTIONS": timeouts,
    }


def _is_database_number(parts: SplitResult) -> bool:
    return parts.scheme == "unix" or parts.path in {"", "/"} or parts.path.removeprefix("/").isdigit()


@env.reader
def s3_endpoint(name: str) -> str:
    """Host and port of an S3-compatible store, or its http or https address; unset means none."""
    value = env.text(name)
    try:
        parts = urlsplit(value if "://" in value else f"https://{value}")
        right = parts.scheme in {"http", "https"} and ENDPOINT_HOST.fullmatch(parts.hostname or "") and parts.port != 0
    except ValueError:
        right = False
    if value and (not right or "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment):
        raise env.misconfigured(name, "a host such as s3.example:9000, or an address such as https://s3.example")
    return value.rstrip("/")


@env.reader
def s3_bucket(name: str) -> str:
    value = env.text(name, "sage")
    if not BUCKET.fullmatch(value):
        raise env.misconfigured(name, "a bucket's name: 3 to 63 small letters, digits, points and hyphens")
    return value


def object_stores(endpoint: str, media_root: Path) -> dict[str, dict[str, Any]]:
    """Where uploads can be kept: always the local disk, and an S3-compatible store when its endpoint is given."""
    secure = env.boolean("SAGE_S3_SECURE", default=True)
    access_key, secret_key = env.secret("SAGE_S3_ACCESS_KEY"), env.secret("SAGE_S3_SECRET_KEY")
    if endpoint:
        # Without them the library would look for some in the environment, in files, and at the machine's metadata service.
        expected = "a value, since SAGE_S3_ENDPOINT is set"
        access_key = env.required("SAGE_S3_ACCESS_KEY", access_key, expected, instead="unusable")
        secret_key = env.required("SAGE_S3_SECRET_KEY", secret_key, expected, instead="unusable")
    options = {
        "endpoint_url": endpoint if "://" in endpoint else f"{'https' if secure else 'http'}://{endpoint}",
        "region_name": env.text("SAGE_S3_REGION", "us-east-1"),
        "addressing_style": env.choice("SAGE_S3_ADDRESSING", "path", ["path", "virtual"]),
        "access_key": access_key,
        "secret_key": secret_key,
        "bucket_name": s3_bucket("SAGE_S3_BUCKET_NAME"),
        "public_base_url": env.url("SAGE_S3_PUBLIC_BASE_URL"),
    }
    disk = {"disk": {"BACKEND": "uploads.stores.disk.DiskStore", "OPTIONS": {"location": media_root, "base_url": None}}}
    return disk | ({"s3": {"BACKEND": "uploads.stores.s3.S3Store", "OPTIONS": options}} if endpoint else {})


def object_origin(stores: Mapping[str, Mapping[str, Any]]) -> str:
    """Where a browser is sent for an object in S3 (RFC 6454 §4), so that pages which show pictures can allow it; else empty."""
    if "s3" not in stores:
        return ""
    options = stores["s3"]["OPTIONS"]
    parts = urlsplit(options["public_base_url"] or options["endpoint_url"])
    own_name = options["addressing_style"] == "virtual" and not options["public_base_url"]
    return f"{parts.scheme}://{options['bucket_name']}.{parts.netloc}" if own_name else f"{parts.scheme}://{parts.netloc}"


@env.reader
def location(name: str) -> str:
    """A path of the proxy in front, with a slash at both ends; unset means none."""
    value = env.text(name)
    if value and not LOCATION.fullmatch(value):
        raise env.misconfigured(name, "a path such as /media/")
    return value


@env.reader
def jaeger_address(name: str, pages: str) -> str:
    """Where people find Jaeger: a path of this origin, or an address of another; a trailing slash is dropped.

    `pages` is the path of the web application and of the platform's own pages.
    """
    value = env.text(name, f"/{paths.JAEGER}").rstrip("/")
    expected = f"a path such as /{paths.JAEGER}, none of the platform's own, or an address such as https://jaeger.example"
    if value.startswith("/"):
        apart = not f"{value}/".startswith(f"{pages}/") and not f"{pages}/".startswith(f"{value}/")
        right = apart and bool(BASE_PATH.fullmatch(value)) and value.split("/")[1] not in paths.OWN - {paths.JAEGER}
    else:
        right = bool(JAEGER_ADDRESS.fullmatch(value)) and _is_place(value)
    if not right:
        raise env.misconfigured(name, expected)
    return value


def _is_place(address: str) -> bool:
    """Whether the host is a name or an IP address, and the port a number of one."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        if ":" in host or host.replace(".", "").isdecimal():
            ip_address(host)
        return parts.port != 0 and (":" in host or bool(HOST_NAME.fullmatch(host)))
    except ValueError:
        return False


@env.reader
def collector(name: str, headers: Mapping[str, str]) -> Collector | None:
    """Where traces are sent; unset means none."""
    value = env.text(name)
    try:
        return read_collector(value, headers) if value else None
    except CollectorError as error:
        raise env.misconfigured(name, str(error)) from None


@env.or_else(dict[str, str])
def trace_headers(name: str, value: str) -> dict[str, str]:
    """What the collector wants to be sent besides, such as a key."""
    try:
        return read_headers(value)
    except CollectorError as error:
        raise env.misconfigured(name, str(error)) from None


@env.reader
def url_prefix(name: str) -> str:
    """What is put before whole addresses, as it is: `https://mirror.example/` or `https://mirror.example/?url=`."""
    value = env.text(name)
    try:
        parts = urlsplit(value)
        right = (
            parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and value.startswith(f"{parts.scheme}://")
        )
    except ValueError:
        right = False
    # Without a slash after the host, the address of an update would become a part of the host's name.
    if value and (not right or not parts.path or parts.fragment or not URL_PREFIX.fullmatch(value)):
        raise env.misconfigured(name, "the beginning of an address, such as https://mirror.example/")
    return value


@env.reader
def updater_key(name: str) -> UpdaterKey | None:
    """The public key that the desktop application's updater trusts; unset means none."""
    value = env.text(name)
    expected = "a public key, as plugins.updater.pubkey of tauri.conf.json or minisign's .pub file has it"
    if is_secret_key(value):
        expected = "the public key, and this is the secret one, which belongs where updates are signed and nowhere else"
    try:
        return UpdaterKey.read(value) if value else None
    except ValueError:
        raise env.misconfigured(name, expected) from None


@env.reader
def github_repository(name: str) -> str:
    """`owner/name`; unset means none."""
    value = env.text(name)
    if value and (not REPOSITORY.fullmatch(value) or value.rpartition("/")[2] in {".", ".."}):
        raise env.misconfigured(name, "a repository's owner and name, such as acme/desktop")
    return value


@env.or_else(dict[str, Any])
def mail(name: str, value: str) -> dict[str, Any]:
    """Django's EMAIL_* settings from, for example, `smtps://user:password@mail.example:465`."""
    expected = "smtps://user:password@host:465, smtp+tls://user:password@host:587, smtp://host:25 or consolemail://"
    try:
        config: dict[str, Any] = dict(environ.Env.email_url_config(value or "dummymail://"))
        scheme = urlsplit(value).scheme
    except (ValueError, KeyError, ImproperlyConfigured):
        raise env.misconfigured(name, expected) from None
    if not scheme.startswith("smtp"):
        return config
    if not config["EMAIL_HOST"]:
        raise env.misconfigured(name, expected)
    # A query such as `?EMAIL_USE_SSL=True` asks for TLS as well.
    asked = {key for key in ("EMAIL_USE_SSL", "EMAIL_USE_TLS") if config.get(key)}
    encrypted = scheme != "smtp" or bool(asked)
    implicit = scheme in {"smtps", "smtp+ssl"} or "EMAIL_USE_SSL" in asked
    port = config["EMAIL_PORT"] or (25 if not encrypted else 465 if implicit else 587)
    if port == IMPLICIT_TLS_PORT and not encrypted:
        raise env.misconfigured(name, f"smtps:// for port {port}, where the connection begins with TLS")
    if encrypted:
        # On these ports the way TLS begins is registered. The other way, each side would wait for the other to speak.
        implicit = port == IMPLICIT_TLS_PORT or (implicit and port not in STARTTLS_PORTS)
        config |= {"EMAIL_USE_SSL": implicit, "EMAIL_USE_TLS": not implicit}
    return config | {"EMAIL_PORT": port}
