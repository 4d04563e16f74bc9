"""The documents name everything that there is, and nothing that there is not."""

import ast
import os
import re
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from secrets import token_bytes, token_urlsafe

import environ
import pytest

from sage_platform.oauth2 import scopes
from scripts.sizes import SOURCE, python_files
from tests.contract.routes import ANY_METHOD, ROUTES
from tests.e2e.served import ROOT
from tests.settings_names import SECRET_NAMES, SETTING_NAMES

DOCUMENTS = [ROOT / "README.md", ROOT / ".env.example", *sorted((ROOT / "docs").glob("*.md"))]
NAMED = re.compile(r"\b(?:SAGE_[A-Z0-9_]*[A-Z0-9]|(?:DATABASE|REDIS|EMAIL)_URL(?:_FILE)?|DEFAULT_FROM_EMAIL)\b")
PLAIN_NAMES = SETTING_NAMES - {f"{name}_FILE" for name in SECRET_NAMES}
# For those who change the code. What stands in these alone does not count as documented.
FOR_DEVELOPERS = [ROOT / name for name in ("CONTRIBUTING.md", "DECISIONS.md", "CHANGELOG.md")]
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)


def table_of_settings() -> dict[str, str]:
    """By name: the rest of its row in the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    part = text[text.index("## Settings") : text.index("## Commands")]
    return dict(re.findall(r"^\| `([A-Z0-9_]+)` \| (.+) \|$", part, re.MULTILINE))


def test_the_readme_has_a_row_for_every_setting_and_for_no_other() -> None:
    assert set(table_of_settings()) == PLAIN_NAMES


def test_the_readme_marks_as_secret_what_may_come_from_a_file() -> None:
    assert {name for name, row in table_of_settings().items() if "**secret**" in row} == SECRET_NAMES


def test_no_document_names_a_setting_that_there_is_not() -> None:
    assert set(NAMED.findall(TEXT)) - SETTING_NAMES == set()


# `os.environ` and the other ways to the same variables.
ENVIRONMENT = {"environ", "environb", "getenv", "getenvb"}


def names_in(path: Path) -> Iterator[tuple[str, str]]:
    """Each `module.name` that a source file uses or imports, as the two parts."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.value.id, node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def test_the_environment_is_read_by_the_typed_readers_alone() -> None:
    """Else the names found in the source would not be all of them."""
    product = [name for name in SOURCE if name != "scripts"]
    used = {str(path.relative_to(ROOT)): set(names_in(path)) for path in python_files(tuple(product))}
    assert len(used) > 150
    # manage.py and wsgi.py name the settings module in it; settings.py looks at SAGE_ENV to choose the .env file.
    at_once = {path for path, names in used.items() if any(module == "os" and name in ENVIRONMENT for module, name in names)}
    assert at_once == {"manage.py", "sage_platform/env.py", "sage_platform/settings.py", "sage_platform/wsgi.py"}
    direct = re.compile(r"environ\b[^\n]*?[\"']([A-Z_]+)[\"']")
    found = {path: set(direct.findall((ROOT / path).read_text(encoding="utf-8"))) for path in at_once}
    assert found == {
        "manage.py": {"DJANGO_SETTINGS_MODULE"},
        "sage_platform/env.py": set(),
        "sage_platform/settings.py": {"SAGE_ENV"},
        "sage_platform/wsgi.py": {"DJANGO_SETTINGS_MODULE"},
    }
    by_readers = {path for path, names in used.items() if ("sage_platform", "env") in names}
    assert by_readers == {f"sage_platform/{name}.py" for name in ("settings", "configuration", "outbound_settings")}


def test_the_sample_environment_has_every_setting_and_sets_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^#([A-Z0-9_]+)=", sample, re.MULTILINE)) == PLAIN_NAMES
    read: dict[str, str] = {}
    monkeypatch.setattr(environ.Env, "ENVIRON", read)
    environ.Env.read_env(ROOT / ".env.example")
    assert read == {}


def test_the_makefiles_variables_are_in_the_readme() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    variables = set(re.findall(r"^([A-Z_]+) \?=", makefile, re.MULTILINE))
    assert variables
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {name for name in variables if f"`{name}`" not in readme} == set()


def part_of(document: str, heading: str) -> str:
    """From a heading to the next one of its rank."""
    text = (ROOT / document).read_text(encoding="utf-8")
    begin = text.index(f"\n{heading}\n") + 1
    end = text.find(f"\n{heading.split(maxsplit=1)[0]} ", begin)
    return text[begin : end if end > 0 else len(text)]


OPTION = re.compile(r"--[a-z][a-z-]*")


def test_each_command_has_its_row_with_its_options_and_no_others() -> None:
    told: dict[str, set[str]] = {}
    for name, row in re.findall(r"^\| `manage\.py ([a-z_0-9]+)(.*)$", part_of("README.md", "## Commands"), re.MULTILINE):
        told.setdefault(name, set()).update(OPTION.findall(row))
    paths = [
        path
        for path in ROOT.glob("**/management/commands/*.py")
        if path.stem != "__init__" and not {".venv", ".venvs", "node_modules"} & set(path.parts)
    ]
    assert len(paths) >= 8
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        # The words of `serve` are the server's options and not its own.
        own = set() if path.stem == "serve" else {word for word in words if OPTION.fullmatch(word)}
        assert told.get(path.stem) == own, path.stem


def test_every_route_of_the_api_is_in_a_table_and_no_other() -> None:
    """The older names of routes are in a paragraph of their own. What the front answers is no route of Django's."""
    wanted = {
        ("ANY" if row.path in ANY_METHOD else row.method) + " " + re.sub(r"<(?:(?:str|rest):)?([a-z_]+)>", r"{\1}", row.path)
        for row in ROUTES
        if row.path.startswith(("/api/", "/oauth2/", "/.well-known/", "/files/"))
    }
    assert len(wanted) > 30
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`[A-Z]+ /[^|]+) \|", text, re.MULTILINE)
    older = re.findall(r"^Older names of the same routes.*?\n\n", text, re.MULTILINE | re.DOTALL)
    assert len(older) == 1
    assert {route for told in (*cells, *older) for route in re.findall(r"`([A-Z]+ /[^`]+)`", told)} == wanted | {"GET /active"}


def test_the_guide_for_clients_has_a_row_for_each_scope_with_its_claims() -> None:
    guide = (ROOT / "docs" / "oauth2-clients.md").read_text(encoding="utf-8")
    part = guide[guide.index("### Scopes and claims") : guide.index("### Refresh")]
    told = dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", part, re.MULTILINE))
    assert list(told) == scopes.names()
    for row in scopes.ROWS:
        assert {claim for claim in row.claims if f"`{claim}`" not in told[row.name]} == set(), row.name


def test_every_link_to_a_file_leads_to_one() -> None:
    for document in [*DOCUMENTS, *FOR_DEVELOPERS]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_every_file_and_target_that_developers_are_led_to_is_there() -> None:
    """A path in CONTRIBUTING.md begins at the top or in sage_platform. A name without a folder is one that many rooms have."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"`make ([a-z-]+)`", text))
    assert len(targets) > 8
    assert {target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)} == set()
    named = set(re.findall(r"`((?:\w+/)+[\w.-]+)`", text))
    assert len(named) > 40
    assert {path for path in named if not any((top / path).exists() for top in (ROOT, ROOT / "sage_platform"))} == set()


def test_a_deployment_starts_with_the_readmes_settings(tmp_path: Path) -> None:
    """Each setting that names a file gets one as the README says to make it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    part = text[text.index("# /etc/sage/env") : text.index("The units of [deploy/systemd]")]
    given = dict(re.findall(r"^([A-Z_]+)=(.+)$", part, re.MULTILINE))
    assert set(given) <= SETTING_NAMES
    made = {
        "SAGE_SECRET_KEY_FILE": token_urlsafe(48),
        "SAGE_SECRET_KEY_FALLBACKS_FILE": "",
        "SAGE_ENCRYPTION_KEYS_FILE": urlsafe_b64encode(token_bytes(32)).decode(),
        "EMAIL_URL_FILE": "smtp+tls://sage:password@mail.sage.example:587",
    }
    assert set(made) == {name for name in given if name.endswith("_FILE")}
    for name, content in made.items():
        (tmp_path / name).write_text(content)
        given[name] = str(tmp_path / name)
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    environment = {"PATH": os.environ["PATH"], **given, "SAGE_DATA_DIR": str(tmp_path)}
    checked = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stderr
