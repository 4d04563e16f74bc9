"""Facts of areas about a caller, such as `has_provider`. The query that finds the caller reads them along."""

from collections.abc import Iterable
from typing import Any

from sage_platform.api import seams


def at(user_key: str) -> list[Any]:
    """One expression for each fact, for a query in which the column `user_key` holds the user's key."""
    return [fact(user_key) for fact in seams.caller_facts.values()]


def of(values: Iterable[Any]) -> dict[str, bool]:
    """The facts by their names, from the values of the expressions of `at`, in the same order."""
    return {name: bool(value) for (name, _fact), value in zip(seams.caller_facts.items(), values, strict=True)}
