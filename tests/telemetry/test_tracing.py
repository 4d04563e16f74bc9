"""What code around the platform calls: parts of a request, none without one, and no more than there is room for."""

import threading
from collections.abc import Iterator

import pytest
from django.db import connection

from sage_platform.logs import trace_id_var
from sage_platform.telemetry import otlp, tracing
from tests.telemetry.recording import Keeper, recording

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    with recording() as kept:
        yield kept


def end(root: tracing.Root | None) -> None:
    assert root is not None
    tracing.request_ended(root, method="GET", route="/x", status=200, request_id="")


def names(keeper: Keeper) -> list[str]:
    tracing.flush()
    return [span.name for span in keeper.spans]


def test_while_it_is_off_nothing_is_made() -> None:
    assert tracing.request_started({"HTTP_TRACEPARENT": f"{CALLER}-01"}) is None
    with tracing.job("prune"), tracing.span("part", amount=1) as part:
        part.set("c", 2)
        part.fail("x")
        assert part is tracing.UNRECORDED
    assert tracing.trace_id() == ""
    assert connection.execute_wrappers == []
    tracing.start()  # No collector is set.
    assert tracing.request_started({}) is None


def test_what_no_request_caused_is_not_recorded(keeper: Keeper) -> None:
    with tracing.span("alone"):
        pass
    root = tracing.request_started({})
    thread = threading.Thread(target=lambda: tracing.span("on another thread").__enter__())
    thread.start()
    thread.join()
    end(root)
    with tracing.span("afterwards"):
        pass
    assert names(keeper) == ["GET /x"]


def test_parts_have_parts(keeper: Keeper) -> None:
    root = tracing.request_started({})
    with tracing.span("outer") as outer:
        outer.set("late", 1)
        with tracing.span("inner", kind="client", early=2):
            pass
    with pytest.raises(ValueError, match="s3cret"), tracing.span("broken"):
        raise ValueError("s3cret")
    end(root)
    assert names(keeper) == ["inner", "outer", "broken", "GET /x"]
    inner, outer_span, broken, top = keeper.spans
    assert (inner.parent, outer_span.parent, broken.parent) == (outer_span.context, top.context, top.context)
    assert (dict(inner.attributes or {}), dict(outer_span.attributes or {})) == ({"early": 2}, {"late": 1})
    assert dict(broken.attributes or {}) == {"error.type": "builtins.ValueError"}
    assert "s3cret" not in broken.to_json()


@pytest.mark.parametrize(("status", "failed"), [(200, False), (304, False), (404, False), (499, False), (500, True), (503, True)])
def test_a_request_has_failed_where_the_platform_has(status: int, failed: bool, keeper: Keeper) -> None:
    """OpenTelemetry's semantic conventions of HTTP: what a client did wrong is no error of the server's span."""
    root = tracing.request_started({})
    assert root is not None
    tracing.request_ended(root, method="OTHER", route="/x", status=status, request_id="an-id-of-8")
    assert names(keeper) == ["HTTP /x"]
    (span,) = keeper.spans
    assert span.status.is_ok is not failed
    wanted = {
        "http.request.method": "_OTHER",
        "http.route": "/x",
        "http.response.status_code": status,
        "sage.request_id": "an-id-of-8",
    }
    assert dict(span.attributes or {}) == wanted | ({"error.type": str(status)} if failed else {})


def test_a_trace_has_an_end(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "MOST_SPANS", 5)
    with tracing.job("move_uploads"):
        for _ in range(12):
            with tracing.span("part"):
                pass
    assert names(keeper) == ["part"] * 5 + ["move_uploads"]
    assert dict(keeper.spans[-1].attributes or {}) == {"sage.spans_left_out": 7}


def test_a_request_that_is_not_recorded_has_the_id_of_its_caller() -> None:
    with recording(share=0) as keeper:
        for header, known in ((f"{CALLER}-00", True), ("", False)):
            root = tracing.request_started({"HTTP_TRACEPARENT": header})
            assert root is not None
            assert (tracing.trace_id() == CALLER.split("-")[1]) is known
            assert len(tracing.trace_id()) == 32
            assert connection.execute_wrappers == []
            with tracing.span("part") as part:
                assert part is tracing.UNRECORDED
            end(root)
            assert tracing.trace_id() == ""
        end(tracing.request_started({"HTTP_TRACEPARENT": f"{CALLER}-01"}))
        assert names(keeper) == ["GET /x"]


def test_statements_are_recorded_while_a_recorded_request_runs(keeper: Keeper, db: None) -> None:
    def ask() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 'a s3cret' WHERE 1 = %s", [2])

    ask()
    for _ in range(2):
        root = tracing.request_started({})
        ask()
        end(root)
        assert connection.execute_wrappers == []
    ask()
    assert names(keeper) == ["SELECT", "GET /x"] * 2
    assert (keeper.spans[0].attributes or {})["db.query.text"] == "SELECT ? WHERE ? = %s"


def test_a_statement_that_fails_is_told_by_its_kind(keeper: Keeper, db: None) -> None:
    from django.db import DatabaseError, transaction

    root = tracing.request_started({})
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT x FROM no_such_table_s3cret WHERE y = 's3cret'")
    end(root)
    names(keeper)
    (failed,) = [span for span in keeper.spans if not span.status.is_ok]
    assert str((failed.attributes or {})["error.type"]).startswith("django.db.utils.")
    assert failed.status.description is None
    assert list(failed.events) == []


def test_a_request_whose_end_was_missed_spoils_none_after_it(keeper: Keeper, db: None) -> None:
    tracing.request_started({})
    root = tracing.request_started({})
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    end(root)
    assert names(keeper) == ["SELECT", "GET /x"]
    assert connection.execute_wrappers == []
    tracing._current.set(None)
    trace_id_var.set("")
