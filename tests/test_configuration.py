"""What the settings make of this product's own variables; a wrong value is named and never repeated."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from sage_platform import configuration, env
from sage_platform.databases.patience import ImpatientConnection
from tests.environment import NAME, Reader, check_refused
from tests.versions.minisigning import SIGNER
from versions.updater_key import UpdaterKey

# 32 bytes in URL-safe base64 each.
FERNET = "9bQ2mXr7LpZw4NcYb8Hd3Jf6Gs1Ae5Uo0RikT9vQ2m0="
OTHER_FERNET = "Zw4NcYb8Hd3Jf6Gs1Ae5Uo0RikT9vQ2mXr7LpZw4Nc8="

UPDATER_KEY: Reader = lambda: configuration.updater_key(NAME)  # noqa: E731
URL_PREFIX: Reader = lambda: configuration.url_prefix(NAME)  # noqa: E731
BASE_PATH: Reader = lambda: configuration.base_path(NAME, "/sage")  # noqa: E731
KEYS: Reader = lambda: configuration.encryption_keys(NAME, env.secret_items(NAME))  # noqa: E731

RIGHT: list[tuple[Reader, str, object]] = [
    (UPDATER_KEY, "", None),
    (UPDATER_KEY, f" {SIGNER.public_key}\n", UpdaterKey.read(SIGNER.public_line)),
    (UPDATER_KEY, SIGNER.public_file, UpdaterKey.read(SIGNER.public_line)),
    (URL_PREFIX, "", ""),
    (URL_PREFIX, " https://mirror.example/ ", "https://mirror.example/"),
    (URL_PREFIX, "http://[::1]:8080/a%20b/?url=", "http://[::1]:8080/a%20b/?url="),
    (BASE_PATH, "", "/sage"),
    (BASE_PATH, "/a/b-c_d.e/", "/a/b-c_d.e"),
    (BASE_PATH, "/.a/_1/", "/.a/_1"),
    (KEYS, FERNET, [FERNET]),
    (KEYS, f" {OTHER_FERNET} , {FERNET},", [OTHER_FERNET, FERNET]),
]


@pytest.mark.parametrize(("read", "value", "expected"), RIGHT)
def test_right_values(read: Reader, value: str, expected: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, value)
    assert read() == expected


NO_BASE_PATHS = [
    "/",
    "sage",
    "//sage",
    "/sage//x",
    "/sa ge",
    "/säge",
    "/../x",
    "/a/../b",
    "/sage?x",
    "/<str:x>",
    "/-",
    "/sage/_.",
]


@pytest.mark.parametrize("value", NO_BASE_PATHS)
def test_wrong_base_paths(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, value)
    check_refused(BASE_PATH, "a path such as /sage")


NO_UPDATER_KEYS = {
    "hunter2": "a public key, as plugins.updater.pubkey of tauri.conf.json or minisign's .pub file has it",
    SIGNER.secret_key: "the public key, and this is the secret one, which belongs where updates are signed and nowhere else",
}


@pytest.mark.parametrize(("value", "expected"), NO_UPDATER_KEYS.items())
def test_wrong_updater_keys(value: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, value)
    check_refused(UPDATER_KEY, expected)


NO_URL_PREFIXES = [
    "mirror.example/",
    "//mirror.example/",
    "ftp://mirror.example/",
    "https:///",
    "https:/mirror.example/",
    "https://mirror.example",  # Before https://dl.example it would be the host mirror.examplehttps.
    "https://mirror.example?url=",
    "https://mirror.example/#",
    "https://mirror.example/a b",
    "https://mirror.example:0/",
    "https://mirror.example:99999/",
    "https://[::1/",
    "https://mirror.example/é",
    'https://mirror.example/"',
    "https://mirror.example/\\",
]


@pytest.mark.parametrize("value", NO_URL_PREFIXES)
def test_wrong_url_prefixes(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, value)
    check_refused(URL_PREFIX, "the beginning of an address, such as https://mirror.example/")


NO_KEYS = [
    "",
    ",",
    "hunter2",
    FERNET[:-2],
    FERNET + "A",
    "é" * 44,
    f"{FERNET};{OTHER_FERNET}",
    f"{FERNET},x",
    f"{FERNET},{FERNET}",
]


@pytest.mark.parametrize("value", NO_KEYS)
def test_wrong_encryption_keys(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, value)
    check_refused(KEYS, "Fernet keys (32 random bytes in URL-safe base64) separated by commas, newest first, each once")


def test_a_made_encryption_key_is_one(tmp_path: Path) -> None:
    made = env.kept_secret(NAME, tmp_path / "encryption_key", configuration.new_encryption_key)
    assert configuration.encryption_keys(NAME, [made]) == [made]
    assert env.kept_secret(NAME, tmp_path / "encryption_key", configuration.new_encryption_key) == made


# -- Addresses with passwords in them ----------------------------------------------------------------------------------------

DATABASE = "sqlite:///path/to/file or postgres://user:password@host:5432/name"
MAIL = "smtps://user:password@host:465, smtp+tls://user:password@host:587, smtp://host:25 or consolemail://"
WRONG: list[tuple[Reader, str]] = [
    (lambda: configuration.database(NAME, "mysql://sage:hunter2@db/sage"), DATABASE),
    (lambda: configuration.database(NAME, "postgres://sage:pw@db:hunter2/sage"), DATABASE),
    (lambda: configuration.database(NAME, "hunter2"), DATABASE),
    (lambda: configuration.database(NAME, "sqlite://hunter2/sage.sqlite3"), DATABASE),
    (lambda: configuration.database(NAME, "postgres://sage:hunter2@db"), DATABASE),
    (lambda: configuration.cache(NAME, "http://hunter2@cache"), "redis://host:6379/0"),
    (lambda: configuration.cache(NAME, "redis://cache/hunter2"), "redis://host:6379/0"),
    (lambda: configuration.cache(NAME, "redis://cache:hunter2/0"), "redis://host:6379/0"),
    (lambda: configuration.mail(NAME, "hunter2://mail"), MAIL),
    (lambda: configuration.mail(NAME, "smtp://user:pw@mail:hunter2"), MAIL),
    (lambda: configuration.mail(NAME, "smtps://user:hunter2@"), MAIL),
    (
        lambda: configuration.mail(NAME, "smtp://user:hunter2@mail:465"),
        "smtps:// for port 465, where the connection begins with TLS",
    ),
]


@pytest.mark.parametrize(("read", "expected"), WRONG)
def test_no_refusal_repeats_a_password(read: Reader, expected: str) -> None:
    check_refused(read, expected)


def test_sqlite() -> None:
    found = configuration.database(NAME, "sqlite:////tmp/x.sqlite3")
    assert {name: value for name, value in found.items() if value != ""} == {
        "ENGINE": "sage_platform.databases.sqlite3",
        "NAME": "/tmp/x.sqlite3",
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-2000;",
        },
    }


def test_postgresql() -> None:
    assert configuration.database(NAME, "postgres://sage:pw@db.example:5433/main") == {
        "ENGINE": "sage_platform.databases.postgresql",
        "NAME": "main",
        "USER": "sage",
        "PASSWORD": "pw",
        "HOST": "db.example",
        "PORT": 5433,
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 3,
            "pool": {
                "connection_class": ImpatientConnection,
                "min_size": 1,
                "max_size": 16,
                "timeout": 2,
                "max_lifetime": 1800,
                "reconnect_timeout": 3,
            },
        },
    }


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("postgres://sage:pw@%2Fvar%2Frun%2FPostgreSQL/main", "/var/run/PostgreSQL", ""),
        ("postgres://sage:p%40w@%2Ftmp%2Fa%3Ab:5433/main", "/tmp/a:b", 5433),
        ("postgres://%2Ftmp/main", "/tmp", ""),
        ("postgres:////tmp/main", "/tmp", ""),
        ("postgres://sage:pw@DB.example/main", "db.example", ""),
        ("postgres://sage:pw@[::1]:5433/main", "::1", 5433),
    ],
)
def test_the_host_may_be_the_folder_of_a_socket(address: str, host: str, port: object) -> None:
    found = configuration.database(NAME, address)
    assert (found["HOST"], found["PORT"], found["NAME"]) == (host, port, "main")


def test_the_cache() -> None:
    assert configuration.cache(NAME, "") == {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    for address in ("redis://cache.example:6379/0", "rediss://cache.example", "unix:///run/redis.sock"):
        assert configuration.cache(NAME, address) == {
            "BACKEND": "sage_platform.cache.PausingRedisCache",
            "LOCATION": address,
            "KEY_PREFIX": "sage",
            "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1, "health_check_interval": 30},
        }


def test_mail() -> None:
    found = configuration.mail(NAME, "smtp+tls://user:pw@mail.example:587")
    assert {name: value for name, value in found.items() if value} == {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": "mail.example",
        "EMAIL_PORT": 587,
        "EMAIL_HOST_USER": "user",
        "EMAIL_HOST_PASSWORD": "pw",
        "EMAIL_USE_TLS": True,
    }
    assert {name: value for name, value in configuration.mail(NAME, "smtp://mail.example").items() if value} == {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": "mail.example",
        "EMAIL_PORT": 25,
    }
    assert configuration.mail(NAME, "")["EMAIL_BACKEND"] == "django.core.mail.backends.dummy.EmailBackend"


@pytest.mark.parametrize(
    ("address", "port", "implicit"),
    [
        ("smtps://mail.example:465", 465, True),
        ("smtps://mail.example", 465, True),
        ("smtps://mail.example:2465", 2465, True),
        ("smtp+ssl://mail.example", 465, True),
        ("smtp+ssl://mail.example:2465", 2465, True),
        ("smtp+tls://mail.example:465", 465, True),
        ("smtp://mail.example:465?EMAIL_USE_SSL=True", 465, True),
        ("smtp+tls://mail.example", 587, False),
        ("smtp+tls://mail.example:2525", 2525, False),
        ("smtps://mail.example:587", 587, False),
        ("smtp+ssl://mail.example:25", 25, False),
    ],
)
def test_how_tls_begins(address: str, port: int, implicit: bool) -> None:
    """RFC 8314 §3.3 for 465, RFC 3207 for 587 and 25; elsewhere the scheme says. Django refuses to have both at once."""
    found = configuration.mail(NAME, address)
    assert (found["EMAIL_PORT"], found["EMAIL_USE_SSL"], found["EMAIL_USE_TLS"]) == (port, implicit, not implicit)


def test_files_on_the_local_disk(tmp_path: Path) -> None:
    assert configuration.object_stores("", tmp_path) == {"disk": on_disk(tmp_path)}


def on_disk(root: Path) -> dict[str, object]:
    return {"BACKEND": "uploads.stores.disk.DiskStore", "OPTIONS": {"location": root, "base_url": None}}


@pytest.mark.parametrize(
    ("endpoint", "secure", "address"),
    [
        ("s3.example:9000", "", "https://s3.example:9000"),
        ("s3.example:9000", "false", "http://s3.example:9000"),
        ("http://s3.example:9000", "false", "http://s3.example:9000"),
    ],
)
def test_files_in_an_object_store(
    endpoint: str, secure: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("hunter2\n")
    monkeypatch.setenv("SAGE_S3_SECURE", secure)
    monkeypatch.setenv("SAGE_S3_ACCESS_KEY", "sage")
    monkeypatch.setenv("SAGE_S3_SECRET_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("SAGE_S3_BUCKET_NAME", "files")
    monkeypatch.setenv("SAGE_S3_REGION", "eu-central-1")
    monkeypatch.setenv("SAGE_S3_ADDRESSING", "virtual")
    monkeypatch.setenv("SAGE_S3_PUBLIC_BASE_URL", "https://files.example/below/")
    stores = configuration.object_stores(endpoint, tmp_path)
    assert list(stores) == ["disk", "s3"]
    assert stores["disk"] == on_disk(tmp_path)
    assert stores["s3"] == {
        "BACKEND": "uploads.stores.s3.S3Store",
        "OPTIONS": {
            "endpoint_url": address,
            "region_name": "eu-central-1",
            "addressing_style": "virtual",
            "access_key": "sage",
            "secret_key": "hunter2",
            "bucket_name": "files",
            "public_base_url": "https://files.example/below",
        },
    }


def test_what_an_object_store_is_like_where_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGE_S3_ACCESS_KEY", "sage")
    monkeypatch.setenv("SAGE_S3_SECRET_KEY", "hunter2")
    assert configuration.object_stores("s3.example", tmp_path)["s3"]["OPTIONS"] == {
        "endpoint_url": "https://s3.example",
        "region_name": "us-east-1",
        "addressing_style": "path",
        "access_key": "sage",
        "secret_key": "hunter2",
        "bucket_name": "sage",
        "public_base_url": "",
    }


@pytest.mark.parametrize("missing", ["SAGE_S3_ACCESS_KEY", "SAGE_S3_SECRET_KEY"])
def test_an_object_store_without_its_keys(missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library would look for others, at the machine's metadata service among it."""
    for name in {"SAGE_S3_ACCESS_KEY", "SAGE_S3_SECRET_KEY"} - {missing}:
        monkeypatch.setenv(name, "hunter2")
    with pytest.raises(ImproperlyConfigured) as caught:
        configuration.object_stores("s3.example", tmp_path)
    assert str(caught.value) == f"{missing}: expected a value, since SAGE_S3_ENDPOINT is set."


@pytest.mark.parametrize("value", ["S", "ab", "My-Bucket", "a_b_c", "-abc", "abc-", "a/b", "../x", "a" * 64, "b c d"])
def test_a_bucket_that_can_be_none(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, value)
    check_refused(lambda: configuration.s3_bucket(NAME), "a bucket's name: 3 to 63 small letters, digits, points and hyphens")


ENDPOINTS = ["s3.example", "s3.example:9000", "http://minio_1:9000", "https://s3.example", "[::1]:9000", "127.0.0.1:9000"]


@pytest.mark.parametrize("value", ["", *ENDPOINTS])
def test_an_endpoint(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, f"{value}/" if value else "")
    assert configuration.s3_endpoint(NAME) == value


NO_ENDPOINTS = [
    "ftp://s3.example",
    "https://",
    "https://sage:hunter2@s3.example",
    "s3.example/bucket",
    "s3.example?x=1",
    "s3.example#x",
    "s3 example",
    "s3.example:99999",
    "s3.example:0",
    "s3.example:port",
    "http://[::1",
]


@pytest.mark.parametrize("value", NO_ENDPOINTS)
def test_an_endpoint_that_is_none(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, value)
    check_refused(
        lambda: configuration.s3_endpoint(NAME), "a host such as s3.example:9000, or an address such as https://s3.example"
    )


@pytest.mark.parametrize(
    ("endpoint", "changes", "origin"),
    [
        ("", {}, ""),
        ("http://127.0.0.1:9000", {}, "http://127.0.0.1:9000"),
        ("s3.example", {"ADDRESSING": "virtual"}, "https://files.s3.example"),
        ("s3.example", {"ADDRESSING": "virtual", "PUBLIC_BASE_URL": "https://cdn.example/files"}, "https://cdn.example"),
    ],
)
def test_where_a_browser_gets_objects(
    endpoint: str, changes: dict[str, str], origin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"ACCESS_KEY": "sage", "SECRET_KEY": "hunter2", "BUCKET_NAME": "files", **changes}.items():
        monkeypatch.setenv(f"SAGE_S3_{name}", value)
    assert configuration.object_origin(configuration.object_stores(endpoint, tmp_path)) == origin


@pytest.mark.parametrize("value", ["media/", "/media", "/", "//", "/a b/", "/media/?x/", "/../"])
def test_a_location_that_is_none(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, value)
    check_refused(lambda: configuration.location(NAME), "a path such as /media/")


def test_a_location(monkeypatch: pytest.MonkeyPatch) -> None:
    assert configuration.location(NAME) == ""
    monkeypatch.setenv(NAME, "/internal/media-1/")
    assert configuration.location(NAME) == "/internal/media-1/"


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("", "/jaeger"),
        ("/jaeger/", "/jaeger"),
        ("/tracing/ui", "/tracing/ui"),
        ("https://jaeger.example", "https://jaeger.example"),
        ("http://10.0.0.7:16686/ui/", "http://10.0.0.7:16686/ui"),
        ("http://[fd00::1]:16686", "http://[fd00::1]:16686"),
        ("https://sage.example/api", "https://sage.example/api"),
        ("/sages", "/sages"),
        ("http://jaeger_query:16686", "http://jaeger_query:16686"),
    ],
)
def test_where_jaeger_is(value: str, read: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, value)
    assert configuration.jaeger_address(NAME, "/sage/app") == read


@pytest.mark.parametrize(
    "value",
    [
        *(
            "/",
            "//jaeger.example",
            "jaeger",
            "/a b",
            "/jaeger?x",
            "/../x",
            "/\\x",
            "/api/observability/jaeger",
            "/admin",
            "ftp://x",
        ),
        *(
            "https://",
            "https://a@b",
            "https://a/?b",
            "https://a/#b",
            "https://a/../b",
            "https://a b",
            "https:///x",
            "javascript:x",
        ),
        *(
            "/sage",
            "/sage/app",
            "/sage/app/jaeger",
            "/files/x",
            "/jaeger;x",
            "/%6aaeger",
            '"/jaeger"',
            "/jaeger#x",
            "/jaeger\x7f",
        ),
        *("https:\\\\jaeger.example", "https://u:p@jaeger.example", "https://jaeger.example:0", "https://jaeger.example:99999"),
        *("https://.", "https://a..b", "https://-a", "https://a-", "https://1.2.3.999", "https://[1.2]", "https://[::::]"),
        *("https://jaeger.example:", "https://jaeger.example\t/x", "https://'jaeger.example'", "HTTPS://jaeger.example"),
    ],
)
def test_jaeger_is_nowhere_else(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, value)
    expected = "a path such as /jaeger, none of the platform's own, or an address such as https://jaeger.example"
    check_refused(lambda: configuration.jaeger_address(NAME, "/sage/app"), expected)
