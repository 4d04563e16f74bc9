"""Nothing is published that Tauri's updater fails at."""

import pytest
from pytest_django import Settings

from tests.versions import updater_facts as facts
from tests.versions.minisigning import SIGNER
from versions.services.judging import Candidate, CandidateArtifact, judge
from versions.updater_key import UpdaterKey

pytestmark = pytest.mark.django_db
GOOD = {"updater_url": "https://cdn.example/Sage.AppImage", "updater_signature": facts.GOOD}


def faults(version: str = "1.1.0", **artifact: str) -> list[str]:
    """The fields that a release with one update is refused for."""
    candidate = Candidate.cleaned(version, "", [CandidateArtifact("linux-x86_64", **(GOOD | artifact))])
    return [fault.field for fault in judge(candidate).faults]


@pytest.fixture(autouse=True)
def _key(settings: Settings) -> None:
    settings.SAGE_UPDATER_PUBKEY = UpdaterKey.read(SIGNER.public_key)


@pytest.mark.parametrize("version", facts.VERSIONS)
def test_versions(version: str) -> None:
    assert faults(version) == ["version"]


@pytest.mark.parametrize("address", facts.ADDRESSES + facts.SCHEMES)
def test_addresses(address: str) -> None:
    assert faults(updater_url=address) == ["artifacts.0.updater_url"]


@pytest.mark.parametrize("signature", facts.SIGNATURES)
def test_signatures(signature: str) -> None:
    assert faults(updater_signature=facts.SIGNATURES[signature]) == ["artifacts.0.updater_signature"]


@pytest.mark.parametrize("signature", ["another key", "another comment"])
def test_what_the_key_tells(signature: str) -> None:
    assert faults(updater_signature=facts.UNTRUE[signature]) == ["artifacts.0.updater_signature"]


@pytest.mark.parametrize("version", facts.TAKEN_VERSIONS)
def test_versions_that_are_taken(version: str) -> None:
    assert faults(version) == []


@pytest.mark.parametrize("signature", facts.TAKEN_SIGNATURES)
def test_signatures_that_are_taken(signature: str) -> None:
    assert faults(updater_signature=facts.TAKEN_SIGNATURES[signature]) == []
