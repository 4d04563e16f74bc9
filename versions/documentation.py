"""What the OpenAPI document says of `check`, which has no envelope."""

from sage_platform.api.seams import RawRoute, Schema
from versions.front import CHECK as PATH

TEXT: Schema = {"type": "string"}
UPDATE: Schema = {"url": {"type": "string", "format": "uri"}, "signature": TEXT}
RELEASE: Schema = {"version": TEXT, "notes": TEXT, "pub_date": {"type": "string", "format": "date-time"}}


def objects(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": [*properties]}


STATIC = objects({**RELEASE, "platforms": {"type": "object", "additionalProperties": objects(UPDATE)}})
DYNAMIC = objects({**RELEASE, **UPDATE})
CHECK = RawRoute(
    "get",
    PATH,
    "What the updater of the desktop application is offered",
    "application/json",
    {"anyOf": [STATIC, DYNAMIC]},
    also={
        "204": "No release, or none that is newer than `current_version`.",
        "304": "The answer has the ETag that was sent in `If-None-Match`.",
        "422": "Only some of `target`, `arch` and `current_version`, or one that is no version; in the envelope.",
        "503": "The database has been away for too long; in the envelope, with `Retry-After`.",
    },
    query={
        "target": "The system, such as `darwin`; or a platform of the application's own, such as `darwin-universal`.",
        "arch": "The architecture, such as `aarch64`.",
        "current_version": "What the client has. With it the answer is one update, of the newest release that has the platform.",
        "bundle_type": "How the client was installed, such as `deb`; what is not known counts as not given.",
    },
)
