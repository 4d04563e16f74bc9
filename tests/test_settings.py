"""The settings as a process of its own reads them: a wrong value stops the start."""

import base64
import hashlib
import json
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from tests.settings_names import SETTING_NAMES
from tests.versions.minisigning import SIGNER

SECRET = "kT9vQ2mXr7LpZw4NcYb8Hd3Jf6Gs1Ae5Uo0Ri"
# 32 bytes in URL-safe base64 each.
KEY = "9bQ2mXr7LpZw4NcYb8Hd3Jf6Gs1Ae5Uo0RikT9vQ2m0="
OTHER_KEY = "Zw4NcYb8Hd3Jf6Gs1Ae5Uo0RikT9vQ2mXr7LpZw4Nc8="
PRODUCTION = {
    "SAGE_ENV": "production",
    "SAGE_SECRET_KEY": SECRET,
    "SAGE_ENCRYPTION_KEYS": KEY,
    "SAGE_PUBLIC_URL": "https://sage.example",
    "EMAIL_URL": "smtp://mail.example:25",
}
# Further tests of what production refuses are with the system checks.
START = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "sage_platform.settings"
sys.modules["pytest"] = sys  # Else a developer's .env would be read.
import django
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
try:
    django.setup()
except ImproperlyConfigured as error:
    sys.exit(str(error))
errors = [message.id for message in checks.run_checks() if message.level >= checks.ERROR]
if errors:
    sys.exit(" ".join(errors))
"""
# Without loading the applications, which takes most of a start.
READ = """
import json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "sage_platform.settings"
sys.modules["pytest"] = sys
from django.conf import settings
print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}, default=str))
"""


def start(data: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(START, data, **environment)


def run(script: str, data: Path, *names: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *names],
        env={"SAGE_DATA_DIR": str(data), "PYTHONPATH": "."} | environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def read(data: Path, *names: str, **environment: str) -> dict[str, Any]:
    done = run(READ, data, *names, **environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_defaults(tmp_path: Path) -> None:
    names = ["SAGE_ENV", "SAGE_AUTH_MODE", "SAGE_BIND", "SAGE_PORT", "SAGE_WORKERS", "SAGE_PUBLIC_URL", "SAGE_WEB_BASE_PATH"]
    more = [
        "SAGE_MAX_JSON_BYTES",
        "SAGE_HASH_CONCURRENCY",
        "LANGUAGE_CODE",
        "DEBUG",
        "SESSION_COOKIE_NAME",
        "SESSION_COOKIE_SECURE",
        "SAGE_PROBE_TIMEOUT",
        "SAGE_PROBE_CONCURRENCY",
        "SAGE_PROBE_RATE",
        "SAGE_DEFAULT_LLM_API_KEY",
        "SAGE_DEFAULT_LLM_API_BASE_URL",
        "SAGE_DEFAULT_LLM_MODEL_NAME",
        "SAGE_OUTBOUND_ALLOW_PRIVATE",
        "SAGE_OUTBOUND_ALLOWED_NETWORKS",
    ]
    assert read(tmp_path, *names, *more) == {
        "SAGE_ENV": "development",
        "SAGE_AUTH_MODE": "native",
        "SAGE_BIND": "127.0.0.1",
        "SAGE_PORT": 8000,
        "SAGE_WORKERS": 1,
        "SAGE_PUBLIC_URL": "http://127.0.0.1:8000",
        "SAGE_WEB_BASE_PATH": "/sage",
        "SAGE_MAX_JSON_BYTES": 2097152,
        "SAGE_HASH_CONCURRENCY": 2,
        "LANGUAGE_CODE": "en",
        "DEBUG": False,
        "SESSION_COOKIE_NAME": "sage_session",
        "SESSION_COOKIE_SECURE": False,
        "SAGE_PROBE_TIMEOUT": 20,
        "SAGE_PROBE_CONCURRENCY": 8,
        "SAGE_PROBE_RATE": [10, "0:01:00"],
        "SAGE_DEFAULT_LLM_API_KEY": "",
        "SAGE_DEFAULT_LLM_API_BASE_URL": "",
        "SAGE_DEFAULT_LLM_MODEL_NAME": "",
        "SAGE_OUTBOUND_ALLOW_PRIVATE": True,
        "SAGE_OUTBOUND_ALLOWED_NETWORKS": [],
    }


def test_names_that_are_no_settings(tmp_path: Path) -> None:
    """Every known name may be set, whatever the others are; what is empty is not set."""
    known = dict.fromkeys(SETTING_NAMES - {"SAGE_DATA_DIR"}, "")
    unread = {"SAGE_S3_BUCKET_NAME": "files", "SAGE_S3_ACCESS_KEY": "x"}
    given = unread | {"SAGE_WORKER": "2", "SAGE_QQQ": "z", "SAGE_EMPTY": " ", "SAGE_S3_SECRET_KEYFILE": "/x"}
    assert read(tmp_path, "SAGE_UNKNOWN_NAMES", **known | given) == {
        "SAGE_UNKNOWN_NAMES": {
            "SAGE_QQQ": "",
            "SAGE_S3_SECRET_KEYFILE": "SAGE_S3_SECRET_KEY_FILE",
            "SAGE_WORKER": "SAGE_WORKERS",
        }
    }


def test_production(tmp_path: Path) -> None:
    names = ["SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_SAMESITE", "ALLOWED_HOSTS"]
    more = [
        "SAGE_OUTBOUND_ALLOW_PRIVATE",
        "SAGE_OUTBOUND_ALLOWED_NETWORKS",
        "SAGE_ENCRYPTION_KEYS",
        "SECURE_HSTS_SECONDS",
        "X_FRAME_OPTIONS",
    ]
    assert read(tmp_path, *names, *more, **PRODUCTION) == {
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "ALLOWED_HOSTS": ["sage.example"],
        "SAGE_OUTBOUND_ALLOW_PRIVATE": False,
        "SAGE_OUTBOUND_ALLOWED_NETWORKS": [],
        "SAGE_ENCRYPTION_KEYS": [KEY],
        "SECURE_HSTS_SECONDS": 31536000,
        "X_FRAME_OPTIONS": "DENY",
    }


def test_secure_cookies_in_development(tmp_path: Path) -> None:
    """Behind a proxy that speaks TLS. (That production refuses to be without them is below.)"""
    names = ["SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE"]
    assert read(tmp_path, *names) == dict.fromkeys(names, False)
    assert read(tmp_path, *names, SAGE_SECURE_COOKIES="true") == dict.fromkeys(names, True)


WRONG = [
    ("SAGE_ENV", "staging"),
    ("SAGE_AUTH_MODE", "ldap"),
    ("SAGE_PORT", "70000"),
    ("SAGE_WORKERS", "0"),
    ("SAGE_THREADS", "many"),
    ("SAGE_THREADS", "7"),
    ("SAGE_THREADS", "513"),
    ("SAGE_DEBUG", "perhaps"),
    ("SAGE_PUBLIC_URL", "hunter2.example"),
    ("SAGE_WEB_BASE_PATH", "hunter2"),
    ("SAGE_TRUSTED_PROXIES", "proxy.example"),
    ("SAGE_TRUSTED_IDENTITY_PROXY_IPS", "10.0.0.256"),
    ("SAGE_TRUSTED_IDENTITY_PROXY_SECRET", "hunter2 hunter2"),
    ("SAGE_TRUSTED_IDENTITY_PROXY_SECRET", "hünter2"),
    ("SAGE_TRUSTED_IDENTITY_PROXY_SECRET_FILE", "/nowhere/hunter2"),
    ("SAGE_METRICS_TOKEN", "hunter2 hunter2"),
    ("SAGE_METRICS_TOKEN", "hünter2"),
    ("SAGE_METRICS_TOKEN_FILE", "/nowhere/hunter2"),
    ("SAGE_CORS_ALLOWED_ORIGINS", "app.example"),
    ("SAGE_JWT_EXPIRE_HOURS", "9999"),
    ("SAGE_HASH_CONCURRENCY", "-1"),
    ("SAGE_MAX_JSON_BYTES", "2MiB"),
    ("SAGE_DEFAULT_LOCALE", "fr"),
    ("DATABASE_URL", "mysql://sage:hunter2@db/sage"),
    ("REDIS_URL", "memcached://cache"),
    ("EMAIL_URL", "hunter2://mail"),
    ("SAGE_SECRET_KEY_FILE", "/nowhere/hunter2"),
    ("SAGE_ENCRYPTION_KEYS", "hunter2"),
    ("SAGE_ENCRYPTION_KEYS", f"{KEY},hunter2"),
    ("SAGE_ENCRYPTION_KEYS", f"{KEY},{KEY}"),
    ("SAGE_ENCRYPTION_KEYS_FILE", "/nowhere/hunter2"),
    ("SAGE_PROBE_TIMEOUT", "-1"),
    ("SAGE_PROBE_TIMEOUT", "121"),
    ("SAGE_PROBE_TIMEOUT", "20s"),
    ("SAGE_PROBE_CONCURRENCY", "0"),
    ("SAGE_PROBE_CONCURRENCY", "33"),
    ("SAGE_PROBE_RATE", "ten/min"),
    ("SAGE_DEFAULT_LLM_API_BASE_URL", "hunter2.example/v1"),
    ("SAGE_UPDATER_PUBKEY", "hunter2"),
    ("SAGE_UPDATER_PUBKEY", SIGNER.secret_key),
    ("SAGE_GITHUB_REPO", "hunter2"),
    ("SAGE_GITHUB_REPO", "hunter2/.."),
    ("SAGE_GITHUB_REPO", "https://github.com/acme/hunter2"),
    ("SAGE_GITHUB_API_BASE", "hunter2.example"),
    ("SAGE_GITHUB_TOKEN", "hunter2 hunter2"),
    ("SAGE_OUTBOUND_ALLOW_PRIVATE", "perhaps"),
    ("SAGE_OUTBOUND_ALLOWED_NETWORKS", "10.0.0.0/8;10.1.0.0"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_stops_the_start(name: str, value: str, tmp_path: Path) -> None:
    done = start(tmp_path, **{name: value})
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{name}: expected ")
    assert value not in line


TOGETHER = "SAGE_THREADS: expected more than SAGE_PROBE_CONCURRENCY and SAGE_HASH_CONCURRENCY together, which is {} at least."


@pytest.mark.parametrize(
    ("threads", "probes", "hashes", "least"), [("8", "", "", 11), ("10", "", "", 11), ("", "32", "64", 97), ("33", "31", "2", 34)]
)
def test_there_are_more_threads_than_slots(threads: str, probes: str, hashes: str, least: int, tmp_path: Path) -> None:
    """Else slow vendors could take every thread. `least` is enough, and one less is not."""
    slots = {"SAGE_PROBE_CONCURRENCY": probes, "SAGE_HASH_CONCURRENCY": hashes}
    done = start(tmp_path, SAGE_THREADS=threads, **slots)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (1, "", TOGETHER.format(least))
    assert read(tmp_path, "SAGE_THREADS", SAGE_THREADS=str(least), **slots) == {"SAGE_THREADS": least}


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in PRODUCTION.items() if key != name}


REFUSED = {
    "no secret": (without("SAGE_SECRET_KEY"), "SAGE_SECRET_KEY: expected "),
    "no encryption key": (without("SAGE_ENCRYPTION_KEYS"), "SAGE_ENCRYPTION_KEYS: expected Fernet keys"),
    "no public address": (without("SAGE_PUBLIC_URL"), "SAGE_PUBLIC_URL: expected "),
    "a short secret": (PRODUCTION | {"SAGE_SECRET_KEY": "short"}, "sage.E"),
    "a sample secret": (PRODUCTION | {"SAGE_SECRET_KEY": "changeme" * 8}, "sage.E"),
    "plain HTTP": (PRODUCTION | {"SAGE_PUBLIC_URL": "http://sage.example"}, "sage.E"),
    "debug": (PRODUCTION | {"SAGE_DEBUG": "true"}, "sage.E"),
    "insecure cookies": (PRODUCTION | {"SAGE_SECURE_COOKIES": "false"}, "sage.E"),
    "wildcard CORS": (PRODUCTION | {"SAGE_CORS_ALLOWED_ORIGINS": "*"}, "sage.E"),
}


@pytest.mark.parametrize(("environment", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_production_refuses_to_start_insecure(environment: dict[str, str], why: str, tmp_path: Path) -> None:
    done = start(tmp_path, **environment)
    assert done.returncode == 1
    assert done.stderr.startswith(why)
    assert [path.name for path in tmp_path.iterdir()] == [], "no secret is made up in production"


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """A line for each setting, in the order of the settings, and nothing that only follows from another line."""
    done = start(
        tmp_path,
        SAGE_ENV="production",
        SAGE_PORT="hunter2",
        SAGE_PUBLIC_URL="hunter2",
        SAGE_SECRET_KEY_FILE=str(tmp_path / "missing"),
        SAGE_ENCRYPTION_KEYS="hunter2",
        SAGE_DEFAULT_LLM_API_KEY="hunter2",
        SAGE_DEFAULT_LLM_API_BASE_URL="hunter2",
        SAGE_DEFAULT_LLM_MODEL_NAME="small",
        DATABASE_URL="mysql://hunter2",
        EMAIL_URL="hunter2",
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == [
        "SAGE_PORT",
        "SAGE_PUBLIC_URL",
        "SAGE_SECRET_KEY_FILE",
        "SAGE_DEFAULT_LLM_API_BASE_URL",
        "DATABASE_URL",
        "SAGE_ENCRYPTION_KEYS",
        "EMAIL_URL",
    ]
    assert "hunter2" not in done.stderr


def test_while_the_environment_is_unknown_nothing_else_is_read_or_made(tmp_path: Path) -> None:
    done = start(tmp_path, SAGE_ENV="prod", SAGE_PORT="hunter2")
    assert (done.returncode, done.stderr) == (1, "SAGE_ENV: expected one of development, production.\n")
    assert list(tmp_path.iterdir()) == []


def test_no_encryption_key_is_made_for_a_database_whose_address_is_wrong(tmp_path: Path) -> None:
    done = start(tmp_path, DATABASE_URL="mysql://hunter2")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert not (tmp_path / "encryption_key").exists()


def test_a_secret_is_made_once_in_development(tmp_path: Path) -> None:
    first, second = (read(tmp_path, "SECRET_KEY")["SECRET_KEY"] for _ in range(2))
    assert first == second == (tmp_path / "secret_key").read_text().strip()


def test_an_encryption_key_is_made_once_in_development(tmp_path: Path) -> None:
    """Beside the database that it belongs to, in a file of the owner's alone."""
    first, second = (read(tmp_path, "SAGE_ENCRYPTION_KEYS")["SAGE_ENCRYPTION_KEYS"] for _ in range(2))
    kept = tmp_path / "encryption_key"
    assert first == second == [kept.read_text().strip()]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert len(base64.urlsafe_b64decode(first[0])) == 32
    assert read(tmp_path, "SAGE_ENCRYPTION_KEYS", SAGE_ENCRYPTION_KEYS=OTHER_KEY) == {"SAGE_ENCRYPTION_KEYS": [OTHER_KEY]}


def test_no_encryption_key_is_made_beside_a_database_that_another_one_encrypted(tmp_path: Path) -> None:
    (tmp_path / "other.sqlite3").write_text("no database")
    with closing(sqlite3.connect(tmp_path / "sage.sqlite3")) as database:
        database.execute("CREATE TABLE of_an_area (id integer, secret text, name varchar(9))")
        database.execute("INSERT INTO of_an_area VALUES (1, NULL, 'x'), (2, 'plain', 'y')")
        database.commit()
        assert read(tmp_path, "SAGE_ENCRYPTION_KEYS")
        (tmp_path / "encryption_key").unlink()
        sealed = f"{hashlib.sha256(KEY.encode()).hexdigest()[:8]}:{Fernet(KEY.encode()).encrypt(b'x').decode()}"
        database.execute("INSERT INTO of_an_area VALUES (3, ?, 'z')", [sealed])
        database.commit()
    done = start(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "SAGE_ENCRYPTION_KEYS: expected the key that encrypted what is in the database, "
        f"since {tmp_path}/encryption_key is gone: put it back, or give a new key here.\n"
    )
    assert not (tmp_path / "encryption_key").exists()
    assert read(tmp_path, "SAGE_ENCRYPTION_KEYS", SAGE_ENCRYPTION_KEYS=OTHER_KEY) == {"SAGE_ENCRYPTION_KEYS": [OTHER_KEY]}
    assert read(tmp_path, "SAGE_ENV", DATABASE_URL=f"sqlite:///{tmp_path}/other.sqlite3") == {"SAGE_ENV": "development"}


def test_encryption_keys_are_newest_first_and_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"{OTHER_KEY}, {KEY}\n")
    found = read(tmp_path, "SAGE_ENCRYPTION_KEYS", SAGE_ENCRYPTION_KEYS_FILE=str(tmp_path / "keys"))
    assert found == {"SAGE_ENCRYPTION_KEYS": [OTHER_KEY, KEY]}
    assert not (tmp_path / "encryption_key").exists()


def test_the_identity_proxys_secret_may_be_in_a_file_and_an_empty_file_does_not_mean_none(tmp_path: Path) -> None:
    name, path = "SAGE_TRUSTED_IDENTITY_PROXY_SECRET", tmp_path / "secret"
    assert read(tmp_path, name) == {name: ""}
    path.write_text("cHJveHkgc2VjcmV0+/=\n")
    assert read(tmp_path, name, **{f"{name}_FILE": str(path)}) == {name: "cHJveHkgc2VjcmV0+/="}
    path.write_text("\n")
    done = start(tmp_path, **{f"{name}_FILE": str(path)})
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{name}: expected letters, digits and signs without spaces" in done.stderr.splitlines()[-1]


SYSTEMS_PROVIDER = {
    "SAGE_DEFAULT_LLM_API_KEY": "sk-hunter2",
    "SAGE_DEFAULT_LLM_API_BASE_URL": "http://10.0.0.7:8000/v1/",
    "SAGE_DEFAULT_LLM_MODEL_NAME": "qwen3",
}


def test_the_systems_own_provider(tmp_path: Path) -> None:
    expected = SYSTEMS_PROVIDER | {"SAGE_DEFAULT_LLM_API_BASE_URL": "http://10.0.0.7:8000/v1"}
    assert read(tmp_path, *SYSTEMS_PROVIDER, **SYSTEMS_PROVIDER) == expected
    (tmp_path / "key").write_text("sk-from-a-file\n")
    rest = {name: value for name, value in SYSTEMS_PROVIDER.items() if not name.endswith("_KEY")}
    found = read(tmp_path, *SYSTEMS_PROVIDER, SAGE_DEFAULT_LLM_API_KEY_FILE=str(tmp_path / "key"), **rest)
    assert found == expected | {"SAGE_DEFAULT_LLM_API_KEY": "sk-from-a-file"}


@pytest.mark.parametrize("missing", SYSTEMS_PROVIDER)
def test_half_a_provider_stops_the_start(missing: str, tmp_path: Path) -> None:
    done = start(tmp_path, **{name: value for name, value in SYSTEMS_PROVIDER.items() if name != missing})
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{missing}: expected a value, since SAGE_DEFAULT_LLM_")
    assert "hunter2" not in line


def test_the_rate_and_the_networks(tmp_path: Path) -> None:
    given = {"SAGE_PROBE_RATE": "100/hour", "SAGE_OUTBOUND_ALLOWED_NETWORKS": "10.0.0.0/8, fd00::1"}
    assert read(tmp_path, *given, **given) == {
        "SAGE_PROBE_RATE": [100, "1:00:00"],
        "SAGE_OUTBOUND_ALLOWED_NETWORKS": ["10.0.0.0/8", "fd00::1/128"],
    }


def test_the_wildcard_never_comes_with_credentials(tmp_path: Path) -> None:
    names = ["CORS_ALLOW_ALL_ORIGINS", "CORS_ALLOW_CREDENTIALS"]
    assert list(read(tmp_path, *names, SAGE_CORS_ALLOWED_ORIGINS="*").values()) == [True, False]
    assert list(read(tmp_path, *names, SAGE_CORS_ALLOWED_ORIGINS="https://app.example").values()) == [False, True]


@pytest.mark.parametrize(("locale", "code"), [("en", "en"), ("en-US", "en"), ("zh", "zh-hans"), ("zh-CN", "zh-hans")])
def test_the_default_locale(locale: str, code: str, tmp_path: Path) -> None:
    assert read(tmp_path, "LANGUAGE_CODE", SAGE_DEFAULT_LOCALE=locale) == {"LANGUAGE_CODE": code}
