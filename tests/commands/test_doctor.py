"""manage.py doctor: one line for each thing that the platform needs, and exit code 1 when one of them is wrong."""

import shutil
import socket
from io import StringIO
from types import SimpleNamespace

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from sage_platform.encryption import Sealed
from sage_platform.management.commands import doctor
from sage_platform.oauth2.models import SigningKey
from tests.e2e.served import prepared

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sound(settings: Settings, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SAGE_DATA_DIR = tmp_path_factory.mktemp("data")
    settings.SAGE_UNKNOWN_NAMES = {}
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=5 * 1024**3))


def lines(*, wrong: int) -> dict[str, str]:
    """What is said, by the name of the thing. So many of them are wrong."""
    told = StringIO()
    if wrong:
        with pytest.raises(CommandError, match=rf"\A{wrong} of 8 are wrong\.\Z"):
            call_command("doctor", stdout=told)
    else:
        call_command("doctor", stdout=told)
    found = dict(line.split(": ", 1) for line in told.getvalue().splitlines())
    assert sum(name.startswith("WRONG  ") for name in found) == wrong
    return {name[7:]: said for name, said in found.items() if name.startswith("WRONG  ") or not wrong}


def test_all_is_well(settings: Settings) -> None:
    assert lines(wrong=0) == {
        "settings": "development, nothing to complain of",
        "data folder": str(settings.SAGE_DATA_DIR),
        "database": f"{connection.vendor}, migrated",
        "keys": "every stored key can be read",
        "mail": "no mail server is set",
        "disk": "5120 MiB are free",
        "cache": "works",
        "storage": "works",
    }


def test_settings(settings: Settings) -> None:
    settings.SAGE_UNKNOWN_NAMES = {"SAGE_WORKER": "SAGE_WORKERS"}
    assert lines(wrong=1) == {"settings": "SAGE_WORKER is no setting of this version. (sage.W003)"}


def test_migrations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "pending_migrations", lambda: [("system", "0002_more")])
    told = "The database of DATABASE_URL is not migrated: run manage.py bootstrap. 1 migrations are missing"
    assert lines(wrong=1) == {"database": told}


def test_keys(settings: Settings) -> None:
    settings.SAGE_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    SigningKey.objects.create(kid="one", private_key=Sealed.of("a private half"), public_jwk={})
    settings.SAGE_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert lines(wrong=1) == {"keys": "no key of SAGE_ENCRYPTION_KEYS opens 1 of oauth2.SigningKey.private_key"}


def test_mail(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # Nobody listens.
        settings.EMAIL_HOST, settings.EMAIL_PORT = closed.getsockname()
        place = f"127.0.0.1:{settings.EMAIL_PORT}"
        assert lines(wrong=1) == {"mail": f"{place} does not take our mail (ConnectionRefusedError)"}


def test_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=255 * 1024**2))
    assert lines(wrong=1) == {"disk": "only 255 MiB are free"}


@pytest.mark.served
@pytest.mark.xdist_group(__name__)
def test_a_mail_server_that_answers_and_a_data_folder_that_is_new() -> None:
    with prepared() as platform:
        before = platform.manage("doctor")
        assert (before.returncode, before.stderr.splitlines()[-1]) == (1, "CommandError: 2 of 8 are wrong.")
        assert platform.manage("bootstrap").returncode == 0
        after = platform.manage("doctor")
        assert (after.returncode, after.stderr) == (0, "")
        assert f"well   mail: {platform.environment['EMAIL_URL'].removeprefix('smtp://')}\n" in after.stdout
