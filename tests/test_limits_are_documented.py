"""Each limit stands with its number in the table that operators read."""

import pkgutil
import re
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import sage_platform
from sage_platform.accounts.services.limits import Limit

ROOT = Path(__file__).resolve().parents[1]
UNITS = {
    timedelta(seconds=30): "in 30 seconds",
    timedelta(minutes=1): "in a minute",
    timedelta(minutes=15): "in 15 minutes",
    timedelta(hours=1): "an hour",
}


def limits() -> dict[str, Limit]:
    """Every limit that a module of ours defines, by its place."""
    found = {}
    for module in pkgutil.walk_packages(sage_platform.__path__, "sage_platform."):
        if ".services." in module.name or (module.name.startswith("sage_platform.oauth2.") and ".migrations" not in module.name):
            for name, value in vars(import_module(module.name)).items():
                if isinstance(value, Limit):
                    found[f"{module.name}.{name}"] = value
    return found


def table() -> str:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    found = re.search(r"^## Limits\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def test_the_table_has_each_number() -> None:
    found = limits()
    assert len(found) >= 8
    said = table()
    for place, limit in found.items():
        assert re.search(rf"\b{limit.amount} {UNITS[limit.window]}", said), (place, limit)


def test_the_runbook_says_how_many_wrong_passwords_lock_an_account() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    [limit] = [limit for place, limit in limits().items() if place.endswith("passwords.PER_ACCOUNT_AND_CLIENT")]
    assert f"{limit.amount} wrong passwords" in text
