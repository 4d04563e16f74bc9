"""Questions about usage under way: a person holds a quarter of a process's places, and is told so at once beyond them."""

from contextlib import ExitStack

import pytest

from sage_platform.accounts.models import User
from system.usage.views import asking
from tests.answers import refused
from tests.people import Caller, envelope
from tests.system.usage.bodies import MINE, TOKENS

SHARE_TAKEN = "Your other questions about usage are still being answered. Please wait until one of them has ended."
BUSY = "Too many questions about usage are being answered at the moment. Please try again in a few seconds."
QUESTIONS = [(MINE, {"days": 1}), (TOKENS, {"dimension": "session", "session_id": "s"})]


@pytest.mark.parametrize(("path", "body"), QUESTIONS)
def test_one_more_than_a_person_s_share(
    path: str, body: dict[str, object], alice: User, as_alice: Caller, as_bob: Caller
) -> None:
    with ExitStack() as held:
        for _ in range(8):
            held.enter_context(asking.held(alice.pk))
        response = as_alice.post(path, body)
        assert (response.status_code, envelope(response)) == (429, refused(429, SHARE_TAKEN))
        assert response.headers["Retry-After"] == "5"
        assert as_bob.post(path, body).status_code == 200
    for _ in range(9):  # One after the other there is no limit.
        assert as_alice.post(path, body).status_code == 200


def test_all_places_are_taken(as_alice: Caller) -> None:
    with ExitStack() as held:
        for number in range(32):
            held.enter_context(asking.held(f"somebody {number % 4}"))
        response = as_alice.post(MINE, {"days": 1})
        assert (response.status_code, envelope(response)) == (429, refused(429, BUSY))
    assert as_alice.post(MINE, {"days": 1}).status_code == 200
