"""A route whose author said nothing answers nobody."""

from typing import Any

import pytest
from django.urls import path
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sage_platform.api.fields import Nothing
from sage_platform.api.permissions import SignedIn
from sage_platform.api.viewsets import ApiViewSet, endpoint
from tests.people import Caller

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.contract.test_deny_by_default")]
answered: list[str] = []


class ForgetfulViewSet(ApiViewSet):
    """Its author forgot `endpoint` on one action, and put the REST framework's own permission on the class."""

    permission_classes = (AllowAny,)

    def forgotten(self, request: Request) -> Any:
        answered.append("forgotten")
        return Response("a secret")

    @endpoint(who=SignedIn, gives=Nothing, summary="Stated")
    def told(self, request: Request) -> Any:
        answered.append("told")
        return {}


class PlainView(APIView):
    """A view of the REST framework without a statement: the default permission is nobody."""

    def get(self, request: Request) -> Response:
        answered.append("plain")
        return Response("a secret")


urlpatterns = [
    path("api/forgotten", ForgetfulViewSet.as_view({"get": "forgotten", "post": "forgotten"})),
    path("api/stated", ForgetfulViewSet.as_view({"get": "told"})),
    path("api/plain", PlainView.as_view()),
]
handler404 = "sage_platform.api.handlers.not_found"


@pytest.fixture(autouse=True)
def _nothing_answered() -> None:
    answered.clear()


@pytest.mark.parametrize("who", ["anyone", "as_alice", "as_admin"])
def test_an_action_without_endpoint_answers_nobody(who: str, request: pytest.FixtureRequest) -> None:
    caller: Caller = request.getfixturevalue(who)
    for response in (caller.get("/api/forgotten"), caller.post("/api/forgotten")):
        assert response.status_code == 405
        assert b"secret" not in response.content
    assert answered == []


@pytest.mark.parametrize(("who", "status"), [("anyone", 401), ("as_alice", 403), ("as_admin", 403)])
def test_a_view_without_permission_answers_nobody(who: str, status: int, request: pytest.FixtureRequest) -> None:
    response = request.getfixturevalue(who).get("/api/plain")
    assert response.status_code == status
    assert b"secret" not in response.content
    assert answered == []


def test_an_action_with_endpoint_answers_whom_it_names(as_alice: Caller, anyone: Caller) -> None:
    """The same viewset, so that the refusals above come from the missing statement and from nothing else."""
    assert anyone.get("/api/stated").status_code == 401
    assert answered == []
    assert as_alice.get("/api/stated").status_code == 200
    assert answered == ["told"]
