"""The system routes: info, settings, health."""

import time

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema

from sage_platform.accounts.requests import SignedInRequest
from sage_platform.api.documentation import describe
from sage_platform.api.envelope import envelope_response
from sage_platform.api.errors import Code
from sage_platform.api.fields import Nothing
from sage_platform.api.handlers import logged_already
from sage_platform.api.permissions import Administrator, Anyone
from sage_platform.api.viewsets import ApiViewSet, HotView, endpoint
from sage_platform.turns import turns
from system import serializers as wire
from system import services
from system.health import health
from system.info import deployment_info


class InfoView(HotView):
    tag = "system"

    @extend_schema(**describe(who=Anyone, gives=wire.InfoOutput, summary="What a login page needs to know"))
    def get(self, request: HttpRequest) -> HttpResponse:
        return envelope_response(request, deployment_info())


class HealthView(HotView):
    tag = "system"

    @extend_schema(**describe(who=Anyone, gives=wire.HealthOutput, summary="Whether the dependencies work"))
    def get(self, request: HttpRequest) -> HttpResponse:
        with turns.lent():  # A dependency that hangs is waited for.
            checks = health.checks()
        well = all(check["status"] == "healthy" for check in checks.values())
        word = "healthy" if well else "unhealthy"
        data = {"status": word, "timestamp": time.time(), "service": "SagePlatform", "checks": checks}
        if well:
            return envelope_response(request, data)
        response = envelope_response(request, data, code=Code.UNAVAILABLE, message=word, status=503, headers={"Retry-After": "2"})
        logged_already(response)  # The checks wrote a line for each failure; Django would add one for each answer.
        return response


class SettingsViewSet(ApiViewSet):
    tag = "system"

    @endpoint(who=Administrator, takes=wire.UpdateSettingsInput, gives=Nothing, summary="Change the deployment's settings")
    def update_settings(self, request: SignedInRequest, data: dict[str, bool]) -> dict[str, object]:
        services.update_settings(actor=request.user, **data)
        return {}
