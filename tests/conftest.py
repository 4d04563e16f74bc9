"""What every test may ask for: people, and callers who are them."""

import gc
import io
import logging
import os
from collections.abc import Generator, Iterator
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.cache import cache

from sage_platform.accounts.hashers import SlottedArgon2PasswordHasher
from sage_platform.accounts.models import User
from sage_platform.logs import JSONLines
from sage_platform.web_app import StaticFilesMiddleware
from system.current import current_settings
from tests.clock import clock, noon
from tests.mail import mail_server, mailbox
from tests.object_store import object_server, swift_server
from tests.people import PASSWORD, Caller, signed_in
from tests.secrets_in_logs import _no_secret_is_logged, _secrets_are_watched
from versions import records
from versions.answers import Answers
from versions.feed import feed

__all__ = [
    "_no_secret_is_logged",
    "_secrets_are_watched",
    "clock",
    "mail_server",
    "mailbox",
    "noon",
    "object_server",
    "swift_server",
]  # Fixtures, which pytest finds here for every test.


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Ten thousand tests are collected, and none is thrown away: to look for garbage among them would take a third of that time,
    and as long again and again while they run.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    tmp_path_factory: pytest.TempPathFactory, django_db_modify_db_settings_parallel_suffix: None
) -> None:
    """SQLite in a file, as in a deployment: in memory, threads would meet locks that nobody else has."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database.setdefault("TEST", {})["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


# The same examples each time, which may take as long as they like on a busy machine.
# `pytest --hypothesis-profile default` looks for others.
hypothesis.settings.load_profile("ci")


def pytest_configure() -> None:
    """Give each parallel process a Redis database of its own: the tests empty theirs, and the stamp of the settings is in it."""
    if settings.REDIS_URL:
        number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        settings.REDIS_URL = urlsplit(settings.REDIS_URL)._replace(path=f"/{number}").geturl()
        settings.CACHES["default"]["LOCATION"] = settings.REDIS_URL


REAL_COST = SlottedArgon2PasswordHasher.memory_cost


@pytest.fixture(scope="session", autouse=True)
def _cheap_hashes() -> Iterator[None]:
    """Passwords are hashed at a hundredth of the real cost, a good part of a test's time. Served platforms pay it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SlottedArgon2PasswordHasher, "memory_cost", 64)
        yield


@pytest.fixture
def costly_hashes(monkeypatch: pytest.MonkeyPatch) -> str:
    """A hash of PASSWORD at the real cost, as are all later hashes of the test: where the time that one takes is the point."""
    monkeypatch.setattr(SlottedArgon2PasswordHasher, "memory_cost", REAL_COST)
    return make_password(PASSWORD)


@pytest.fixture(scope="session")
def hashed(_cheap_hashes: None) -> str:
    """One hash of PASSWORD for everybody who needs no other."""
    return make_password(PASSWORD)


@pytest.fixture(scope="session", autouse=True)
def _one_look_at_the_static_files() -> Iterator[None]:
    """Each test client has middleware of its own. It would look through the packages' files anew, which takes longer than most
    tests.
    """
    look, found = StaticFilesMiddleware.add_files_from_finders, dict[str, Any]()

    def look_once(middleware: StaticFilesMiddleware) -> None:
        if not found:
            look(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StaticFilesMiddleware, "add_files_from_finders", look_once)
        yield


@pytest.fixture(autouse=True)
def _fresh_memory() -> None:
    """What a process keeps between requests must not go from one test to the next."""
    cache.clear()
    current_settings.forget()
    records.forget()


@pytest.fixture(autouse=True)
def _feed_without_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request looks for itself: the feed's thread has its own connection, which sees nothing of a test's transaction."""

    def current() -> Answers | None:
        feed.look()
        return type(feed).current(feed)

    feed.forget()
    monkeypatch.setattr(feed, "current", current)
    monkeypatch.setattr(feed, "_wake", lambda: None)
    monkeypatch.setattr(feed._source, "close", lambda: None)


def make_user(name: str, hashed: str, **fields: Any) -> User:
    made: User = User.objects.create(id=name, username=name, email=f"{name}@sage.example", password=hashed, **fields)
    return made


@pytest.fixture
def alice(db: None, hashed: str) -> User:
    return make_user("alice", hashed)


@pytest.fixture
def bob(db: None, hashed: str) -> User:
    """A stranger."""
    return make_user("bob", hashed)


@pytest.fixture
def admin(db: None, hashed: str) -> User:
    return make_user("admin", hashed, role=User.Role.ADMIN)


@pytest.fixture
def anyone(db: None) -> Caller:
    """Nobody yet: a fresh client."""
    return Caller()


@pytest.fixture
def as_alice(alice: User) -> Caller:
    return signed_in(alice)


@pytest.fixture
def as_bob(bob: User) -> Caller:
    return signed_in(bob)


@pytest.fixture
def as_admin(admin: User) -> Caller:
    return signed_in(admin)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the platform would write to standard error."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JSONLines())
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)
