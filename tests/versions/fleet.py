"""A fleet: some releases, and what each desktop of it is answered, in the exact bytes."""

from typing import Any, NamedTuple
from urllib.parse import quote

from tests.versions.bodies import artifact

CHECK = "/api/system/version/check"
LATEST = "/api/system/version/latest"
# The client's literal for what it does not know.
UNKNOWN_BUNDLE = "%7B%7Bbundle_type%7D%7D"
Told = dict[str, Any]


def update(platform: str, version: str) -> dict[str, str]:
    """An artifact for the updater alone, at an address of its own."""
    made = artifact("linux-x86_64", version)
    return made | {"platform": platform, "installer_url": "", "updater_url": f"https://dl.example/{version}/{platform}.tar.gz"}


def installer(platform: str, version: str) -> dict[str, str]:
    return {"platform": platform, "installer_url": f"https://dl.example/{version}/{platform}.dmg"}


# In the order of their publishing, which is not that of their versions.
FLEET: dict[str, list[dict[str, str]]] = {
    "1.10.0": [update("linux-x86_64", "1.10.0"), update("darwin-universal", "1.10.0"), installer("windows-x86_64", "1.10.0")],
    "2.0.0-rc.10": [update("linux-x86_64", "2.0.0-rc.10"), update("darwin-aarch64", "2.0.0-rc.10")],
    "1.9.0": [
        update("linux-x86_64", "1.9.0"),
        update("linux-aarch64-deb", "1.9.0"),
        update("darwin-aarch64", "1.9.0"),
        update("windows-x86_64-msi", "1.9.0"),
    ],
    "1.10.1+build.12": [
        update("linux-aarch64", "1.10.1+build.12"),
        update("linux-aarch64-rpm", "1.10.1+build.12"),
        update("linux-x86_64-deb", "1.10.1+build.12"),
        installer("linux-x86_64", "1.10.1+build.12"),
    ],
    "2.0.0-rc.2": [update("linux-x86_64", "2.0.0-rc.2")],
    "1.10.1+build.9": [update("linux-aarch64", "1.10.1+build.9"), update("linux-x86_64", "1.10.1+build.9")],
    "1.11.0": [installer("darwin-aarch64", "1.11.0")],
}


class Case(NamedTuple):
    """What is asked, and the release and platform that are offered; None for 204."""

    about: str
    query: str
    offered: tuple[str, str] | None


def ask(target: str, arch: str, version: str, bundle: str = UNKNOWN_BUNDLE) -> str:
    """As the updater fills in its address, a plus percent-encoded."""
    return f"target={target}&arch={arch}&current_version={quote(version)}&bundle_type={bundle}"


NEWEST_LINUX = ("1.10.1+build.9", "linux-x86_64")
NEWEST_ARM = ("1.10.1+build.12", "linux-aarch64")
CASES = (
    Case("older", ask("linux", "x86_64", "1.0.0"), NEWEST_LINUX),
    Case("two digits count as a number", ask("linux", "x86_64", "1.9.0"), NEWEST_LINUX),
    Case("the same", ask("linux", "x86_64", "1.10.1+build.9"), None),
    Case("newer", ask("linux", "x86_64", "3.0.0"), None),
    Case("newer by the bundle of another", ask("linux", "x86_64", "1.10.1+build.12"), None),
    Case("without build metadata", ask("linux", "x86_64", "1.10.1"), NEWEST_LINUX),
    Case("lower build metadata", ask("linux", "aarch64", "1.10.1+build.9"), NEWEST_ARM),
    Case("lower build metadata, a number against a text", ask("linux", "aarch64", "1.10.1+5"), NEWEST_ARM),
    Case("higher build metadata", ask("linux", "aarch64", "1.10.1+build.13"), None),
    Case("higher build metadata, by its length", ask("linux", "aarch64", "1.10.1+build.100"), None),
    Case("a plus as it is, which is a space", "target=linux&arch=aarch64&current_version=1.10.1+build.9", NEWEST_ARM),
    Case("a plus as it is, the same", "target=linux&arch=aarch64&current_version=1.10.1+build.12", None),
    Case("at a pre-release of a version that is out", ask("linux", "x86_64", "1.10.1-rc.16"), NEWEST_LINUX),
    Case("at a pre-release of a version that is not", ask("linux", "x86_64", "2.0.0-rc.2"), None),
    Case("at a version without an update of its own", ask("darwin", "aarch64", "1.8.0"), ("1.9.0", "darwin-aarch64")),
    Case("an installer is no update", ask("windows", "x86_64", "1.0.0"), None),
    Case("a platform that no release has", ask("linux", "riscv64", "1.0.0"), None),
    Case("capitals", ask("Linux", "x86_64", "1.0.0"), None),
    Case("a bundle", ask("linux", "x86_64", "1.0.0", "deb"), ("1.10.1+build.12", "linux-x86_64-deb")),
    Case("a bundle beside its platform", ask("linux", "aarch64", "1.0.0", "rpm"), ("1.10.1+build.12", "linux-aarch64-rpm")),
    Case("a bundle that is up to date", ask("linux", "x86_64", "1.10.1+build.12", "deb"), None),
    Case("another bundle than the one there is", ask("windows", "x86_64", "1.0.0", "nsis"), None),
    Case("a bundle of an older release, the platform of a newer", ask("linux", "aarch64", "1.0.0", "deb"), NEWEST_ARM),
    Case("a bundle of an older release", ask("windows", "x86_64", "1.0.0", "msi"), ("1.9.0", "windows-x86_64-msi")),
    Case("a bundle without an update of its own", ask("linux", "x86_64", "1.0.0", "rpm"), NEWEST_LINUX),
    Case("a bundle that nobody knows", ask("linux", "x86_64", "1.0.0", "snap"), NEWEST_LINUX),
    Case("unknown, as newer clients say it", ask("linux", "x86_64", "1.0.0", "unknown"), NEWEST_LINUX),
    Case("no bundle", ask("linux", "x86_64", "1.0.0", ""), NEWEST_LINUX),
    Case("the braces as they are", ask("linux", "x86_64", "1.0.0", "{{bundle_type}}"), NEWEST_LINUX),
    Case("no bundle_type at all", "target=linux&arch=x86_64&current_version=1.0.0", NEWEST_LINUX),
    Case("a target that is a whole platform", ask("darwin-universal", "aarch64", "1.0.0"), ("1.10.0", "darwin-universal")),
    Case("a placeholder for a target", ask("{{target}}", "x86_64", "1.0.0"), None),
    Case("a placeholder for an arch, encoded", ask("linux", "%7B%7Barch%7D%7D", "1.0.0"), None),
    Case("nothing for a target", ask("", "x86_64", "1.0.0"), None),
    Case("other parameters", f"a=1&{ask('linux', 'x86_64', '1.0.0')}&token=&%ff=%00", NEWEST_LINUX),
    Case("twice", f"target=windows&current_version=1&{ask('linux', 'x86_64', '1.0.0')}", NEWEST_LINUX),
)
LONGEST_VERSION = "1.0.0-" + "a" * 94
HALF = "Give target, arch and current_version, or none of them."
NO_VERSION = "Give a version by Semantic Versioning, such as 1.4.0 or 2.0.0-rc.1."
# The query, and the fields with their sentences.
REFUSED = (
    ("target=linux", {"arch": HALF, "current_version": HALF}),
    ("target=&arch=", {"current_version": HALF}),
    ("arch=x86_64&current_version=1.0.0", {"target": HALF}),
    ("current_version=1.0.0&bundle_type=deb", {"target": HALF, "arch": HALF}),
    (ask("linux", "x86_64", "1.0"), {"current_version": NO_VERSION}),
    (ask("linux", "x86_64", "v1.0.0"), {"current_version": NO_VERSION}),
    (ask("linux", "x86_64", ""), {"current_version": NO_VERSION}),
    (ask("linux", "x86_64", "1.0.0\n"), {"current_version": NO_VERSION}),
    (ask("linux", "x86_64", "1.0.１"), {"current_version": NO_VERSION}),
    (ask("linux", "x86_64", "1.0.18446744073709551616"), {"current_version": NO_VERSION}),
    (ask("linux", "x86_64", f"{LONGEST_VERSION}a"), {"current_version": NO_VERSION}),
    (ask("{{target}}", "{{arch}}", "{{current_version}}"), {"current_version": NO_VERSION}),
    (f"a={'b' * 2047}", {"query": "The query is too long: 2048 characters at most."}),
)


def dynamic(release: Told, platform: str, *, prefix: str = "") -> bytes:
    """Of a release as the API told it when it was published."""
    (one,) = [each for each in release["artifacts"] if each["platform"] == platform]
    text = (
        f'{{"version":"{release["version"]}","url":"{prefix}{one["updater_url"]}","signature":"{one["updater_signature"]}",'
        f'"notes":"# New\\n\\n更快 🎉","pub_date":"{release["pub_date"]}"}}'
    )
    return text.encode()


def static(release: Told, *, prefix: str = "") -> bytes:
    updates = ",".join(
        f'"{one["platform"]}":{{"url":"{prefix}{one["updater_url"]}","signature":"{one["updater_signature"]}"}}'
        for one in release["artifacts"]
        if one["updater_url"]
    )
    text = (
        f'{{"version":"{release["version"]}","notes":"# New\\n\\n更快 🎉","pub_date":"{release["pub_date"]}",'
        f'"platforms":{{{updates}}}}}'
    )
    return text.encode()


def sent(version: str) -> Told:
    return {"version": version, "release_notes": "# New\n\n更快 🎉", "artifacts": FLEET[version]}
