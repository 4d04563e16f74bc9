"""People who go on using a platform while something is done to it, and a record of every answer they were given."""

import json
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import requests

from tests.e2e.served import Browser, Platform

AMOUNT = 12
PASSWORD = "correct horse battery"

# Users with one password, hashed once, each with a session and a token, since hashing would be the load.
PEOPLE = f"""
import json
from importlib import import_module
from django.conf import settings
from django.contrib.auth.hashers import make_password
from sage_platform.accounts.models import SESSION_SIGN_IN, SignIn, User
from sage_platform.accounts.services import sign_ins
store = import_module(settings.SESSION_ENGINE).SessionStore
made, hashed = [], make_password({PASSWORD!r})
for number in range({AMOUNT}):
    user = User.objects.create(username=f"person{{number}}", password=hashed)
    sign_in = SignIn.objects.create(user=user, method="password", credentials_version=1, client_key="127.0.0.1")
    session = store()
    session[SESSION_SIGN_IN] = str(sign_in.pk)
    session.create()
    made.append([sign_ins.issue_tokens(sign_in).access_token, session.session_key])
print(json.dumps(made))
"""


@dataclass(frozen=True)
class Answer:
    """`wrong` says what no client may ever be told, whatever is down."""

    began: float
    took: float
    status: int
    body: Any
    wrong: str = ""

    @property
    def ended(self) -> float:
        return self.began + self.took


def judged(response: requests.Response) -> str:
    """Right are a success, and a 503 that says when to come back; in the envelope, but for pages and /active."""
    if response.status_code not in {200, 503}:
        return f"HTTP {response.status_code}: {response.text[:300]}"
    if response.status_code == 503 and not response.headers.get("Retry-After", "").isdigit():
        return "a 503 without Retry-After"
    if not response.headers["Content-Type"].startswith("application/json"):
        return ""
    body = response.json()
    if body["code"] != response.status_code or body["request_id"] != response.headers["X-Request-ID"]:
        return response.text[:300]
    return ""


@dataclass
class Load:
    """Each kind of call is made by several people, who pause after each answer, until the end."""

    platform: Platform
    pause: float = 0.3
    answers: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    written: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # Acknowledged, by who wrote.
    threads: list[threading.Thread] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def go_on(self, kind: str, call: Callable[[int], requests.Response], *, pause: float | None = None) -> None:
        """Have somebody call again and again, each time with the next number."""
        wait = self.pause if pause is None else pause

        def run() -> None:
            number = 0
            while not self.over.wait(wait):
                number += 1
                self.answers[kind].append(asked(lambda: call(number)))  # noqa: B023  Called at once.

        self.threads.append(threading.Thread(target=run, daemon=True))
        self.threads[-1].start()

    def read(self, kind: str, caller: Browser, path: str, *, pause: float | None = None) -> None:
        self.go_on(kind, lambda _number: caller.get(path), pause=pause)

    def write(self, kind: str, caller: Browser, who: str, mark: str) -> None:
        """Each write is one more key of the person's configuration."""

        def call(number: int) -> requests.Response:
            key = f"{mark}-{number}"
            response = caller.post("/api/user/config", {"config": {key: number}})
            if response.status_code == 200:
                self.written[who].append(key)
            return response

        self.go_on(kind, call)

    def since(self, moment: float, kind: str) -> list[Answer]:
        """The answers to what was asked after the moment."""
        return [answer for answer in list(self.answers[kind]) if answer.began >= moment]

    def between(self, start: float, end: float, kind: str) -> list[Answer]:
        return [answer for answer in self.since(start, kind) if answer.ended <= end]

    def wait_until_well(self, kinds: list[str], *, since: float, most: float) -> float:
        """Until everybody was answered well again. How many seconds after `since` that was."""
        while True:
            firsts = [next((a.ended for a in self.since(since, kind) if a.status == 200), None) for kind in kinds]
            if None not in firsts:
                return max(first for first in firsts if first is not None) - since
            missing = [kind for kind, first in zip(kinds, firsts, strict=True) if first is None]
            assert time.monotonic() - since < most, f"not well after {most} seconds: {missing}\n{self.summary()}"
            time.sleep(0.05)

    def wait_for_answers(self, kind: str, amount: int, *, since: float, most: float) -> None:
        """Until there are so many to what was asked after the moment: a slow machine takes longer for them."""
        while len(self.since(since, kind)) < amount:
            assert time.monotonic() - since < most, self.summary()
            time.sleep(0.05)

    def summary(self) -> str:
        """A line for each kind of call: how many were answered how, and how long that took."""
        lines = []
        for kind, answers in sorted(self.answers.items()):
            by_status: dict[int, list[float]] = defaultdict(list)
            for answer in list(answers):
                by_status[answer.status].append(answer.took)
            told = [
                f"{status}: {len(times)} (median {statistics.median(times):.3f} s, most {max(times):.3f} s)"
                for status, times in sorted(by_status.items())
            ]
            lines.append(f"{kind:16} " + "; ".join(told))
        return "\n".join(lines)


def asked(call: Callable[[], requests.Response]) -> Answer:
    began = time.monotonic()
    try:
        response = call()
    except requests.RequestException as error:
        return Answer(began, time.monotonic() - began, 0, None, f"no answer: {error!r}")
    took = time.monotonic() - began
    wrong = judged(response)
    is_json = response.headers["Content-Type"].startswith("application/json")
    return Answer(began, took, response.status_code, response.json() if is_json and not wrong else response.text, wrong)


def people(platform: Platform) -> list[tuple[Browser, Browser]]:
    """Each person by their token, and by their cookie."""
    made = platform.manage("shell", "--no-imports", "-c", PEOPLE)
    assert made.returncode == 0, made.stderr
    return [
        (platform.caller(Authorization=f"Bearer {token}"), platform.caller(Cookie=f"sage_session={key}"))
        for token, key in json.loads(made.stdout)
    ]
