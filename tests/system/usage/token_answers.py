"""Whole answers of POST /api/token-usage/stats, made of few words."""

from dataclasses import dataclass
from typing import Any

from tests.answers import success
from tests.people import Caller, envelope
from tests.system.usage.bodies import TOKENS


@dataclass(frozen=True)
class Sums:
    sessions: int = 0
    input: int = 0
    output: int = 0
    model_calls: int = 0

    @property
    def wire(self) -> dict[str, int]:
        return {
            "session_count": self.sessions,
            "input_tokens": self.input,
            "output_tokens": self.output,
            "total_tokens": self.input + self.output,
            "model_call_count": self.model_calls,
        }


@dataclass(frozen=True)
class Item:
    name: str
    sums: Sums
    started: str
    finished: str = ""

    def wire(self, dimension: str) -> dict[str, Any]:
        names = {"agent_id": None, "user_id": None, "session_id": None, f"{dimension}_id": self.name}
        return {**names, **self.sums.wire, "started_at": self.started, "finished_at": self.finished or self.started}


def tokens(dimension: str, sums: Sums, average: float, *items: Item) -> dict[str, Any]:
    summary = {**sums.wire, "average_tokens_per_session": average}
    return success({"summary": summary, "items": [item.wire(dimension) for item in items]})


def ask(caller: Caller, dimension: str, first: str | None = None, last: str | None = None, **filters: object) -> dict[str, Any]:
    """`last` is `first` where it is left out."""
    return envelope(caller.post(TOKENS, {"dimension": dimension, "start_date": first, "end_date": last or first, **filters}))
