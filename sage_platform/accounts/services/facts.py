"""What areas tell of a caller, such as whether there is a provider: read by the query that finds the caller."""

from collections.abc import Iterable
from typing import Any

from sage_platform.api import seams


def at(user_key: str) -> list[Any]:
    """The expressions, in the order of their names, where this column holds the user's key."""
    return [fact(user_key) for _name, fact in seams.caller_facts.items()]


def of(values: Iterable[Any]) -> dict[str, bool]:
    """The facts by their names, of what `at` gave."""
    return {name: bool(value) for (name, _fact), value in zip(seams.caller_facts.items(), values, strict=True)}
