"""The metrics, and the gate in front of Jaeger: a proxy asks it about each request, and people are led through it.

docs/api.md#observability
"""

from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from observability import gate
from observability.scrape import CONTENT_TYPE, exposition
from sage_platform.accounts.requests import SignedInRequest
from sage_platform.accounts.services import sign_ins
from sage_platform.accounts.sign_in_options import password_login_enabled
from sage_platform.api.errors import NoPasswordSignIn
from sage_platform.api.fields import Nothing
from sage_platform.api.handlers import answer
from sage_platform.api.permissions import Administrator, MetricsReader
from sage_platform.api.viewsets import ApiViewSet, LinkedViewSet, endpoint

ANY_METHOD = ("get", "head", "post", "put", "patch", "delete", "options", "trace")


@extend_schema(exclude=True)  # It has no envelope: `documentation` describes it, and those below.
class MetricsViewSet(ApiViewSet):
    tag = "observability"

    @endpoint(who=MetricsReader, gives=Nothing, summary="The metrics, for Prometheus")
    def metrics(self, request: Request) -> HttpResponse:
        return HttpResponse(exposition(), content_type=CONTENT_TYPE)


@extend_schema(exclude=True)
class JaegerAuthViewSet(ApiViewSet):
    """What nginx's `auth_request` asks, in the name of the person, before it passes a request on to Jaeger."""

    tag = "observability"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        sign_ins.renew_nothing(request)  # nginx drops the cookie of this answer.
        response = super().dispatch(request, *args, **kwargs)
        if response.status_code == 401:
            response.headers["X-Login-Url"] = self.login_url(gate.asked_target(request))
        return response

    @staticmethod
    def login_url(target: str) -> str:
        """The login page; where it takes no password, the route that says so."""
        return gate.login_page(target) if password_login_enabled() else f"{gate.GATE}/login?next={quote(target, safe='')}"

    def judged_method(self, request: HttpRequest) -> str:
        """That of the request for Jaeger: the proxy asks by GET whatever it is about."""
        return request.META.get("HTTP_X_ORIGINAL_METHOD") or super().judged_method(request)

    @endpoint(who=Administrator, gives=Nothing, summary="Whether the person may see Jaeger")
    def auth(self, request: SignedInRequest) -> HttpResponse:
        person = request.user
        told = {"X-Sage-UserId": person.pk, "X-Sage-Username": quote(person.username, safe=""), "X-Sage-Role": person.role}
        response = HttpResponse(status=204, headers=told)
        del response.headers["Content-Type"]
        return response


class Led(LinkedViewSet):
    """Who is signed out is led to the login page."""

    tag = "observability"

    def answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().answer(request, *args, **kwargs)
        if response.status_code != 401:
            return response
        if password_login_enabled():
            return gate.redirect(self.login_page(request, **kwargs))
        return answer(request, NoPasswordSignIn())

    def login_page(self, request: HttpRequest, **path: str) -> str:
        raise NotImplementedError


@extend_schema(exclude=True)
class JaegerLoginViewSet(Led):
    def login_page(self, request: HttpRequest, **path: str) -> str:
        return gate.login_page(gate.asked_target(request))

    @endpoint(who=Administrator, gives=Nothing, summary="Sign in, and go on to Jaeger")
    def login(self, request: SignedInRequest) -> HttpResponse:
        return gate.redirect(gate.way_on(gate.asked_target(request._request)))


@extend_schema(exclude=True)
class JaegerViewSet(Led):
    """Any method, an invented one too: whatever is asked here is asked of Jaeger."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.action_map = {(request.method or "").lower(): "enter"}
        return super().dispatch(request, *args, **kwargs)

    def login_page(self, request: HttpRequest, **path: str) -> str:
        return gate.login_page_for(path.get("path", ""), request.META.get("QUERY_STRING", ""))

    @endpoint(who=Administrator, gives=Nothing, summary="Jaeger's page for a path")
    def enter(self, request: SignedInRequest, path: str = "") -> HttpResponse:
        return gate.redirect(gate.ui_address(path, request.META.get("QUERY_STRING", "")), status=307)
