"""The JSON parser of the REST framework's settings, which the OpenAPI document takes its media type from."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from rest_framework.parsers import BaseParser

from sage_platform.api.bodies import JSON


class StrictJSONParser(BaseParser):
    """Strict JSON (docs/api.md#the-envelope). It reads the request and not its stream, to check type and length first."""

    media_type = JSON.media_type

    def parse(
        self, stream: object, media_type: str | None = None, parser_context: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        if not isinstance(stream, HttpRequest):
            raise TypeError("The REST framework hands over the request in the place of its stream.")
        return JSON.read(stream)
