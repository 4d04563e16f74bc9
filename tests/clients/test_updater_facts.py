"""Tauri's updater does with each answer what tests/versions/updater_facts.py says, and orders versions as we do."""

from collections.abc import Iterator

import pytest

from tests.clients.desktop_app import Desktop, UpdaterError, desktop
from tests.clients.update_server import UpdateServer
from tests.versions import updater_facts as facts
from tests.versions.minisigning import SIGNER
from tests.versions.test_semver import IN_ORDER
from versions.semver import Version

pytestmark = [pytest.mark.programs, pytest.mark.xdist_group("clients")]


@pytest.fixture(scope="module")
def client(display: str, server: UpdateServer) -> Iterator[Desktop]:
    with desktop(display, [f"{server.base}/check"], SIGNER.public_key) as running:
        yield running


FORMS = pytest.mark.parametrize("form", ["static", "dynamic"])


def is_offered(client: Desktop, server: UpdateServer, release: object) -> bool:
    server.release = release
    return client.check() is not None


@FORMS
def test_a_good_one_is_taken(form: str, client: Desktop, server: UpdateServer) -> None:
    server.release = getattr(server, form)()
    server.asked.clear()
    offered = client.check()
    assert offered is not None
    del offered["rid"], offered["rawJson"]
    assert offered == {"currentVersion": "1.0.0", "version": "1.1.0", "date": "2026-01-02T03:04:05Z", "body": ""}
    client.download()
    asked = [(path, headers["accept"], headers["user-agent"], len(headers)) for path, headers in server.asked]
    agent = "tauri-plugin-updater/2.9.0"
    assert asked == [("/check", "application/json", agent, 3), ("/update", "application/octet-stream", agent, 3)]


@FORMS
@pytest.mark.parametrize("version", facts.VERSIONS)
def test_versions_that_break_the_answer(version: str, form: str, client: Desktop, server: UpdateServer) -> None:
    with pytest.raises(UpdaterError):
        is_offered(client, server, getattr(server, form)(version=version))


@FORMS
@pytest.mark.parametrize("address", facts.ADDRESSES)
def test_addresses_that_break_the_answer(address: str, form: str, client: Desktop, server: UpdateServer) -> None:
    with pytest.raises(UpdaterError):
        is_offered(client, server, getattr(server, form)(url=address))


@pytest.mark.parametrize("address", facts.ADDRESSES)
def test_an_address_breaks_the_answer_for_the_other_platforms_too(address: str, client: Desktop, server: UpdateServer) -> None:
    with pytest.raises(UpdaterError):
        is_offered(client, server, server.static(others={"windows-x86_64": {"url": address, "signature": facts.GOOD}}))


def test_a_platform_without_a_signature_breaks_the_answer_for_the_others(client: Desktop, server: UpdateServer) -> None:
    with pytest.raises(UpdaterError, match="missing field `signature`"):
        is_offered(client, server, server.static(others={"windows-x86_64": {"url": server.base}}))


@pytest.mark.parametrize("address", facts.SCHEMES)
def test_schemes_that_cannot_be_fetched(address: str, client: Desktop, server: UpdateServer) -> None:
    assert is_offered(client, server, server.static(url=address))
    with pytest.raises(UpdaterError, match="builder error for url"):
        client.download()


@pytest.mark.parametrize("name", [*facts.SIGNATURES, *facts.UNTRUE])
def test_signatures_that_are_not_taken(name: str, client: Desktop, server: UpdateServer) -> None:
    assert is_offered(client, server, server.static(signature=(facts.SIGNATURES | facts.UNTRUE)[name]))
    with pytest.raises(UpdaterError):
        client.download()


@pytest.mark.parametrize("version", facts.TAKEN_VERSIONS)
def test_versions_that_are_taken(version: str, client: Desktop, server: UpdateServer) -> None:
    assert is_offered(client, server, server.static(version=version))


@pytest.mark.parametrize("name", facts.TAKEN_SIGNATURES)
def test_signatures_that_are_taken(name: str, client: Desktop, server: UpdateServer) -> None:
    assert is_offered(client, server, server.static(signature=facts.TAKEN_SIGNATURES[name]))
    client.download()


@pytest.mark.parametrize("own", ["1.0.0-9", "1.0.0-rc.10", "1.0.0", "1.0.0+01", "1.0.0+10", "1.0.0+A", IN_ORDER[-1]])
def test_versions_are_ordered_as_by_us(own: str, display: str, server: UpdateServer) -> None:
    with desktop(display, [f"{server.base}/check"], SIGNER.public_key, version=own) as client:
        offered = [version for version in IN_ORDER if is_offered(client, server, server.static(version=version))]
    assert offered == [version for version in IN_ORDER if Version.parse(version) > Version.parse(own)]
    assert offered == IN_ORDER[IN_ORDER.index(own) + 1 :]
