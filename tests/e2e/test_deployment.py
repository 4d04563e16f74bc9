"""The README's production text and the runbook's, followed to the letter, while people go on using the platform.

One deployment with PostgreSQL, Redis, two workers, and nginx with TLS in front. Whatever is done to it, twenty requests a second
go on, and those that fail are counted.
"""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from tests.e2e.deployment import Machine, machine
from tests.e2e.nginx import NAME, ORIGIN, Nginx, nginx
from tests.e2e.served import ROOT, Mailbox, mail_server
from tests.e2e.steady_load import Load
from tests.e2e.test_lage import CLIENTS, SECRET, address_of, outcome, token_in

pytestmark = [
    pytest.mark.served,
    pytest.mark.nginx,
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.xdist_group(__name__),
    pytest.mark.timeout(300),
]

PASSWORD = "a bird in the hand"
ALICE = {"username_or_email": "alice", "password": PASSWORD}
# What the README leaves to choose: a product to sign in to, and the platform's own model provider, whose key is stored encrypted.
MORE_SETTINGS = """
SAGE_OAUTH2_CLIENTS_FILE={clients}
SAGE_DEFAULT_LLM_API_KEY=sk-of-the-platform
SAGE_DEFAULT_LLM_API_BASE_URL=http://127.0.0.1:9/v1
SAGE_DEFAULT_LLM_MODEL_NAME=small
"""
# As an upgrade that the former version cannot know: a table that keeps an older one from being dropped.
MIGRATION = """
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("providers", "{last}"), ("accounts", "0001_initial")]
    operations = [
        migrations.RunSQL("CREATE TABLE newer (id bigint PRIMARY KEY, owner_id varchar(64) REFERENCES accounts_user (id))"),
        migrations.RunSQL("INSERT INTO newer SELECT row_number() OVER (), id FROM accounts_user"),
    ]
"""
# Has the process find the platform by its name, as DNS would.
FINDS_US = """
import socket
asked = socket.getaddrinfo
def answered(host, port, *rest, **options):
    return asked("127.0.0.1", {port}, *rest, **options) if host == "{name}" else asked(host, port, *rest, **options)
socket.getaddrinfo = answered
"""


@dataclass
class Site:
    machine: Machine
    front: Nginx
    mailbox: Mailbox

    def call(self, path: str, body: object = None, token: str = "") -> requests.Response:
        with self.front.browser() as browser:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            method = "GET" if body is None else "POST"
            return browser.request(method, ORIGIN + path, json=body, headers=headers, timeout=30, allow_redirects=False)

    def done(self, path: str, body: object = None, token: str = "") -> dict[str, object]:
        answer = self.call(path, body, token)
        assert (answer.status_code, answer.json()["code"]) == (200, 200), answer.text
        return dict(answer.json()["data"])

    def signed_in(self, person: dict[str, str]) -> str:
        return str(self.done("/api/auth/login", person)["access_token"])

    def admin(self) -> str:
        return self.signed_in({"username_or_email": "admin", "password": self.machine.admin_password})


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with mail_server() as (mailbox, email_url), machine(email_url) as made:
        clients = made.folder / "clients"
        clients.write_text(CLIENTS)
        made.more_settings = MORE_SETTINGS.format(clients=clients)
        told = made.deploy()
        assert "WRONG" not in told
        assert told.splitlines()[-1] == made.admin_password
        with nginx(made.port) as front:
            yield Site(made, front, mailbox)


@contextmanager
def under_load(site: Site, token: str) -> Iterator[Load]:
    """Twenty requests a second by six people: public ones, one who is signed in, one who writes, one at a page."""
    with Load(site, pause=0.2) as load:  # type: ignore[arg-type]  # It asks nothing by itself.
        load.go_on("info", lambda _number: site.call("/api/system/info"))
        load.go_on("session", lambda _number: site.call("/api/auth/session", token=token))
        load.go_on("write", lambda number: site.call("/api/user/config", {"config": {"number": number}}, token))
        load.go_on("active", lambda _number: site.call("/active"))
        load.go_on("options", lambda _number: site.call("/api/system/info"))
        load.go_on("page", lambda _number: site.call("/sage/login"))
        kinds = ["info", "session", "write", "active", "options", "page"]
        load.wait_until_well(kinds, since=time.monotonic(), most=30)
        yield load
        load.wait_until_well(kinds, since=time.monotonic(), most=60)
    print(load.summary())


def failures(load: Load) -> list[str]:
    answers = ((kind, answer) for kind, all_of_them in load.answers.items() for answer in all_of_them)
    return [f"{kind}: {answer.status} {answer.wrong}" for kind, answer in answers if answer.status != 200 or answer.wrong]


def asked(load: Load) -> int:
    return sum(len(answers) for answers in load.answers.values())


@pytest.fixture(scope="module")
def alice(site: Site) -> str:
    """Registers with the code that was mailed, and signs in: her token."""
    site.done("/api/system/update_settings", {"allow_registration": True}, site.admin())
    site.done("/api/auth/register/send-code", {"email": "alice@sage.example"})
    code = site.mailbox.code_for("alice@sage.example")
    person = {"username": "alice", "password": PASSWORD, "email": "alice@sage.example"}
    site.done("/api/auth/register", person | {"verification_code": code})
    return site.signed_in(ALICE)


def test_two_workers_answer_and_all_is_well(site: Site) -> None:
    assert site.done("/api/health")["status"] == "healthy"
    children = Path(f"/proc/{site.machine.server}/task/{site.machine.server}/children").read_text().split()
    assert len(children) >= 2
    assert not (site.machine.folder / "opt/sage/data").exists(), "a command ran in development mode"


def test_a_person_registers_with_the_mailed_code_and_signs_in(site: Site, alice: str) -> None:
    user = site.done("/api/auth/session", token=alice)["user"]
    assert isinstance(user, dict)
    assert (user["username"], user["email"]) == ("alice", "alice@sage.example")


def test_lage_signs_alice_in(site: Site, alice: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(FINDS_US.format(port=site.front.port, name=NAME))
    environment = {
        "LAGE_SECRET": SECRET,
        "no_proxy": "*",
        "PYTHONPATH": str(tmp_path),
        "SSL_CERT_FILE": str(site.front.authority),
    }
    process = subprocess.Popen(
        [sys.executable, ROOT / "docs" / "lage.py", f"{ORIGIN}/oauth2"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        address = address_of(process)
        browser = site.front.browser()
        login = browser.get(address)
        after = dict(parse_qsl(urlsplit(login.url).query))["next"]
        form = {"username": "alice", "password": PASSWORD, "next": after} | token_in(login)
        question = browser.post(login.url, data=form, headers={"Referer": login.url})
        allowed = {"decision": "allow"} | token_in(question)
        back = browser.post(question.url, data=allowed, headers={"Referer": question.url}, allow_redirects=False)
        with requests.Session() as plain:
            plain.trust_env = False
            assert plain.get(back.headers["Location"], timeout=20).text == "You can close this window.\n"
        code, printed, complaint = outcome(process)
    finally:
        process.kill()
    assert (code, complaint) == (0, "")
    person = json.loads(printed)
    assert (person["preferred_username"], person["email"], person["iss"]) == ("alice", "alice@sage.example", f"{ORIGIN}/oauth2")


def test_the_timers_units_run_as_the_service_does(site: Site, alice: str) -> None:
    with under_load(site, alice) as load:
        site.machine.bash("systemctl start sage-backup; systemctl start sage-prune; systemctl start sage-probe")
    assert failures(load) == []
    assert asked(load) > 10
    (copy,) = (site.machine.folder / "var/backups/sage").glob("daily-*")
    assert [path.name for path in copy.iterdir()] == ["sage.dump"]
    shutil.rmtree(copy)
    for line in ("sessions: ", "1 checked, 0 connected, 1 failed."):
        assert line in site.machine.log


def reload_by(site: Site, name: str) -> None:
    """Run the documents' commands, the last of which reloads, and wait until each worker is a new one."""
    reloads = site.machine.log.count("reload: done")
    site.machine.run(name)
    deadline = time.monotonic() + 90
    while site.machine.log.count("reload: done") == reloads:
        assert time.monotonic() < deadline, site.machine.log[-3000:]
        time.sleep(0.1)


def kept(site: Site, name: str) -> str:
    return (site.machine.folder / "etc/sage" / name).read_text().strip()


def test_another_secret_key_signs_nobody_out(site: Site, alice: str) -> None:
    browser = site.front.browser()
    assert browser.post(f"{ORIGIN}/api/auth/login", json=ALICE).json()["code"] == 200
    before = kept(site, "secret_key")
    with under_load(site, alice) as load:
        reload_by(site, "new-secret-key")
        assert kept(site, "secret_key") == before
        new = kept(site, "secret_key_fallbacks")
        reload_by(site, "first-secret-key")
    assert failures(load) == []
    assert (kept(site, "secret_key"), kept(site, "secret_key_fallbacks")) == (new, before)
    assert browser.get(f"{ORIGIN}/api/auth/session").json()["data"]["user"]["username"] == "alice"
    assert site.signed_in(ALICE)


def test_another_encryption_key_opens_everything_and_the_former_is_not_needed(site: Site, alice: str) -> None:
    rings = [kept(site, "encryption_keys").split(",")]
    with under_load(site, alice) as load:
        for step in ("new-encryption-key", "first-encryption-key"):
            reload_by(site, step)
            rings.append(kept(site, "encryption_keys").split(","))
        told = site.machine.run("rotate-encryption-keys")
        reload_by(site, "former-encryption-key")
        rings.append(kept(site, "encryption_keys").split(","))
    assert failures(load) == []
    old, new = rings[0][0], rings[-1][0]
    assert rings == [[old], [old, new], [new, old], [new]]
    for earlier, later in pairwise(rings):  # While it reloads there are workers of both, and each reads what the other writes.
        assert earlier[0] in later
        assert later[0] in earlier
    counts = {name: int(amount) for name, amount in re.findall(r"^(\S+): (\d+) encrypted anew$", told, re.MULTILINE)}
    assert counts["providers.Provider.key"] == 1
    assert counts["oauth2.SigningKey.private_key"] >= 2
    assert "keys: every stored key can be read" in site.machine.bash("sage doctor")


def published(site: Site) -> list[str]:
    return [key["kid"] for key in site.call("/oauth2/jwks").json()["keys"]]


def test_another_key_signs_id_tokens(site: Site, alice: str) -> None:
    """By the action in the administration; the former key stays published for the id_tokens under way."""
    browser = site.front.browser()
    person = {"username_or_email": "admin", "password": site.machine.admin_password}
    assert browser.post(f"{ORIGIN}/api/auth/login", json=person).json()["code"] == 200
    signs, following = published(site)
    place = f"{ORIGIN}/admin/oauth2/signingkey/"
    with under_load(site, alice) as load:
        page = browser.get(place)
        (first, *_rest) = re.findall(r'name="_selected_action" value="([^"]+)"', page.text)
        chosen = {"action": "rotate", "_selected_action": first}
        answer = browser.post(place, data=chosen | token_in(page), headers={"Referer": place})
        if published(site)[0] == signs:  # It asks first.
            given = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', answer.text))
            browser.post(place, data=chosen | given | token_in(answer), headers={"Referer": place})
    assert failures(load) == []
    now = published(site)
    assert now[0] == following
    assert signs in now


def down_for(load: Load) -> float:
    """Seconds from the first request that was not answered well to the end of the last one; nothing but an outage is meant."""
    bad = [answer for answers in load.answers.values() for answer in answers if answer.status != 200]
    assert {answer.status for answer in bad} <= {502, 503}, failures(load)
    return max(answer.ended for answer in bad) - min(answer.began for answer in bad) if bad else 0.0


def test_an_upgrade_and_back_again(site: Site, alice: str) -> None:
    """Nothing fails while it goes forward. Back there is no server for a while, and nginx answers 502; nothing else fails."""
    version = site.machine.version
    migrations = version / "providers/migrations"
    last = max(path.stem for path in migrations.glob("0*.py"))
    newer, about = migrations / f"{int(last[:4]) + 1:04}_newer.py", version / "sage_platform/__init__.py"
    former = about.read_text()
    newer.write_text(MIGRATION.format(last=last))
    about.write_text(re.sub(r'__version__ = ".+"', '__version__ = "99.0"', former))
    (version / "CHANGELOG.md").write_text("")
    with under_load(site, alice) as load:
        reload_by(site, "upgrade")
    assert failures(load) == []
    assert site.done("/api/system/info")["version"] == "99.0"
    site.done("/api/user/add", {"username": "bob", "password": "a stranger comes by"}, site.admin())

    newer.unlink()
    about.write_text(former)
    with under_load(site, alice) as load:
        site.machine.run("roll-back")
        site.machine.wait_until_it_answers()
    print(f"roll-back: {len(failures(load))} of {asked(load)} failed, within {down_for(load):.1f} s")
    assert down_for(load) < 90
    assert site.done("/api/system/info")["version"] != "99.0"
    assert "WRONG" not in site.machine.bash("sage doctor")
    people = site.done("/api/user/list", token=site.admin())["items"]
    assert isinstance(people, list)
    assert {person["username"] for person in people} == {"admin", "alice"}, "bob came after the backup"


def test_a_backup_is_restored_into_a_second_instance(site: Site, alice: str) -> None:
    """On another machine with the same /etc/sage, while the first goes on."""
    site.machine.bash("sage backup /var/backups/sage/for-the-second")
    backups = Path("var/backups/sage")
    with machine(site.machine.email_url) as second:
        second.more_settings = site.machine.more_settings
        with under_load(site, alice) as load:
            second.deploy()
            copy = site.machine.folder / backups / "for-the-second"
            shutil.copytree(copy, second.folder / backups / "before-upgrade")
            for name in ("secret_key", "secret_key_fallbacks", "encryption_keys", "email_url"):
                (second.folder / "etc/sage" / name).write_bytes((site.machine.folder / "etc/sage" / name).read_bytes())
            for path in (second.folder / backups).rglob("*"):
                shutil.chown(path, second.user, second.group)
            second.bash("systemctl stop sage")
            second.run("restore")
            second.bash("systemctl start sage")
            second.wait_until_it_answers()
        assert failures(load) == []
        assert "keys: every stored key can be read" in second.bash("sage doctor")
        with nginx(second.port) as front:
            there = Site(second, front, site.mailbox)
            assert there.signed_in(ALICE)
            assert there.done("/api/auth/session", token=alice)["user"] == site.done("/api/auth/session", token=alice)["user"]
            assert published(there) == published(site)
