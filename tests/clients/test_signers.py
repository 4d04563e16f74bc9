"""Signatures by the programs that people sign with, of an update in our own store."""

from pathlib import Path

import pytest
from pytest_django import Settings

from tests.clients.signers import Minisign, Program, TauriSigner, text_of
from tests.uploads.conftest import media
from tests.uploads.kept import kept
from tests.versions.bodies import release
from tests.versions.judged import Found, faults, warnings
from tests.versions.minisigning import packed
from versions.updater_key import UpdaterKey

__all__ = ["media"]  # A fixture: each test has a media root of its own.
pytestmark = [pytest.mark.programs, pytest.mark.xdist_group("clients"), pytest.mark.django_db]

# More than a program reads at once.
CONTENT = b"an update" * 100_000
NAME = "Sage 1.2.0 测试.AppImage"
SIGNATURE, UPDATE = "artifacts.0.updater_signature", "artifacts.0.updater_url"


@pytest.fixture(scope="module", params=[TauriSigner, Minisign])
def signer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Program:
    made: Program = request.param(tmp_path_factory.mktemp("signer"))
    return made


@pytest.fixture(scope="module")
def minisign(tmp_path_factory: pytest.TempPathFactory) -> Minisign:
    return Minisign(tmp_path_factory.mktemp("minisign"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(CONTENT)
    return path


def trust(settings: Settings, key: Program) -> None:
    settings.SAGE_UPDATER_PUBKEY = UpdaterKey.read(key.public_key)


def found(signature: str, content: bytes = CONTENT, name: str = NAME) -> tuple[Found, Found]:
    """Faults and warnings of release 1.2.0, whose update is such a file in our store, with such a signature."""
    address = kept(content, name).url
    body = release("1.2.0", {"platform": "linux-x86_64", "updater_url": address, "updater_signature": signature})
    told = [one for one in warnings(body) if one != ("plain_http", UPDATE)]
    return faults(body), told


def test_good(signer: Program, file: Path, settings: Settings) -> None:
    trust(settings, signer)
    for version in (None, "1.2.0", "v1.2.0"):
        assert found(signer.sign(file, version)) == ([], [])


def test_another_key(signer: Program, minisign: Minisign, file: Path, settings: Settings) -> None:
    trust(settings, minisign)
    assert found(signer.sign(file)) == ([("other_key", SIGNATURE)], [])


def test_a_tampered_file(signer: Program, file: Path, settings: Settings) -> None:
    trust(settings, signer)
    assert found(signer.sign(file), CONTENT[:-1] + b"!") == ([("other_file", SIGNATURE)], [])


def test_a_tampered_comment(signer: Program, file: Path, settings: Settings) -> None:
    trust(settings, signer)
    changed = packed(text_of(signer.sign(file, "1.1.0")).replace("version:1.1.0", "version:1.2.0").encode())
    assert found(changed) == ([("trusted_comment", SIGNATURE)], [])


def test_another_name(signer: Program, file: Path, settings: Settings) -> None:
    trust(settings, signer)
    assert found(signer.sign(file), name="Sage.AppImage") == ([], [("other_name", UPDATE)])


def test_another_version(signer: Program, file: Path, settings: Settings) -> None:
    trust(settings, signer)
    assert found(signer.sign(file, "1.1.0")) == ([("other_version", SIGNATURE)], [])
    settings.SAGE_UPDATER_PUBKEY = None
    assert found(signer.sign(file, "1.1.0")) == ([], [("other_version", SIGNATURE)])


def test_the_text_itself(signer: Program, file: Path, settings: Settings) -> None:
    trust(settings, signer)
    assert found(text_of(signer.sign(file))) == ([("signature_raw", SIGNATURE)], [])


def test_a_key_in_the_place_of_a_signature(signer: Program, settings: Settings) -> None:
    trust(settings, signer)
    assert found(signer.public_key) == ([("signature_public_key", SIGNATURE)], [])
    assert found(signer.secret_key) == ([("signature_secret_key", SIGNATURE)], [])


def test_legacy(minisign: Minisign, file: Path, settings: Settings) -> None:
    trust(settings, minisign)
    legacy = minisign.sign(file, "1.2.0", "-l")
    assert text_of(legacy).splitlines()[1].startswith("RW")  # The algorithm is `Ed`.
    assert found(legacy) == ([], [])
    assert found(legacy, CONTENT[:-1] + b"!") == ([("other_file", SIGNATURE)], [])
