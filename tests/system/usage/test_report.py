"""POST /api/system/agent/usage: events come in once, and what they add up to."""

from tests.people import Caller, envelope
from tests.system.usage.bodies import MINE, REPORT, TOKENS, batch, event


def accepted(accepted: int, duplicates: int = 0) -> dict[str, object]:
    return {"code": 200, "message": "success", "data": {"accepted": accepted, "duplicates": duplicates}}


def test_an_event_counts_once(as_alice: Caller) -> None:
    sent = batch(event("e1", occurred_at=None), event("e1", count=5), event("e2", count=2, action="read"))
    assert envelope(as_alice.post(REPORT, sent)) == accepted(2, 1)
    assert envelope(as_alice.post(REPORT, sent)) == accepted(0, 3)
    data = envelope(as_alice.post(MINE, {"days": 1}))["data"]
    assert data["usage"] == {"read": 2, "search": 1}
    assert [day["calls"] for day in data["by_day"]] == [3]


def test_tokens_add_up(as_alice: Caller) -> None:
    sent = batch(
        event("e1", model="m", input_tokens=219921, cached_tokens=170496, output_tokens=3562, occurred_at="2026-11-27T23:59:59Z"),
        event("e2", model="m", output_tokens=100, reasoning_tokens=60, occurred_at="2026-11-28T00:00:00+00:00"),
    )
    assert envelope(as_alice.post(REPORT, sent)) == accepted(2)
    asked = {"dimension": "agent", "start_date": "2026-11-27", "end_date": "2026-11-28"}
    sums = {"session_count": 1, "input_tokens": 219921, "output_tokens": 3662, "total_tokens": 223583, "model_call_count": 2}
    assert envelope(as_alice.post(TOKENS, asked))["data"] == {
        "summary": {**sums, "average_tokens_per_session": 223583.0},
        "items": [
            {
                "agent_id": "writer",
                "user_id": None,
                "session_id": None,
                **sums,
                "started_at": "2026-11-27T23:59:59Z",
                "finished_at": "2026-11-28T00:00:00Z",
            }
        ],
    }


def test_one_bad_event_and_nothing_is_stored(as_alice: Caller) -> None:
    refused = as_alice.post(REPORT, batch(event("e1"), event("e2", count="7")))
    assert refused.status_code == 422
    assert envelope(refused)["data"] == {"errors": [{"field": "events.1.count", "message": "A whole number from 1 to 1000000."}]}
    assert envelope(as_alice.post(MINE, {"days": 1}))["data"]["usage"] == {}
