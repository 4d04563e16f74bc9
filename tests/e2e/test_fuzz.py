"""schemathesis over the served platform: whatever is sent to whichever route, the answer is one that the document describes."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.e2e.served import ROOT, Browser, Platform, served
from tests.vendor import scripted_vendor

SEED = 20260101
EXAMPLES = 25  # For each route in the phase that draws at random; the others go by the document alone.
PASSWORD = "correct horse battery"
LOGIN = {"username_or_email": "carol", "password": PASSWORD}
# A program with credentials of its own.
ROBOT = {"client_id": "robot", "client_secret": "kQ9x-Zr4tV7b_Lm2nW8pYc3dHf6jGs1u"}
KNOWN = {
    "POST /api/auth/login": LOGIN,
    "POST /api/user/login": LOGIN,
    "POST /api/user/add": {"password": PASSWORD},
    "POST /api/user/change-password": {"old_password": PASSWORD, "new_password": PASSWORD},
    "POST /oauth2/token": {"grant_type": "client_credentials", "scope": "usage:write", **ROBOT},
    "POST /api/oauth2/token": {"grant_type": "client_credentials", "scope": "usage:write", **ROBOT},
    "POST /api/system/version": {
        "artifacts": [{"platform": "linux-x86_64", "installer_url": "https://dl.sage.example/sage.deb"}],
        "release_notes": "# What is new",
    },
    "POST /api/system/agent/usage": {
        "events": [{"event_id": "e1", "agent_id": "writer", "session_id": "s1", "action": "search"}]
    },
    "POST /api/token-usage/stats": {"dimension": "session", "session_id": "s1", "start_date": None, "end_date": None},
    "POST /oauth2/introspect": ROBOT,
    "POST /api/oauth2/introspect": ROBOT,
    "POST /oauth2/revoke": ROBOT,
    "POST /api/oauth2/revoke": ROBOT,
}
ROBOT_CLIENT = ROBOT | {
    "name": "Robot",
    "grant_types": ["client_credentials"],
    "scope": "usage:write",
    "token_endpoint_auth_method": "client_secret_post",
}
# A product that people sign in to.
PRODUCT = {"client_id": "product", "client_secret": "Wn4c-Tz8kB1y_Qv6mR3pXs9dJf2hLg7a"}
CALLBACK = "http://127.0.0.1/callback"
# RFC 7636, appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
PRODUCT_CLIENT = PRODUCT | {
    "name": "Product",
    "redirect_uris": [CALLBACK],
    "grant_types": ["authorization_code"],
    "scope": "openid profile email",
    "token_endpoint_auth_method": "client_secret_post",
    "skip_consent": True,
}
SETTINGS = {
    "SAGE_TRUSTED_PROXIES": "127.0.0.1",
    "SAGE_OAUTH2_CLIENTS": json.dumps([ROBOT_CLIENT, PRODUCT_CLIENT]),
    # The platform asks a vendor of ours and nobody else's server; often, and it may not take long.
    "SAGE_PROBE_RATE": "1000/min",
    "SAGE_PROBE_TIMEOUT": "5",
}
RELEASES = {"POST /api/system/version", "DELETE /api/system/version/{version}"}
REFRESH = {"POST /api/auth/refresh", "POST /api/user/refresh-token"}
SIGNED_IN = {
    "POST /api/user/config",
    "POST /api/system/agent/usage",
    "POST /api/system/agent/usage-stats",
    "POST /api/token-usage/stats",
    "POST /api/llm-provider/verify",
    "POST /api/llm-provider/verify-capabilities",
    "POST /api/llm-provider/verify-capabilities/{provider_id}",
    "POST /api/llm-provider/verify-multimodal",
    "POST /api/llm-provider/models",
    "POST /api/llm-provider/create",
    "PUT /api/llm-provider/update/{provider_id}",
    "DELETE /api/llm-provider/delete/{provider_id}",
}
# What must have been done at least once, and not only refused: else the fuzzing stays at the door.
DONE = {
    "nobody": {"POST /api/auth/login", "POST /api/user/login", *REFRESH},
    "user": {"POST /api/auth/login", "POST /api/user/login", "POST /api/user/change-password", *REFRESH, *SIGNED_IN},
    "admin": {"POST /api/user/add", "POST /api/user/delete", "POST /api/system/update_settings", *RELEASES, *REFRESH, *SIGNED_IN},
}

pytestmark = [pytest.mark.fuzz, pytest.mark.served, pytest.mark.timeout(900)]


class Answer(NamedTuple):
    """An HTTP status, and the envelope's code where there is an envelope."""

    status: int
    code: int | None


def people(platform: Platform) -> None:
    """alice and carol, plain users; registration is open."""
    admin = platform.admin()
    assert admin.post("/api/system/update_settings", {"allow_registration": True}).json()["code"] == 200
    for name in ("alice", "carol"):
        assert admin.post("/api/user/add", {"username": name, "password": PASSWORD}).json()["code"] == 200


def browser(platform: Platform, name: str) -> Browser:
    """One that signed in, with its cookie."""
    caller = platform.caller()
    assert caller.post("/api/auth/login", {"username_or_email": name, "password": PASSWORD}).json()["code"] == 200
    return caller


def cookie(platform: Platform, name: str) -> str:
    """The header of such a browser."""
    return f"sage_session={browser(platform, name).session.cookies['sage_session']}"


def token_of_a_product(platform: Platform, name: str) -> str:
    """What a product gets when somebody signs in to it: a token that opens `userinfo`."""
    asked = {"response_type": "code", "client_id": "product", "redirect_uri": CALLBACK, "scope": PRODUCT_CLIENT["scope"]}
    challenge = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    sent = browser(platform, name).get("/oauth2/authorize", params=asked | challenge).headers["Location"]
    code = parse_qs(urlsplit(sent).query)["code"][0]
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    answer = platform.caller().send("POST", "/oauth2/token", data=fields | PRODUCT)
    return str(answer.json()["access_token"])


def configuration(platform: Platform, who: str) -> str:
    """schemathesis.toml: the user comes by the cookie and the administrator by a token.

    Signing in, signing out and a new password end the session that they come with, so each has one of its own.
    """
    lines = ['hooks = "tests.e2e.fuzz_hooks"', "continue-on-failure = true"]
    if who == "user":
        # Else it would send a made-up cookie in the place of the good one.
        lines += ["generation.with-security-parameters = false", f'headers = {{Cookie = "{cookie(platform, "alice")}"}}']
        for path in ("/(auth|user)/login$", "/logout$", "/change-password$"):
            lines += ["[[operations]]", f'include-path-regex = "{path}"', f'headers = {{Cookie = "{cookie(platform, "carol")}"}}']
        bearer = token_of_a_product(platform, "alice")
        lines += ["[[operations]]", 'include-path-regex = "/userinfo$"', f'headers = {{Authorization = "Bearer {bearer}"}}']
    if who == "admin":
        for lead in ([], ["[[operations]]", 'include-path-regex = "/logout$"']):
            header = platform.admin().session.headers["Authorization"]
            lines += [*lead, f'headers = {{Authorization = "{header!s}"}}']
    return "\n".join(lines)


def fuzz(platform: Platform, who: str, folder: Path, vendor: str) -> dict[str, Any]:
    """The report of one run; an AssertionError with all that it found when it found anything."""
    # From a file: it would leave out the address that it had the document from.
    (folder / "openapi.json").write_text(platform.caller().get("/api/schema").text)
    (folder / "schemathesis.toml").write_text(configuration(platform, who))
    (folder / "known").write_text(json.dumps(KNOWN))
    report = folder / "report.json"
    options = ["--checks=all", f"--seed={SEED}", f"--max-examples={EXAMPLES}", "--generation-database=none", "--no-color"]
    options += ["--suppress-health-check=all", "--request-timeout=60"]  # How fast this machine is, is not the question.
    options += ["--report=json", f"--report-json-path={report}", f"--report-dir={folder}"]
    options += [f"--url={platform.base}", str(folder / "openapi.json")]
    run = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", f"--config-file={folder / 'schemathesis.toml'}", "run", *options],
        cwd=folder,
        env=os.environ
        | {"PYTHONPATH": str(ROOT), "NO_PROXY": "*"}
        | {"FUZZ_KNOWN": str(folder / "known"), "FUZZ_CALLS": str(folder / "calls"), "FUZZ_VENDOR": vendor},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def answers(folder: Path) -> dict[str, set[Answer]]:
    """What each operation answered to its own method."""
    seen: dict[str, set[Answer]] = defaultdict(set)
    for line in (folder / "calls").read_text().splitlines():
        operation, method, status, code = json.loads(line)
        if operation.startswith(f"{method} "):
            seen[operation].add(Answer(status, code))
    return seen


def judge(who: str, operation: dict[str, Any], statuses: set[int]) -> bool:
    """Whether such people were let in, or turned away, as the document says."""
    let_in = any(status < 400 for status in statuses)
    if operation["operationId"].startswith("raw_api_observability_jaeger_"):
        # Whoever is signed out is led to the login page; but for `auth`, which says that they are.
        signed_out = 401 if "401" in operation["responses"] else 302
        return statuses & {204, 302, 307, 401, 403} == {"nobody": {signed_out}, "user": {403}}.get(
            who, statuses & {204, 302, 307}
        )
    if operation["operationId"] == "raw_api_observability_metrics_get":
        return let_in  # In development, where no token is set, anybody may read them.
    if operation["tags"] == ["raw"] and "401" in operation["responses"]:
        # The robot's credentials do not go together with the administrator's token; a product's token is there as the user.
        return let_in == (who != "admin" if "requestBody" in operation else who == "user")
    if who == "nobody" and operation["operationId"].startswith("raw_files_"):
        return statuses == {404}  # They know no file's address, and cannot guess one.
    if who == "nobody" and operation.get("security"):
        return not let_in and 401 in statuses
    if who == "user" and operation["description"].startswith("For administrators"):
        return not let_in and 403 in statuses
    return let_in


@pytest.mark.parametrize("who", ["nobody", "user", "admin"])
def test_every_route_answers_as_the_document_says(who: str, tmp_path: Path) -> None:
    with scripted_vendor() as vendor, served(workers=1, **SETTINGS) as platform:
        people(platform)
        report = fuzz(platform, who, tmp_path, vendor.base_url)
        print(f"As {who}: {report['operations']['tested']} operations, {report['test_cases']['generated']} cases, seed {SEED}.")
        seen = answers(tmp_path)
        for path, operations in json.loads((tmp_path / "openapi.json").read_text())["paths"].items():
            for method, operation in operations.items():
                statuses = {answer.status for answer in seen[f"{method.upper()} {path}"]}
                assert judge(who, operation, statuses), (method, path, statuses)
        done = {name for name, got in seen.items() if Answer(200, 200) in got}
        assert DONE[who] - done == set()
        # The platform is none the worse for it.
        assert '"level": "ERROR"' not in platform.log
        assert "Traceback" not in platform.log
        assert platform.caller().get("/api/health").status_code == 200
        assert platform.admin().get("/api/user/list").status_code == 200
