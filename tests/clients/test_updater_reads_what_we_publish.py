"""Whatever versions, addresses and signatures somebody makes up: what we publish, Tauri's updater reads and takes."""

from collections.abc import Iterator
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sage_platform.outbound import MalformedAddress
from tests.clients.desktop_app import Desktop, UpdaterError, desktop
from tests.clients.test_release_addresses import GIVEN
from tests.clients.update_server import UpdateServer
from tests.versions import updater_facts as facts
from tests.versions.minisigning import SIGNER, packed, unpacked
from tests.versions.test_semver import IN_ORDER
from versions import addresses
from versions.semver import Version
from versions.signatures import BadSignature, Signature
from versions.updater_key import UpdaterKey

pytestmark = [pytest.mark.programs, pytest.mark.xdist_group("clients")]
generated = settings(max_examples=1000, deadline=None, database=None)
KEY = UpdaterKey.read(SIGNER.public_key)
# What only the file or the key can tell. The updater says all else in other words.
UNTRUE = ("The signature verification failed", "The signature was created with a different key than the one provided")


def edited(texts: list[str], pieces: list[str]) -> st.SearchStrategy[str]:
    """One of the texts, in which somebody has mistyped up to three times, at the ends of lines more than elsewhere."""

    def edit(text: str, edits: list[tuple[float, bool, str, int]]) -> str:
        for place, is_at_an_end, piece, overwritten in edits:
            at = round(place * len(text))
            at = text.find("\n", at) - 2 + at % 4 if is_at_an_end else at
            text = text[:at] + piece + text[at + overwritten :]
        return text

    one = st.tuples(st.floats(0, 1), st.booleans(), st.sampled_from(["", *pieces]), st.integers(0, 2))
    return st.builds(edit, st.sampled_from(texts), st.lists(one, min_size=1, max_size=3))


VERSIONS = edited(IN_ORDER, [*"019aZ.-+v _é\n\u0660\uff11", "00"])
ADDRESSES = edited(
    [
        "https://cdn.example/a/b.zip", "http://127.0.0.1:8000/x?y=z#f", "https://sage.example:8443/Sage%201.0.AppImage",
        "http://[::1]:80/a", "https://xn--mnchen-3ya.example/a", "https://münchen.example/ä b", "http://0x7f.1/",
    ],
    [*"az09./:?#@[]%-_~&'*;= \\^|\"<>{}`éß中\x00\t\n\x7f", "\u3002", "\u200d", "\uff0e", "\u00ad", "xn--", "%2e", "..", "//"],
)  # fmt: skip
LINES = edited(
    [unpacked(facts.GOOD), unpacked(facts.TAKEN_SIGNATURES["legacy"])], [*"azAZ09+/=\n\r \t:-é", "trusted comment: ", "=="]
)
SIGNATURES = LINES.map(lambda lines: packed(lines.encode())) | edited([facts.GOOD], [*"azAZ09+/=-_\n \t", "=="])


@pytest.fixture(scope="module")
def client(display: str, server: UpdateServer) -> Iterator[Desktop]:
    """Every version but one is newer than its own."""
    with desktop(display, [f"{server.base}/check"], SIGNER.public_key, version="0.0.0-0") as running:
        yield running


@generated
@given(version=VERSIONS)
def test_versions(version: str, client: Desktop, server: UpdateServer) -> None:
    try:
        read = Version.parse(version)
    except ValueError:
        return
    server.release = server.static(version=version)
    assert client.offered() == (version if read > Version.parse("0.0.0-0") else None)


def check_address(address: str, client: Desktop, server: UpdateServer) -> None:
    try:
        addresses.read(address)
    except MalformedAddress:
        return
    server.release = server.static(url=address)
    assert client.offered() == "1.1.0"


@generated
@given(address=ADDRESSES)
def test_addresses(address: str, client: Desktop, server: UpdateServer) -> None:
    check_address(address, client, server)


def test_addresses_that_programs_read_in_different_ways(client: Desktop, server: UpdateServer) -> None:
    for address in GIVEN:
        check_address(address, client, server)


@generated
@given(text=SIGNATURES)
def test_signatures(text: str, client: Desktop, server: UpdateServer) -> None:
    """Without a key, what we take is a signature. With it, and with the file, it is one that the updater takes."""
    try:
        signature = Signature.read(text)
    except BadSignature:
        return
    server.release = server.static(signature=text)
    assert client.offered() == "1.1.0"
    try:
        signature.check(KEY)
        signature.check_file(KEY, BytesIO(facts.CONTENT))
    except BadSignature:
        with pytest.raises(UpdaterError) as told:
            client.download()
        assert str(told.value) in UNTRUE
    else:
        client.download()
