"""What the administration says clients will be told is what they are told once the release is published."""

import json
import re
from html import unescape
from typing import Any

import pytest

from tests.people import Caller
from tests.versions.minisigning import SIGNER
from tests.versions.test_admin import LIST, chosen, make, page
from versions.models import Release

pytestmark = pytest.mark.django_db(transaction=True)
SIGNATURE = SIGNER.sign(b"the update")
ASKED = "target=darwin&arch=aarch64&current_version=0.0.0-0"
SHOWN = re.compile(r"<summary><code>(.*?)</code> (.*?)</summary>\s*<pre tabindex=\"0\">(.*?)</pre>", re.DOTALL)


def make_update(version: str, state: str, *platforms: str, notes: str = "") -> Release:
    release = make(version, state, platforms=(), release_notes=notes)
    for platform in platforms:
        url = f"https://dl.example/{version}/{platform}"
        release.artifacts.create(platform=platform, updater_url=url, updater_signature=SIGNATURE)
    return release


def previewed(caller: Caller, release: Release) -> dict[str, tuple[str, Any]]:
    """By the request: what is said of the answer, and the answer."""
    text = page(caller, f"{LIST}{release.pk}/change/")
    found = [tuple(unescape(part) for part in row) for row in SHOWN.findall(text)]
    return {request: (about, json.loads(body) if body[:1] in "{n" else body) for request, about, body in found}


def told(caller: Caller, query: str = "") -> Any:
    response = caller.get(f"/api/system/version/check{query and '?'}{query}")
    return json.loads(response.content) if response.content else f"{response.status_code} {response.reason_phrase}"


def test_a_draft_shows_what_clients_are_told_once_it_is_published(as_admin: Caller) -> None:
    make_update("1.3.0", "published", "darwin-aarch64", "linux-x86_64")
    draft = make_update("1.4.0", "draft", "darwin-aarch64", "linux-x86_64-deb", notes="<b>更快 🚀")
    shown = previewed(as_admin, draft)
    deb = "target=linux&arch=x86_64&current_version=0.0.0-0&bundle_type=deb"
    assert list(shown) == ["check", f"check?{ASKED}", f"check?{deb}", "latest"]
    assert [about for about, _answer in shown.values()] == ["offers 1.4.0"] * 3 + ["for the download page"]
    assert told(as_admin)["version"] == "1.3.0"
    as_admin.form(LIST, chosen(draft, "publish"))
    told_now = [told(as_admin), told(as_admin, ASKED), told(as_admin, deb)]
    latest = as_admin.get("/api/system/version/latest").json()["data"]
    # The moment at which it was published was not known before.
    dated = [answer | {"pub_date": told_now[0]["pub_date"]} for _about, answer in shown.values()]
    assert dated == [*told_now, latest]
    assert [answer for _about, answer in previewed(as_admin, draft).values()] == [*told_now, latest]
    assert told_now[1] == {
        "version": "1.4.0",
        "url": "https://dl.example/1.4.0/darwin-aarch64",
        "signature": SIGNATURE,
        "notes": "<b>更快 🚀",
        "pub_date": told_now[0]["pub_date"],
    }


@pytest.mark.parametrize(
    ("version", "state", "about", "answer"),
    [
        ("1.2.0", "draft", "offers 1.3.0", "1.3.0"),
        ("1.4.0-rc.1", "draft", "offers 1.3.0", "1.3.0"),
        ("1.4.0", "withdrawn", "offers 1.3.0", "1.3.0"),
        ("1.4.0", "published", "offers 1.4.0", "1.4.0"),
    ],
)
def test_another_release_may_be_offered_in_its_place(version: str, state: str, about: str, answer: str, as_admin: Caller) -> None:
    make_update("1.3.0", "published", "darwin-aarch64")
    shown = previewed(as_admin, make_update(version, state, "darwin-aarch64"))
    said, offered = shown[f"check?{ASKED}"]
    assert (said, offered["version"]) == (about, answer)
    assert shown["latest"][1]["version"] == answer


def test_a_pre_release_alone_is_offered_to_nobody(as_admin: Caller) -> None:
    shown = previewed(as_admin, make_update("1.4.0-rc.1", "draft", "darwin-aarch64"))
    nothing = ("offers nothing", "204 No Content")
    assert shown == {"check": nothing, f"check?{ASKED}": nothing, "latest": ("for the download page", None)}


def test_addresses_are_shown_with_the_mirror_before_them(as_admin: Caller, settings: Any) -> None:
    settings.SAGE_UPDATER_URL_PREFIX = "https://mirror.example/"
    shown = previewed(as_admin, make_update("1.4.0", "draft", "darwin-aarch64"))
    assert shown[f"check?{ASKED}"][1]["url"] == "https://mirror.example/https://dl.example/1.4.0/darwin-aarch64"
