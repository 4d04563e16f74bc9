"""The routes of releases: /api/system/version*."""

from typing import Any

from rest_framework.request import Request

from sage_platform.accounts.models import User
from sage_platform.accounts.requests import SignedInRequest
from sage_platform.api.documentation import DocumentedRefusal
from sage_platform.api.permissions import Administrator, AdministratorOrProgram, SignedIn
from sage_platform.api.seams import ThirdParty
from sage_platform.api.viewsets import ApiViewSet, endpoint
from sage_platform.oauth2.scopes import RELEASE_WRITE
from versions import records
from versions import serializers as wire
from versions.models import Source
from versions.services import releases
from versions.services.judging import Candidate, CandidateArtifact
from versions.services.releases import Author

TAKEN = DocumentedRefusal(400, "There is a release of this version.")
UNKNOWN = DocumentedRefusal(404, "There is no release of this version.")

Payload = dict[str, Any]


def author_of(request: Request) -> Author:
    user = request.user if isinstance(request.user, User) else None
    client = request.auth.client_id if isinstance(request.auth, ThirdParty) else ""
    named = f"{user.username} ({client})" if user and client else client or (user.username if user else "")
    return Author(named, Source.API, user)


def candidate_of(data: Payload) -> Candidate:
    """Clients send null for what there is none of, or leave it out."""
    artifacts = [CandidateArtifact(**{name: one.get(name) or "" for name in records.OF_ARTIFACT}) for one in data["artifacts"]]
    return Candidate.cleaned(data["version"], data.get("release_notes") or "", artifacts)


class ReleaseViewSet(ApiViewSet):
    tag = "releases"

    @endpoint(who=SignedIn, gives=wire.ListedReleaseOutput(many=True), summary="The releases, highest version first")
    def index(self, request: SignedInRequest) -> list[Payload]:
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
        release, judgement = act(candidate_of(data), author_of(request))
        warnings = [{"field": field, "message": message} for field, message in judgement.told(judgement.warnings)]
        return records.record(release, judgement.candidate) | {"warnings": warnings}

    @endpoint(who=Administrator, gives=wire.DeletedOutput, summary="Delete a release", refusals=[UNKNOWN])
    def destroy(self, request: SignedInRequest, version: str) -> Payload:
        releases.delete(releases.named(version), author_of(request))
        return {"success": True}
