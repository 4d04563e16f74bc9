"""A file that a release names is neither replaced nor deleted, also where both happen at the same moment."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils import timezone

from sage_platform.accounts.models import User
from sage_platform.api import seams
from tests.people import Caller, envelope
from tests.racing import all_at_once
from tests.uploads.rows import left
from tests.uploads.sending import files_in, part, send, stored
from uploads.models import CLAIMED, State, Upload
from uploads.stores.disk import DiskStore

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "bundle/1.2.0/a.exe"
IN_USE = "A release uses this file, so it can be neither replaced nor deleted."
# So long somebody is given to come between. Who waits for a lock, as they should, costs the test this.
COMES_BETWEEN = 0.5


class Area:
    """Writes down names of files, as the releases do: here in rows of users, since an area in a test has no table of its own."""

    def __init__(self) -> None:
        self.when_asked: Callable[[], None] = lambda: None
        self.when_held: Callable[[], None] = lambda: None

    def names(self, key: str) -> bool:
        answer: bool = User.objects.filter(pk="named", nickname=key).exists()
        self.when_asked()
        return answer

    def publish(self, address: str) -> str:
        held_files = seams.held_files.get()
        assert held_files is not None
        with transaction.atomic():
            held = held_files([address])
            if address not in held:
                return "refused"
            self.when_held()
            User.objects.create(pk="named", username="named", nickname=held[address].key)
        return "published"

    def has_published(self) -> bool:
        return bool(User.objects.filter(pk="named"))


@pytest.fixture
def area(monkeypatch: pytest.MonkeyPatch) -> Area:
    area = Area()
    monkeypatch.setattr(seams, "object_references", seams.Registry("kind of reference to objects"))
    seams.object_references.register("test", area.names)
    return area


@pytest.fixture
def address(as_admin: Caller) -> str:
    return str(stored(as_admin, b"first", "a.exe", path=KEY)["url"])


def replace(caller: Caller) -> str:
    told = envelope(send(caller, part("path", KEY.encode()), part("file", b"second", "a.exe")))
    return "changed" if told["code"] == 200 else str(told["message"])


def delete(caller: Caller) -> str:
    row = Upload.objects.get(key=KEY, state=State.STORED)
    caller.form("/files", {"upload": row.public_id})
    return IN_USE if IN_USE in caller.get("/files").content.decode() else "changed"


CHANGES = {"replace": replace, "delete": delete}
AFTER = {"replace": {KEY: b"second"}, "delete": {}}


def meanwhile(act: Callable[[], str]) -> Future[str]:
    """Begin it in a thread of its own, and give it the time to end."""

    def run() -> str:
        try:
            return act()
        finally:
            connections.close_all()

    pool = ThreadPoolExecutor(1)
    begun = pool.submit(run)
    pool.shutdown(wait=False)
    with suppress(TimeoutError):
        begun.result(timeout=COMES_BETWEEN)
    return begun


@pytest.mark.parametrize("change", CHANGES)
def test_a_release_is_published_just_after_nobody_named_the_file(
    change: str, area: Area, address: str, as_admin: Caller, media: Path
) -> None:
    publishing: list[Future[str]] = []

    def publish_once() -> None:
        if not publishing:
            publishing.append(meanwhile(lambda: area.publish(address)))

    area.when_asked = publish_once
    assert CHANGES[change](as_admin) == "changed"
    assert publishing[0].result() == "refused"
    assert not area.has_published()
    assert files_in(media) == AFTER[change]


@pytest.mark.parametrize("change", CHANGES)
def test_the_file_is_changed_just_after_a_release_has_taken_hold_of_it(
    change: str, area: Area, address: str, as_admin: Caller, media: Path
) -> None:
    changing: list[Future[str]] = []
    area.when_held = lambda: changing.append(meanwhile(lambda: CHANGES[change](as_admin)))
    assert area.publish(address) == "published"
    assert changing[0].result() == IN_USE
    assert files_in(media) == {KEY: b"first"}
    assert Upload.objects.get().url == address


@pytest.mark.parametrize("change", CHANGES)
def test_both_at_once(change: str, area: Area, as_admin: Caller, media: Path) -> None:
    for _round in range(5):
        address = stored(as_admin, b"first", "a.exe", path=KEY)["url"]
        done = all_at_once(lambda: area.publish(address), lambda: CHANGES[change](as_admin))  # noqa: B023
        assert done in (["published", IN_USE], ["refused", "changed"])
        assert files_in(media) == ({KEY: b"first"} if area.has_published() else AFTER[change])
        assert Upload.objects.filter(key=KEY).count() == len(files_in(media))
        User.objects.filter(pk="named").delete()


def test_two_replace_a_file_while_a_release_takes_hold_of_it(area: Area, as_admin: Caller, media: Path) -> None:
    for _round in range(5):
        address = stored(as_admin, b"first", "a.exe", path=KEY)["url"]
        acts = [lambda: area.publish(address), lambda: replace(as_admin), lambda: replace(as_admin)]  # noqa: B023
        published, *changed = all_at_once(*acts)
        assert (published == "published") != ("changed" in changed)
        assert files_in(media) == {KEY: b"first" if published == "published" else b"second"}
        User.objects.filter(pk="named").delete()


def test_a_release_is_published_while_its_file_is_being_replaced(
    area: Area, address: str, as_admin: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[str] = []
    keep = DiskStore.keep

    def slow_keep(self: DiskStore, *args: Any, **kwargs: Any) -> None:
        published.append(area.publish(address))
        keep(self, *args, **kwargs)
        published.append(area.publish(address))

    monkeypatch.setattr(DiskStore, "keep", slow_keep)
    assert replace(as_admin) == "changed"
    assert published == ["refused", "refused"]
    assert area.publish(address) == "refused"


# -- What is held --------------------------------------------------------------------------------------------------------


def held(*addresses: str) -> dict[str, str]:
    held_files = seams.held_files.get()
    assert held_files is not None
    with transaction.atomic():
        return {address: file.key for address, file in held_files(addresses).items()}


def test_files_that_are_there(address: str, as_alice: Caller) -> None:
    own = stored(as_alice, b"own")
    gone = f"http://127.0.0.1:8000/files/{'0' * 32}/a.exe"
    strange = ["https://elsewhere.example/a.exe", "", "http://127.0.0.1:8000/files/%00/a.exe", "https://[x"]
    assert held(address, own["url"], gone, *strange) == {address: KEY, own["url"]: f"users/alice/{own['id']}"}
    assert held() == {}


def test_its_content_is_read(address: str) -> None:
    held_files = seams.held_files.get()
    assert held_files is not None
    with transaction.atomic():
        file = held_files([address])[address]
    with file.open() as stream:
        assert (stream.read(), file.name, file.size) == (b"first", "a.exe", 5)


@pytest.mark.parametrize("minutes", [1, -1])
def test_a_replacement_that_was_broken_off(minutes: int, address: str, admin: User) -> None:
    """Nobody knows whose object it is until that was cleared."""
    left(State.PENDING, owner=admin, key=KEY, minutes=minutes)
    assert held(address) == {}


def test_a_file_that_is_being_moved(address: str, admin: User) -> None:
    row = left(State.PENDING, owner=admin, key=KEY, minutes=1)
    Upload.objects.filter(pk=row.pk).update(sha256=CLAIMED)
    assert held(address) == {address: KEY}


def test_a_file_that_is_being_deleted(address: str) -> None:
    Upload.objects.update(state=State.DELETING, lease_until=timezone.now())
    assert held(address) == {}


def test_only_within_a_transaction(address: str) -> None:
    held_files = seams.held_files.get()
    assert held_files is not None
    with pytest.raises(transaction.TransactionManagementError):
        held_files([address])
