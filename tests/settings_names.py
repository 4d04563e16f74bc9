"""The names of all settings, as the settings module and its readers have them in their source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("sage_platform/settings.py", "sage_platform/configuration.py", "sage_platform/env.py")
SECRET_READERS = frozenset({"secret", "secret_items", "oauth2_clients"})
NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\Z")


def calls(source: str) -> Iterator[tuple[str, str]]:
    """The name of each function that is called with a setting's name first, and that name: a new reader is found by itself."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.args[0].value
            if isinstance(name, str) and NAME.match(name):
                yield node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""), name


FOUND = [call for path in SOURCES for call in calls((ROOT / path).read_text(encoding="utf-8"))]
SECRET_NAMES = frozenset(name for reader, name in FOUND if reader in SECRET_READERS)
# Each secret may come from a file instead.
SETTING_NAMES = frozenset(name for _, name in FOUND) | {f"{name}_FILE" for name in SECRET_NAMES}
