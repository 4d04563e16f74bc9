"""What desktops are answered by the real server: in exact bytes, alike on every worker, and without the database."""

import json
import threading
import time
from collections.abc import Iterator
from hashlib import sha256

import pytest
import requests

from tests.e2e.crashes import database
from tests.e2e.served import CALL_SECONDS, Browser, Platform
from tests.versions import fleet as data
from tests.versions.fleet import CASES, CHECK, FLEET, LATEST, Told, ask, dynamic, static

pytestmark = [pytest.mark.served, pytest.mark.xdist_group("timed")]

PATH = "/api/system/version"
LINUX = ask("linux", "x86_64", "1.0.0")
# Within so many seconds every worker knows. On a machine that is kept busy by something else that may not hold each time.
AGREED = 1.0
TRIES = 5


@pytest.fixture
def admin(platform: Platform) -> Iterator[Browser]:
    """Before and afterwards there is no release."""
    admin = platform.admin()
    delete_all(admin)
    yield admin
    delete_all(admin)


def delete_all(admin: Browser) -> None:
    for release in admin.get(PATH).json()["data"]:
        assert admin.send("DELETE", f"{PATH}/{release['version']}").json()["data"] == {"success": True}


def publish(by: Browser, version: str) -> Told:
    answer = by.post(PATH, data.sent(version) if version in FLEET else sent(version)).json()
    assert answer["code"] == 200, answer
    told: Told = answer["data"]
    return told


def sent(version: str) -> Told:
    artifacts = [data.update("linux-x86_64", version), data.update("darwin-aarch64", version)]
    return {"version": version, "release_notes": "# New\n\n更快 🎉", "artifacts": artifacts}


def seen(platform: Platform, query: str = "") -> set[bytes]:
    """What the workers answer."""
    return {caller.get(f"{CHECK}?{query}").content for caller in platform.each_worker()}


def wait_for(platform: Platform, body: bytes) -> float:
    """Until every worker answers this. How many seconds that took."""
    began = time.monotonic()
    while seen(platform) != {body}:
        assert time.monotonic() - began < CALL_SECONDS, platform.log
    return time.monotonic() - began


def test_every_question_in_exact_bytes(platform: Platform, admin: Browser) -> None:
    # It comes last, so that whoever answers it knows all the others too.
    newest = "1.10.1+build.12"
    told = {version: publish(admin, version) for version in sorted(FLEET, key=lambda version: version == newest)}
    wait_for(platform, static(told[newest]))
    caller = platform.kept_caller()
    for case in CASES:
        response = caller.get(f"{CHECK}?{case.query}")
        body = dynamic(told[case.offered[0]], case.offered[1]) if case.offered else b""
        assert (response.status_code, response.content) == (200 if case.offered else 204, body), case.about
    response = caller.get(CHECK)
    body = static(told[newest])
    own = {"server", "date"}
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "etag": f'"{sha256(body).hexdigest()[:32]}"',
        "cache-control": "public, max-age=0, must-revalidate",
        "vary": "origin",
        "x-content-type-options": "nosniff",
    }
    assert response.content == body
    assert {name.lower(): value for name, value in response.headers.items() if name.lower() not in own} == headers
    headed = caller.send("HEAD", CHECK, headers={"X-Request-ID": "of-the-desktop"})
    assert headed.content == b""
    told_to_head = {name.lower(): value for name, value in headed.headers.items() if name.lower() not in own}
    assert told_to_head == headers | {"x-request-id": "of-the-desktop"}
    known = caller.get(CHECK, headers={"If-None-Match": f"W/{headers['etag']}"})
    assert (known.status_code, known.content, known.headers["ETag"]) == (304, b"", headers["etag"])
    # Through Django: another site's page, and what cannot be answered.
    other = caller.get(CHECK, headers={"Origin": "https://elsewhere.example"})
    assert (other.content, other.headers["ETag"]) == (body, headers["etag"])
    assert caller.send("HEAD", CHECK, headers={"Origin": "https://elsewhere.example"}).content == b""
    assert caller.get(f"{CHECK}?target=linux").json()["code"] == 422
    assert caller.send("POST", CHECK).status_code == 405


WITHDRAW = """
from versions.models import Release, Source
from versions.services import releases
releases.withdraw(Release.objects.get(version={!r}), releases.Author("admin", Source.COMMAND), because="It does not start.")
"""


def test_every_worker_knows_within_a_second(platform: Platform, admin: Browser) -> None:
    """Of a publish, and of a deletion."""
    took: list[float] = []
    while not took or (took[-1] > AGREED and len(took) < TRIES):
        number = len(took)
        wait_for(platform, b"")
        told = publish(admin, f"4.{number}.0")
        published = wait_for(platform, static(told))
        assert seen(platform, LINUX) == {dynamic(told, "linux-x86_64")}
        assert admin.send("DELETE", f"{PATH}/4.{number}.0").json()["code"] == 200
        took.append(max(published, wait_for(platform, b"")))
        assert seen(platform, LINUX) == {b""}
        assert [each.get(LATEST).json()["data"] for each in platform.each_worker()] == [None, None]
    assert took[-1] <= AGREED, took


def test_every_worker_knows_what_another_process_does(platform: Platform, admin: Browser) -> None:
    first, second = publish(admin, "4.10.0"), publish(admin, "4.11.0")
    wait_for(platform, static(second))
    done = platform.manage("shell", "--no-imports", "-c", WITHDRAW.format("4.11.0"))
    assert done.returncode == 0, done.stderr
    wait_for(platform, static(first))


def test_the_worker_that_wrote_knows_at_once(platform: Platform, admin: Browser) -> None:
    same = platform.kept_caller(Authorization=str(admin.session.headers["Authorization"]))
    same.get(CHECK)
    for number in range(8):
        told = publish(same, f"5.{number}.0")
        assert same.get(CHECK).content == static(told)
        assert same.get(LATEST).json()["data"]["version"] == f"5.{number}.0"
    for number in reversed(range(1, 8)):
        same.send("DELETE", f"{PATH}/5.{number}.0")
        assert json.loads(same.get(CHECK).content)["version"] == f"5.{number - 1}.0"


def wait_until_all_have_asked(got: list[list[tuple[str, requests.Response]]], often: int) -> None:
    until = time.monotonic() + CALL_SECONDS
    while min(map(len, got)) < often:
        assert time.monotonic() < until, [len(answers) for answers in got]
        time.sleep(0.01)


def test_64_clients_while_releases_are_published(platform: Platform, admin: Browser) -> None:
    """Each answer is whole, of one release, with its own ETag; and who is answered by one worker never goes back."""
    told = [publish(admin, "6.0.0")]
    wait_for(platform, static(told[0]))
    done = threading.Event()
    got: list[list[tuple[str, requests.Response]]] = [[] for _ in range(64)]

    def ask_again_and_again(number: int) -> None:
        caller = platform.kept_caller()
        while not done.is_set():
            query = LINUX if (len(got[number]) + number) % 2 else ""
            got[number].append((query, caller.get(f"{CHECK}?{query}")))

    clients = [threading.Thread(target=ask_again_and_again, args=(number,)) for number in range(64)]
    for client in clients:
        client.start()
    for number in range(1, 9):
        told.append(publish(admin, f"6.{number}.0"))
        time.sleep(0.3)
        wait_until_all_have_asked(got, 2 * number)
    done.set()
    for client in clients:
        client.join()
    order = {"": [static(each) for each in told], LINUX: [dynamic(each, "linux-x86_64") for each in told]}
    for answers in got:
        assert len(answers) > 8
        places = [order[query].index(response.content) for query, response in answers]
        assert places == sorted(places)
        for _query, response in answers:
            assert response.headers["ETag"] == f'"{sha256(response.content).hexdigest()[:32]}"'
            assert response.headers["Content-Length"] == str(len(response.content))
    assert max(response.elapsed.total_seconds() for answers in got for _query, response in answers) < CALL_SECONDS / 2


def test_while_the_releases_cannot_be_read(platform: Platform, admin: Browser) -> None:
    """As while the database is away, or is being migrated."""
    told = publish(admin, "7.0.0")
    wait_for(platform, static(told))
    before = len(platform.log)

    def lines() -> list[str]:
        told = [json.loads(line) for line in platform.log[before:].splitlines() if line.startswith("{")]
        return [line["message"] for line in told if line["logger"] == "sage.releases"]

    away, back = "releases cannot be read; the last answers stand for a while", "releases are read again"
    rename(platform, "versions_revision", "versions_gone")
    try:
        began = time.monotonic()
        while lines().count(away) < 2 or time.monotonic() - began < 2.5:
            assert time.monotonic() - began < CALL_SECONDS, platform.log
            assert seen(platform) == {static(told)}
            assert seen(platform, LINUX) == {dynamic(told, "linux-x86_64")}
            assert seen(platform, ask("linux", "x86_64", "7.0.0")) == {b""}
            assert platform.caller().get(LATEST).json()["data"]["version"] == "7.0.0"
    finally:
        rename(platform, "versions_gone", "versions_revision")
    wait_for(platform, static(publish(admin, "7.1.0")))
    until = time.monotonic() + CALL_SECONDS
    while len(lines()) < 4:  # A worker answers before it writes the line.
        assert time.monotonic() < until, platform.log
    assert sorted(lines()) == [back, back, away, away]


def rename(platform: Platform, old: str, new: str) -> None:
    with database(platform) as execute:
        execute(f"ALTER TABLE {old} RENAME TO {new}")
