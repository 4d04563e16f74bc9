"""After each test: nothing that was logged during it holds a secret that the tests have seen so far, and so at the end of all.

Nobody has to tell a secret. They are taken from where they pass: requests and answers of Django's test client and of `requests`,
the settings, and the folder and environment of each served platform. What other programs send, such as a browser, is known by its
shape alone (`secret_search.SHAPES`).
"""

import base64
import binascii
import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus, urlsplit

import pytest
import requests
from django.conf import settings
from django.core.signals import setting_changed
from django.test import Client

from sage_platform import data_files
from sage_platform.logs import JSONLines, logging_config
from tests.secret_search import Secrets
from tests.settings_names import SECRET_NAMES

FIELDS = (
    r"(?:(?:old_|new_|current_)?password\d?|access_token|refresh_token|id_token|id_token_hint|token|code|client_secret|secret"
    r"|code_verifier|client_assertion|state|nonce|api_keys?|new_key|csrfmiddlewaretoken)"
)
IN_JSON = re.compile(rf'"({FIELDS})"\s*:\s*(?:"((?:[^"\\]|\\.)*)"|\[([^\]]*)\])')
IN_FORM = re.compile(rf"(?:^|[?&#])({FIELDS})=([^&#\s]+)")
ADDRESS = re.compile(r"/files/([0-9a-f]{32})")
COOKIES = re.compile(r"\b(sage_session|sage_csrf)=([^;\s]+)")
# What is longer is a file or a list.
MOST_BYTES = 64 * 1024
# What makes lines differ that say the same.
VARYING = re.compile(r'"time": "[^"]*", |"request_id": "[0-9a-f]{32}", |"duration_ms": [0-9.]+, ')
IN_DATA_FOLDER = (data_files.SECRET_KEY, data_files.ENCRYPTION_KEY, data_files.ADMIN_PASSWORD)
HEADERS = ("Authorization", "Cookie", "Set-Cookie", "Location", "X-Sage-Internal-Secret")


@dataclass
class Watch:
    """Of this process: the secrets seen, and the lines logged that nobody has looked at yet."""

    secrets: Secrets = field(default_factory=Secrets)
    lines: list[str] = field(default_factory=list)
    searched: list[str] = field(default_factory=list)

    # -- Where secrets pass ---------------------------------------------------------------------------------------------

    def see_text(self, text: str) -> None:
        """A body, or an address."""
        for name, value, values in IN_JSON.findall(text):
            for each in [value] if value else re.findall(r'"((?:[^"\\]|\\.)*)"', values):
                self.secrets.add(name, each)
        for name, value in IN_FORM.findall(text):
            self.secrets.add(name, unquote_plus(value))
        for address in ADDRESS.findall(text):
            self.secrets.add("file's address", address)

    def see_body(self, body: object) -> None:
        if isinstance(body, str | bytes) and len(body) <= MOST_BYTES:
            self.see_text(body if isinstance(body, str) else body.decode("latin-1"))

    def see_headers(self, headers: Mapping[str, Any]) -> None:
        for name in HEADERS:
            self.see_header(name, str(headers.get(name) or ""))

    def see_header(self, name: str, value: str) -> None:
        if name == "Location":
            self.see_text(value)
        elif name in {"Cookie", "Set-Cookie"}:
            for cookie, content in COOKIES.findall(value):
                self.secrets.add(cookie, content)
        elif value:
            scheme, _, credentials = value.partition(" ")
            self.secrets.add(name, credentials or scheme)
            if scheme.lower() == "basic":
                self.secrets.add("client_secret", secret_of(credentials))

    def see_setting(self, name: str, value: object) -> None:
        """An address holds its password, a list of clients their secrets, and headers have names that are none."""
        if isinstance(value, list | tuple):
            for each in value:
                self.see_setting(name, each)
        elif isinstance(value, str):
            url = urlsplit(value) if "://" in value else None
            if url is not None:
                self.secrets.add(name, unquote_plus(url.password or ""))
            elif name == "SAGE_OAUTH2_CLIENTS":
                self.see_text(value)
            elif name == "SAGE_TRACE_HEADERS":
                for header in value.split(","):
                    self.secrets.add(name, unquote_plus(header.partition("=")[2]))
            elif value:
                self.secrets.add(name, value)

    def see_environment(self, environment: Mapping[str, str]) -> None:
        for name in SECRET_NAMES:
            self.see_setting(name, environment.get(name, ""))
            if file := environment.get(f"{name}_FILE"):
                self.see_file(name, Path(file))

    def see_folder(self, folder: Path) -> None:
        for name in IN_DATA_FOLDER:
            self.see_file(name, folder / name)

    def see_file(self, name: str, path: Path) -> None:
        if path.is_file():
            self.see_setting(name, path.read_text(errors="replace").strip())

    # -- The search -----------------------------------------------------------------------------------------------------

    def check(self, lines: Iterable[str], where: str) -> None:
        once = {VARYING.sub("", line): line for line in lines}
        reports = self.secrets.report(once.values())
        if reports:
            pytest.fail("\n".join([f"Secrets are logged ({where}):", *reports]), pytrace=False)

    def check_new(self) -> None:
        lines, self.lines = self.lines, []
        self.check(lines, "during this test")
        self.searched += lines

    def check_all(self) -> None:
        """Once more, for what was not known to be a secret when the line was looked at."""
        self.check(self.searched, "during an earlier test")


watch = Watch()


def secret_of(credentials: str) -> str:
    try:
        return unquote_plus(base64.b64decode(credentials).decode("latin-1").partition(":")[2])
    except binascii.Error:
        return ""


@cache
def least(name: str) -> int:
    """From which level on a deployment with SAGE_LOG_LEVEL=DEBUG logs what this logger says. Tests also look at lower ones."""
    config = logging_config("DEBUG", access_log=True)
    levels = {**config["loggers"], "": config["root"]}
    while "level" not in levels.get(name, {}):
        name = name.rpartition(".")[0]
    return logging.getLevelNamesMapping()[levels[name]["level"]]


class Keep(logging.Handler):
    """Formats what is logged as the platform does."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= least(record.name):
            watch.lines.append(self.format(record))


def see_test_client(patch: pytest.MonkeyPatch) -> None:
    send, request = Client.generic, Client.request

    def generic(self: Client, method: str, path: str, data: Any = "", *arguments: Any, **options: Any) -> Any:
        watch.see_text(path)
        watch.see_body(data)
        return send(self, method, path, data, *arguments, **options)

    def answered(self: Client, **environ: Any) -> Any:
        watch.see_text(f"?{environ.get('QUERY_STRING', '')}")
        for name in HEADERS:
            watch.see_header(name, environ.get(f"HTTP_{name.upper().replace('-', '_')}", ""))
        response = request(self, **environ)
        for cookie in self.cookies.values():
            watch.see_header("Cookie", f"{cookie.key}={cookie.value}")
        watch.see_headers(response.headers)
        if not response.streaming:
            watch.see_body(response.content)
        return response

    patch.setattr(Client, "generic", generic)
    patch.setattr(Client, "request", answered)


def see_requests(patch: pytest.MonkeyPatch) -> None:
    real = requests.Session.send

    def send(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        watch.see_headers(request.headers)
        watch.see_body(request.body)
        watch.see_text(request.url or "")
        response = real(self, request, **options)
        watch.see_headers(response.headers)
        if not options.get("stream"):
            watch.see_body(response.content)
        return response

    patch.setattr(requests.Session, "send", send)


@pytest.fixture(scope="session", autouse=True)
def _secrets_are_watched() -> Iterator[None]:
    """At the end, whatever became known later is looked for once more."""
    for name in ("SECRET_KEY", *SECRET_NAMES):
        watch.see_setting(name, getattr(settings, name, ""))
    watch.see_environment(os.environ)

    def on_setting(*, setting: str, value: object, **_kwargs: object) -> None:
        if setting in {"SECRET_KEY", "SECRET_KEY_FALLBACKS", *SECRET_NAMES}:
            watch.see_setting(setting, value)

    keep = Keep()
    keep.setFormatter(JSONLines())
    logging.getLogger().addHandler(keep)
    logging.getLogger("sage").setLevel(logging.DEBUG)
    setting_changed.connect(on_setting)
    with pytest.MonkeyPatch.context() as patch:
        see_test_client(patch)
        see_requests(patch)
        yield
    setting_changed.disconnect(on_setting)
    logging.getLogger().removeHandler(keep)
    watch.check_new()
    watch.check_all()


@pytest.fixture(autouse=True)
def _no_secret_is_logged(_secrets_are_watched: None) -> Iterator[None]:
    yield
    watch.check_new()
