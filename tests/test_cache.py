"""The cache when Redis does not answer: nobody waits for it again and again."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import BaseCache

from sage_platform import cache as module
from sage_platform import configuration
from sage_platform.cache import PausingRedis, PausingRedisCache
from sage_platform.cache_errors import CacheAwayError


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PausingRedis, "away_until", None)


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def cache_at(server: socket.socket) -> BaseCache:
    settings: dict[str, Any] = configuration.cache("REDIS_URL", f"redis://127.0.0.1:{server.getsockname()[1]}/0")
    assert settings.pop("BACKEND") == "sage_platform.cache.PausingRedisCache"
    return PausingRedisCache(settings.pop("LOCATION"), settings)


def test_a_server_that_does_not_answer_is_waited_for_once_and_then_left_alone(
    silent: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("sage_platform.cache.time.monotonic", lambda: now[0])
    cache = cache_at(silent)
    began = time.perf_counter()
    with pytest.raises(CacheAwayError, match="TimeoutError"):
        cache.get("key")
    assert time.perf_counter() - began < 1.9, "it is waited for once"
    began = time.perf_counter()
    for call in (lambda: cache.get("key"), lambda: cache.set("key", 1), lambda: cache.delete("key"), lambda: "key" in cache):
        with pytest.raises(CacheAwayError):
            call()
    assert time.perf_counter() - began < 0.9
    now[0] += module.PAUSE_SECONDS + 0.1
    with pytest.raises(CacheAwayError, match="TimeoutError"):
        cache.get("key")


def test_a_server_that_is_not_there(silent: socket.socket) -> None:
    cache = cache_at(silent)
    silent.close()
    began = time.perf_counter()
    for _ in range(50):
        with pytest.raises(CacheAwayError):
            cache.get("key")
    assert time.perf_counter() - began < 0.5


def test_after_the_pause_it_is_asked_again(silent: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("sage_platform.cache.time.monotonic", lambda: now[0])
    cache = cache_at(silent)
    PausingRedis.away_until = now[0] + module.PAUSE_SECONDS
    with pytest.raises(CacheAwayError):
        cache.get("key")
    now[0] += module.PAUSE_SECONDS + 0.1
    monkeypatch.setattr("redis.Redis.execute_command", lambda *_args, **_options: b"7")
    assert [cache.get("key") for _ in range(3)] == [7, 7, 7]
    assert PausingRedis.away_until is None
