"""What caches may keep: nothing that an envelope holds."""

import pytest

from tests.people import Caller, Response, envelope


@pytest.mark.parametrize("path", ["/api/auth/session", "/api/user/config", "/api/auth/providers", "/api/user/list"])
def test_people_s_data_is_kept_by_no_cache(path: str, as_alice: Caller, anyone: Caller) -> None:
    for caller in (as_alice, anyone):
        assert caller.get(path).headers["Cache-Control"] == "no-store"


def test_tokens_are_kept_by_no_cache(anyone: Caller) -> None:
    response = anyone.post("/api/auth/login", {"username_or_email": "alice", "password": "wrong"})
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["//api/user/list", "///api", "/api", "/api/"])
def test_an_unknown_address_near_the_api_is_enveloped(path: str, anyone: Caller) -> None:
    response: Response = anyone.client.generic("GET", "/", PATH_INFO=path)
    assert response.status_code == 404
    assert envelope(response) == {"code": 404, "message": "There is nothing at this address.", "data": None}
