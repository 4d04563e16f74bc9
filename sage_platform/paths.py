"""The first path segments that are the platform's own, and what else of an address two rooms must agree on, each written once.

Routes, the settings and the server's front build their addresses from these names. A web application cannot be put over any of
them: `SAGE_WEB_BASE_PATH` is compared with `OWN`, and a test compares `OWN` with the routes.
"""

ADMIN = "admin"
# Answered in front of Django, for load balancers.
ALIVE = "active"
API = "api"
# Of `uploads`.
FILES = "files"
# The proxy in front leads it to Jaeger, behind the gate of `observability`; the platform itself answers nothing there.
JAEGER = "jaeger"
OAUTH2 = "oauth2"
# A web application puts this before every call of the API. A proxy takes it off, or the front does.
PROXIED = "prod-api"
STATIC = "static"
# RFC 8615 §3
WELL_KNOWN = ".well-known"

# Below API. The middleware keeps places for this route alone (`api.middleware`): with another address there than in `system.urls`
# it would keep them for nobody.
HEALTH = "health"
# Of `observability`; it has places of its own too, and is not counted (`telemetry.requests`).
METRICS = "observability/metrics"

# Below these the platform answers by itself, so that no address there is a page of the web application.
NO_PAGES = (API, OAUTH2, JAEGER, ADMIN, FILES)
OWN = frozenset({ADMIN, ALIVE, API, FILES, JAEGER, OAUTH2, PROXIED, STATIC, WELL_KNOWN})
