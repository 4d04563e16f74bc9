"""Where sessions are kept: a copy of the database opens none, and neither a loss of Redis nor another SECRET_KEY ends one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.core import signing
from django.core.cache import caches
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from sage_platform import configuration
from sage_platform.accounts.models import Session, SignIn, User
from sage_platform.cache import PausingRedis
from sage_platform.digests import token_digest
from scripts.with_services import spare_port
from tests.answers import assert_logged_out
from tests.clock import Clock
from tests.people import PASSWORD, Caller, envelope

pytestmark = pytest.mark.django_db


class Refusing(StreamRequestHandler):
    """Answers as a Redis whose disk is full: reading works, and every write is refused."""

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
        yield
        caches["default"].close()


def status(caller: Caller) -> int:
    return int(caller.get("/api/auth/session").status_code)


def holding(key: str) -> Caller:
    """A caller whose browser has this session key as its cookie."""
    caller = Caller()
    caller.client.cookies["sage_session"] = key
    return caller


def key_of(caller: Caller) -> str:
    return caller.client.cookies["sage_session"].value


@pytest.mark.usefixtures("redis_away")
def test_signing_in_asking_and_signing_out(alice: User, anyone: Caller, caplog: pytest.LogCaptureFixture) -> None:
    login = envelope(anyone.post("/api/auth/login", {"username_or_email": "alice", "password": PASSWORD}))
    assert login["code"] == 200
    assert status(anyone) == 200
    stolen = holding(key_of(anyone))
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


def test_what_is_stored_opens_nothing(as_alice: Caller) -> None:
    """No text that is stored, and no part of one, opens a session when it is sent as the cookie."""
    key, [stored] = key_of(as_alice), Session.objects.values_list("session_key", flat=True)
    assert stored == token_digest(key) != key
    assert key not in str(list(Session.objects.values()))
    for found in (stored, stored[:32], stored[:40]):
        assert_logged_out(holding(found).get("/api/auth/session"))
    assert status(as_alice) == 200
    assert Session.objects.count() == 1


def test_one_query_finds_the_session_and_who_calls(as_alice: Caller, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    status(as_alice)
    with django_assert_num_queries(1):
        assert envelope(as_alice.get("/api/auth/session"))["data"]["user"]["userid"] == "alice"


def test_another_secret_key_ends_no_session(as_alice: Caller, clock: Clock, settings: Settings) -> None:
    """Nobody is signed out when a machine starts with a wrong key, or while the key is changed on one after the other."""
    right = settings.SECRET_KEY
    settings.SECRET_KEY = "of another machine " * 3
    assert status(as_alice) == 200
    clock.forward(days=2)
    assert status(as_alice) == 200  # This request renews the session: its row is written again, signed with the present key.
    settings.SECRET_KEY = right
    assert status(as_alice) == 200
    clock.forward(days=2)
    assert status(as_alice) == 200


def test_its_days_begin_anew_once_a_day(
    as_alice: Caller, clock: Clock, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = Session.objects.get().expire_date
    clock.forward(hours=23)
    with django_assert_num_queries(1):
        assert "Set-Cookie" not in as_alice.get("/api/auth/session").headers
    assert Session.objects.get().expire_date == first
    clock.forward(hours=2)
    answer = as_alice.get("/api/auth/session")
    assert answer.cookies["sage_session"]["max-age"] == 14 * 24 * 3600
    assert Session.objects.get().expire_date - first > timedelta(hours=24)
    assert SignIn.objects.get().seen_at - first > timedelta(hours=25) - timedelta(days=14)
    clock.forward(days=13)
    assert status(as_alice) == 200
    clock.forward(days=15)
    assert_logged_out(as_alice.get("/api/auth/session"))


def test_sessions_of_before_the_digests_go_on(as_alice: Caller, alice: User) -> None:
    """Django's table before an upgrade has a valid session, an expired one, one of nobody, and one signed with a lost key."""
    sign_in, soon = as_alice.sign_in, timezone.now() + timedelta(days=3)
    salt, known = "django.contrib.sessions.SessionStore", {"sign_in": str(sign_in.pk), "touched": 1}
    packed = signing.dumps(known, salt=salt)
    old = [
        ("k" * 32, packed, soon),
        ("e" * 32, packed, timezone.now() - timedelta(days=1)),
        ("n" * 32, signing.dumps({"_messages": "x"}, salt=salt), soon),
        ("s" * 32, signing.dumps(known, salt=salt, key="gone" * 10), soon),
    ]
    Session.objects.all().delete()
    field = Session._meta.get_field("expire_date")
    with connection.cursor() as cursor:
        moment = field.db_type(connection)
        cursor.execute(f"CREATE TABLE django_session (session_key varchar(40), session_data text, expire_date {moment})")
        for key, data, expires in old:
            row = [key, data, field.get_db_prep_value(expires, connection)]
            cursor.execute("INSERT INTO django_session VALUES (%s, %s, %s)", row)
    migration = import_module("sage_platform.accounts.migrations.0003_hashed_session_keys")
    migration.move(apps, SimpleNamespace(connection=connection))
    assert list(Session.objects.values_list("session_key", "expire_date")) == [(token_digest("k" * 32), soon)]
    assert [status(holding(key)) for key, _data, _expires in old] == [200, 401, 401, 401]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_session")
        assert cursor.fetchone() == (0,)
        cursor.execute("DROP TABLE django_session")
