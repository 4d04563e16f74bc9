"""Arize Phoenix in the place of Jaeger: pages that others made, which load scripts and data, behind the gate in Chromium.

With SCREENSHOTS_DIR set it leaves pictures there.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.clients.programs import HERE, own_folder, running
from tests.e2e.chromium import launched, window
from tests.e2e.nginx import NAME, ORIGIN, Nginx, nginx, production
from tests.e2e.served import Platform, served
from tests.e2e.test_jaeger_gate import ALICE, signed_in

pytestmark = pytest.mark.programs

PROJECTS = "/jaeger/projects?limit=20"


@dataclass
class Site:
    platform: Platform
    front: Nginx


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with own_folder() as phoenix, own_folder() as collector:
        settings = {
            "PATH": os.environ["PATH"],
            "HOME": str(phoenix.folder),
            "PHOENIX_WORKING_DIR": str(phoenix.folder),
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(phoenix.port),
            "PHOENIX_GRPC_PORT": str(collector.port),
            "PHOENIX_HOST_ROOT_PATH": "/jaeger",
            "PHOENIX_TELEMETRY_ENABLED": "false",
            "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
        }
        # It makes addresses with its path before them, and wants to be asked without.
        changes = {"127.0.0.1:16686": f"127.0.0.1:{phoenix.port}", "proxy_pass http://jaeger;": "proxy_pass http://jaeger/;"}
        command = [str(HERE / ".venvs" / "phoenix" / "bin" / "phoenix"), "serve"]
        with (
            running(phoenix, command, settings),
            served(workers=1, **production()) as platform,
            nginx(platform.port, changes) as front,
        ):
            admin = signed_in(front, "admin", platform.admin_password)
            made = admin.post(f"{ORIGIN}/api/user/add", json={"username": "alice", "password": ALICE})
            assert made.json()["code"] == 200
            yield Site(platform, front)


def test_its_pages_are_for_administrators(site: Site) -> None:
    with (
        launched(f"--host-resolver-rules=MAP {NAME}:443 127.0.0.1:{site.front.port}") as browser,
        window(browser, ORIGIN, ignore_https_errors=True) as admin,
        window(browser, ORIGIN, ignore_https_errors=True) as alice,
    ):
        answered: dict[str, int] = {}
        admin.page.on("response", lambda response: answered.update({urlsplit(response.url).path: response.status}))
        admin.open(PROJECTS)
        assert admin.path == "/sage/login"
        assert not [path for path in answered if path.startswith("/jaeger/assets/")]
        admin.sign_in("admin", site.platform.admin_password)
        admin.page.wait_for_url(f"{ORIGIN}{PROJECTS}")
        expect(admin.page.get_by_text("default", exact=True).first).to_be_visible()
        admin.picture("phoenix-of-an-administrator")
        assert admin.hosts == {NAME}
        loaded = {path: status for path, status in answered.items() if path.startswith("/jaeger/")}
        assert [path for path in loaded if path.endswith(".js")]
        assert loaded["/jaeger/graphql"] == 200
        assert {status for path, status in loaded.items() if path != "/jaeger/projects"} == {200}

        alice.open(PROJECTS)
        alice.sign_in("alice", ALICE)
        expect(alice.page.locator("main")).to_contain_text("If you should have access, ask an administrator.")
        assert alice.page.url == ORIGIN + PROJECTS
        alice.picture("phoenix-403")


def test_nothing_of_it_reaches_anybody_else(site: Site) -> None:
    alice = signed_in(site.front, "alice", ALICE)
    for path in ("/jaeger/", "/jaeger/graphql", "/jaeger/v1/projects", "/jaeger/v1/traces", "/jaeger/healthz"):
        for method in ("GET", "POST"):
            answer = site.front.browser().request(method, ORIGIN + path, allow_redirects=False, timeout=20)
            assert (path, answer.status_code) == (path, 302)
            user = alice.request(method, ORIGIN + path, allow_redirects=False, timeout=20)
            assert (path, user.status_code) == (path, 403)
