"""What reporters of usage send, and what they are answered."""

from typing import Any

from tests.answers import success
from tests.people import Response, envelope

REPORT = "/api/system/agent/usage"
MINE = "/api/system/agent/usage-stats"
TOKENS = "/api/token-usage/stats"


def event(event_id: str = "e1", /, **fields: object) -> dict[str, Any]:
    return {"event_id": event_id, "agent_id": "writer", "session_id": "s1", "action": "search", **fields}


def batch(*events: dict[str, Any]) -> dict[str, Any]:
    return {"events": list(events)}


def numbered(amount: int, **fields: object) -> dict[str, Any]:
    return batch(*(event(f"e{number}", **fields) for number in range(amount)))


def taken(accepted: int, duplicates: int = 0) -> dict[str, Any]:
    return success({"accepted": accepted, "duplicates": duplicates})


def assert_mistake(response: Response, field: str, message: str) -> None:
    chinese = response.headers["Content-Language"].startswith("zh")
    told = (
        "请求无效，请按 data.errors 中的说明修改。"
        if chinese
        else "The request is not valid. See data.errors for what to change."
    )
    data = {"errors": [{"field": field, "message": message}]}
    assert (response.status_code, envelope(response)) == (422, {"code": 422, "message": told, "data": data})
