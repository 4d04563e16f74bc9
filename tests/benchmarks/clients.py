"""Clients for the scenarios. They run in processes of their own, so that they never wait for the bench or for each other.

Nothing but the standard library is imported: the processes start quickly and stay small.
"""

import gc
import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException, HTTPResponse
from itertools import cycle
from statistics import quantiles
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def connect(base: str) -> HTTPConnection:
    return HTTPConnection(urlsplit(base).netloc, timeout=60)


def call(
    connection: HTTPConnection, method: str, path: str, headers: dict[str, str] | None = None, body: str | None = None
) -> tuple[HTTPResponse, bytes]:
    connection.request(method, path, body=body, headers=headers or {})
    response = connection.getresponse()
    return response, response.read()


def ready() -> None:
    """The first call of a process: when it is answered, the process has started."""


def paced(base: str, paths: Sequence[str], seconds: float, pace: float) -> dict[str, list[float]]:
    """Ask for the paths in turn, one request every `pace` seconds; the milliseconds that each took, by path.

    A request counts from the moment at which it was due, so that one that hangs is paid for by those which had to wait.
    """
    connection = connect(base)
    taken: dict[str, list[float]] = {path: [] for path in paths}
    gc.disable()
    began = time.perf_counter()
    for number in range(int(seconds / pace)):
        due = began + number * pace
        time.sleep(max(0.0, due - time.perf_counter()))
        path = paths[number % len(paths)]
        response, _ = call(connection, "GET", path)
        if response.status != 200:
            raise HTTPException(f"{path} answered {response.status}")
        taken[path].append((time.perf_counter() - due) * 1000)
    gc.enable()
    return taken


def unhurried(urls: Sequence[str], headers: dict[str, str], seconds: float, pause: float) -> dict[str, list[float]]:
    """Ask for the addresses in turn, with a pause after each answer; the milliseconds that each took, by address."""
    asked = [(url, connect(url), urlsplit(url).path) for url in urls]
    taken: dict[str, list[float]] = {url: [] for url in urls}
    until = time.perf_counter() + seconds
    for url, connection, path in cycle(asked):
        began = time.perf_counter()
        if began >= until:
            break
        response, _ = call(connection, "GET", path, headers)
        if response.status != 200:
            raise HTTPException(f"{path} answered {response.status}")
        taken[url].append((time.perf_counter() - began) * 1000)
        time.sleep(pause)
    return taken


def write(base: str, headers: dict[str, str], seconds: float, pause: float) -> list[float]:
    """An administrator changes a setting to and fro, with a pause after each answer; the milliseconds that each change took."""
    connection, taken, until = connect(base), list[float](), time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        body = json.dumps({"allow_registration": len(taken) % 2 == 0})
        response, answer = call(connection, "POST", "/api/system/update_settings", headers | JSON, body)
        if response.status != 200 or json.loads(answer)["code"] != 200:
            raise HTTPException(f"A change was answered {response.status}: {answer!r}")
        taken.append((time.perf_counter() - began) * 1000)
        time.sleep(pause)
    return taken


def upload(base: str, path: str, headers: dict[str, str], size: int) -> float:
    """Send one file of so many random bytes; the seconds until the answer."""
    head = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
    piece, end = os.urandom(1024 * 1024), b"\r\n--edge--\r\n"
    connection = connect(base)
    began = time.perf_counter()
    connection.putrequest("POST", path)
    length = len(head) + size + len(end)
    for name, value in (headers | {"Content-Type": "multipart/form-data; boundary=edge", "Content-Length": str(length)}).items():
        connection.putheader(name, value)
    connection.endheaders(head)
    for _ in range(size // len(piece)):
        connection.send(piece)
    connection.send(piece[: size % len(piece)] + end)
    response = connection.getresponse()
    answer = response.read()
    taken = time.perf_counter() - began
    if response.status != 200 or (answer.startswith(b"{") and json.loads(answer)["code"] != 200):
        raise HTTPException(f"The upload was answered {response.status}: {answer!r}")
    return taken


def sign_in_again_and_again(base: str, names: Sequence[str], password: str, seconds: float) -> dict[int, int]:
    """Each name by a client of its own, as fast as it is let; how many answers had which code of the envelope."""
    until = time.monotonic() + seconds

    def client(name: str) -> list[int]:
        connection, seen = connect(base), []
        body = json.dumps({"username_or_email": name, "password": password})
        while time.monotonic() < until:
            seen.append(json.loads(call(connection, "POST", "/api/auth/login", JSON, body)[1])["code"])
        return seen

    with ThreadPoolExecutor(len(names)) as pool:
        return dict(Counter(code for seen in pool.map(client, names) for code in seen))


def verify_all(base: str, tokens: Sequence[str], provider: dict[str, Any], pace: float) -> list[tuple[int, float]]:
    """One verify call of each caller, started `pace` seconds after the one before; each one's status and milliseconds."""
    body = json.dumps(provider)

    def client(number: int, token: str) -> tuple[int, float]:
        connection = connect(base)
        connection.connect()
        time.sleep(max(0.0, began + number * pace - time.perf_counter()))
        asked = time.perf_counter()
        response, _ = call(connection, "POST", "/api/llm-provider/verify", JSON | {"Authorization": f"Bearer {token}"}, body)
        return response.status, (time.perf_counter() - asked) * 1000

    with ThreadPoolExecutor(len(tokens)) as pool:
        began = time.perf_counter() + 0.2
        return list(pool.map(client, range(len(tokens)), tokens))


def oauth2_calls(
    base: str, flow: dict[str, Any], cookie: str, persons: Sequence[dict[str, str]], seconds: float
) -> dict[str, list[float]]:
    """One client, again and again: a sign-in by password, and each grant; the milliseconds that each took."""
    connection = connect(base)
    taken: dict[str, list[float]] = defaultdict(list)

    def timed(name: str, path: str, headers: dict[str, str], body: str) -> dict[str, Any]:
        asked = time.perf_counter()
        response, answer = call(connection, "POST", path, headers, body)
        if response.status != 200:
            raise HTTPException(f"{name} answered {response.status}: {answer[:300]!r}")
        taken[name].append((time.perf_counter() - asked) * 1000)
        return dict(json.loads(answer))

    def grant(name: str, client: str, **fields: str) -> dict[str, Any]:
        return timed(name, "/oauth2/token", FORM | {"Authorization": flow[client]}, urlencode(fields))

    until = time.monotonic() + seconds
    for person in cycle(persons):
        if time.monotonic() >= until:
            break
        timed("sign-in", "/api/auth/login", JSON, json.dumps(person))
        response, _ = call(connection, "GET", flow["authorize"], {"Cookie": cookie})
        [code] = parse_qs(urlsplit(response.headers["Location"] or "").query)["code"]
        pair = grant("exchange", "client", **flow["exchange"], code=code)
        grant("refresh", "client", grant_type="refresh_token", refresh_token=pair["refresh_token"])
        grant("client_credentials", "machine", grant_type="client_credentials")
    return dict(taken)


def seconds_to_fetch(url: str) -> float:
    """The whole of an answer, which is thrown away as it comes."""
    parts = urlsplit(url)
    connection = connect(url)
    began = time.perf_counter()
    connection.request("GET", parts.path + ("?" + parts.query if parts.query else ""))
    response = connection.getresponse()
    buffer, received = bytearray(1024 * 1024), 0
    while amount := response.readinto(buffer):
        received += amount
    if response.status != 200 or received != int(response.headers["Content-Length"]):
        raise HTTPException(f"{parts.path} answered {response.status} with {received} bytes")
    return time.perf_counter() - began


def p99(values: Sequence[float]) -> float:
    return quantiles(values, n=100, method="inclusive")[98]
