"""What every store does alike: the local disk, moto's S3 server, and OpenStack Swift's."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes

import pytest

from uploads.stores import ObjectStore

KEY = "users/alice/a folder/0123456789abcdef0123456789abcdef"
Put = Callable[[str, bytes], None]


@pytest.fixture
def put(store: ObjectStore, tmp_path: Path) -> Put:
    """Keeps these bytes under a key."""

    def put(key: str, content: bytes) -> None:
        draft = tmp_path / f"draft-{hashlib.sha256(key.encode()).hexdigest()}"
        draft.write_bytes(content)
        store.keep(draft, key, content_type="text/plain", disposition='inline; filename="a.txt"')

    return put


def bytes_of(store: ObjectStore, key: str) -> bytes:
    with store.open_object(key) as stream:
        return stream.read()


def keys(store: ObjectStore) -> list[str]:
    return sorted(found.key for found in store.objects())


def test_a_file_is_kept_told_of_and_read(store: ObjectStore, put: Put) -> None:
    put(KEY, b"hello")
    assert bytes_of(store, KEY) == b"hello"
    found = store.info(KEY)
    assert found is not None
    assert (found.key, found.size) == (KEY, 5)
    assert abs(found.modified - datetime.now(UTC)) < timedelta(minutes=1)
    [listed] = store.objects()
    assert (listed.key, listed.size) == (KEY, 5)
    assert abs(listed.modified - found.modified) < timedelta(seconds=2)
    assert list(store.unfinished()) == []


@pytest.mark.parametrize("size", [0, 1, 16 * 1024**2, 16 * 1024**2 + 1, 40 * 1024**2 + 7])
def test_files_of_every_size(store: ObjectStore, put: Put, size: int) -> None:
    """From 16 MiB on S3 gets them in parts."""
    content = token_bytes(size)
    put(KEY, content)
    found = store.info(KEY)
    assert found is not None
    assert found.size == size
    assert hashlib.sha256(bytes_of(store, KEY)).digest() == hashlib.sha256(content).digest()
    assert list(store.unfinished()) == []


def test_a_file_is_read_in_pieces(store: ObjectStore, put: Put) -> None:
    content = token_bytes(1_000_003)
    put(KEY, content)
    with store.open_object(KEY) as stream:
        pieces = list(iter(lambda: stream.read(65536), b""))
    assert b"".join(pieces) == content
    assert {len(piece) for piece in pieces[:-1]} == {65536}


def test_a_reader_that_leaves_early_does_no_harm(store: ObjectStore, put: Put) -> None:
    content = token_bytes(3_000_000)
    put(KEY, content)
    for _turn in range(50):
        with store.open_object(KEY) as stream:
            assert stream.read(10) == content[:10]
    assert bytes_of(store, KEY) == content


def test_a_file_takes_the_place_of_another(store: ObjectStore, put: Put) -> None:
    put("bundle/1.2.3/sage.zip", b"the first, which is longer")
    put("bundle/1.2.3/sage.zip", b"the second")
    assert bytes_of(store, "bundle/1.2.3/sage.zip") == b"the second"
    assert keys(store) == ["bundle/1.2.3/sage.zip"]


def test_what_is_not_there(store: ObjectStore, put: Put) -> None:
    put(KEY, b"hello")
    for key in ("users/nobody/0", "users/alice", "users/alice/a folder", KEY[:-1], f"{KEY}/below", f"{KEY}0"):
        assert store.info(key) is None, key
        with pytest.raises(FileNotFoundError) as caught:
            store.open_object(key).read()
        assert caught.value.__cause__ is None
        store.delete_object(key)
    assert bytes_of(store, KEY) == b"hello"
    assert keys(store) == [KEY]


def test_a_deleted_file_is_gone_and_its_neighbours_stay(store: ObjectStore, put: Put) -> None:
    for key in (KEY, f"{KEY}2", "users/alice/other/0", "users/alice/0"):
        put(key, key.encode())
    store.delete_object(KEY)
    assert store.info(KEY) is None
    store.delete_object(KEY)
    assert keys(store) == ["users/alice/0", f"{KEY}2", "users/alice/other/0"]
    assert bytes_of(store, f"{KEY}2") == f"{KEY}2".encode()


NAMES = [
    "plain",
    "a b+c&d=e",
    "100% #1 ?x={y}",
    "quotes \" ' `",
    "文件 ü é",
    "👩\u200d👧 🎉",
    "dots.. .",
    "-",
    "~!*()",
    "a" * 200,
    "%2e%2e",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_folders(store: ObjectStore, put: Put, name: str) -> None:
    key = f"users/alice/{name}/0"
    put(key, name.encode())
    put("users/alice/0", b"beside")
    assert bytes_of(store, key) == name.encode()
    assert keys(store) == sorted([key, "users/alice/0"])
    store.delete_object(key)
    assert keys(store) == ["users/alice/0"]


def test_many_at_once(store: ObjectStore, put: Put) -> None:
    """In many threads, each with keys of its own, as a worker's requests have them."""
    wanted = {f"users/u{number % 7}/{number}": token_bytes(number * 997) for number in range(64)}
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: put(key, wanted[key]), wanted))
        assert dict(zip(wanted, pool.map(lambda key: bytes_of(store, key), wanted), strict=True)) == wanted
        assert keys(store) == sorted(wanted)
        list(pool.map(store.delete_object, wanted))
    assert keys(store) == []


def test_it_is_well(store: ObjectStore) -> None:
    store.check()
    assert keys(store) == []


def test_a_draft_that_is_gone_leaves_nothing(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.keep(tmp_path / "nowhere", KEY, content_type="text/plain", disposition="inline")
    assert keys(store) == []
