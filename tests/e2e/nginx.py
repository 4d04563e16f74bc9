"""Debian's nginx in front of a served platform, with the configuration that we ship for it."""

import os
import pwd
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from cryptography.fernet import Fernet
from requests.adapters import HTTPAdapter

from scripts.with_services import Service, spare_port
from tests.e2e.served import ROOT, Browser
from tests.outbound.authority import Authority

NAME = "sage.example"
ORIGIN = f"https://{NAME}"
# What Debian's own nginx.conf says around it. The folders are of this test, and the requests are logged.
AROUND = """
daemon off;
pid {folder}/pid;
error_log stderr;
events {{ worker_connections 768; }}
http {{
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    ssl_prefer_server_ciphers on;
    gzip on;
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
{block}
}}
"""


def production() -> dict[str, str]:
    """The settings of a platform that nginx stands in front of."""
    return {
        "SAGE_ENV": "production",
        "SAGE_PUBLIC_URL": ORIGIN,
        "SAGE_SECRET_KEY": secrets.token_urlsafe(48),
        "SAGE_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "SAGE_TRUSTED_PROXIES": "127.0.0.1",
    }


def shipped() -> str:
    return (ROOT / "deploy" / "nginx" / "sage.conf").read_text(encoding="utf-8")


def changed(text: str, changes: Mapping[str, str]) -> str:
    for old, new in changes.items():
        assert old in text, f"not in the configuration: {old}"
        text = text.replace(old, new)
    return text


def program() -> str:
    """Debian keeps it where only root looks."""
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    assert found, "nginx is not installed (Debian: apt-get install nginx-light)"
    return found


def own_user() -> str | None:
    """Root gives itself up, as nginx's workers do on Debian."""
    if os.geteuid() != 0:
        return None
    return "www-data" if "www-data" in {entry.pw_name for entry in pwd.getpwall()} else "nobody"


class Nginx(Service):
    """`port` takes TLS, `plain_port` is what listens on 80. `authority` is the file of who signed the certificate."""

    def __init__(self, folder: Path, upstream: int, changes: Mapping[str, str]) -> None:
        super().__init__(folder, user=own_user())
        self.plain_port = spare_port()
        authority = Authority(folder)
        self.authority = authority.path
        pair = authority.key_and_certificate(NAME)
        here = {
            "listen 443 ": f"listen 127.0.0.1:{self.port} ",
            "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
            "server 127.0.0.1:8000;": f"server 127.0.0.1:{upstream};",
            "/etc/ssl/sage.example.pem": str(pair),
            "/var/log/nginx/sage.log": str(folder / "sage.log"),
            "/var/log/nginx/sage.error.log": "stderr",
            "/etc/ssl/private/sage.example.key": str(pair),
        }
        block = changed(changed(shipped(), changes), here)
        (folder / "nginx.conf").write_text(AROUND.format(folder=folder, block=block), encoding="utf-8")
        if self.user:
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, self.user)

    def command(self) -> list[str]:
        return [program(), "-e", "stderr", "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")]

    def ready(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def caller(self, headers: Mapping[str, str] | None = None) -> Browser:
        """Somebody who speaks JSON to https://sage.example, and keeps cookies."""
        return Browser(ORIGIN, headers or {}, self.browser())

    def browser(self) -> requests.Session:
        """Calls https://sage.example, and finds it here."""
        session = requests.Session()
        session.trust_env = False
        session.verify = str(self.authority)
        session.mount(ORIGIN, Here(self.port))
        session.mount(f"http://{NAME}", Here(self.plain_port))
        return session


class Here(HTTPAdapter):
    """Leads to a port of this machine what is meant for the name. Cookies, redirects and the certificate are the name's."""

    def __init__(self, port: int) -> None:
        self.place = f"127.0.0.1:{port}"
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, server_hostname=NAME, assert_hostname=NAME)

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        assert request.url
        sent = request.copy()
        sent.url = request.url.replace(NAME, self.place, 1)
        sent.headers["Host"] = NAME
        response = super().send(sent, *arguments, **options)
        response.url, response.request = request.url, request
        return response


@contextmanager
def nginx(upstream: int, changes: Mapping[str, str] | None = None) -> Iterator[Nginx]:
    """In front of the server that listens on the port `upstream`; `changes` are made to what we ship."""
    folder = Path(tempfile.mkdtemp(prefix="sage-nginx-"))
    try:
        server = Nginx(folder, upstream, changes or {})
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
