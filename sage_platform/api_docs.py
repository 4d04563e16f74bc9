"""The OpenAPI document and the page to browse it."""

import json
from collections.abc import Iterable
from functools import cache

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from sage_platform import paths
from sage_platform.api.handlers import refuse_method
from sage_platform.api.permissions import Anyone
from sage_platform.api.seams import RawRoute, Schema
from sage_platform.api.viewsets import HotView

SCHEMA_TYPE = "application/vnd.oai.openapi+json"
OPENAPI: Schema = {
    "type": "object",
    "properties": {"openapi": {"type": "string"}, "info": {"type": "object"}, "paths": {"type": "object"}},
    "required": ["openapi", "info", "paths"],
}
ROUTES = [
    RawRoute("get", f"/{paths.API}/schema", "This document", SCHEMA_TYPE, OPENAPI),
    RawRoute("get", f"/{paths.API}/docs", "This document as a page", "text/html"),
]


@cache
def document() -> bytes:
    """The document as JSON, made once for each process, since it depends on nothing but the code."""
    with translation.override("en"):
        schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":")).encode()


class SchemaView(HotView):
    """`/api/schema`: raw, for anyone."""

    schema = None

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(document(), content_type=SCHEMA_TYPE)


class OneRenderer(BaseContentNegotiation):
    """A view's one renderer speaks to everybody: a 406 would help nobody."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        return next(iter(parsers), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


class DocsView(SpectacularSwaggerSplitView):
    """`/api/docs`: the document to browse, its scripts and styles from this server."""

    http_method_names = ["get", "head"]
    template_name = "api_docs.html"
    permission_classes = (Anyone,)
    authentication_classes = ()
    content_negotiation_class = OneRenderer  # The page is HTML whatever the client would rather have.

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if request.method not in {"GET", "HEAD"}:
            return refuse_method(request, "GET, HEAD")
        return super().dispatch(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Response, *args: object, **kwargs: object) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers["Content-Language"] = "en"
        # The page styles elements inline and draws its icons as data addresses.
        response.headers["Content-Security-Policy"] = (
            "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
        )
        return response
