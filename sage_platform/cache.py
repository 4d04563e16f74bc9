"""The cache in Redis. It may be away: the platform works without it, and not every request waits for its timeout."""

import time
from typing import Any

import redis
from django.core.cache.backends.redis import RedisCache, RedisCacheClient

from sage_platform.cache_errors import CacheAwayError
from sage_platform.telemetry import tracing
from sage_platform.turns import turns

# What redis-py raises when the server cannot be reached, does not answer in time, or answers with an error, for example since
# its memory or disk is full.
_AWAY = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, redis.exceptions.ResponseError)
PAUSE_SECONDS = 1.0
REDIS: dict[str, tracing.Value] = {"db.system.name": "redis"}


class PausingRedis(redis.Redis):
    """After a failure the server is left alone for a second. Then one caller tries it, and the others go on without it."""

    # On the class, for the whole process, since Django makes a client for each command.
    away_until: float | None = None

    def execute_command(self, *args: object, **options: object) -> object:
        until = PausingRedis.away_until
        if until is not None:
            if time.monotonic() < until:
                raise CacheAwayError("Redis was away a moment ago.")
            PausingRedis.away_until = time.monotonic() + PAUSE_SECONDS
        command = str(args[0])  # Of what follows, a key or a value, nothing is told.
        try:
            with tracing.span(command, kind="client", **REDIS | {"db.operation.name": command}), turns.lent():
                answer = super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except _AWAY as error:
            PausingRedis.away_until = time.monotonic() + PAUSE_SECONDS
            raise CacheAwayError(type(error).__name__) from None
        PausingRedis.away_until = None
        return answer


class PausingRedisCacheClient(RedisCacheClient):
    def __init__(self, servers: list[str], **options: Any) -> None:
        super().__init__(servers, **options)
        self._client = PausingRedis


class PausingRedisCache(RedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = PausingRedisCacheClient
