"""What one area must know of another, without importing it: small registries, filled in each app's `AppConfig.ready()`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Registry(Generic[T]):
    """Named entries in the order of their registration. A name registered twice is a programming error."""

    def __init__(self, holds: str) -> None:
        self.holds = holds
        self._entries: dict[str, T] = {}

    def register(self, name: str, entry: T) -> None:
        if self._entries.get(name, entry) != entry:
            raise ValueError(f"{self.holds} {name!r} is registered already")
        self._entries[name] = entry

    def __getitem__(self, name: str) -> T:
        return self._entries[name]

    def items(self) -> Iterator[tuple[str, T]]:
        return iter(list(self._entries.items()))


@dataclass(frozen=True)
class ThirdParty:
    """A program that asks by a token of its own: for `user` (a living one), or for itself where that is None."""

    client_id: str
    scopes: frozenset[str]
    user: Any


# By the prefix of a token: who asks with it, or None when it is unknown, expired or ended. One query.
third_party_tokens: Registry[Callable[[str], ThirdParty | None]] = Registry("third-party token")
# A setting that administrators change while the platform runs, for example `allow_registration`.
deployment_settings: Registry[Callable[[], Any]] = Registry("deployment setting")
# A yes or no about the caller, for example `has_provider`: an expression for the query that finds the caller, called with the
# name of the column that holds the user's key. So each of them costs a part of a query and not one of its own.
caller_facts: Registry[Callable[[str], Any]] = Registry("caller fact")
# Keys of /api/system/info; each part answers a dict.
info_parts: Registry[Callable[[], dict[str, Any]]] = Registry("info part")
# Each check returns when its dependency works and raises when not.
health_checks: Registry[Callable[[], None]] = Registry("health check")
