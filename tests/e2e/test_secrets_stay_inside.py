"""No password, token, cookie or key is seen in a process list or in the log."""

import json
from pathlib import Path

import pytest

from tests.e2e.served import Platform

pytestmark = [pytest.mark.served, pytest.mark.xdist_group(__name__)]

WRONG = "not-the-password-7c1f"


def test_the_processes_arguments_hold_no_secret(platform: Platform) -> None:
    processes = platform.processes()
    assert len(processes) >= 3  # The server and its two workers.
    secret_key = (platform.data / "secret_key").read_text().strip()
    secrets = [secret_key, platform.admin_password, platform.environment["EMAIL_URL"]]
    secrets += [platform.environment[name] for name in ("DATABASE_URL", "REDIS_URL") if platform.environment[name]]
    for process in processes:
        arguments = Path(f"/proc/{process}/cmdline").read_bytes().decode()
        assert not [secret for secret in secrets if secret in arguments]


def test_the_folder_and_files_of_secrets_are_for_their_owner_alone(platform: Platform) -> None:
    modes = {name: (platform.data / name).stat().st_mode & 0o777 for name in ("", "secret_key", "admin_password")}
    assert modes == {"": 0o700, "secret_key": 0o600, "admin_password": 0o600}


def test_refused_sign_ins_leave_nothing_in_the_log(platform: Platform) -> None:
    caller = platform.caller(address="203.0.113.30")
    bodies = [{"username_or_email": "nobody-9f", "password": WRONG}, {"username_or_email": 7, "password": [WRONG]}]
    assert [caller.post("/api/auth/login", body).json()["code"] for body in bodies] == [401, 422]
    refused = platform.caller(Authorization=f"Bearer sage_at_{WRONG}", Cookie=f"sage_session={WRONG}").get("/api/auth/session")
    assert refused.status_code == 401
    assert WRONG not in platform.log


def test_a_crash_is_logged_once_without_the_callers_secrets(platform: Platform) -> None:
    admin = platform.admin()
    body = {"username": "crash", "password": "correct horse battery"}
    assert admin.post("/api/user/add", body).json()["code"] == 200
    caller = platform.signed_in("crash", body["password"])
    # A list where the product always keeps an object: what only a bug or a careless hand in the database could leave.
    code = (
        "from sage_platform.accounts.models import User, UserConfig\n"
        "UserConfig.objects.create(user=User.objects.named('crash').get(), config=[1])"
    )
    done = platform.manage("shell", "--no-imports", "-c", code)
    assert done.returncode == 0, done.stderr
    marks = {"X-Request-ID": "crash-of-the-log-test", "Cookie": f"sage_session={WRONG}"}

    answer = caller.post("/api/user/config", {"config": {"api_key": WRONG}}, headers=marks)

    assert answer.status_code == 500
    envelope = answer.json()
    assert (envelope["code"], envelope["message"], envelope["data"]) == (500, "Internal server error", None)
    assert envelope["request_id"] == "crash-of-the-log-test"
    lines = [json.loads(line) for line in platform.log.splitlines() if '"crash-of-the-log-test"' in line]
    (line,) = [line for line in lines if line["logger"] != "sage.access"]
    assert "TypeError" in line["traceback"]
    assert (line["message"], line["route"]) == ("Internal Server Error: /api/user/config", "/api/user/config")
    token = str(caller.session.headers["Authorization"]).removeprefix("Bearer ")
    for secret in (WRONG, token, caller.refresh_token, body["password"], platform.admin_password):
        assert secret not in platform.log
