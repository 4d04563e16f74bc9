"""What the platform counts: each operation once, by how it ended."""

import pytest
from prometheus_client import REGISTRY

from sage_platform.accounts.models import User
from sage_platform.api.errors import Code, InvalidInput, Refusal, TooManyRequests, Unavailable
from sage_platform.telemetry.operations import Operation
from tests.people import PASSWORD, Caller, envelope

NAME = "sage_server_operations_total"


def counted() -> dict[str, float]:
    """By status, of the operation of these tests."""
    labels = {"category": "tests", "name": "try"}
    return {status: REGISTRY.get_sample_value(NAME, labels | {"status": status}) or 0 for status in ("ok", "refused", "error")}


def value(name: str) -> float:
    return REGISTRY.get_sample_value(name, {"category": "tests", "name": "try"}) or 0


def ends(error: BaseException | None) -> dict[str, float]:
    """What was counted of an operation that ended so."""
    before = counted()

    @Operation("tests", "try")
    def act() -> None:
        assert value("sage_server_operations_active") == 1
        if error is not None:
            raise error

    if error is None:
        act()
    else:
        with pytest.raises(type(error)):
            act()
    assert value("sage_server_operations_active") == 0
    return {status: number - before[status] for status, number in counted().items() if number != before[status]}


def test_what_comes_to_its_end_is_ok() -> None:
    took = value("sage_server_operation_duration_seconds_count")
    assert ends(None) == {"ok": 1}
    assert value("sage_server_operation_duration_seconds_count") == took + 1


@pytest.mark.parametrize(
    "refusal",
    [Refusal(Code.BAD_REQUEST, "No."), Refusal(Code.FAILED, "No."), TooManyRequests(3), InvalidInput([("name", "No.")])],
    ids=["business", "business-500", "throttled", "invalid"],
)
def test_a_refusal_is_an_answer_and_no_fault(refusal: Exception) -> None:
    assert ends(refusal) == {"refused": 1}


@pytest.mark.parametrize("fault", [RuntimeError("broken"), Unavailable(cause="database"), KeyboardInterrupt()])
def test_anything_else_is_an_error(fault: BaseException) -> None:
    assert ends(fault) == {"error": 1}


def test_as_a_context_manager() -> None:
    before = counted()
    with Operation("tests", "try").counted():
        assert value("sage_server_operations_active") == 1
    assert counted() == before | {"ok": before["ok"] + 1}


def test_sign_ins_and_refreshes_are_counted(alice: User, anyone: Caller) -> None:
    def counts(name: str) -> list[float]:
        labels = {"category": "identity", "name": name}
        return [REGISTRY.get_sample_value(NAME, labels | {"status": status}) or 0 for status in ("ok", "refused", "error")]

    signed_in, refreshed = counts("sign_in"), counts("refresh")
    body = {"username_or_email": "alice", "password": PASSWORD}
    pair = envelope(anyone.post("/api/auth/login", body))["data"]
    anyone.post("/api/auth/login", body | {"password": "wrong"})
    for token in (pair["refresh_token"], "sage_rt_unknown"):
        anyone.post("/api/auth/refresh", {"refresh_token": token})
    assert counts("sign_in") == [signed_in[0] + 1, signed_in[1] + 1, signed_in[2]]
    assert counts("refresh") == [refreshed[0] + 1, refreshed[1] + 1, refreshed[2]]
