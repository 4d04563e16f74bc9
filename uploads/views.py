"""The upload routes: /api/oss/*."""

from functools import partial
from typing import Any

from django.utils import timezone
from rest_framework.request import Request

from sage_platform.accounts.authentication import third_party_now
from sage_platform.accounts.models import User
from sage_platform.accounts.requests import SignedInRequest
from sage_platform.api.bodies import UnreadForm, multipart
from sage_platform.api.client import client_key
from sage_platform.api.documentation import DocumentedRefusal
from sage_platform.api.permissions import SignedIn, SignedInOrTrustedProgram
from sage_platform.api.seams import ThirdParty
from sage_platform.api.viewsets import ApiViewSet, endpoint
from sage_platform.oauth2.scopes import RELEASE_WRITE
from uploads.models import Upload
from uploads.serializers import ImportInput, ImportOutput, UploadInput, UploadOutput
from uploads.services import imports, uploading
from uploads.services.uploaders import Uploader

NO_ROOM = DocumentedRefusal(
    400, "No room is left, a release uses the file under this path, or another upload to it is under way."
)
NOT_FETCHED = DocumentedRefusal(
    400,
    "The address is refused, the file cannot be fetched from it, is empty or too large, or no room is left.",
)
THROTTLED = DocumentedRefusal(
    429, "Too many addresses are being asked, or you had too many asked; see `Retry-After`.", status=429
)


def upload_form(row: Upload) -> dict[str, Any]:
    return {
        "url": row.told_url,
        "id": row.public_id,
        "filename": row.name,
        "size": row.size,
        "content_type": row.content_type,
        "sha256": row.sha256,
    }


def uploader_of(request: Request) -> Uploader:
    user = request.user if isinstance(request.user, User) else None
    if isinstance(request.auth, ThirdParty):
        return Uploader(user, request.auth.client_id, partial(third_party_now, request, came_at=timezone.now()))
    return Uploader(user)


class UploadViewSet(ApiViewSet):
    tag = "uploads"

    @endpoint(
        who=SignedInOrTrustedProgram,
        scope=RELEASE_WRITE,
        takes=UploadInput,
        body=multipart(uploading.most_body_bytes),
        gives=UploadOutput,
        summary="Store a file",
        refusals=[NO_ROOM],
    )
    def upload(self, request: Request, form: UnreadForm) -> dict[str, Any]:
        return upload_form(uploading.upload(uploader_of(request), form, client=client_key(request._request)))

    @endpoint(
        who=SignedIn,
        takes=ImportInput,
        gives=ImportOutput,
        summary="Fetch a file from an address and store it",
        refusals=[NOT_FETCHED, THROTTLED],
    )
    def import_url(self, request: SignedInRequest, data: dict[str, Any]) -> dict[str, Any]:
        row = imports.import_url(request.user, data["url"])
        return {"url": row.told_url, "filename": row.name}
