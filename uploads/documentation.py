"""What the OpenAPI document says of the routes without an envelope."""

from sage_platform import paths
from sage_platform.api.seams import RawRoute

ROUTES = [
    RawRoute(
        "get",
        f"/{paths.FILES}/{{public_id}}/{{filename}}",
        "A file, whole or a part of it; conditional requests are answered",
        "application/octet-stream",
        schema={"description": "The bytes of the file, under the media type that its content has."},
        parameters={
            "public_id": "The file's id, which opens it to whoever has it.",
            "filename": "For people: the id alone finds the file.",
        },
        also={
            "206": "The part that `Range` asked for.",
            "302": "The file is in the object store: fetch it at `Location`, soon.",
            "304": "It is the one that `If-None-Match` names.",
            "400": "The request is not valid.",
            "404": "There is no such file, as a page.",
            "412": "It is not the one that `If-Match` names.",
            "416": "The file has no byte of that range; `Content-Range` says how many it has.",
            "503": "Too many large downloads, or the store is away; see `Retry-After`.",
        },
    )
]
