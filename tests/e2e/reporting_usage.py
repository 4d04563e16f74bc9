"""A program: eight processes of the platform report usage at the same moment. It prints a line of what they were answered for
each round.
"""

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from typing import Any

import django

PROCESSES = 8
PROGRAMS = ("robot", "crawler", "indexer", "janitor")
REPORT = "/api/system/agent/usage"
context = get_context("fork")
together = context.Barrier(PROCESSES)
Body = dict[str, Any]


def report(token: str, bodies: list[Body]) -> list[tuple[int, Any]]:
    """What a worker does with each request, without the socket in front of it. The answers."""
    from django.test import Client

    caller = Client(headers={"Authorization": token})
    # Makes the connection to the database, and answers 422.
    caller.post(REPORT, {"events": []}, content_type="application/json")
    together.wait(timeout=60)
    answers = [caller.post(REPORT, body, content_type="application/json") for body in bodies]
    return [(answer.status_code, answer.json()["data"]) for answer in answers]


def event(event_id: str, user: str = "alice", /, **fields: object) -> dict[str, Any]:
    names = {"agent_id": "writer", "session_id": "s1", "action": "search", "model": "m", "input_tokens": 5}
    return {"event_id": event_id, "user_id": user} | names | fields


def made_up(maker: random.Random) -> dict[str, Any]:
    """One of few, so that they meet in ids, sums and sessions."""
    return event(
        f"made-up-{maker.randrange(400)}",
        maker.choice(["alice", "bob"]),
        agent_id=maker.choice(["writer", "reader"]),
        session_id=f"s{maker.randrange(5)}",
        action=maker.choice(["search", "read", "write"]),
        model=maker.choice([None, "m"]),
        count=maker.randrange(1, 5),
        input_tokens=maker.randrange(10**6),
    )


def same_batch(tokens: dict[str, str]) -> Iterator[tuple[str, list[Body]]]:
    """The same batch of one person from all of them."""
    yield from [(tokens["alice"], [{"events": [event(f"same-{number}") for number in range(500)]}])] * PROCESSES


def overlapping(tokens: dict[str, str]) -> Iterator[tuple[str, list[Body]]]:
    """Batches of four programs that add to the same sums of one user, in different orders, again and again.

    Every second one has an action of its own: then they have the sums of sessions in common, and not those of actions.
    """
    for number in range(PROCESSES):
        bodies = []
        for time in range(6):
            action = f"action{number}" if time % 2 else "search"
            events = [
                event(f"over-{one}-{number}-{time}", agent_id=f"agent{one}", session_id=f"s{one}", action=action)
                for one in range(60)
            ]
            random.Random(f"{number} {time}").shuffle(events)
            bodies.append({"events": events})
        yield tokens[PROGRAMS[number % len(PROGRAMS)]], bodies


def anything(tokens: dict[str, str]) -> Iterator[tuple[str, list[Body]]]:
    """Batches at random, whose ids meet in each of four programs."""
    seed = random.getrandbits(32)
    print(f"seed of what is sent: {seed}", file=sys.stderr)
    for number in range(PROCESSES):
        maker = random.Random(f"{seed} {number}")
        bodies = [{"events": [made_up(maker) for _ in range(maker.randrange(1, 60))]} for _ in range(12)]
        yield tokens[PROGRAMS[number % len(PROGRAMS)]], bodies


def last_room(tokens: dict[str, str]) -> Iterator[tuple[str, list[Body]]]:
    """Each would fit by itself into what is left of bob's day, and three of them do."""
    for number in range(PROCESSES):
        yield tokens["bob"], [{"events": [event(f"room-{number}-{one}", "bob") for one in range(100)]}]


def prepare() -> dict[str, str]:
    """The bearer tokens of everybody who reports."""
    from tests.conftest import make_user
    from tests.people import signed_in
    from tests.system.usage.reporters import program

    people = {name: signed_in(make_user(name, "!"), token=True) for name in ("alice", "bob")}
    programs = {name: program(name) for name in PROGRAMS}
    return {name: caller.headers["Authorization"] for name, caller in (people | programs).items()}


def leave_room_for_350() -> None:
    from django.utils import timezone

    from system.usage.ingest import EVENTS_OF_A_DAY
    from system.usage.models import UsageCaller

    used = EVENTS_OF_A_DAY - 350
    UsageCaller.objects.create(kind="user", name="bob", day=timezone.now().date(), events_of_day=used)


ROUNDS: list[Callable[[dict[str, str]], Iterator[tuple[str, list[Body]]]]] = [same_batch, overlapping, anything, last_room]


def main() -> None:
    from tests.clock import begin_after_midnight

    django.setup()
    begin_after_midnight(seconds=40)
    with context.Pool(PROCESSES) as pool:
        # In one of them: no connection to the database may cross a fork.
        tokens = pool.apply(prepare)
        pool.apply(leave_room_for_350)
        for round_ in ROUNDS:
            # Each waits for the others, so no process gets two.
            answers = [one for many in pool.starmap(report, round_(tokens), chunksize=1) for one in many]
            told = {
                "statuses": Counter(status for status, _data in answers),
                "accepted": sum(data["accepted"] for _status, data in answers if data),
                "duplicates": sum(data["duplicates"] for _status, data in answers if data),
            }
            print(json.dumps({round_.__name__: told}, sort_keys=True))


if __name__ == "__main__":
    main()
