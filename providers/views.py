"""The provider routes: /api/llm-provider/*."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from orjson import Fragment

from providers import probing
from providers import serializers as wire
from providers.fields import COLUMNS, wire_form
from providers.models import Provider
from providers.probing import Capabilities, Capability, ImageResult, JSONResult, ModelEndpoint, ProbeFailed
from providers.services import probes, records
from providers.services.given import Given
from sage_platform.accounts.models import User
from sage_platform.accounts.requests import SignedInRequest
from sage_platform.accounts.services.outbound_calls import outbound_call
from sage_platform.api.documentation import DocumentedRefusal
from sage_platform.api.envelope import as_json, envelope_response
from sage_platform.api.errors import Code, Refusal
from sage_platform.api.fields import Nothing
from sage_platform.api.permissions import SignedIn
from sage_platform.api.prepared import PreparedLookup
from sage_platform.api.viewsets import ApiViewSet, endpoint
from sage_platform.telemetry.operations import Ending

THROTTLED = DocumentedRefusal(429, "Too many checks are running, or you started too many; see `Retry-After`.", status=429)
FAILED = DocumentedRefusal(500, "The endpoint does not work; `message` says why and what to do.")
NOT_FOUND = DocumentedRefusal(500, "Provider not found.")
OF_SYSTEM = DocumentedRefusal(500, "Cannot modify system default provider.")
KEY_NEEDED = DocumentedRefusal(400, "A new address without its key.")

Payload = dict[str, Any]
by_owner = PreparedLookup(
    lambda: Provider.objects.newest_first().values_list(*COLUMNS), by="owner", form=lambda row: as_json(wire_form(row))
)


def image_form(result: ImageResult, *, name: str) -> Payload:
    said = {"response": result.answer, "error": result.error}
    recognized = {"recognized": result.recognized} if result.answer is not None else {}
    return {name: result.capability is Capability.YES} | recognized | _present(said)


def json_form(result: JSONResult) -> Payload:
    said = {"response": result.answer, "parsed": result.parsed, "error": result.error}
    return {"supported": result.capability is Capability.YES} | _present(said)


def capabilities_form(found: Capabilities, target: ModelEndpoint) -> Payload:
    return {
        "connection": {"supported": True, "response": found.connection.answer},
        "supports_multimodal": found.image.capability is Capability.YES,
        "supports_structured_output": found.structured.capability is Capability.YES,
        "multimodal": image_form(found.image, name="supported"),
        "structured_output": json_form(found.structured),
        "model": target.model,
        "base_url": target.base_url,
    }


def _present(members: Payload) -> Payload:
    return {name: value for name, value in members.items() if value is not None}


@contextmanager
def asking(user: User) -> Iterator[Ending]:
    """Hold what one call costs its caller while an endpoint is asked. A probe that fails becomes the route's refusal."""
    try:
        with probes.PROBE.counted() as ending, outbound_call(user):
            yield ending
    except ProbeFailed as failure:
        raise Refusal(Code.FAILED, failure.message) from None


class ProbeViewSet(ApiViewSet):
    """Questions to an endpoint; nothing is stored."""

    tag = "model providers"

    @endpoint(
        who=SignedIn,
        takes=wire.EndpointInput,
        gives=Nothing,
        summary="Does a chat completion get through?",
        refusals=[FAILED, THROTTLED],
    )
    def verify(self, request: SignedInRequest, data: Payload) -> HttpResponse:
        target = records.target_of(Given.of(data))
        with asking(request.user):
            probing.check_connection(target, timeout=probes.timeout())
        return envelope_response(request._request, message=_("Verified"))

    @endpoint(
        who=SignedIn,
        takes=wire.EndpointInput,
        gives=wire.CapabilitiesOutput,
        summary="What can this endpoint do?",
        refusals=[FAILED, THROTTLED],
    )
    def verify_capabilities(self, request: SignedInRequest, data: Payload) -> Payload:
        target = records.target_of(Given.of(data))
        with asking(request.user):
            return capabilities_form(probing.check_capabilities(target, timeout=probes.timeout()), target)

    @endpoint(
        who=SignedIn,
        takes=wire.ChangesInput,
        gives=wire.CapabilitiesOutput,
        summary="What can this stored provider do, with these changes?",
        refusals=[FAILED, NOT_FOUND, KEY_NEEDED, THROTTLED],
    )
    def verify_stored(self, request: SignedInRequest, data: Payload, provider_id: str) -> Payload:
        provider = records.owned_by(request.user, provider_id)
        target = records.edited_target(provider, Given.of(data))
        with asking(request.user):
            return capabilities_form(probes.capabilities_of_stored(provider, target), target)

    @endpoint(
        who=SignedIn,
        takes=wire.EndpointInput,
        gives=wire.ImageOutput,
        summary="Does this model see an image?",
        refusals=[THROTTLED],
    )
    def verify_multimodal(self, request: SignedInRequest, data: Payload) -> Payload:
        target = records.target_of(Given.of(data))
        with asking(request.user) as ending:
            found = probing.check_image(target, timeout=probes.timeout())
            ending.status = found.counts_as or "ok"
            return image_form(found, name="supports_multimodal")

    @endpoint(
        who=SignedIn,
        query=wire.ProviderIdQuery,
        gives=wire.ModelsOutput,
        summary="The models of a stored provider's endpoint",
        refusals=[FAILED, NOT_FOUND, THROTTLED],
    )
    def models_of_stored(self, request: SignedInRequest, data: Payload) -> Payload:
        provider = records.owned_by(request.user, data["provider_id"])
        return self._models(request.user, records.edited_target(provider, Given.of({})))

    @endpoint(
        who=SignedIn,
        takes=wire.ModelsInput,
        gives=wire.ModelsOutput,
        summary="The models of an endpoint",
        refusals=[FAILED, THROTTLED],
    )
    def models(self, request: SignedInRequest, data: Payload) -> Payload:
        return self._models(request.user, records.target_of(Given.of(data)))

    @staticmethod
    def _models(user: User, target: ModelEndpoint) -> Payload:
        with asking(user):
            return {"models": probing.list_models(target, timeout=probes.timeout())}


class ProviderViewSet(ApiViewSet):
    """A user's own providers."""

    tag = "model providers"

    @endpoint(who=SignedIn, gives=wire.ProviderOutput(many=True), summary="My providers, newest first")
    def index(self, request: SignedInRequest) -> list[Fragment]:
        return by_owner(request.user.pk)

    @endpoint(
        who=SignedIn,
        takes=wire.EndpointInput,
        gives=wire.ProviderIdOutput,
        summary="Store a provider that works",
        refusals=[FAILED, DocumentedRefusal(400, "You have too many providers."), THROTTLED],
    )
    def create(self, request: SignedInRequest, data: Payload) -> Payload:
        allowance = partial(outbound_call, request.user)
        return {"provider_id": str(records.create_provider(request.user, Given.of(data), allowance=allowance).pk)}

    @endpoint(
        who=SignedIn,
        takes=wire.ChangesInput,
        gives=Nothing,
        summary="Change a provider",
        refusals=[FAILED, NOT_FOUND, OF_SYSTEM, KEY_NEEDED, THROTTLED],
    )
    def update(self, request: SignedInRequest, data: Payload, provider_id: str) -> Payload:
        provider = records.changeable_by(request.user, provider_id)
        records.update_provider(provider, Given.of(data), allowance=partial(outbound_call, request.user))
        return {}

    @endpoint(
        who=SignedIn,
        gives=Nothing,
        summary="Delete a provider",
        refusals=[DocumentedRefusal(500, "Cannot delete default provider."), NOT_FOUND, OF_SYSTEM],
    )
    def destroy(self, request: SignedInRequest, provider_id: str) -> Payload:
        records.delete_provider(records.changeable_by(request.user, provider_id))
        return {}
