"""The parser that the REST framework and its OpenAPI document know of."""

from typing import Any

from rest_framework.parsers import BaseParser

from sage_platform.api.bodies import read_json


class StrictJSONParser(BaseParser):
    """JSON as the contract takes it; the body is read from the request, so that length and type are judged first."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        return read_json(stream)
