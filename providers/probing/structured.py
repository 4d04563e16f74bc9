"""Finding the JSON object in what a model said."""

import json
from typing import Any

_DECODER = json.JSONDecoder()
# Beyond this there is no answer to 512 tokens; each try may read to the end.
MOST_READ = 20_000
MOST_TRIES = 50

SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "probe",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"ok": {"type": "boolean"}},
            "required": ["ok"],
            "additionalProperties": False,
        },
    },
}
OBJECT = {"type": "json_object"}
PROMPT = 'Answer in JSON: one object with one key, "ok", whose value is true. Write nothing but the JSON.'


def find_object(text: str) -> dict[str, Any] | None:
    """The last object that has `ok`, bare, fenced, or after other words; a model that reasons aloud may try out others first."""
    text = text[:MOST_READ].lstrip("\ufeff")
    found = None
    start = text.find("{")
    for _try in range(MOST_TRIES):
        if start < 0:
            break
        try:
            value, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            found = value if "ok" in value else found
        start = text.find("{", end)
    return found
