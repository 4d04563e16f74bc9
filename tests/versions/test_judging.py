"""What keeps a release from being published, and what is only worth a look."""

from io import BytesIO
from typing import Any

import pytest
from django.utils import timezone, translation
from pytest_django import Settings

from sage_platform.api.errors import RefusedForm
from tests.uploads.kept import kept
from tests.versions.bodies import BASE, Body, artifact, release, with_field
from tests.versions.judged import Found, faults, judged, warnings
from tests.versions.minisigning import LEGACY, SIGNER, STRANGER, packed, unpacked
from uploads.models import State, Upload
from uploads.stores import StoreUnavailable, store_named
from versions import signatures
from versions.faults import Fault, FaultKind
from versions.models import Artifact, RefusedRelease, Release, Source
from versions.services.judging import Candidate, CandidateArtifact
from versions.services.releases import Author
from versions.services.releases import judged as judged_by
from versions.updater_key import UpdaterKey

pytestmark = pytest.mark.django_db


def published(version: str, *platforms: str, state: str = Release.State.PUBLISHED) -> None:
    row = Release.objects.create(version=version, state=state, pub_date=timezone.now(), source="api")
    for platform in platforms:
        Artifact.objects.create(release=row, **artifact(platform, version))


@pytest.fixture
def _with_key(settings: Settings) -> None:
    settings.SAGE_UPDATER_PUBKEY = UpdaterKey.read(SIGNER.public_key)


@pytest.fixture
def _at_sage_example(settings: Settings) -> None:
    settings.SAGE_PUBLIC_URL = "https://sage.example"


def test_a_good_release() -> None:
    judgement = judged(release())
    assert (judgement.faults, judgement.warnings, judgement.files) == ((), (), {})


def test_what_is_written_around_a_value_does_not_count() -> None:
    body = release(" v1.2.0\n", {name: f" {value}\n" for name, value in artifact("linux-x86_64").items()})
    judgement = judged(body)
    assert (judgement.faults, judgement.warnings) == ((), ())
    candidate = judgement.candidate
    assert (candidate.version, candidate.artifacts) == ("1.2.0", (CandidateArtifact(**artifact("linux-x86_64")),))


NO_VERSIONS = ["", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.3-01", "1.2.3-", "1.2.3+", "1.2.x", "vv1.2.3", "latest", "1.2.3 beta"]
NO_VERSIONS += ["18446744073709551616.0.0", "１.2.3", "1.2.3-é", "1.2.3\x00", "-1.2.3", "1.2.3-" + "a" * 95]


@pytest.mark.parametrize("version", NO_VERSIONS)
def test_what_is_no_version(version: str) -> None:
    assert faults(release() | {"version": version}) == [("version", "version")]


@pytest.mark.parametrize("version", ["1.2.0", "0.0.0", "18446744073709551615.0.0", "1.2.0+windows.7", "1.2.0+007"])
def test_what_is_a_version(version: str) -> None:
    assert faults(release(version, {"platform": "linux-x86_64", "installer_url": f"{BASE}/a.deb"})) == []


NOTES = {
    "none": ("", []),
    "everything that people write": ("# 新 🎉\r\n\t<b>&amp;</b>\x07 \u2028 \ufeff", []),
    "as long as may be": ("x" * 100_000, []),
    "too long": ("x" * 100_001, [("notes_too_long", "release_notes")]),
    "NUL": ("a\x00b", [("notes_characters", "release_notes")]),
    "half a pair": ("a\ud83cb", [("notes_characters", "release_notes")]),
}


@pytest.mark.parametrize(("notes", "expected"), NOTES.values(), ids=NOTES.keys())
def test_the_release_notes(notes: str, expected: Found) -> None:
    assert faults(release(release_notes=notes)) == expected


def test_the_number_of_artifacts() -> None:
    rows = [{"platform": f"linux-a{number}", "installer_url": f"{BASE}/{number}"} for number in range(65)]
    assert (faults(release() | {"artifacts": []}), warnings(release() | {"artifacts": []})) == ([], [("no_updates", "artifacts")])
    assert faults(release("1.2.0", *rows[:64])) == []
    # Those beyond are not looked at.
    assert faults(release("1.2.0", *rows[:64], {"platform": "?"})) == [("too_many_artifacts", "artifacts")]


NO_PLATFORMS = ["", "linux", "linux-", "-x86_64", "linux-x86_64-deb-2", "Linux-x86_64", "linux x86_64", "linux/x86_64"]
NO_PLATFORMS += ["linux-x86_64\x00", "línux-x86_64", "{{target}}-{{arch}}"]


@pytest.mark.parametrize("platform", NO_PLATFORMS)
def test_what_is_no_platform(platform: str) -> None:
    assert faults(with_field(release(), "artifacts.1.platform", platform)) == [("platform", "artifacts.1.platform")]


def test_a_platform_that_is_too_long() -> None:
    assert faults(with_field(release(), "artifacts.1.platform", "linux-" + "x" * 59)) == [("too_long", "artifacts.1.platform")]
    assert faults(with_field(release(), "artifacts.1.platform", "linux-" + "x" * 58)) == []


def test_a_platform_twice() -> None:
    body = release("1.2.0", artifact("linux-x86_64"), artifact("darwin-aarch64"), artifact("linux-x86_64"))
    assert faults(body) == [("platform_twice", "artifacts.2.platform")]


def test_a_platform_that_no_updater_asks_for_is_worth_a_look() -> None:
    judgement = judged(with_field(release(), "artifacts.0.platform", "beos-ppc"))
    assert judgement.faults == ()
    assert [(one.field, one.message) for one in judgement.warnings] == [
        ("artifacts.0.platform", "No updater asks for beos-ppc, unless the application sets it as its own target.")
    ]


NO_ADDRESSES = {
    "a path": "/files/x/Sage.msi",
    "without a scheme": "downloads.example/Sage.msi",
    "without a host": "https:///Sage.msi",
    "only a scheme": "https://",
    "another scheme": "ftp://downloads.example/Sage.msi",
    "a script": "javascript:alert(1)",
    "a file": "file:///etc/passwd",
    "a space": f"{BASE}/Sage 1.msi",
    "a line break": f"{BASE}/Sa\nge.msi",
    "a tab": f"{BASE}/Sa\tge.msi",
    "NUL": f"{BASE}/Sa\x00ge.msi",
    "half a pair": f"{BASE}/\ud83c",
    "a backslash": "https:\\\\downloads.example\\Sage.msi",
    "a name and a password": "https://user:secret@downloads.example/Sage.msi",
    "a port that is none": "https://downloads.example:99999/Sage.msi",
    "a port in letters": "https://downloads.example:https/Sage.msi",
    "a bad IPv4 address": "https://1.2.3.400/Sage.msi",
    "a bad IPv6 address": "https://[::g]/Sage.msi",
    "an unclosed bracket": "https://[::1/Sage.msi",
    "an escape in the host": "https://downloads%2eexample/Sage.msi",
    "a placeholder in the host": "https://{{target}}.example/Sage.msi",
    "a punycode that is none": "https://xn--a-ecp.example/Sage.msi",
    "punycode of nothing": "https://xn--/Sage.msi",
}


@pytest.mark.parametrize("name", ["installer_url", "updater_url"])
@pytest.mark.parametrize("address", NO_ADDRESSES.values(), ids=NO_ADDRESSES.keys())
def test_what_is_no_address(address: str, name: str) -> None:
    assert faults(with_field(release(), f"artifacts.2.{name}", address)) == [("address", f"artifacts.2.{name}")]


ADDRESSES = [
    "https://downloads.example",
    "HTTPS://Downloads.Example:8443/a?b=c#d",
    "https://xn--bcher-kva.example/a",
    "https://bücher.example/下载/Sage.msi",
    "https://192.0.2.1/a",
    "https://[2001:db8::1]:444/a",
    f"{BASE}/Sage%20App.msi",
    f"{BASE}/%zz",
    f"{BASE}/{{{{target}}}}",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_is_an_address(address: str) -> None:
    assert faults(with_field(release(), "artifacts.2.installer_url", address)) == []


def test_the_length_of_an_address() -> None:
    address = f"{BASE}/{'x' * (2048 - len(BASE) - 1)}"
    assert faults(with_field(release(), "artifacts.0.installer_url", address)) == []
    assert faults(with_field(release(), "artifacts.0.installer_url", address + "x")) == [
        ("too_long", "artifacts.0.installer_url")
    ]


def test_an_address_that_others_can_read_along_is_worth_a_look() -> None:
    body = with_field(release(), "artifacts.0.updater_url", artifact("darwin-aarch64")["updater_url"].replace("https", "http"))
    assert (faults(body), warnings(body)) == ([], [("plain_http", "artifacts.0.updater_url")])


@pytest.mark.parametrize(
    ("address", "is_past"),
    [
        ("https://cdn.example/bundle/1.2.0/Sage.msi", True),
        ("https://other.example/files/x/Sage.msi", True),
        ("https://a.wild.example/prod-api/files/x/Sage.msi", True),
        ("https://other.example/downloads/Sage.msi", False),
        ("https://cdn.example:8443/Sage.msi", False),
        ("https://downloads.example/files/x/Sage.msi", False),
    ],
)
def test_a_file_of_ours_by_another_address_is_not_held(address: str, is_past: bool, settings: Settings) -> None:
    settings.SAGE_OBJECT_ORIGIN = "https://cdn.example"
    settings.ALLOWED_HOSTS = ["sage.example", "other.example", ".wild.example"]
    body = with_field(release(), "artifacts.0.installer_url", address)
    assert (faults(body), warnings(body)) == ([], [("past_us", "artifacts.0.installer_url")] if is_past else [])


def test_an_artifact_has_an_address_and_an_update_its_signature() -> None:
    neither = {"platform": "linux-x86_64", "installer_url": "", "updater_url": None, "updater_signature": ""}
    assert faults(release("1.2.0", neither)) == [("no_address", "artifacts.0.installer_url")]
    for nothing in ("", " \n"):
        no_signature = with_field(release(), "artifacts.1.updater_signature", nothing)
        assert faults(no_signature) == [("no_signature", "artifacts.1.updater_signature")]
    no_update = with_field(release(), "artifacts.1.updater_url", "")
    assert faults(no_update) == [("no_update", "artifacts.1.updater_url")]
    assert warnings(no_update) == []
    secret = with_field(no_update, "artifacts.1.updater_signature", SIGNER.secret_key)
    assert faults(secret) == [("no_update", "artifacts.1.updater_url"), ("signature_secret_key", "artifacts.1.updater_signature")]


def test_a_release_without_updates_is_worth_a_look() -> None:
    body = release("1.2.0", {"platform": "linux-x86_64", "installer_url": f"{BASE}/a.deb"})
    assert (faults(body), warnings(body)) == ([], [("no_updates", "artifacts")])


SIGNATURE = "artifacts.0.updater_signature"
UPDATE = "artifacts.0.updater_url"
CONTENT = b"for Macs"


def signed(comment: str, **options: Any) -> Body:
    return with_field(release(), SIGNATURE, SIGNER.sign(CONTENT, comment, **options))


def test_the_form_of_a_signature() -> None:
    given = artifact("darwin-aarch64")["updater_signature"]
    assert faults(with_field(release(), SIGNATURE, unpacked(given))) == [("signature_raw", SIGNATURE)]
    assert faults(with_field(release(), SIGNATURE, SIGNER.secret_key)) == [("signature_secret_key", SIGNATURE)]
    assert faults(with_field(release(), SIGNATURE, "A" * 4097)) == [("too_long", SIGNATURE)]


def test_without_a_key_the_form_alone_counts() -> None:
    """And what newer updaters would refuse is worth a look."""
    body = with_field(release(), SIGNATURE, STRANGER.sign(b"another file", "version:9.9.9"))
    assert (faults(body), warnings(body)) == ([], [("other_version", SIGNATURE)])


@pytest.mark.usefixtures("_with_key")
def test_with_a_key() -> None:
    assert (faults(release()), warnings(release())) == ([], [])
    stranger = with_field(release(), "artifacts.0", artifact("darwin-aarch64", signer=STRANGER))
    (fault,) = judged(stranger).faults
    ours, theirs = f"{SIGNER.seed:016X}", f"{STRANGER.seed:016X}"
    told = f"This signature was made with the key {theirs}. The updater takes the key {ours} alone (SAGE_UPDATER_PUBKEY)."
    assert (fault.field, fault.message) == (SIGNATURE, told)
    lines = SIGNER.lines(CONTENT, "version:1.1.0")
    lines[2] = "trusted comment: version:1.2.0"
    changed = with_field(release(), SIGNATURE, packed("\n".join(lines).encode()))
    assert faults(changed) == [("trusted_comment", SIGNATURE)]


@pytest.mark.usefixtures("_with_key")
@pytest.mark.parametrize("comment", ["version:1.1.0", "version:1.2.0-rc.1", "version:1.2.0+7", "version:", "version:latest"])
def test_a_signature_for_another_version(comment: str) -> None:
    assert faults(signed(comment)) == [("other_version", SIGNATURE)]


@pytest.mark.usefixtures("_with_key")
def test_a_signature_may_say_less_or_write_the_version_as_the_updater_reads_it() -> None:
    for comment in ("timestamp:1700000000", "version:v1.2.0", "", "timestamp:1\tfile:Sage.app.tar.gz", "subversion:1.1.0"):
        assert (faults(signed(comment)), warnings(signed(comment))) == ([], [])


@pytest.mark.usefixtures("_with_key")
def test_another_name_is_worth_a_look() -> None:
    body = signed("file:Other.app.tar.gz")
    assert (faults(body), warnings(body)) == ([], [("other_name", UPDATE)])
    spaced = with_field(signed("file:Sage App.app.tar.gz"), UPDATE, f"{BASE}/Sage%20App.app.tar.gz?x=/y#z/")
    assert (faults(spaced), warnings(spaced)) == ([], [])


@pytest.mark.usefixtures("_at_sage_example")
def test_a_download_of_ours_has_to_be_there() -> None:
    row = kept(b"an installer", "Sage.dmg", key="bundle/1.2.0/Sage.dmg")
    field = "artifacts.0.installer_url"
    judgement = judged(with_field(release(), field, row.url))
    assert judgement.faults == ()
    assert {address: file.key for address, file in judgement.files.items()} == {row.url: "bundle/1.2.0/Sage.dmg"}
    assert faults(with_field(release(), field, row.url.replace("https://sage.example", "HTTPS://SAGE.example:443"))) == []
    # A client would come to it, and the platform would not hold it.
    for path in (f"/files/{row.public_id}", "/x/../files/x/y", "/%66iles/x/y", f"/files/./{row.public_id}/a", "/files//x"):
        gone = with_field(release(), field, f"https://sage.example{path}")
        assert faults(gone) == [("file_gone", field)], path
    for address in ("https://sage.example/downloads/Sage.dmg", f"https://other.example{row.path}"):
        assert faults(with_field(release(), field, address)) == []
    Upload.objects.update(state=State.DELETING, lease_until=row.created_at)
    assert faults(with_field(release(), field, row.url)) == [("file_gone", field)]


def of_ours(content: bytes, signature: str) -> tuple[Body, Upload]:
    """A release whose first update is in our own store."""
    row = kept(content, "Sage.app.tar.gz", key="bundle/1.2.0/Sage.app.tar.gz")
    return with_field(with_field(release(), UPDATE, row.url), SIGNATURE, signature), row


@pytest.mark.usefixtures("_with_key", "_at_sage_example")
def test_an_update_of_ours_is_the_file_that_was_signed() -> None:
    body, row = of_ours(CONTENT, SIGNER.sign(CONTENT, "file:Sage.app.tar.gz"))
    assert (faults(body), warnings(body)) == ([], [])
    store_named("disk").place_of(row.key).write_bytes(b"for Mace")  # type: ignore[attr-defined]
    assert faults(body) == [("other_file", SIGNATURE)]
    assert faults(body, read_files=False) == []
    store_named("disk").delete_object(row.key)
    assert faults(body) == [("file_gone", UPDATE)]


@pytest.mark.usefixtures("_with_key", "_at_sage_example")
def test_a_legacy_signature_of_an_update_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    body, _row = of_ours(CONTENT, SIGNER.sign(CONTENT, "", algorithm=LEGACY))
    assert faults(body) == []
    monkeypatch.setattr(signatures, "MOST_LEGACY_BYTES", len(CONTENT) - 1)
    (fault,) = judged(body).faults
    assert (fault.field, fault.message) == (
        SIGNATURE,
        "The legacy kind of signature (minisign -l) is taken for files of up to 64 MiB. Sign the file without -l.",
    )


@pytest.mark.usefixtures("_with_key", "_at_sage_example")
def test_an_update_for_two_platforms_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    body, row = of_ours(b"another file", SIGNER.sign(CONTENT, ""))
    universal = [body["artifacts"][0], body["artifacts"][0] | {"platform": "darwin-x86_64"}]
    opened: list[str] = []

    def opening(self: object, key: str) -> BytesIO:
        opened.append(key)
        return BytesIO(b"another file")

    monkeypatch.setattr(type(store_named("disk")), "open_object", opening)
    assert faults(body | {"artifacts": universal}) == [
        ("other_file", SIGNATURE),
        ("other_file", "artifacts.1.updater_signature"),
    ]
    assert opened == [row.key]


def down(self: object, key: str) -> None:
    raise StoreUnavailable(cause="down")


@pytest.mark.usefixtures("_with_key", "_at_sage_example")
def test_a_store_that_is_down_is_no_fault_of_the_release(monkeypatch: pytest.MonkeyPatch) -> None:
    body, _row = of_ours(CONTENT, SIGNER.sign(CONTENT, ""))
    monkeypatch.setattr(type(store_named("disk")), "open_object", down)
    with pytest.raises(StoreUnavailable):
        judged(body)


@pytest.mark.usefixtures("_at_sage_example")
def test_without_a_key_no_file_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    body, _row = of_ours(b"another file", SIGNER.sign(CONTENT, ""))
    monkeypatch.setattr(type(store_named("disk")), "open_object", down)
    assert faults(body) == []


def test_a_platform_that_the_release_before_has_is_missing() -> None:
    published("1.1.0", "linux-x86_64", "darwin-aarch64", "windows-x86_64")
    published("1.0.0", "linux-x86_64")
    published("2.0.0-rc.1", "linux-x86_64")
    body = release("1.2.0", artifact("windows-x86_64"))
    assert [(one.field, one.message) for one in judged(body).warnings] == [
        ("artifacts", f"Release 1.1.0 has an update for {platform} and this one has none: the updater fails there.")
        for platform in ("darwin-aarch64", "linux-x86_64")
    ]
    installer_only = with_field(release(), "artifacts.0.updater_url", "")
    installer_only = with_field(installer_only, "artifacts.0.updater_signature", "")
    assert warnings(installer_only) == [("missing_platform", "artifacts")]


def test_a_release_that_replaces_itself_is_compared_with_the_one_before() -> None:
    published("1.0.0", "linux-x86_64")
    published("1.1.0", "windows-x86_64")
    (warning,) = judged(release("1.1.0", artifact("windows-x86_64", "1.1.0"))).warnings
    assert warning.details == {"version": "1.0.0", "platform": "linux-x86_64"}


def test_a_signature_is_compared_with_that_of_the_release_before(settings: Settings) -> None:
    """Without the updater's key nothing else tells that it has changed."""
    published("1.1.0", "darwin-aarch64", "linux-x86_64")
    silent = artifact("linux-x86_64") | {"updater_signature": SIGNER.sign(CONTENT, "timestamp:1700000000")}
    body = release("1.2.0", artifact("darwin-aarch64", signer=STRANGER), silent, artifact("windows-x86_64", signer=STRANGER))
    other_key = (
        "Release 1.1.0 was signed with the key 0000000000000001 and this update with 0000000000000002: "
        "an updater that knows the former alone refuses it."
    )
    no_version = (
        "The signature of release 1.1.0 names its version and this one names none: an updater with requireSignedVersion "
        "refuses it. Sign with --app-version."
    )
    assert [(one.field, one.message) for one in judged(body).warnings] == [
        ("artifacts.0.updater_signature", other_key),
        ("artifacts.1.updater_signature", no_version),
    ]
    settings.SAGE_UPDATER_PUBKEY = UpdaterKey.read(STRANGER.public_key)
    assert (
        warnings(release("1.2.0", artifact("darwin-aarch64", signer=STRANGER), artifact("linux-x86_64", signer=STRANGER))) == []
    )
    settings.SAGE_UPDATER_PUBKEY = None
    Artifact.objects.update(updater_signature="from another time")
    assert warnings(release("1.2.0", artifact("darwin-aarch64", signer=STRANGER), silent)) == []


def test_no_platform_is_missing_where_no_updater_is_offered_the_release() -> None:
    published("1.1.0", "linux-x86_64", "darwin-aarch64")
    published("1.3.0", "linux-x86_64", state=Release.State.DRAFT)
    published("1.3.1", "linux-x86_64", state=Release.State.WITHDRAWN)
    windows_of_now = artifact("windows-x86_64", "1.4.0")
    assert warnings(release("1.4.0", windows_of_now)) == [("missing_platform", "artifacts")] * 2
    windows = [artifact("windows-x86_64", "1.0.0")]
    assert warnings(release("1.0.0", *windows)) == []
    assert warnings(release("2.0.0-rc.1", artifact("windows-x86_64", "2.0.0-rc.1"))) == [("pre_release", "version")]


def test_a_refused_version_is_kept_as_far_as_it_can_be() -> None:
    """Whatever a program sends, staff find it, and no database fails at it."""
    for given, kept_of_it in (("1.2\x00\ud83c.3\n", "1.2.3"), ("9" * 101, "9" * 100), ("\ud83c", "")):
        with pytest.raises(RefusedForm):
            judged_by(Candidate.cleaned(given, "", []), Author("bob", Source.COMMAND))
        assert RefusedRelease.objects.latest("pk").version == kept_of_it
    assert Release.objects.count() == 0


def test_everything_that_is_wrong_is_told_at_once() -> None:
    body = release("1.2", release_notes="\x00")
    body = with_field(body, "artifacts.0.platform", "mac")
    body = with_field(body, "artifacts.1.updater_url", "x")
    body = with_field(body, "artifacts.2.updater_signature", "<html>")
    assert faults(body) == [
        ("version", "version"),
        ("notes_characters", "release_notes"),
        ("platform", "artifacts.0.platform"),
        ("address", "artifacts.1.updater_url"),
        ("signature_page", "artifacts.2.updater_signature"),
    ]


def test_each_sentence_has_its_details_in_both_languages() -> None:
    """What is kept of a refused release is shown in the language of whoever looks."""
    details = {"most": "1", "platform": "linux-x86_64", "version": "1.0.0", "signed_by": "A", "expected": "B"}
    details |= dict.fromkeys(
        ["name", "names", "host", "reason", "seconds", "repository", "tag", "time", "status", "example"], "x"
    )
    for kind in FaultKind:
        row = Fault(kind, "version", details).as_row()
        with translation.override("en"):
            english = Fault.from_row(row).message
        with translation.override("zh-hans"):
            chinese = Fault.from_row(row).message
        assert english != chinese
        assert "{" not in english + chinese
