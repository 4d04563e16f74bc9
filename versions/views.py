"""The routes of releases: /api/system/version*."""

from dataclasses import replace
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from orjson import Fragment
from rest_framework.request import Request

from sage_platform.accounts.authentication import third_party_now
from sage_platform.accounts.models import User
from sage_platform.accounts.requests import SignedInRequest
from sage_platform.api.documentation import DocumentedRefusal, describe
from sage_platform.api.envelope import envelope_response
from sage_platform.api.errors import Code, InvalidInput, Unavailable
from sage_platform.api.fields import NoInput
from sage_platform.api.handlers import answer, logged_already
from sage_platform.api.permissions import Administrator, AdministratorOrProgram, Anyone, SignedIn
from sage_platform.api.seams import ThirdParty
from sage_platform.api.viewsets import ApiViewSet, HotView, endpoint
from sage_platform.oauth2.scopes import RELEASE_WRITE
from versions import records
from versions import serializers as wire
from versions.answers import COMMON, PreparedAnswer, is_known, read_query
from versions.feed import feed
from versions.models import Release, Source
from versions.services import importing, releases
from versions.services.judging import Judgement
from versions.services.releases import Author

# What is asked by a fleet must not be asked again at once.
RETRY_SECONDS = 60
TAKEN = DocumentedRefusal(400, "There is a release of this version.")
NOT_IMPORTED = DocumentedRefusal(500, "GitHub could not be asked, or its release is not whole. The message says what to do.")
TOO_MANY_CALLS = DocumentedRefusal(429, "Too many requests to other servers.", status=429)
UNKNOWN = DocumentedRefusal(404, "There is no release of this version.")

Payload = dict[str, Any]


def author_of(request: Request) -> Author:
    user = request.user if isinstance(request.user, User) else None
    name = user.username if user else ""
    if not isinstance(request.auth, ThirdParty):
        return Author(name, Source.API, user)
    client = request.auth.client_id
    check_token = partial(third_party_now, request, came_at=timezone.now())
    return Author(f"{name} ({client})" if name else client, Source.API, user, check_token)


def published(release: Release, judgement: Judgement) -> Payload:
    warnings = [{"field": field, "message": message} for field, message in judgement.told(judgement.warnings)]
    return records.record(release, judgement.candidate) | {"warnings": warnings}


class ReleaseViewSet(ApiViewSet):
    tag = "releases"

    @endpoint(who=SignedIn, gives=wire.ListedReleaseOutput(many=True), summary="The releases, highest version first")
    def index(self, request: SignedInRequest) -> Fragment:
        return records.all_for(request.user)

    @endpoint(
        who=AdministratorOrProgram,
        scope=RELEASE_WRITE,
        takes=wire.ReleaseInput,
        query=wire.PublishQuery,
        gives=wire.PublishedReleaseOutput,
        summary="Publish a release",
        refusals=[TAKEN],
    )
    def publish(self, request: Request, data: Payload, asked: Payload) -> Payload:
        act = releases.examine if asked["dry_run"] else releases.create
        return published(*act(wire.candidate_of(data), author_of(request)))

    @endpoint(
        who=Administrator,
        takes=NoInput,
        gives=wire.PublishedReleaseOutput,
        summary="Import the newest release from GitHub",
        refusals=[NOT_IMPORTED, TOO_MANY_CALLS],
    )
    def import_github(self, request: SignedInRequest, data: Payload) -> Payload:
        return published(*importing.import_release(replace(author_of(request), source=Source.GITHUB)))

    @endpoint(who=Administrator, gives=wire.DeletedOutput, summary="Delete a release", refusals=[UNKNOWN])
    def destroy(self, request: SignedInRequest, version: str) -> Payload:
        releases.delete(releases.named(version), author_of(request))
        return {"success": True}


class CheckView(HotView):
    """For what `front` leaves to Django."""

    tag = "releases"

    @extend_schema(exclude=True)  # It has no envelope: `documentation` describes it.
    def get(self, request: HttpRequest) -> HttpResponse:
        query = request.META.get("QUERY_STRING", "")
        try:
            read_query(query)
        except InvalidInput as error:
            return answer(request, error)
        answers = feed.wait()
        if answers is None:
            return unknown(request)
        prepared = answers.check(query).unless_known(request.headers.get("If-None-Match", ""))
        return as_response(prepared)


class LatestView(HotView):
    tag = "releases"

    @extend_schema(**describe(who=Anyone, gives=wire.ReleaseOutput, summary="The release that the download page offers"))
    def get(self, request: HttpRequest) -> HttpResponse:
        answers = feed.wait()
        if answers is None:
            return unknown(request)
        headers = {**dict(COMMON), "ETag": answers.latest.etag}
        if is_known(answers.latest.etag, request.headers.get("If-None-Match", "")):
            return HttpResponse(status=304, headers=headers)
        return envelope_response(request, answers.latest.data, headers=headers)


def as_response(prepared: PreparedAnswer) -> HttpResponse:
    response = HttpResponse(prepared.body, status=prepared.status)
    if not prepared.body:
        del response.headers["Content-Type"]
    for name, value in prepared.headers:
        response.headers[name] = value
    return response


def unknown(request: HttpRequest) -> HttpResponse:
    """503: to a client that nothing is new would be an answer, and perhaps a wrong one."""
    response = envelope_response(
        request,
        code=Code.UNAVAILABLE,
        message=Unavailable.default_detail,
        status=503,
        headers={"Retry-After": str(RETRY_SECONDS)},
    )
    logged_already(response)  # The feed wrote a line; a whole fleet would add one each.
    return response
