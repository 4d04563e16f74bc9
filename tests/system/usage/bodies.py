"""What reporters of usage send."""

from typing import Any

REPORT = "/api/system/agent/usage"
MINE = "/api/system/agent/usage-stats"
TOKENS = "/api/token-usage/stats"


def event(event_id: str = "e1", /, **fields: object) -> dict[str, Any]:
    return {"event_id": event_id, "agent_id": "writer", "session_id": "s1", "action": "search", **fields}


def batch(*events: dict[str, Any]) -> dict[str, Any]:
    return {"events": list(events)}
