"""The line of the log for each failed sign-in: what is in it, what never is, and that the runbook's filter reads it."""

import configparser
import io
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from sage_platform.accounts.models import LimitedAct, User
from tests.answers import assert_refused
from tests.people import PASSWORD, Caller, Response
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
# What fail2ban 1.0 puts in the place of <SUBNET>, for addresses that are written as we write them.
SUBNET = r"(?P<ip>[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-f:]+/64)"


def log_in(name: str, password: str = "wrong", *, address: str = "203.0.113.9", **headers: str) -> Response:
    caller = Caller()
    caller.client.defaults["REMOTE_ADDR"] = address
    return caller.post("/api/auth/login", {"username_or_email": name, "password": password}, **headers)


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def told(log: io.StringIO) -> list[tuple[str, str, str]]:
    """(account, client, reason) of each line."""
    found = lines(log)
    assert {line["message"] for line in found} <= {"sign-in failed"}
    return [(line["account"], line["client"], line["reason"]) for line in found]


def failregex() -> "re.Pattern[str]":
    """The runbook's, as fail2ban would compile it."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```ini\n(\[Definition\]\n.*?)```", text, re.DOTALL)
    parser = configparser.ConfigParser()
    parser.read_string(block)
    return re.compile(parser["Definition"]["failregex"].replace("<SUBNET>", SUBNET))


@pytest.mark.parametrize(
    ("family", "made"), [("", "{ type ipv4_addr; flags interval; }"), ("?family=inet6", "{ type ipv6_addr; flags interval; }")]
)
def test_the_runbook_has_nftables_take_networks(family: str, made: str) -> None:
    """Without `flags interval` a set takes no /64: nft refuses the ban. fail2ban's `nftables.conf` has a shell make the set."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```ini\n(\[Init\]\n.*?)```", text, re.DOTALL)
    parser = configparser.ConfigParser()
    parser.read_string(block)
    command = f"echo \\{{ type {parser[f'Init{family}']['addr_type']}\\; \\}}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout == f"{made}\n"
    assert "banaction = nftables-multiport\n" in text


def test_one_line_for_a_wrong_password(alice: User, log: io.StringIO) -> None:
    log_in("alice", X_Request_ID="4a5b6c7d")
    (line,) = lines(log)
    assert line.pop("time")
    assert line == {
        "level": "WARNING",
        "logger": "sage.sign_in",
        "message": "sign-in failed",
        "request_id": "4a5b6c7d",
        "event": "sign_in_failed",
        "account": "user:alice",
        "client": "203.0.113.9",
        "reason": "wrong password",
    }


def test_a_right_one_leaves_no_line(alice: User, log: io.StringIO) -> None:
    assert log_in("alice", PASSWORD).status_code == 200
    assert log.getvalue() == ""


def test_each_reason(alice: User, admin: User, settings: Settings, log: io.StringIO) -> None:
    log_in("alice@sage.example")
    User.objects.filter(pk="alice").update(is_active=False)
    log_in("alice", PASSWORD)
    User.objects.filter(pk="alice").update(is_active=True, password="!")
    log_in("alice")
    User.objects.filter(pk="alice").update(password=alice.password)
    Visitor().sign_in("alice", path="/admin/login/")
    settings.SAGE_AUTH_MODE = "trusted_proxy"
    log_in("alice", PASSWORD)
    assert told(log) == [
        ("user:alice", "203.0.113.9", "wrong password"),
        ("user:alice", "203.0.113.9", "deactivated"),
        ("user:alice", "203.0.113.9", "no password"),
        ("user:alice", "127.0.0.1", "not an administrator"),
        ("user:alice", "203.0.113.9", "not an administrator"),
    ]


def test_every_door_writes_it(alice: User, as_alice: Caller, log: io.StringIO) -> None:
    """Our page, the administration's, and the old password of a change."""
    Visitor().sign_in("alice", "wrong")
    Visitor().sign_in("alice", "wrong", path="/admin/login/")
    body = {"old_password": "wrong", "new_password": "another horse battery"}
    assert_refused(as_alice.post("/api/user/change-password", body), 400, "The current password is wrong.")
    assert told(log) == [("user:alice", "127.0.0.1", "wrong password")] * 3


def test_while_locked_out(alice: User, log: io.StringIO) -> None:
    assert [log_in("alice").status_code for _ in range(12)] == [200] * 10 + [429] * 2
    assert [reason for _account, _client, reason in told(log)] == ["wrong password"] * 10 + ["locked out"] * 2


@pytest.mark.parametrize(
    "typed",
    [
        "correct horse battery",
        'x", "client": "9.9.9.9", "reason": "wrong password"}',
        "x\n" + '{"logger": "sage.sign_in", "message": "sign-in failed"}',
        "name\u2028\u202e<b>",
        "nobody@sage.example",
    ],
)
def test_what_was_typed_as_a_name_is_nowhere(typed: str, alice: User, log: io.StringIO) -> None:
    """Neither in the log nor in the database: people type their passwords there, and others forge lines."""
    log_in(typed, address="2001:db8:1:2::7")
    log_in(typed.upper(), address="2001:db8:1:2::8")
    (account, client, reason), again = told(log)
    assert (client, reason) == ("2001:db8:1:2::/64", "unknown account")
    assert re.fullmatch("name:[0-9a-f]{16}", account)
    assert again == (account, client, reason)
    assert len(log.getvalue().splitlines()) == 2
    kept = list(LimitedAct.objects.values("account", "client_key"))
    assert kept == [{"account": "", "client_key": "2001:db8:1:2::/64"}] * 4
    stored = str(list(LimitedAct.objects.values()))
    for word in (typed, typed.upper(), typed.lower()):
        assert word not in log.getvalue()
        assert json.dumps(word)[1:-1] not in log.getvalue()
        assert word not in stored


@pytest.mark.parametrize("name", ["alice", "nobody"])
@pytest.mark.parametrize(
    ("address", "found"),
    [("203.0.113.9", "203.0.113.9"), ("2001:db8:1:2::7", "2001:db8:1:2::/64"), ("::ffff:198.51.100.1", "198.51.100.1")],
)
def test_the_runbooks_filter_reads_the_line(name: str, address: str, found: str, alice: User, log: io.StringIO) -> None:
    for _ in range(11):
        log_in(name, address=address)
    matches = [failregex().search(line) for line in log.getvalue().splitlines()]
    assert [match and match["ip"] for match in matches] == [found] * 11


def test_the_filter_is_not_led_by_what_others_write_into_the_log(alice: User, log: io.StringIO) -> None:
    """Text of somebody's in another line is escaped there."""
    import logging

    log_in("alice")
    genuine = log.getvalue().splitlines()[0]
    logging.getLogger("sage.access").error("%s", genuine.replace("203.0.113.9", "192.0.2.66"))
    logging.getLogger("sage.api").error("unavailable", extra={"facts": {"path": "/" + genuine, "cause": genuine}})
    _first, *others = log.getvalue().splitlines()
    assert len(others) == 2
    assert [failregex().search(line) for line in others] == [None, None]


def test_the_runbook_shows_a_line_as_it_is() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"```json\n(.*sign_in_failed.*)\n```", text)
    match = failregex().search(line)
    assert match
    assert match["ip"] == "203.0.113.9"
