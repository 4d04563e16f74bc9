"""Sessions while Redis is away: nobody notices."""

from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache, caches
from pytest_django import DjangoAssertNumQueries, Settings

from sage_platform import configuration
from sage_platform.accounts.models import SignIn, User
from sage_platform.accounts.session_store import SessionStore
from sage_platform.cache import PausingRedis
from scripts.with_services import spare_port
from tests.people import PASSWORD, Caller, envelope

pytestmark = pytest.mark.django_db


class Refusing(StreamRequestHandler):
    """Speaks as a Redis whose disk is full: it can be read, and takes no write."""

    def handle(self) -> None:
        while amount := self.rfile.readline():
            words = []
            for _ in range(int(amount[1:])):
                self.rfile.readline()
                words.append(self.rfile.readline().strip())
            usual = {b"PING": b"+PONG", b"GET": b"$-1", b"EXISTS": b":0", b"CLIENT": b"+OK", b"SELECT": b"+OK"}
            self.wfile.write(usual.get(words[0], b"-MISCONF Errors writing to disk") + b"\r\n")


@contextmanager
def refusing() -> Iterator[int]:
    with ThreadingTCPServer(("127.0.0.1", 0), Refusing) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


@contextmanager
def gone() -> Iterator[int]:
    yield spare_port()


@pytest.fixture(params=[gone, refusing])
def redis_away(request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(PausingRedis, "away_until", None)
    with request.param() as port:
        settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
        settings.CACHES = {"default": configuration.cache("REDIS_URL", settings.REDIS_URL)}
        settings.SESSION_ENGINE = "sage_platform.accounts.session_store"
        yield
        caches["default"].close()


@pytest.fixture
def cached(settings: Settings) -> None:
    """A cache that answers, as Redis would."""
    settings.SESSION_ENGINE = "sage_platform.accounts.session_store"


def status(caller: Caller) -> int:
    return int(caller.get("/api/auth/session").status_code)


@pytest.mark.usefixtures("redis_away")
def test_signing_in_asking_and_signing_out(cheap_alice: User, anyone: Caller, caplog: pytest.LogCaptureFixture) -> None:
    login = envelope(anyone.post("/api/auth/login", {"username_or_email": "alice", "password": PASSWORD}))
    assert login["code"] == 200
    assert status(anyone) == 200
    stolen = Caller()
    stolen.client.cookies["sage_session"] = anyone.client.cookies["sage_session"].value
    assert status(stolen) == 200
    assert envelope(anyone.post("/api/auth/logout"))["data"] == {}
    assert [status(anyone), status(stolen)] == [401, 401]
    assert SignIn.objects.get().ended_at is not None
    assert not Session.objects.exists()
    assert caplog.records == []


@pytest.mark.usefixtures("redis_away")
def test_a_page_and_a_made_up_session(anyone: Caller) -> None:
    anyone.client.cookies["sage_session"] = "a" * 32
    assert status(anyone) == 401
    page = anyone.client.get("/sage/")
    assert (page.status_code, page.headers["Location"].partition("?")[0]) == (302, "/sage/login")


@pytest.mark.usefixtures("cached")
def test_while_the_cache_answers_the_database_is_not_asked(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    store = SessionStore()
    store["who"] = "alice"
    store.create()
    with django_assert_num_queries(0):
        assert SessionStore(store.session_key)["who"] == "alice"
    store.delete()
    assert SessionStore(store.session_key).get("who") is None


@pytest.mark.usefixtures("cached")
def test_a_session_that_the_cache_kept_through_an_outage_opens_nothing(cheap_alice: User, anyone: Caller) -> None:
    """Redis was away while she signed out, and comes back with the session as it was."""
    anyone.post("/api/auth/login", {"username_or_email": "alice", "password": PASSWORD})
    assert status(anyone) == 200
    key = SessionStore.cache_key_prefix + anyone.client.cookies["sage_session"].value
    kept = cache.get(key)
    assert kept
    stolen = Caller()
    stolen.client.cookies["sage_session"] = anyone.client.cookies["sage_session"].value
    anyone.post("/api/auth/logout")
    cache.set(key, kept)
    assert status(stolen) == 401
