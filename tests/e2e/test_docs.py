"""The documents name everything that there is, and nothing that there is not."""

import ast
import os
import re
import subprocess
import sys
from base64 import urlsafe_b64encode
from pathlib import Path
from secrets import token_bytes, token_urlsafe

import environ
import pytest

from sage_platform.oauth2 import scopes
from tests.contract.routes import ROUTES
from tests.e2e.served import ROOT
from tests.settings_names import SECRET_NAMES, SETTING_NAMES, SOURCES

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


def test_the_environment_is_read_by_the_typed_readers_alone() -> None:
    """Else the names found in the source would not be all of them. SAGE_ENV is looked at once to choose the .env file."""
    direct = re.compile(r"os\.environ(?:\.get\(|\[)[\"']([A-Z_]+)")
    source = "\n".join((ROOT / path).read_text(encoding="utf-8") for path in SOURCES)
    assert set(direct.findall(source)) <= SETTING_NAMES


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
    assert {name for name in variables if f"`{name}`" not in TEXT} == set()


def test_every_command_is_in_the_documents_with_its_options() -> None:
    folder = ROOT / "sage_platform" / "management" / "commands"
    paths = [path for path in [*folder.glob("*.py"), *ROOT.glob("*/management/commands/*.py")] if path.stem != "__init__"]
    assert len(paths) >= 3
    for path in paths:
        assert f"manage.py {path.stem}" in TEXT, path.stem
        tree = ast.parse(path.read_text(encoding="utf-8"))
        words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        options = {word for word in words if re.fullmatch(r"--[a-z-]+", word)}
        if path.stem != "serve":  # Its words are the server's options, not its own.
            assert {option for option in options if option not in TEXT} == set(), path.stem


def test_every_route_of_the_api_is_in_the_documents() -> None:
    wanted = {
        row.method + " " + re.sub(r"<(?:str:)?([a-z_]+)>", r"{\1}", row.path)
        for row in ROUTES
        if row.path.startswith(("/api/", "/active", "/oauth2/", "/.well-known/"))
    }
    assert len(wanted) > 30
    assert {route for route in wanted if f"`{route}`" not in TEXT} == set()


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
    part = text[text.index("# /etc/sage/env") : text.index("# /etc/systemd/system/sage.service")]
    given = dict(re.findall(r"^([A-Z_]+)=(.+)$", part, re.MULTILINE))
    assert set(given) <= SETTING_NAMES
    made = {
        "SAGE_SECRET_KEY_FILE": token_urlsafe(48),
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
