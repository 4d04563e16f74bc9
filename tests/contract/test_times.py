"""Times on the wire are ISO 8601 in UTC with `Z`, on every route alike (docs/api.md#the-envelope)."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from providers.models import Provider
from sage_platform import api_docs
from sage_platform.accounts.models import User
from sage_platform.api.envelope import to_json
from tests.contract.routes import ROUTES
from tests.people import Caller
from tests.provider_rows import make_provider
from tests.versions.rows import MAC, make_release

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
WIRE = "2026-01-02T03:04:05.678901Z"
ANY_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
ON_THE_WIRE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
READS = sorted({row.path for row in ROUTES if row.method == "GET" and row.answer != "page" and row.path != "/api/docs"})


def texts(value: Any) -> Iterator[str]:
    """All of them, however deep."""
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(inner)


def times(body: bytes) -> list[str]:
    return [text for text in texts(json.loads(body)) if ANY_TIME.match(text)]


def says_time(document: Any, schema: Any) -> bool:
    """Whether an answer of this schema has a time in it."""
    if isinstance(schema, dict):
        inner = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else None
        deeper = schema.values() if inner is None else [inner] if "JSONValue" not in schema["$ref"] else []
        return schema.get("format") == "date-time" or any(says_time(document, part) for part in deeper)
    return isinstance(schema, list) and any(says_time(document, part) for part in schema)


@pytest.fixture
def _rows(admin: User, alice: User) -> None:
    make_provider(admin, "https://api.example.com/v1")
    make_release("1.2.0", MAC, pub_date=MOMENT)
    User.objects.update(created_at=MOMENT)
    Provider.objects.update(created_at=MOMENT, updated_at=MOMENT)


@pytest.mark.usefixtures("_rows")
@pytest.mark.parametrize("path", READS)
def test_every_route_writes_times_alike(path: str, as_admin: Caller) -> None:
    response = as_admin.get(path.replace("<str:provider_id>", "acme"))
    assert response.status_code < 500
    found = times(response.content) if response.headers.get("Content-Type", "").endswith("json") else []
    assert [time for time in found if not ON_THE_WIRE.fullmatch(time)] == []
    document = json.loads(api_docs.document())
    described = document["paths"].get(path.replace("<str:provider_id>", "{provider_id}"), {}).get("get", {})
    # Where the document tells of a time there is one, so that this walk has met each.
    assert (WIRE in found) == says_time(document, described.get("responses", {}).get("200", {}))


def test_a_time_of_another_zone_is_written_in_utc() -> None:
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert to_json({"at": elsewhere}) == f'{{"at":"{WIRE}"}}'.encode()


def test_a_time_without_a_zone_is_none_that_anybody_could_read() -> None:
    with pytest.raises(TypeError):
        to_json({"at": MOMENT.replace(tzinfo=None)})
