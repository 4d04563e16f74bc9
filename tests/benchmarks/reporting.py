"""Callers that report usage as fast as they are answered. In a process of their own, like the other clients."""

import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from urllib.parse import urlencode

from tests.benchmarks.clients import FORM, JSON, call, connect

REPORT = "/api/system/agent/usage"
BATCH = 500
USERS, SESSIONS, TOOLS = 25, 50, 5
# Batches after which a caller's sessions are others.
SESSION_BATCHES = 10


def events(caller: int, number: int, users: Sequence[str]) -> str:
    """A batch of one caller: its sessions take turns, and in each a call of a model and one of a tool."""
    at = datetime.now(UTC)
    ids = os.urandom(16 * BATCH).hex()
    sent = []
    for place in range(BATCH):
        session = place % SESSIONS
        turn = place // SESSIONS
        event: dict[str, str | int] = {
            "event_id": ids[32 * place : 32 * place + 32],
            "user_id": users[session % USERS],
            "agent_id": f"agent-{caller}",
            "session_id": f"session-{caller}-{number // SESSION_BATCHES}-{session}",
            "action": f"tool-{turn % TOOLS}",
            "request_source": "desktop",
            "occurred_at": (at - timedelta(microseconds=1000 * place)).isoformat(),
        }
        if turn % 2:
            event |= {"action": "chat", "model": "model-a", "input_tokens": 12345, "output_tokens": 678, "cached_tokens": 9000}
        sent.append(event)
    return json.dumps({"events": sent})


def token_of(base: str, basic: str) -> str:
    body = urlencode({"grant_type": "client_credentials"})
    with closing(connect(base)) as connection:
        _response, answer = call(connection, "POST", "/oauth2/token", FORM | {"Authorization": basic}, body)
    return str(json.loads(answer)["access_token"])


def report(base: str, tokens: Sequence[str], users: Sequence[str], seconds: float, pause: float = 0) -> list[list[float]]:
    """One caller for each token, until the seconds are over; how many seconds each of its batches took."""
    began = time.perf_counter()

    def caller(place: int, token: str) -> list[float]:
        connection, taken = connect(base), list[float]()
        headers = JSON | {"Authorization": f"Bearer {token}"}
        while time.perf_counter() - began < seconds:
            body = events(place, len(taken), users)
            asked = time.perf_counter()
            response, answer = call(connection, "POST", REPORT, headers, body)
            taken.append(time.perf_counter() - asked)
            if response.status != 200 or json.loads(answer)["data"] != {"accepted": BATCH, "duplicates": 0}:
                raise HTTPException(f"A batch was answered {response.status}: {answer[:300]!r}")
            time.sleep(pause)
        return taken

    with ThreadPoolExecutor(len(tokens)) as pool:
        return list(pool.map(caller, range(len(tokens)), tokens))
