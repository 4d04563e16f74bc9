"""A route that a third party's token with the scope `usage:write` opens."""

from typing import Any

from django.urls import path
from rest_framework.request import Request

from sage_platform.api.fields import NoInput, Nothing
from sage_platform.api.permissions import SignedInOrProgram
from sage_platform.api.seams import ThirdParty
from sage_platform.api.viewsets import ApiViewSet, endpoint

# (user id, client id) of each that came in.
came_in: list[tuple[str | None, str | None]] = []


class ReportViewSet(ApiViewSet):
    @endpoint(who=SignedInOrProgram, takes=NoInput, gives=Nothing, summary="Report", scope="usage:write")
    def report(self, request: Request, data: dict[str, Any]) -> Any:
        third_party = request.auth if isinstance(request.auth, ThirdParty) else None
        came_in.append((request.user.pk, third_party.client_id if third_party else None))
        return {}


urlpatterns = [path("api/report", ReportViewSet.as_view({"post": "report"}))]
handler404 = "sage_platform.api.handlers.not_found"
