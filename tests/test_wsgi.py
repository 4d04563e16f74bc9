"""The application as the server calls it: fixed addresses lead where they led before, and nothing else is remembered."""

import pytest
from django.http import Http404
from django.test import RequestFactory

from observability.scrape import exposition
from sage_platform.wsgi import Handler
from tests.observability.exposition import in_progress

pytestmark = pytest.mark.django_db


def resolved(handler: Handler, path: str) -> object:
    request = RequestFactory().get(path)
    match = handler.resolve_request(request)
    assert request.resolver_match is match
    return match


def test_a_fixed_address_is_found_once() -> None:
    handler = Handler()
    first = resolved(handler, "/api/auth/session")
    assert resolved(handler, "/api/auth/session") is first
    assert list(handler._matches) == ["/api/auth/session"]


def test_a_request_that_did_not_come_through_the_front_is_never_in_progress() -> None:
    before = in_progress(exposition().decode())
    resolved(Handler(), "/api/auth/session")
    assert in_progress(exposition().decode()) == before


def test_an_address_with_a_variable_part_is_found_each_time() -> None:
    handler = Handler()
    for provider_id in ("one", "two", "one"):
        match = handler.resolve_request(RequestFactory().get(f"/api/llm-provider/delete/{provider_id}"))
        assert match.kwargs == {"provider_id": provider_id}
    assert handler._matches == {}


def test_addresses_that_lead_nowhere_are_not_kept() -> None:
    handler = Handler()
    for number in range(20):
        with pytest.raises(Http404):
            resolved(handler, f"/api/nowhere/{number}")
    for number in range(20):
        resolved(handler, f"/admin/nowhere/{number}")  # The admin answers all that is below it.
    assert handler._matches == {}
