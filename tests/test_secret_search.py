"""The search of logs for secrets can fail: it finds what was planted, however it is written."""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.e2e.served import ROOT, bare_environment
from tests.secret_search import Secrets
from tests.secrets_in_logs import Watch

PLANTED = 'planted:secret/of+a\\b=test"with+all/of-it'
SHORT = "481516"


@pytest.fixture
def secrets() -> Secrets:
    secrets = Secrets()
    secrets.add("password", PLANTED)
    secrets.add("code", SHORT)
    return secrets


def line(value: object) -> str:
    return json.dumps({"logger": "sage.test", "message": "said", "facts": {"deep": [value]}}, ensure_ascii=False)


def in_base64(text: str, before: str = "") -> str:
    return base64.b64encode(f"{before}{text}".encode()).decode()


WAYS = {
    "plain": PLANTED,
    "within a text": f"before {PLANTED} after",
    "its first twelve characters": PLANTED[:12],
    "its last twelve": PLANTED[-12:],
    "a part in the middle": PLANTED[5:29],
    "URL-encoded": quote(PLANTED, safe=""),
    "URL-encoded twice": quote(quote(PLANTED, safe=""), safe=""),
    "as a form": f"https://sage.example/?a=1&password={quote(PLANTED)}&b=2",
    "repr": repr({"password": PLANTED}),
    "JSON in a text": json.dumps({"password": PLANTED}),
    "base64": in_base64(PLANTED),
    "base64, URL-safe and without its end": base64.urlsafe_b64encode(PLANTED.encode()).decode().rstrip("="),
    "Basic": f"Basic {in_base64(PLANTED, 'lage:')}",
    "base64 behind one character": f"x{in_base64(PLANTED)}",
    "hex": PLANTED.encode().hex(),
}


@pytest.mark.parametrize("written", WAYS.values(), ids=list(WAYS))
def test_a_secret_is_found_however_it_is_written(secrets: Secrets, written: str) -> None:
    (told,) = secrets.report([line("nothing"), line(written)])
    assert told.startswith("password")
    assert not [at for at in range(len(PLANTED) - 11) if PLANTED[at : at + 12] in told]


def test_a_line_that_is_no_json_is_searched_too(secrets: Secrets) -> None:
    assert secrets.report([f"thread 'main' panicked at {PLANTED}!"]) == ["password in: thread 'main' panicked at •••!"]


def test_a_short_one_is_found_as_a_word_and_not_within_a_number(secrets: Secrets) -> None:
    assert secrets.found_in(line(f"the code is {SHORT}.")) == {SHORT: ("code", SHORT)}
    assert secrets.found_in(line(f"9{SHORT}")) == secrets.found_in(line(0.481516)) == secrets.found_in(line(SHORT[:5])) == {}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("token", "sage_at_" + "Ab3-" * 10 + "abc"),
        ("token", "sage_oac_Ab3d…"),
        ("signed token", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2ln"),
        ("private key", "-----BEGIN PRIVATE KEY-----\nMIIE"),
        ("file's address", "/files/0123456789abcdef"),
        ("session's key", "0f1e2d3c4b5a69788796a5b4c3d2e1zz"),
        ("token of a form", "N4mLHf1VCsTpfkzyRvsvsXoA3JZIBxdR"),
    ],
)
def test_what_has_a_secret_s_shape_is_found_though_nobody_has_told_it(kind: str, value: str) -> None:
    assert kind in {found for found, _ in Secrets().found_in(line(f"it is {value}")).values()}


def test_what_the_platform_says_by_itself_is_no_secret_though_a_test_sends_it(secrets: Secrets) -> None:
    secrets.add("password", "a wrong password, and more")
    assert secrets.report([line("sign-in failed: wrong password")]) == []
    assert secrets.report([line("sign-in failed: a wrong password, and more")])


def test_ordinary_lines_hold_none(secrets: Secrets) -> None:
    ordinary = [
        '{"logger": "sage.access", "request_id": "0123456789abcdef0123456789abcdef", "route": "/files/{id}/{name}"}',
        '{"logger": "sage.access", "duration_ms": 481516.2}',
        line("GET /files/…/Ubersetzung.pdf failed: a0b1c2d3e4f5 is not sage_at_ anything, and eyJ is no start of one"),
        line("signing key replaced 9HB6tgxXcU-SNh9vA3wCZefO6c7trqz2OW6XoRz40lc and SNh9vA3wCZefO6c7trqz2OW6XoRz40lc-9HB6tgxXcU"),
        line('File "/srv/sage/sage_platform/accounts/services/sign_ins.py", line 52, in issue_tokens\n    planted'),
    ]
    assert secrets.report(ordinary) == []


def test_secrets_are_seen_where_they_pass() -> None:
    watch = Watch()
    watch.see_body(b'{"username": "nobody-at-all", "password": "in a JSON body", "code": 200}')
    watch.see_body(b'{"api_keys": ["first of keys", "second of keys"], "name": "of nobody at all"}')
    watch.see_body("username=nobody-at-all&password=in+a+form%21body&next=/nowhere/at/all")
    watch.see_text("/callback?code=in-the-address-1&scope=profile+and+email&state=of-the-browser")
    watch.see_headers(
        {"Authorization": f"Basic {in_base64('client:of basic auth')}", "Cookie": "sage_session=of-the-session; a=b"}
    )
    watch.see_header("Authorization", "Bearer of-the-bearer")
    watch.see_header("Set-Cookie", "sage_csrf=against-forgery; Path=/")
    watch.see_body(b'{"url": "https://sage.example/files/0123456789abcdef0123456789abcdef/a.png"}')
    watch.see_setting("DATABASE_URL", "postgres://sage:of%20the%20database@db.sage.example/sage")
    watch.see_setting("SAGE_ENCRYPTION_KEYS", ["first of the keys", "second of the keys"])
    watch.see_setting("SAGE_OAUTH2_CLIENTS", '[{"client_id": "lage-of-somebody", "client_secret": "of the client"}]')
    assert watch.secrets.known == {
        *("in a JSON body", "first of keys", "second of keys", "in a form!body", "in-the-address-1", "of-the-browser"),
        *(in_base64("client:of basic auth"), "of basic auth", "of-the-session", "of-the-bearer", "against-forgery"),
        *("0123456789abcdef0123456789abcdef", "of the database", "first of the keys", "second of the keys", "of the client"),
    }


LEAKY = """
import logging
from tests.conftest import *
from tests.people import Caller

log = logging.getLogger("sage.test")

def test_it_leaks() -> None:
    Caller().post("/api/nowhere", {"password": "planted for the run"})
    log.debug("what was sent", extra={"facts": {"body": "planted+for+the+run"}})

def test_it_leaks_before_anybody_knows() -> None:
    log.warning("I say late planted one")

def test_it_is_known_too_late() -> None:
    Caller().post("/api/nowhere", {"password": "late planted one"})
"""


def test_a_run_fails_whose_log_holds_a_secret(tmp_path: Path) -> None:
    (tmp_path / "test_leaky.py").write_text(LEAKY)
    options = ["-c", "pyproject.toml", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly", "--show-capture=no"]
    command = [sys.executable, "-m", "pytest", *options, str(tmp_path / "test_leaky.py")]
    own = {"SAGE_DATA_DIR": str(tmp_path / "data")}
    done = subprocess.run(command, cwd=ROOT, env=bare_environment() | own, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "3 passed, 2 errors" in done.stdout.splitlines()[-1]
    assert "Secrets are logged (during this test):\npassword in: a line of sage.test, written in another way\n" in done.stdout
    told = re.search(r"Secrets are logged \(during an earlier test\):\npassword in: (.*)\n", done.stdout)
    assert told
    assert json.loads(told[1]) | {"time": ""} == {"time": "", "level": "WARNING", "logger": "sage.test", "message": "I say •••"}
    assert "planted" not in done.stdout
