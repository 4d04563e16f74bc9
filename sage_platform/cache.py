"""The cache in Redis, which may be away: nothing depends on it, and nobody waits for it again and again."""

import time
from typing import Any

import redis
from django.core.cache.backends.redis import RedisCache, RedisCacheClient

from sage_platform.cache_errors import CacheAwayError
from sage_platform.turns import turns

# What redis-py raises while there is no server, one that does not answer, or one that refuses: since its memory or its disk is
# full, or it may only be read.
_AWAY = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, redis.exceptions.ResponseError)
PAUSE_SECONDS = 1.0


class PausingRedis(redis.Redis):
    """After a failure the server is not asked for a second. Then one caller tries, and the others go on without it."""

    # Of the whole process: a client is made for each command.
    away_until: float | None = None

    def execute_command(self, *args: Any, **options: Any) -> Any:
        until = PausingRedis.away_until
        if until is not None:
            if time.monotonic() < until:
                raise CacheAwayError("Redis was away a moment ago.")
            PausingRedis.away_until = time.monotonic() + PAUSE_SECONDS
        try:
            with turns.lent():
                answer = super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except _AWAY as error:
            PausingRedis.away_until = time.monotonic() + PAUSE_SECONDS
            raise CacheAwayError(type(error).__name__) from None
        PausingRedis.away_until = None
        return answer


class PausingRedisCacheClient(RedisCacheClient):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._client = PausingRedis


class PausingRedisCache(RedisCache):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._class = PausingRedisCacheClient
