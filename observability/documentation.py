"""What the OpenAPI document says of the metrics, and of the gate in front of Jaeger."""

from observability.gate import GATE
from observability.views import ANY_METHOD
from sage_platform import paths
from sage_platform.api.documentation import WHO
from sage_platform.api.permissions import MetricsReader
from sage_platform.api.seams import RawRoute

REFUSED = {
    "302": "To the login page, for who is signed out.",
    "403": "Who is signed in is no administrator, or another site's page asked; a page for a browser.",
    "503": "Nobody can sign in here with a password, or a dependency is down; a page for a browser.",
}
ENTRIES = {GATE: {}, f"{GATE}/{{path}}": {"path": "Behind Jaeger's own address."}}

ROUTES = [
    RawRoute(
        "get",
        f"/{paths.API}/{paths.METRICS}",
        "The metrics of all workers, for Prometheus",
        "text/plain",
        who=WHO[MetricsReader],
        also={
            "401": "`SAGE_METRICS_TOKEN` is set, and this is not its bearer.",
            "403": "In production without such a token, for whoever does not ask on this machine, or asks through a proxy.",
        },
    ),
    RawRoute(
        "get",
        f"{GATE}/auth",
        "Whether the person may see Jaeger, for the proxy in front of it",
        success=(
            "204",
            "An administrator, as `X-Sage-UserId`, `X-Sage-Username` (percent-encoded UTF-8) and `X-Sage-Role` say.",
        ),
        also={
            "401": "Signed out; `X-Login-Url` says where to send the person.",
            "403": "No administrator, or another site's page asked.",
            "503": "A dependency is down.",
        },
        administrators=True,
    ),
    RawRoute(
        "get",
        f"{GATE}/login",
        "To Jaeger, by the login page where need be",
        query={"next": "Where to go on to; without it, what `X-Original-URI` says, and without that to Jaeger."},
        success=("302", "To `next`; to the login page, for who is signed out."),
        also={status: sentence for status, sentence in REFUSED.items() if status != "302"},
        administrators=True,
    ),
    *[
        RawRoute(
            method,
            path,
            "Jaeger's own address for a path",
            parameters=parameters,
            success=("307", "To the path and the query in Jaeger."),
            also={**REFUSED, "404": "The path has `.` or `..` in it."},
            administrators=True,
        )
        for path, parameters in ENTRIES.items()
        for method in ANY_METHOD
        if method != "head"
    ],
]
