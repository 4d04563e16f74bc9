"""Which file of a release on GitHub is for which platform, and what is told where a name does not say."""

from itertools import combinations

import pytest

from tests.versions.asset_lists import STYLES, TAURI_2, signed
from versions.github.assets import Sorted, sort_assets
from versions.platforms import is_known


def platforms(found: Sorted) -> dict[str, tuple[str, str]]:
    return {slot.platform: (slot.installer, slot.update) for slot in found.slots}


def sentences(*names: str) -> list[str]:
    return [fault.message for fault in sort_assets(names).faults]


@pytest.mark.parametrize("style", STYLES)
def test_a_whole_release(style: str) -> None:
    names, expected = STYLES[style]
    found = sort_assets(names)
    assert platforms(found) == expected
    assert list(platforms(found)) == sorted(expected)
    assert found.faults == ()
    assert all(is_known(platform) for platform in expected)


def test_the_order_of_the_files_does_not_count() -> None:
    assert sort_assets(list(reversed(TAURI_2))) == sort_assets(TAURI_2)


def test_what_no_installation_needs() -> None:
    names = [
        "latest.json", "SHA256SUMS", "Sage_1.0.0_x64.exe", "Sage_1.0.0_x64-setup-debug.exe", "Sage_1.0.0_x64_portable.zip",
        "source.tar.gz", "Sage-linux-x64.tar.gz", "Sage.apk", "Sage_1.0.0_x64.pkg", "Sage_1.0.0_x64.dmg.sha256", "README", "",
    ]  # fmt: skip
    found = sort_assets(names)
    assert (found.slots, found.faults, sorted(found.unused)) == ((), (), sorted(names))


@pytest.mark.parametrize(
    ("word", "architecture"),
    {
        "aarch64": "aarch64", "arm64": "aarch64", "ARM64": "aarch64", "Apple_Silicon": "aarch64", "x86_64": "x86_64",
        "x86-64": "x86_64", "x64": "x86_64", "amd64": "x86_64", "Intel": "x86_64", "i686": "i686", "i386": "i686", "x86": "i686",
        "armv7": "armv7", "armhf": "armv7", "armhfp": "armv7", "riscv64": "riscv64",
    }.items(),
)  # fmt: skip
def test_words_for_architectures(word: str, architecture: str) -> None:
    for name in (f"Sage_1.0.0_{word}.deb", f"Sage-1.0.0-1.{word}.deb", f"sage-{word}-linux.deb"):
        assert platforms(sort_assets([name])) == {f"linux-{architecture}": (name, "")}


@pytest.mark.parametrize(
    "name", ["Sage.app.tar.gz", "Sage.dmg", "Sage-setup.exe", "sage_universal.deb", "Sage_x64_arm64.dmg", "Sagex64.dmg"]
)
def test_a_name_without_an_architecture_or_with_two(name: str) -> None:
    found = sort_assets(signed(name))
    assert found.slots == ()
    assert [fault.message for fault in found.faults] == [
        f"For which platform {name} is cannot be told. Have exactly one architecture in its name, such as aarch64 or x64."
    ]


def test_a_build_for_one_architecture_counts_before_the_universal_one() -> None:
    names = [*signed("Sage_universal.app.tar.gz", "Sage_aarch64.app.tar.gz"), "Sage_universal.dmg", "Sage_x64.dmg"]
    found = sort_assets(names)
    assert found.faults == ()
    assert platforms(found) == {
        "darwin-aarch64": ("Sage_universal.dmg", "Sage_aarch64.app.tar.gz"),
        "darwin-aarch64-app": ("", "Sage_aarch64.app.tar.gz"),
        "darwin-x86_64": ("Sage_x64.dmg", "Sage_universal.app.tar.gz"),
        "darwin-x86_64-app": ("", "Sage_universal.app.tar.gz"),
    }


WINDOWS = [
    "Sage_1.0.0_x64_en-US.msi.zip",
    "Sage_1.0.0_x64-setup.nsis.zip",
    "Sage_1.0.0_x64_en-US.msi",
    "Sage_1.0.0_x64-setup.exe",
]


@pytest.mark.parametrize("together", [pair for size in (1, 2, 3, 4) for pair in combinations(WINDOWS, size)])
def test_what_a_client_older_than_bundles_is_given_on_windows(together: tuple[str, ...]) -> None:
    """As tauri-action chooses: MSI before NSIS. Of one bundle the archive, which clients of Tauri 1 can read as well."""
    found = platforms(sort_assets(signed(*together)))
    msi = next((name for name in together if ".msi" in name), "")
    nsis = next((name for name in together if ".nsis" in name or ".exe" in name), "")
    assert found["windows-x86_64"][1] == (msi or nsis)
    assert (found.get("windows-x86_64-msi", ("", ""))[1], found.get("windows-x86_64-nsis", ("", ""))[1]) == (msi, nsis)


def test_an_update_counts_more_than_a_bundle() -> None:
    """The MSI is for people alone here, and the updater needs the other one. Each installer is there once."""
    found = platforms(sort_assets(["Sage_1.0.0_x64_en-US.msi", *signed("Sage_1.0.0_x64-setup.exe")]))
    assert found == {
        "windows-x86_64": ("Sage_1.0.0_x64-setup.exe", "Sage_1.0.0_x64-setup.exe"),
        "windows-x86_64-msi": ("Sage_1.0.0_x64_en-US.msi", ""),
        "windows-x86_64-nsis": ("", "Sage_1.0.0_x64-setup.exe"),
    }


def test_a_signature_of_an_installer_that_is_no_update() -> None:
    assert platforms(sort_assets(signed("Sage_x64.dmg"))) == {"darwin-x86_64": ("Sage_x64.dmg", "")}


# -- What is missing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["S_x64.app.tar.gz", "S_amd64.AppImage.tar.gz", "S_x64-setup.nsis.zip", "S_x64_en-US.msi.zip"])
def test_an_update_without_its_signature(name: str) -> None:
    assert sentences(name) == [f"{name} has no signature. Wait for {name}.sig, or upload it to the release on GitHub."]


@pytest.mark.parametrize("name", ["Sage_x64.app.tar.gz", "Sage_amd64.AppImage", "Sage_x64-setup.exe", "Sage-linux-x64.tar.gz"])
def test_a_signature_that_came_before_its_file(name: str) -> None:
    assert sentences(f"{name}.sig") == [
        f"{name}.sig is there without {name}. Wait for that file, or upload it to the release on GitHub."
    ]
    assert sentences("README.sig", "checksums.txt.sig") == []


@pytest.mark.parametrize(
    ("late", "platform"),
    [
        ("Sage_1.0.0_x64.dmg", "darwin-x86_64"),
        ("Sage_1.0.0_x64-setup.exe", "windows-x86_64"),
        ("Sage_1.0.0_x64_en-US.msi", "windows-x86_64"),
        ("Sage_1.0.0_amd64.AppImage", "linux-x86_64"),
    ],
)
def test_a_platform_whose_update_is_not_there_yet(late: str, platform: str) -> None:
    update = signed("Sage_aarch64.app.tar.gz")
    assert sentences(late, *update) == [
        f"There is a file for {platform}, and no signed update. Wait for it, or upload it to the release on GitHub."
    ]
    # Where nothing is updated, nothing is late; and packages of a Linux distribution are seldom updated.
    assert sentences(late) == []
    assert sentences("Sage_1.0.0_amd64.deb", "Sage-1.0.0-1.x86_64.rpm", *update) == []


# -- What cannot be told -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "platform"),
    [
        (["Clash.Verge_2.4.7_x64-setup.exe", "Clash.Verge_2.4.7_x64_fixed_webview2-setup.exe"], "windows-x86_64-nsis"),
        (["Sage_1.0.0_x64_de-DE.msi", "Sage_1.0.0_x64_en-US.msi"], "windows-x86_64-msi"),
        (["Sage.Pro_x64.app.tar.gz", "Sage_x64.app.tar.gz"], "darwin-x86_64-app"),
        (["Hoppscotch_Cloud_mac_x64.dmg", "Hoppscotch_SelfHost_mac_x64.dmg"], "darwin-x86_64-app"),
        (["Sage-a-linux-x64.tar.gz", "Sage-b-linux-x64.tar.gz"], "linux-x86_64"),
        (["Sage-linux-x64.tar.gz", "Sage_amd64.AppImage"], "linux-x86_64"),
    ],
)
def test_two_files_for_the_same(names: list[str], platform: str) -> None:
    told = f"Each of these could be for {platform}: {', '.join(names)}. Leave one of them in the release on GitHub."
    assert sentences(*signed(*names)) == [told]
