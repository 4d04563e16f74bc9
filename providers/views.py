"""The provider routes: /api/llm-provider/*."""

from functools import partial
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from providers import probing
from providers import serializers as wire
from providers.fields import COLUMNS, wire_form
from providers.models import Provider
from providers.probing import Capabilities, Capability, ImageResult, JSONResult, ModelEndpoint, ProbeFailed
from providers.services import probes, records
from providers.services.given import Given
from sage_platform.accounts.services.outbound_calls import outbound_call
from sage_platform.api.documentation import DocumentedRefusal
from sage_platform.api.errors import Code, Refusal
from sage_platform.api.fields import Nothing
from sage_platform.api.permissions import SignedIn
from sage_platform.api.prepared import PreparedLookup
from sage_platform.api.viewsets import ApiViewSet, endpoint

THROTTLED = DocumentedRefusal(429, "Too many checks are running, or you started too many; see `Retry-After`.", status=429)
FAILED = DocumentedRefusal(500, "The endpoint does not work; `message` says why and what to do.")
NOT_FOUND = DocumentedRefusal(500, "Provider not found.")
OF_SYSTEM = DocumentedRefusal(500, "Cannot modify system default provider.")
KEY_NEEDED = DocumentedRefusal(400, "A new address without its key.")

by_owner = PreparedLookup(lambda: Provider.objects.newest_first().values_list(*COLUMNS), by="owner")


def image_form(result: ImageResult, *, name: str) -> dict[str, Any]:
    said = {"response": result.answer, "error": result.error}
    recognized = {"recognized": result.recognized} if result.answer is not None else {}
    return {name: result.capability is Capability.YES} | recognized | _present(said)


def json_form(result: JSONResult) -> dict[str, Any]:
    said = {"response": result.answer, "parsed": result.parsed, "error": result.error}
    return {"supported": result.capability is Capability.YES} | _present(said)


def capabilities_form(found: Capabilities, target: ModelEndpoint) -> dict[str, Any]:
    return {
        "connection": {"supported": True, "response": found.connection.answer},
        "supports_multimodal": found.image.capability is Capability.YES,
        "supports_structured_output": found.structured.capability is Capability.YES,
        "multimodal": image_form(found.image, name="supported"),
        "structured_output": json_form(found.structured),
        "model": target.model,
        "base_url": target.base_url,
    }


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def refused(failure: ProbeFailed) -> Refusal:
    return Refusal(Code.FAILED, failure.message)


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
    def verify(self, request: Request, data: dict[str, Any]) -> Any:
        target = records.target_of(Given.of(data))
        user: Any = request.user
        with outbound_call(user):
            try:
                probing.check_connection(target, timeout=probes.timeout())
            except ProbeFailed as failure:
                raise refused(failure) from None
        response = Response(None)
        response.envelope_message = _("Verified")  # type: ignore[attr-defined]
        return response

    @endpoint(
        who=SignedIn,
        takes=wire.EndpointInput,
        gives=wire.CapabilitiesOutput,
        summary="What can this endpoint do?",
        refusals=[FAILED, THROTTLED],
    )
    def verify_capabilities(self, request: Request, data: dict[str, Any]) -> Any:
        target = records.target_of(Given.of(data))
        user: Any = request.user
        with outbound_call(user):
            try:
                return capabilities_form(probing.check_capabilities(target, timeout=probes.timeout()), target)
            except ProbeFailed as failure:
                raise refused(failure) from None

    @endpoint(
        who=SignedIn,
        takes=wire.ChangesInput,
        gives=wire.CapabilitiesOutput,
        summary="What can this stored provider do, with these changes?",
        refusals=[FAILED, NOT_FOUND, KEY_NEEDED, THROTTLED],
    )
    def verify_stored(self, request: Request, data: dict[str, Any], provider_id: str) -> Any:
        user: Any = request.user
        provider = records.owned_by(user, provider_id)
        target = records.edited_target(provider, Given.of(data))
        with outbound_call(user):
            try:
                return capabilities_form(probes.capabilities_of_stored(provider, target), target)
            except ProbeFailed as failure:
                raise refused(failure) from None

    @endpoint(
        who=SignedIn,
        takes=wire.EndpointInput,
        gives=wire.ImageOutput,
        summary="Does this model see an image?",
        refusals=[THROTTLED],
    )
    def verify_multimodal(self, request: Request, data: dict[str, Any]) -> Any:
        target = records.target_of(Given.of(data))
        user: Any = request.user
        with outbound_call(user):
            return image_form(probing.check_image(target, timeout=probes.timeout()), name="supports_multimodal")

    @endpoint(
        who=SignedIn,
        query=wire.ProviderIdQuery,
        gives=wire.ModelsOutput,
        summary="The models of a stored provider's endpoint",
        refusals=[FAILED, NOT_FOUND, THROTTLED],
    )
    def models_of_stored(self, request: Request, data: dict[str, Any]) -> Any:
        user: Any = request.user
        return self._models(user, records.edited_target(records.owned_by(user, data["provider_id"]), Given.of({})))

    @endpoint(
        who=SignedIn,
        takes=wire.ModelsInput,
        gives=wire.ModelsOutput,
        summary="The models of an endpoint",
        refusals=[FAILED, THROTTLED],
    )
    def models(self, request: Request, data: dict[str, Any]) -> Any:
        user: Any = request.user
        return self._models(user, records.target_of(Given.of(data)))

    def _models(self, user: Any, target: ModelEndpoint) -> dict[str, Any]:
        with outbound_call(user):
            try:
                return {"models": probing.list_models(target, timeout=probes.timeout())}
            except ProbeFailed as failure:
                raise refused(failure) from None


class ProviderViewSet(ApiViewSet):
    """A user's own providers."""

    tag = "model providers"

    @endpoint(who=SignedIn, gives=wire.ProviderOutput(many=True), summary="My providers, newest first")
    def index(self, request: Request) -> Any:
        return [wire_form(row) for row in by_owner(request.user.pk)]

    @endpoint(
        who=SignedIn,
        takes=wire.EndpointInput,
        gives=wire.ProviderIdOutput,
        summary="Store a provider that works",
        refusals=[FAILED, DocumentedRefusal(400, "You have too many providers."), THROTTLED],
    )
    def create(self, request: Request, data: dict[str, Any]) -> Any:
        user: Any = request.user
        return {"provider_id": str(records.create_provider(user, Given.of(data), allowance=partial(outbound_call, user)).pk)}

    @endpoint(
        who=SignedIn,
        takes=wire.ChangesInput,
        gives=Nothing,
        summary="Change a provider",
        refusals=[FAILED, NOT_FOUND, OF_SYSTEM, KEY_NEEDED, THROTTLED],
    )
    def update(self, request: Request, data: dict[str, Any], provider_id: str) -> Any:
        user: Any = request.user
        records.update_provider(records.changeable_by(user, provider_id), Given.of(data), allowance=partial(outbound_call, user))
        return {}

    @endpoint(
        who=SignedIn,
        gives=Nothing,
        summary="Delete a provider",
        refusals=[DocumentedRefusal(500, "Cannot delete default provider."), NOT_FOUND, OF_SYSTEM],
    )
    def destroy(self, request: Request, provider_id: str) -> Any:
        user: Any = request.user
        records.delete_provider(records.changeable_by(user, provider_id))
        return {}
