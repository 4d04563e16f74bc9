"""The routes that are measured, and what each must reach. A new one is a row here."""

from dataclasses import dataclass, field
from typing import Any

from tests.benchmarks.bounds import Bound

REFERENCE = "a bare Django view"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Route:
    """`rate` bounds the answers a second as a share of the bare Django view's; `queries` the statements of one warm request.

    `who` is a row of CALLERS in world.py. `data` is a function of inside.py, with its arguments, which puts there what the
    route is asked about.
    """

    name: str
    path: str
    who: str = "nobody"
    rate: Bound | None = None
    queries: Bound | None = None
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    data: tuple[Any, ...] = ()


SMALL = "5" * 32
VERSIONS = "/api/system/version"
QUESTION = f"{VERSIONS}/check?target=linux&arch=arch0&current_version=1.0.0&bundle_type=deb"
# Versions, with so many artifacts each.
RELEASES = ("releases", 50, 5)
SMALL_FILE = f"/files/{SMALL}/file.bin"
ROUTES = (
    Route("GET /active", "/active", rate=Bound(least=5), queries=Bound(most=0)),
    Route("GET /api/system/info", "/api/system/info", rate=Bound(least=0.5)),
    Route("GET /api/health", "/api/health", rate=Bound(least=0.3)),
    Route("GET /api/auth/session, bearer", "/api/auth/session", who="bearer", rate=Bound(least=0.2)),
    Route("GET /api/auth/session, cookie", "/api/auth/session", who="cookie", rate=Bound(least=0.2)),
    Route(
        "GET /api/llm-provider/list, 10 of them",
        "/api/llm-provider/list",
        who="bearer",
        rate=Bound(least=0.15),
        queries=Bound(most=2),
        data=("providers", 10),
    ),
    Route(
        "GET /api/system/version, 50 × 5",
        "/api/system/version",
        who="bearer",
        rate=Bound(least=0.1),
        queries=Bound(most=2),
        data=("releases", 50, 5),
    ),
    Route("GET /oauth2/userinfo", "/oauth2/userinfo", who="third party", rate=Bound(least=0.15), queries=Bound(most=1)),
    Route("GET /files, 2 KB", SMALL_FILE, rate=Bound(least=0.1), queries=Bound(most=1), data=("file", SMALL, 2000)),
    Route(
        "GET /files, 2 KB, 304",
        SMALL_FILE,
        rate=Bound(least=0.1),
        queries=Bound(most=1),
        headers={"If-None-Match": "*"},
        data=("file", SMALL, 2000),
    ),
    Route("GET …/version/check", f"{VERSIONS}/check", rate=Bound(least=4), queries=Bound(most=0), data=RELEASES),
    Route("GET …/version/check, with a query", QUESTION, rate=Bound(least=4), queries=Bound(most=0), data=RELEASES),
    Route("GET …/version/latest", f"{VERSIONS}/latest", rate=Bound(least=0.6), queries=Bound(most=0), data=RELEASES),
    Route(
        "POST /oauth2/token, client_credentials",
        "/oauth2/token",
        who="machine",
        method="POST",
        headers=FORM,
        body="grant_type=client_credentials",
    ),
)
