"""Every refusal of a request with a body reaches the client through nginx: no 502, no broken connection, the words ours.

A proxy makes a 502 of an answer whose connection breaks while it still sends the body. The body comes after the head here, in
segments of its own. REFUSALS in the environment is how many requests of each kind and size are sent, in each of nginx's modes.
"""

import http.client
import json
import os
import ssl
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from tests.e2e.nginx import NAME, Nginx, nginx
from tests.e2e.served import Platform, served

pytestmark = [pytest.mark.served, pytest.mark.nginx, pytest.mark.xdist_group(__name__)]

AMOUNT = int(os.environ.get("REFUSALS", "12"))
CLIENTS = 8
SIZES = [100, 20_000, 200_000, 1_500_000]
JSON = "application/json"
EVIL = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
KEPT = "    keepalive 32;\n    keepalive_timeout 20s;\n"
BUFFERED = "proxy_request_buffering on;"


@dataclass(frozen=True)
class Refusal:
    status: int
    path: str
    media_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=lambda: SIZES)

    def body(self, size: int) -> bytes:
        """JSON of that size; what no field takes up stands in one that nobody knows."""
        empty = len(json.dumps(self.fields | {"ignored": ""}))
        return json.dumps(self.fields | {"ignored": "x" * (size - empty)}).encode()


WRONG = {"username_or_email": "locked", "password": "not the password"}
REFUSALS = [
    Refusal(404, "/api/nowhere"),
    Refusal(405, "/api/auth/session"),
    Refusal(401, "/api/user/add"),
    Refusal(403, "/api/auth/login", headers=EVIL),
    Refusal(415, "/api/auth/login", media_type="text/plain"),
    Refusal(413, "/api/auth/login", sizes=[2_200_000, 3_000_000, 6_000_000]),
    Refusal(422, "/api/auth/login"),
    Refusal(429, "/api/auth/login", fields=WRONG),
]


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with served(workers=2, SAGE_TRUSTED_PROXIES="127.0.0.1", SAGE_ALLOWED_HOSTS=NAME) as platform:
        locked = [platform.caller(address="127.0.0.1").post("/api/auth/login", WRONG).status_code for _ in range(11)]
        assert locked[-1] == 429
        yield platform


@pytest.fixture(scope="module", params=["kept, buffered", "kept, unbuffered", "closed, buffered", "closed, unbuffered"])
def front(request: pytest.FixtureRequest, platform: Platform) -> Iterator[Nginx]:
    changes: dict[str, str] = {}
    if "closed" in request.param:
        changes |= {KEPT: "", 'proxy_set_header Connection "";': "proxy_set_header Connection close;"}
    if "unbuffered" in request.param:
        changes[BUFFERED] = "proxy_request_buffering off;"
    with nginx(platform.port, changes) as running:
        yield running


def connection(front: Nginx) -> http.client.HTTPSConnection:
    context = ssl.create_default_context(cafile=str(front.authority))
    context.check_hostname = False  # It is called by its port on this machine.
    return http.client.HTTPSConnection("127.0.0.1", front.port, timeout=30, context=context)


def refused(front: Nginx, refusal: Refusal, body: bytes) -> str:
    """What came of one request, as a word or two; the right answer is its status."""
    wire = connection(front)
    try:
        wire.putrequest("POST", refusal.path, skip_host=True)
        for name, value in {
            "Host": NAME,
            "Content-Type": refusal.media_type,
            "Content-Length": str(len(body)),
            **refusal.headers,
        }.items():
            wire.putheader(name, value)
        wire.endheaders()
        time.sleep(0.003)
        wire.send(body)
        answer = wire.getresponse()
        told = answer.read()
    except OSError as error:
        return f"no answer: {error!r}"
    except http.client.HTTPException as error:
        return f"half an answer: {error!r}"
    finally:
        wire.close()
    try:
        ours = json.loads(told)["request_id"] == answer.headers["X-Request-ID"]
    except ValueError:
        return f"{answer.status}, not ours: {told[:60]!r}"
    return str(answer.status) if ours else f"{answer.status}, of another request"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: str(refusal.status))
def test_every_refusal_reaches_the_client(refusal: Refusal, front: Nginx) -> None:
    began = time.monotonic()
    found: Counter[str] = Counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        for size in refusal.sizes:
            body = refusal.body(size)
            found.update(clients.map(lambda _: refused(front, refusal, body), range(AMOUNT)))  # noqa: B023  Used up at once.
    print(f"{refusal.status}: {dict(found)} in {time.monotonic() - began:.1f} s")
    assert found == {str(refusal.status): AMOUNT * len(refusal.sizes)}
