"""The routes of usage."""

from typing import Any, cast

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request

from sage_platform.accounts.requests import SignedInRequest
from sage_platform.accounts.services.slots import Slots
from sage_platform.api.documentation import DocumentedRefusal
from sage_platform.api.permissions import SignedIn, SignedInOrProgram
from sage_platform.api.seams import ThirdParty
from sage_platform.api.viewsets import ApiViewSet, endpoint
from sage_platform.oauth2.scopes import USAGE_WRITE
from system.usage import serializers as wire
from system.usage import totals
from system.usage.events import Batch, TokenQuestion, UsageQuestion
from system.usage.ingest import Reporter, ingest
from system.usage.models import UsageCaller

# In two tables of some million rows a question takes seconds; a page asks a few at once.
asking = Slots(
    32,
    busy=_("Too many questions about usage are being answered at the moment. Please try again in a few seconds."),
    share_taken=_("Your other questions about usage are still being answered. Please wait until one of them has ended."),
)
MANY_ASK = DocumentedRefusal(429, "Too many questions at once.", status=429)
TOO_MUCH = DocumentedRefusal(429, "Too many batches in a minute, or more than a plain user's day has room for.", status=429)


def reporter_of(request: Request) -> Reporter:
    """The client that asks for itself, else the person, also where a third party asks for them."""
    if isinstance(request.auth, ThirdParty) and request.auth.user is None:
        return Reporter(UsageCaller.Kind.CLIENT, request.auth.client_id)
    user = cast("SignedInRequest", request).user
    return Reporter(UsageCaller.Kind.USER, user.pk, user)


class UsageViewSet(ApiViewSet):
    tag = "usage"

    @endpoint(
        who=SignedInOrProgram,
        scope=USAGE_WRITE,
        takes=Batch,
        gives=wire.IngestedOutput,
        summary="Report what was used",
        refusals=[TOO_MUCH],
    )
    def report(self, request: Request, batch: Batch) -> dict[str, int]:
        done = ingest(reporter_of(request), batch.events, at=timezone.now())
        return {"accepted": done.accepted, "duplicates": done.duplicates}

    @endpoint(
        who=SignedIn,
        takes=UsageQuestion,
        gives=wire.UsageOutput,
        summary="What I have used, by action and by day",
        refusals=[MANY_ASK],
    )
    def mine(self, request: SignedInRequest, question: UsageQuestion) -> dict[str, Any]:
        with asking.held(request.user.pk):
            return totals.usage_of(request.user, question, at=timezone.now())

    @endpoint(
        who=SignedIn,
        takes=TokenQuestion,
        gives=wire.TokensOutput,
        summary="Tokens by agent, user or session",
        refusals=[MANY_ASK],
    )
    def tokens(self, request: SignedInRequest, question: TokenQuestion) -> dict[str, Any]:
        with asking.held(request.user.pk):
            return totals.tokens_seen_by(request.user, question)
