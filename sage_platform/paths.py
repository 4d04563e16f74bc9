"""The first segments of the platform's own addresses, each written once."""

API = "api"
OAUTH2 = "oauth2"
ADMIN = "admin"
FILES = "files"
JAEGER = "jaeger"
STATIC = "static"
ALIVE = "active"
PROXIED = "prod-api"
WELL_KNOWN = ".well-known"
OWN = frozenset({API, OAUTH2, ADMIN, FILES, JAEGER, STATIC, ALIVE, PROXIED})
