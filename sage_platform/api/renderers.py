"""The one renderer: whatever a view answers leaves in the envelope."""

from collections.abc import Mapping
from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer

from sage_platform.api.envelope import envelope_bytes
from sage_platform.api.errors import Code


class EnvelopeRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: object, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        context = renderer_context or {}
        response, request = context.get("response"), context.get("request")
        request_id = getattr(request, "request_id", "")
        return envelope_bytes(
            data,
            request_id=request_id,
            code=getattr(response, "envelope_code", Code.SUCCESS),
            message=getattr(response, "envelope_message", "success"),
        )


class OneRenderer(BaseContentNegotiation):
    """A view's one renderer speaks to everybody: a 406 would help nobody, and the envelope is promised on each route."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        return next(iter(parsers), None)

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type
