"""Versions are read and ordered as the desktop client's library does it."""

from itertools import pairwise

import pytest

from versions.semver import Version, without_prefix

# SemVer 2.0 §11, and of build metadata the order of Rust's `semver`: none, then numbers by value, then text.
IN_ORDER = [
    "0.0.0-0", "0.0.0", "0.9.10", "1.0.0-0", "1.0.0-1", "1.0.0-1.0", "1.0.0-9", "1.0.0-10", "1.0.0-a", "1.0.0-a.0",
    "1.0.0-a.b", "1.0.0-aa", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
    "1.0.0-beta.11", "1.0.0-rc.2", "1.0.0-rc.10", "1.0.0-rc.10+1", "1.0.0-rc.16", "1.0.0", "1.0.0+0", "1.0.0+00",
    "1.0.0+1", "1.0.0+01", "1.0.0+001", "1.0.0+2", "1.0.0+2.0", "1.0.0+10", "1.0.0+10.a", "1.0.0+-", "1.0.0+0a",
    "1.0.0+A", "1.0.0+a", "1.0.0+a.0", "1.0.0+b", "1.0.1-0", "1.0.1", "1.10.0", "2.0.0-rc.16", "2.0.0",
    "18446744073709551615.0.0", "18446744073709551615.18446744073709551615.18446744073709551615",
]  # fmt: skip


def test_versions_are_ordered_as_the_client_orders_them() -> None:
    for lower, higher in pairwise(IN_ORDER):
        assert Version.parse(lower) < Version.parse(higher), (lower, higher)
    assert [str(one) for one in sorted(map(Version.parse, reversed(IN_ORDER)))] == IN_ORDER


@pytest.mark.parametrize(
    "text",
    [
        "", "1", "1.0", "v1.0.0", "1.0.0.0", "01.0.0", "1.00.0", "1.0.0-", "1.0.0+", "1.0.0-01", "1.0.0-a..b", "1.0.0+a..b",
        "1.0.0-é", "1.0.0+a+b", " 1.0.0", "1.0.0 ", "1.0.0\n", "１.0.0", "1.0.0-\u0661", "-1.0.0", "1.0.x", "latest", "1.0.0\x00",
        "18446744073709551616.0.0", "0.18446744073709551616.0", "0.0.18446744073709551616", "1.0.0-" + "a" * 95,
    ],
)  # fmt: skip
def test_what_the_client_cannot_read_is_no_version(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  The library and we say it in different words.
        Version.parse(text)


@pytest.mark.parametrize(
    ("text", "stable"),
    [("1.0.0", True), ("1.0.0+build-1", True), ("1.0.0-rc.1", False), ("1.0.0-0+1", False), ("0.0.0", True)],
)
def test_what_is_no_pre_release_is_stable(text: str, stable: bool) -> None:
    assert Version.parse(text).is_stable is stable


@pytest.mark.parametrize(
    ("given", "version"), [("v1.2.3", "1.2.3"), (" V1.2.3\n", "1.2.3"), ("1.2.3", "1.2.3"), ("vv1.2.3", "v1.2.3"), ("", "")]
)
def test_one_leading_v_and_white_space_are_dropped(given: str, version: str) -> None:
    assert without_prefix(given) == version
