"""The guide's lines for Debian's Apache, in front of a program that shows what it is told in headers."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlencode

import pytest
import requests

from tests.clients.guide import EXAMPLES
from tests.clients.person import Person
from tests.clients.programs import SECRET, Program, environment, own_folder, running
from tests.e2e.served import Platform

pytestmark = [pytest.mark.programs, pytest.mark.served, pytest.mark.xdist_group("clients")]

# What stands before the guide's lines: as little as will serve.
SERVER = """\
ServerRoot {folder}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {folder}/pid
ErrorLog {folder}/log
{user}
{modules}
ProxyPass /oidc !
ProxyPass / http://127.0.0.1:{behind}/
"""
MODULES = ["auth_openidc", "authn_core", "authz_core", "authz_user", "mpm_event", "proxy", "proxy_http", "rewrite"]


class ShowsHeaders(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        told = {name: value for name, value in self.headers.items() if name.upper().startswith("OIDC")}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def program() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), ShowsHeaders) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_port
        server.shutdown()


@contextmanager
def apache(site: Platform, more: str = "") -> Iterator[Program]:
    with own_folder() as made, program() as behind:
        made.folder.chmod(0o755)  # The workers are another user, where the test is root.
        user = "User nobody\nGroup nogroup" if os.geteuid() == 0 else ""
        modules = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in MODULES)
        own = SERVER.format(folder=made.folder, port=made.port, behind=behind, user=user, modules=modules)
        (made.folder / "apache.conf").write_text(own)
        EXAMPLES["apache"].write(made.folder, issuer=f"{site.base}/oauth2", base=made.base)
        with (made.folder / "apache.conf").open("a") as file:
            file.write(more)
        with running(made, ["/usr/sbin/apache2", "-DFOREGROUND", "-f", f"{made.folder}/apache.conf"], environment("apache")):
            yield made


def is_active(site: Platform, token: str) -> bool:
    answer = requests.post(f"{site.base}/oauth2/introspect", {"token": token}, auth=("apache", SECRET), timeout=20)
    return bool(answer.json()["active"])


def test_apache(site: Platform, lina: Person, lina_id: str, refuser: Person) -> None:
    with apache(site) as made:
        page = refuser.open(f"{made.base}/some/page")
        assert (page.status_code, page.url.partition("?")[0]) == (403, f"{made.base}/oidc")

        page = lina.open(f"{made.base}/some/page")
        told = page.json()
        assert page.url == f"{made.base}/some/page"
        claims = ("sub", "iss", "preferred_username", "name", "email", "role")
        assert [told[f"OIDC_CLAIM_{name}"] for name in claims] == [
            lina_id, f"{site.base}/oauth2", "lina", "Lina Berg", "lina@sage.example", "user",
        ]  # fmt: skip
        assert (refuser.shown, lina.shown) == (["/sage/login", "/oauth2/authorize"], ["/sage/login", "/oauth2/authorize"])

        # Nobody is somebody else by a header of the same name.
        lina.browser.headers["OIDC_CLAIM_sub"] = lina.browser.headers["OIDC-CLAIM-sub"] = "somebody else"
        assert [value for name, value in lina.open(f"{made.base}/").json().items() if name.endswith("CLAIM_sub")] == [lina_id]

        first = told["OIDC_access_token"]
        refresh = urlencode({"refresh": f"{made.base}/", "access_token": first})
        second = lina.open(f"{made.base}/oidc?{refresh}").json()["OIDC_access_token"]
        assert (second != first, is_active(site, second)) == (True, True)

        page = lina.open(f"{made.base}/oidc?logout=get")
        assert (page.status_code, "<p>Logged Out</p>" in page.text) == (200, True)
        assert (is_active(site, first), is_active(site, second)) == (False, False)

    # The module sends the whole list of scopes again at a refresh, with what `authorize` has left out.
    with apache(site, 'OIDCScope "openid profile email offline_access"\n') as made:
        first = lina.open(f"{made.base}/").json()["OIDC_access_token"]
        refresh = urlencode({"refresh": f"{made.base}/", "access_token": first})
        page = lina.open(f"{made.base}/oidc?{refresh}")
        assert (page.url, page.json()["OIDC_access_token"] != first) == (f"{made.base}/", True)
