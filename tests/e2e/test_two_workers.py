"""What one worker was told, the other knows at its next request."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.served import Browser, Platform

pytestmark = [pytest.mark.served, pytest.mark.xdist_group("timed")]

PASSWORD = "correct horse battery"
NEW_PASSWORD = "another horse stable"


def add_user(platform: Platform, name: str, role: str = "user") -> str:
    body = {"username": name, "password": PASSWORD, "role": role, "email": f"{name}@sage.example"}
    answer = platform.admin().post("/api/user/add", body).json()
    assert answer["code"] == 200, answer
    return str(answer["data"]["user_id"])


def by_cookie(platform: Platform, name: str) -> Browser:
    browser = platform.caller()
    answer = browser.post("/api/auth/login", {"username_or_email": name, "password": PASSWORD}).json()
    assert answer["code"] == 200, answer
    return browser


def statuses(platform: Platform, browser: Browser) -> set[int]:
    """What each worker answers this person."""
    return {caller.get("/api/auth/session").status_code for caller in platform.each_worker(browser)}


def test_a_changed_setting_is_seen_by_every_worker_at_its_next_request(platform: Platform) -> None:
    admin = platform.admin()
    for wanted in (True, False, True, False):
        assert admin.post("/api/system/update_settings", {"allow_registration": wanted}).json()["code"] == 200
        seen = [each.get("/api/system/info").json()["data"]["allow_registration"] for each in platform.each_worker()]
        assert seen == [wanted] * 2


def test_a_logout_ends_the_session_and_its_tokens_on_every_worker(platform: Platform) -> None:
    add_user(platform, "logan")
    browser = platform.caller()
    pair = browser.post("/api/auth/login", {"username_or_email": "logan", "password": PASSWORD}).json()["data"]
    by_token = platform.caller(Authorization=f"Bearer {pair['access_token']}")
    stolen_cookie = browser.session.cookies.get("sage_session")
    assert statuses(platform, browser) == {200}
    assert statuses(platform, by_token) == {200}

    assert browser.post("/api/auth/logout").json()["data"] == {}

    assert statuses(platform, by_token) == {401}
    assert statuses(platform, platform.caller(Cookie=f"sage_session={stolen_cookie}")) == {401}
    assert platform.caller().post("/api/auth/refresh", {"refresh_token": pair["refresh_token"]}).json()["code"] == 401


def test_a_password_change_ends_everything_but_the_calling_session_on_every_worker(platform: Platform) -> None:
    add_user(platform, "petra")
    here, elsewhere = by_cookie(platform, "petra"), by_cookie(platform, "petra")
    by_token = platform.signed_in("petra", PASSWORD)

    changed = here.post("/api/user/change-password", {"old_password": PASSWORD, "new_password": NEW_PASSWORD})

    assert changed.json()["data"] == {}
    assert statuses(platform, here) == {200}
    assert statuses(platform, elsewhere) == {401}
    assert statuses(platform, by_token) == {401}
    refreshed = platform.caller().post("/api/auth/refresh", {"refresh_token": by_token.refresh_token})
    assert refreshed.json()["code"] == 401
    old = platform.caller().post("/api/auth/login", {"username_or_email": "petra", "password": PASSWORD})
    assert old.json()["code"] == 401


def test_a_deactivation_by_another_process_ends_sessions_and_tokens_on_every_worker(platform: Platform) -> None:
    add_user(platform, "dora")
    browser, by_token = by_cookie(platform, "dora"), platform.signed_in("dora", PASSWORD)
    assert statuses(platform, browser) == statuses(platform, by_token) == {200}
    code = (
        "from sage_platform.accounts.models import User\n"
        "from sage_platform.accounts.services.users import set_active\n"
        "set_active(User.objects.named('dora').get(), active=False, actor=User.objects.named('admin').get())"
    )
    done = platform.manage("shell", "--no-imports", "-c", code)
    assert done.returncode == 0, done.stderr

    assert statuses(platform, browser) == {401}
    assert statuses(platform, by_token) == {401}
    answer = platform.caller().post("/api/auth/login", {"username_or_email": "dora", "password": PASSWORD}).json()
    assert (answer["code"], answer["message"]) == (401, "Invalid username or password")


def test_a_deleted_user_is_gone_on_every_worker(platform: Platform) -> None:
    user_id = add_user(platform, "gone")
    browser, by_token = by_cookie(platform, "gone"), platform.signed_in("gone", PASSWORD)

    assert platform.admin().post("/api/user/delete", {"user_id": user_id}).json()["data"] == {}

    assert statuses(platform, browser) == {401}
    assert statuses(platform, by_token) == {401}


def test_guesses_through_many_connections_to_both_workers_share_one_lockout(platform: Platform) -> None:
    add_user(platform, "lucy")
    attacker, owner = platform.caller(address="203.0.113.7"), platform.caller(address="198.51.100.9")

    def guess(number: int) -> int:
        body = {"username_or_email": "lucy", "password": f"wrong guess {number}"}
        own = platform.caller(address="203.0.113.7")
        answer = own.post("/api/auth/login", body)
        if answer.status_code == 429:
            assert int(answer.headers["Retry-After"]) >= 1
        return 429 if answer.status_code == 429 else int(answer.json()["code"])

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(guess, range(24)))
    # Of guesses at the same moment at the limit's edge all may be refused, so that the last ones come one by one.
    answers += [guess(number) for number in range(100, 103)]

    assert set(answers) == {401, 429}
    assert answers.count(401) == 10
    right = {"username_or_email": "lucy", "password": PASSWORD}
    assert {attacker.post("/api/auth/login", right).status_code for _ in range(4)} == {429}
    assert owner.post("/api/auth/login", right).json()["code"] == 200


def test_eight_registering_one_name_at_once_make_one_user(platform: Platform) -> None:
    admin = platform.admin()
    assert admin.post("/api/system/update_settings", {"allow_registration": True}).json()["code"] == 200
    addresses = [f"carol{number}@sage.example" for number in range(8)]
    for address in addresses:
        sent = platform.caller(address="203.0.113.20").post("/api/auth/register/send-code", {"email": address}).json()
        assert sent["data"] == {"expires_in": 300, "retry_after": 30}
    bodies = [
        {
            # Names that differ in case alone are one name.
            "username": "Carol" if number % 2 else "carol",
            "password": PASSWORD,
            "email": address,
            "verification_code": platform.mailbox.code_for(address),
        }
        for number, address in enumerate(addresses)
    ]
    command = ["curl", "-sS", "-H", "Content-Type: application/json", f"{platform.base}/api/auth/register", "-d"]
    clients = [subprocess.Popen([*command, json.dumps(body)], stdout=subprocess.PIPE) for body in bodies]
    answers = [json.loads(client.communicate(timeout=30)[0]) for client in clients]
    admin.post("/api/system/update_settings", {"allow_registration": False})

    assert sorted(answer["code"] for answer in answers) == [200] + [400] * 7
    assert {answer["message"] for answer in answers if answer["code"] == 400} == {"This username is taken."}
    listed = admin.get("/api/user/list?page_size=100").json()["data"]["items"]
    carols = [row["user_id"] for row in listed if row["username"].lower() == "carol"]
    assert carols == [answer["data"]["user_id"] for answer in answers if answer["code"] == 200]
