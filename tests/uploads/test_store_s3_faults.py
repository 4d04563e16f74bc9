"""A store that refuses, hangs, is slow or dies in the middle: a 503 within seconds, nothing left, and no secret told."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from secrets import token_bytes

import pytest

from scripts.with_services import spare_port
from tests import faulty_s3
from tests.e2e.served import ROOT
from tests.faulty_s3 import Behaviour, FaultyServer, only, saying
from tests.object_store import ObjectServer
from uploads.stores import ObjectStore, StoreUnavailable
from uploads.stores import s3_client as client

pytestmark = pytest.mark.s3
KEY = "users/alice/hunter2-folder/0123456789abcdef0123456789abcdef"
PART = 16 * 1024**2


@pytest.fixture(scope="module")
def front(object_server: ObjectServer) -> Iterator[FaultyServer]:
    with faulty_s3.faulty_s3(object_server) as front:
        yield front


@pytest.fixture
def bucket(object_server: ObjectServer) -> str:
    return object_server.new_bucket()


@pytest.fixture
def store(front: FaultyServer, bucket: str, draft: Path) -> Iterator[ObjectStore]:
    """Behind the front, with one object in it."""
    store = front.server.store(bucket)
    store.keep(draft, KEY, content_type="text/plain", disposition="inline")
    front.asked.clear()
    yield store
    front.behave = faulty_s3.good


@pytest.fixture
def real(object_server: ObjectServer, bucket: str) -> ObjectStore:
    """The same bucket, without the front."""
    return object_server.store(bucket)


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    path = tmp_path / "draft"
    path.write_bytes(b"hello " * 1000)
    return path


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """In three parts."""
    path = tmp_path / "large"
    path.write_bytes(token_bytes(2 * PART + 1))
    return path


@pytest.fixture
def _one_attempt(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """With the usual seconds, since whoever is answered has nothing to wait for."""
    monkeypatch.setattr(client, "ATTEMPTS", 1)
    client._connections.cache_clear()
    yield
    client._connections.cache_clear()


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tenths of a second in the place of seconds, and one attempt."""
    monkeypatch.setattr(client, "READ_SECONDS", 0.4)
    monkeypatch.setattr(client, "ATTEMPTS", 1)
    monkeypatch.setattr(client, "JOIN_SECONDS", 3.0)
    client._connections.cache_clear()
    yield
    client._connections.cache_clear()


def calls(store: ObjectStore, draft: Path) -> dict[str, Callable[[], object]]:
    """Everything that can be asked of a store."""

    def read() -> bytes:
        with store.open_object(KEY) as stream:
            return stream.read()

    return {
        "keep": lambda: store.keep(draft, "users/alice/hunter2-new", content_type="text/plain", disposition="inline"),
        "open": read,
        "delete": lambda: store.delete_object(KEY),
        "info": lambda: store.info(KEY),
        "objects": lambda: list(store.objects()),
        "unfinished": lambda: list(store.unfinished()),
        "check": store.check,
    }


def refusals(store: ObjectStore, draft: Path) -> dict[str, str]:
    """What each call is refused with, all of them at once; and that none of it says what nobody should know."""

    def refusal(call: Callable[[], object]) -> str:
        with pytest.raises(StoreUnavailable) as caught:
            call()
        error = caught.value
        assert error.__cause__ is None
        assert error.__suppress_context__
        told = f"{error} {error!r} {error.cause}"
        for secret in ("hunter2", "alice", "127.0.0.1", "AKIA", "secret+of", "Signature="):
            assert secret not in told
        return error.cause

    asked = calls(store, draft)
    with ThreadPoolExecutor(len(asked)) as pool:
        return dict(zip(asked, pool.map(refusal, asked.values()), strict=True))


REFUSALS: dict[str, tuple[Behaviour, str, str]] = {
    "forbidden": (saying(403, "AccessDenied"), "S3: HTTP 403 AccessDenied", "S3: HTTP 403"),
    "wrong key": (saying(403, "SignatureDoesNotMatch"), "S3: HTTP 403 SignatureDoesNotMatch", "S3: HTTP 403"),
    "no bucket": (saying(404, "NoSuchBucket"), "S3: HTTP 404 NoSuchBucket", "S3: HTTP 404"),
    "broken": (saying(500, "InternalError"), "S3: HTTP 500 InternalError", "S3: HTTP 500"),
    "busy": (saying(503, "SlowDown"), "S3: HTTP 503 SlowDown", "S3: HTTP 503"),
    "full": (saying(507, "XMinioStorageFull"), "S3: HTTP 507 XMinioStorageFull", "S3: HTTP 507"),
    "code with a secret": (saying(400, f"no {KEY}"), "S3: HTTP 400", "S3: HTTP 400"),
    "a proxy's page": (faulty_s3.garbage, "S3: HTTP 502", "S3: HTTP 502"),
    "closes": (faulty_s3.close, "S3: ConnectionClosedError", "S3: ConnectionClosedError"),
}


@pytest.mark.usefixtures("_one_attempt")
@pytest.mark.parametrize("name", REFUSALS)
def test_a_store_that_refuses(front: FaultyServer, store: ObjectStore, real: ObjectStore, draft: Path, name: str) -> None:
    """The answer to HEAD has no body, so its reason is not known; `info` asks by GET as well where the object may be missing."""
    front.behave, told, told_to_head = REFUSALS[name]
    asked_again = name in {"forbidden", "wrong key", "no bucket"}
    assert refusals(store, draft) == {
        "keep": told,
        "open": told,
        "delete": told,
        "info": told if asked_again else told_to_head,
        "objects": told,
        "unfinished": told,
        "check": told_to_head,
    }
    assert [found.key for found in real.objects()] == [KEY]


def test_a_store_that_is_not_there(object_server: ObjectServer, bucket: str, draft: Path) -> None:
    nowhere = replace(object_server, endpoint=f"http://127.0.0.1:{spare_port()}").store(bucket)
    began = time.monotonic()
    assert set(refusals(nowhere, draft).values()) == {"S3: no connection"}
    assert time.monotonic() - began < 5


@pytest.mark.usefixtures("_impatient")
def test_a_store_that_hangs_in_the_middle_of_an_answer(front: FaultyServer, store: ObjectStore) -> None:
    for behave, told in ((faulty_s3.hang_in_the_middle, "S3: no answer in time"), (faulty_s3.close_in_the_middle, "S3: ")):
        front.behave = behave
        with store.open_object(KEY) as stream, pytest.raises(StoreUnavailable) as caught:
            stream.read()
        assert caught.value.cause.startswith(told)


def test_a_store_that_hangs_answers_within_seconds(front: FaultyServer, store: ObjectStore, draft: Path) -> None:
    """With the patience of a deployment. Health has a second."""
    front.behave = faulty_s3.hang
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        store.check()
    assert time.monotonic() - began < 1
    assert set(refusals(store, draft).values()) == {"S3: no answer in time"}
    assert time.monotonic() - began < 9
    assert len(front.asked) == 8, "asked again"


def test_a_look_at_a_store_that_hangs_takes_nothing_from_others(front: FaultyServer, store: ObjectStore, draft: Path) -> None:
    front.behave = only(lambda asked: asked.method == "HEAD" and "users" not in asked.path, faulty_s3.hang)
    with ThreadPoolExecutor(60) as pool:
        looks = [pool.submit(store.check) for _look in range(60)]
        for number in range(20):
            store.keep(draft, f"users/bob/{number}", content_type="text/plain", disposition="inline")
        assert {type(look.exception()) for look in looks} == {StoreUnavailable}
    assert len(list(store.objects())) == 21


def test_a_busy_moment_costs_nothing(front: FaultyServer, store: ObjectStore, real: ObjectStore, draft: Path) -> None:
    """One more attempt finds it well again."""
    times = {"PUT": 0, "GET": 0}

    def once(asked: faulty_s3.Asked) -> None:
        times[asked.method] += 1
        (saying(503, "SlowDown") if times[asked.method] == 1 else faulty_s3.good)(asked)

    front.behave = once
    store.keep(draft, "users/bob/0", content_type="text/plain", disposition="inline")
    with store.open_object("users/bob/0") as stream:
        assert stream.read() == draft.read_bytes()
    assert times == {"PUT": 2, "GET": 2}


# -- Large files, in parts ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("fault", ["says 500", "hangs", "closes"])
@pytest.mark.parametrize("where", ["part", "join"])
def test_a_large_file_that_fails_leaves_nothing(
    front: FaultyServer, store: ObjectStore, real: ObjectStore, large: Path, *, fault: str, where: str
) -> None:
    then = {"says 500": saying(500, "InternalError"), "hangs": faulty_s3.hang, "closes": faulty_s3.close}[fault]
    front.behave = only((lambda asked: asked.part == 2) if where == "part" else (lambda asked: asked.joins), then)
    with pytest.raises(StoreUnavailable):
        store.keep(large, "users/bob/large", content_type="text/plain", disposition="inline")
    assert real.info("users/bob/large") is None
    assert list(real.unfinished()) == []


@pytest.mark.usefixtures("_impatient")
def test_a_store_may_take_its_time_to_put_a_large_file_together(
    front: FaultyServer, store: ObjectStore, real: ObjectStore, large: Path
) -> None:
    """Longer than for any other word; and it is asked once, since a second time the parts would be gone."""
    front.behave = only(lambda asked: asked.joins, faulty_s3.after(1.5))
    store.keep(large, "users/bob/large", content_type="text/plain", disposition="inline")
    with real.open_object("users/bob/large") as stream:
        assert stream.read() == large.read_bytes()
    assert [method for method, path in front.asked if "uploadId" in path and method == "POST"] == ["POST"]


def test_what_a_kill_leaves_is_found_and_ended(
    front: FaultyServer, store: ObjectStore, real: ObjectStore, bucket: str, large: Path
) -> None:
    front.behave = only(lambda asked: asked.part == 2, faulty_s3.hang)
    program = """
import sys
import django
django.setup()
from pathlib import Path
from django.core.files.storage import storages
storages["s3"].keep(Path(sys.argv[1]), sys.argv[2], content_type="text/plain", disposition="inline")
"""
    environment = {"DJANGO_SETTINGS_MODULE": "sage_platform.settings", "SAGE_DATA_DIR": str(large.parent / "data")}
    with subprocess.Popen(
        [sys.executable, "-c", program, str(large), "users/bob/large"], cwd=ROOT, env=environment | front.server.settings(bucket)
    ) as process:
        deadline = time.monotonic() + 30
        while not any("partNumber=2" in path for _method, path in front.asked):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert real.info("users/bob/large") is None
    [left] = real.unfinished()
    assert left.key == "users/bob/large"
    assert list(real.unfinished("users/bob/large")) == [left]
    assert list(real.unfinished("users/bob/larg")) == []
    real.abort(left)
    assert list(real.unfinished()) == []
    real.abort(left)


# -- A key that may not list ----------------------------------------------------------------------------------------------


def may_not(method: str, *, listing: bool) -> Behaviour:
    """The store says 403 for an object, and for a list of the bucket where that is not allowed either."""

    def behave(asked: faulty_s3.Asked) -> None:
        lists = "list-type" in asked.query
        refused = not listing if lists else asked.method in {method, "HEAD"}
        (saying(403, "AccessDenied") if refused else faulty_s3.good)(asked)

    return behave


def test_a_403_is_no_missing_object_unless_the_list_says_so(front: FaultyServer, store: ObjectStore) -> None:
    front.behave = may_not("GET", listing=True)
    assert store.info("users/alice/nothing") is None
    with pytest.raises(FileNotFoundError):
        store.open_object("users/alice/nothing")
    for call in (store.info, store.open_object):
        with pytest.raises(StoreUnavailable) as caught:
            call(KEY)
        assert caught.value.cause.startswith("S3: HTTP 403")
    front.behave = may_not("GET", listing=False)
    for key in (KEY, "users/alice/nothing"):
        for call in (store.info, store.open_object):
            with pytest.raises(StoreUnavailable) as caught:
                call(key)
            assert caught.value.cause == "S3: HTTP 403 AccessDenied"
