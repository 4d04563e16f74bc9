"""The kept table of all routes: what docs/api.md promises to clients, row by row.

`logged_out`, `user` and `admin` are the HTTP statuses of a call with an empty JSON object (or, on a page, an empty form without
its token). A 422, a 404 of an unknown provider or a form's 403 come after the question who may call; so they mean "may".
"""

from typing import Literal, NamedTuple

# "AnyoneOfThisSite": anyone, but no other site's page in the name of its visitor.
Who = Literal[
    "Anyone",
    "AnyoneOfThisSite",
    "SignedIn",
    "SignedInOrProgram",
    "SignedInOrTrustedProgram",
    "Administrator",
    "AdministratorOrProgram",
    "MetricsReader",
]
# "led": raw where it succeeds or redirects, enveloped where it refuses a program.
Answer = Literal["enveloped", "raw", "led", "page"]


class Row(NamedTuple):
    method: str
    path: str
    view: str
    who: Who
    answer: Answer
    logged_out: int
    user: int
    admin: int
    # That opens it to the token of a third party.
    scope: str = "first-party"


IDENTITY = "sage_platform.accounts.views"
PAGES = "sage_platform.accounts.pages"
SYSTEM = "system.views"
USAGE = "system.usage.views.UsageViewSet"
PROBES = "providers.views.ProbeViewSet"
PROVIDERS = "providers.views.ProviderViewSet"
GATE = "observability.views"
RELEASES = "versions.views.ReleaseViewSet"
OAUTH2 = "sage_platform.oauth2"
METADATA = f"{OAUTH2}.views.server_metadata"
REDIRECT = "django.views.generic.base.RedirectView"

ROUTES = [
    # Registration, and the older names of it.
    Row(
        "POST", "/api/auth/register/send-code", f"{IDENTITY}.RegistrationViewSet.send_code", "Anyone", "enveloped", 422, 422, 422
    ),
    Row(
        "POST", "/api/user/register/send-code", f"{IDENTITY}.RegistrationViewSet.send_code", "Anyone", "enveloped", 422, 422, 422
    ),
    Row("POST", "/api/auth/register", f"{IDENTITY}.RegistrationViewSet.register", "Anyone", "enveloped", 422, 422, 422),
    Row("POST", "/api/user/register", f"{IDENTITY}.RegistrationViewSet.register", "Anyone", "enveloped", 422, 422, 422),
    # Signing in and out.
    Row("POST", "/api/auth/login", f"{IDENTITY}.SessionViewSet.login", "AnyoneOfThisSite", "enveloped", 422, 422, 422),
    Row("POST", "/api/user/login", f"{IDENTITY}.SessionViewSet.login", "AnyoneOfThisSite", "enveloped", 422, 422, 422),
    Row("GET", "/api/auth/session", f"{IDENTITY}.SessionViewSet.session", "SignedIn", "enveloped", 401, 200, 200),
    Row("GET", "/api/user/check_login", f"{IDENTITY}.SessionViewSet.session", "SignedIn", "enveloped", 401, 200, 200),
    Row("POST", "/api/auth/refresh", f"{IDENTITY}.SessionViewSet.refresh", "Anyone", "enveloped", 422, 422, 422),
    Row("POST", "/api/user/refresh-token", f"{IDENTITY}.SessionViewSet.refresh", "Anyone", "enveloped", 422, 422, 422),
    Row("POST", "/api/auth/logout", f"{IDENTITY}.SessionViewSet.logout", "AnyoneOfThisSite", "enveloped", 200, 200, 200),
    Row("POST", "/api/user/logout", f"{IDENTITY}.SessionViewSet.logout", "AnyoneOfThisSite", "enveloped", 200, 200, 200),
    Row("GET", "/api/auth/providers", f"{IDENTITY}.SessionViewSet.providers", "Anyone", "enveloped", 200, 200, 200),
    Row("GET", "/api/user/auth-providers", f"{IDENTITY}.SessionViewSet.providers", "Anyone", "enveloped", 200, 200, 200),
    # Sign-in at an upstream: no provider is set up, so they answer code 404.
    Row("GET", "/api/auth/upstream/login", f"{IDENTITY}.UpstreamViewSet.upstream", "Anyone", "enveloped", 200, 200, 200),
    Row("GET", "/api/user/oauth/login", f"{IDENTITY}.UpstreamViewSet.upstream", "Anyone", "enveloped", 200, 200, 200),
    Row(
        "GET",
        "/api/auth/upstream/login/<str:provider_id>",
        f"{IDENTITY}.UpstreamViewSet.upstream",
        "Anyone",
        "enveloped",
        200,
        200,
        200,
    ),
    Row(
        "GET",
        "/api/user/oauth/login/<str:provider_id>",
        f"{IDENTITY}.UpstreamViewSet.upstream",
        "Anyone",
        "enveloped",
        200,
        200,
        200,
    ),
    Row(
        "GET",
        "/api/auth/upstream/callback/<str:provider_id>",
        f"{IDENTITY}.UpstreamViewSet.upstream",
        "Anyone",
        "enveloped",
        200,
        200,
        200,
    ),
    Row(
        "GET",
        "/api/user/oauth/callback/<str:provider_id>",
        f"{IDENTITY}.UpstreamViewSet.upstream",
        "Anyone",
        "enveloped",
        200,
        200,
        200,
    ),
    # One's own account.
    Row(
        "POST", "/api/user/change-password", f"{IDENTITY}.AccountViewSet.change_password", "SignedIn", "enveloped", 401, 422, 422
    ),
    Row("GET", "/api/user/config", f"{IDENTITY}.AccountViewSet.read_config", "SignedIn", "enveloped", 401, 200, 200),
    Row("POST", "/api/user/config", f"{IDENTITY}.AccountViewSet.write_config", "SignedIn", "enveloped", 401, 422, 422),
    # Users.
    Row("GET", "/api/user/options", f"{IDENTITY}.UserViewSet.choices", "SignedIn", "enveloped", 401, 200, 200),
    Row("GET", "/api/user/list", f"{IDENTITY}.UserViewSet.index", "Administrator", "enveloped", 401, 403, 200),
    Row("POST", "/api/user/add", f"{IDENTITY}.UserViewSet.add", "Administrator", "enveloped", 401, 403, 422),
    Row("POST", "/api/user/delete", f"{IDENTITY}.UserViewSet.remove", "Administrator", "enveloped", 401, 403, 422),
    # The system.
    Row("GET", "/api/system/info", f"{SYSTEM}.InfoView", "Anyone", "enveloped", 200, 200, 200),
    Row(
        "POST",
        "/api/system/update_settings",
        f"{SYSTEM}.SettingsViewSet.update_settings",
        "Administrator",
        "enveloped",
        401,
        403,
        422,
    ),
    Row("GET", "/api/health", f"{SYSTEM}.HealthView", "Anyone", "enveloped", 200, 200, 200),
    # Usage.
    Row(
        "POST",
        "/api/system/agent/usage",
        f"{USAGE}.report",
        "SignedInOrProgram",
        "enveloped",
        401,
        422,
        422,
        scope="usage:write",
    ),
    Row("POST", "/api/system/agent/usage-stats", f"{USAGE}.mine", "SignedIn", "enveloped", 401, 422, 422),
    Row("POST", "/api/token-usage/stats", f"{USAGE}.tokens", "SignedIn", "enveloped", 401, 422, 422),
    # Model providers. What is asked about no provider of one's own is a refusal with HTTP 200.
    Row("POST", "/api/llm-provider/verify", f"{PROBES}.verify", "SignedIn", "enveloped", 401, 422, 422),
    Row("POST", "/api/llm-provider/verify-capabilities", f"{PROBES}.verify_capabilities", "SignedIn", "enveloped", 401, 422, 422),
    Row(
        "POST",
        "/api/llm-provider/verify-capabilities/<str:provider_id>",
        f"{PROBES}.verify_stored",
        "SignedIn",
        "enveloped",
        401,
        200,
        200,
    ),
    Row("POST", "/api/llm-provider/verify-multimodal", f"{PROBES}.verify_multimodal", "SignedIn", "enveloped", 401, 422, 422),
    Row("GET", "/api/llm-provider/models", f"{PROBES}.models_of_stored", "SignedIn", "enveloped", 401, 422, 422),
    Row("POST", "/api/llm-provider/models", f"{PROBES}.models", "SignedIn", "enveloped", 401, 422, 422),
    Row("GET", "/api/llm-provider/list", f"{PROVIDERS}.index", "SignedIn", "enveloped", 401, 200, 200),
    Row("POST", "/api/llm-provider/create", f"{PROVIDERS}.create", "SignedIn", "enveloped", 401, 422, 422),
    Row("PUT", "/api/llm-provider/update/<str:provider_id>", f"{PROVIDERS}.update", "SignedIn", "enveloped", 401, 200, 200),
    Row("DELETE", "/api/llm-provider/delete/<str:provider_id>", f"{PROVIDERS}.destroy", "SignedIn", "enveloped", 401, 200, 200),
    # Releases.
    Row("GET", "/api/system/version", f"{RELEASES}.index", "SignedIn", "enveloped", 401, 200, 200),
    Row(
        "POST",
        "/api/system/version",
        f"{RELEASES}.publish",
        "AdministratorOrProgram",
        "enveloped",
        401,
        403,
        422,
        scope="release:write",
    ),
    # Without a release there is nothing to offer.
    Row("GET", "/api/system/version/check", "versions.views.CheckView", "Anyone", "raw", 204, 204, 204),
    Row("GET", "/api/system/version/latest", "versions.views.LatestView", "Anyone", "enveloped", 200, 200, 200),
    # No repository is set, which is a business refusal.
    Row("POST", "/api/system/version/import_github", f"{RELEASES}.import_github", "Administrator", "enveloped", 401, 403, 200),
    Row("DELETE", "/api/system/version/<str:version>", f"{RELEASES}.destroy", "Administrator", "enveloped", 401, 403, 200),
    # The API's own description.
    Row("GET", "/api/schema", "sage_platform.api_docs.SchemaView", "Anyone", "raw", 200, 200, 200),
    Row("GET", "/api/docs", "sage_platform.api_docs.DocsView", "Anyone", "raw", 200, 200, 200),
    # OAuth2 metadata, one document at all of its addresses.
    Row("GET", "/.well-known/oauth-authorization-server", METADATA, "Anyone", "raw", 200, 200, 200),
    Row("GET", "/.well-known/oauth-authorization-server/oauth2", METADATA, "Anyone", "raw", 200, 200, 200),
    Row("GET", "/oauth2/metadata", METADATA, "Anyone", "raw", 200, 200, 200),
    Row("GET", "/oauth2/.well-known/openid-configuration", METADATA, "Anyone", "raw", 200, 200, 200),
    Row("GET", "/api/oauth2/metadata", METADATA, "Anyone", "raw", 200, 200, 200),
    Row("GET", "/api/oauth2/.well-known/openid-configuration", METADATA, "Anyone", "raw", 200, 200, 200),
    Row("GET", "/.well-known/oauth-protected-resource", f"{OAUTH2}.views.resource_metadata", "Anyone", "raw", 200, 200, 200),
    # OAuth2: by a bearer token, by a client's credentials, or by a person's browser; what is asked without any is refused.
    Row("GET", "/oauth2/jwks", f"{OAUTH2}.views.jwks", "Anyone", "raw", 200, 200, 200),
    Row("GET", "/oauth2/userinfo", f"{OAUTH2}.views.userinfo", "Anyone", "raw", 401, 401, 401),
    Row("POST", "/oauth2/userinfo", f"{OAUTH2}.views.userinfo", "Anyone", "raw", 401, 401, 401),
    Row("POST", "/oauth2/token", f"{OAUTH2}.views.token", "Anyone", "raw", 415, 415, 415),
    Row("POST", "/oauth2/revoke", f"{OAUTH2}.views.revoke", "Anyone", "raw", 415, 415, 415),
    Row("POST", "/oauth2/introspect", f"{OAUTH2}.views.introspect", "Anyone", "raw", 415, 415, 415),
    Row("GET", "/oauth2/authorize", f"{OAUTH2}.authorization.authorize", "Anyone", "page", 400, 400, 400),
    Row("POST", "/oauth2/authorize", f"{OAUTH2}.authorization.authorize", "Anyone", "page", 303, 303, 303),
    Row("GET", "/oauth2/consents", f"{OAUTH2}.pages.connected", "SignedIn", "page", 302, 200, 200),
    Row("POST", "/oauth2/consents", f"{OAUTH2}.pages.connected", "SignedIn", "page", 302, 403, 403),
    Row("GET", "/api/oauth2/jwks", f"{OAUTH2}.views.jwks", "Anyone", "raw", 200, 200, 200),
    Row("GET", "/api/oauth2/userinfo", f"{OAUTH2}.views.userinfo", "Anyone", "raw", 401, 401, 401),
    Row("POST", "/api/oauth2/userinfo", f"{OAUTH2}.views.userinfo", "Anyone", "raw", 401, 401, 401),
    Row("POST", "/api/oauth2/token", f"{OAUTH2}.views.token", "Anyone", "raw", 415, 415, 415),
    Row("POST", "/api/oauth2/revoke", f"{OAUTH2}.views.revoke", "Anyone", "raw", 415, 415, 415),
    Row("POST", "/api/oauth2/introspect", f"{OAUTH2}.views.introspect", "Anyone", "raw", 415, 415, 415),
    Row("GET", "/api/oauth2/authorize", f"{OAUTH2}.authorization.authorize", "Anyone", "page", 400, 400, 400),
    Row("POST", "/api/oauth2/authorize", f"{OAUTH2}.authorization.authorize", "Anyone", "page", 303, 303, 303),
    Row("GET", "/api/oauth2/consents", f"{OAUTH2}.pages.connected", "SignedIn", "page", 302, 200, 200),
    Row("POST", "/api/oauth2/consents", f"{OAUTH2}.pages.connected", "SignedIn", "page", 302, 403, 403),
    # Uploads.
    Row(
        "POST",
        "/api/oss/upload",
        "uploads.views.UploadViewSet.upload",
        "SignedInOrTrustedProgram",
        "enveloped",
        401,
        415,
        415,
        scope="release:write",
    ),
    Row("POST", "/api/oss/import_url", "uploads.views.UploadViewSet.import_url", "SignedIn", "enveloped", 401, 422, 422),
    Row("GET", "/files", "uploads.pages.files", "SignedIn", "page", 302, 200, 200),
    Row("POST", "/files", "uploads.pages.files", "SignedIn", "page", 302, 403, 403),
    Row("GET", "/files/<str:public_id>/<str:filename>", "uploads.serving.file", "Anyone", "raw", 404, 404, 404),
    Row("GET", "/api/observability/metrics", f"{GATE}.MetricsViewSet.metrics", "MetricsReader", "led", 200, 200, 200),
    # The gate in front of Jaeger.
    Row("GET", "/api/observability/jaeger/auth", f"{GATE}.JaegerAuthViewSet.auth", "Administrator", "led", 401, 403, 204),
    Row("GET", "/api/observability/jaeger/login", f"{GATE}.JaegerLoginViewSet.login", "Administrator", "led", 302, 403, 302),
    *[
        Row(method, f"/api/observability/jaeger{path}", f"{GATE}.JaegerViewSet.enter", "Administrator", "led", 302, 403, 307)
        for path in ("", "/<rest:path>")
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
    ],
    # Pages.
    Row("GET", "/", REDIRECT, "Anyone", "page", 302, 302, 302),
    Row("GET", "/admin", REDIRECT, "Anyone", "page", 302, 302, 302),
    Row("GET", "/sage/login", f"{PAGES}.login", "Anyone", "page", 200, 302, 302),
    Row("POST", "/sage/login", f"{PAGES}.login", "Anyone", "page", 403, 403, 403),
    Row("GET", "/sage/", f"{PAGES}.account", "SignedIn", "page", 302, 200, 200),
    Row("GET", "/sage", f"{PAGES}.account", "SignedIn", "page", 302, 200, 200),
    Row("GET", "/sage/password", f"{PAGES}.change_password", "SignedIn", "page", 302, 200, 200),
    Row("POST", "/sage/password", f"{PAGES}.change_password", "SignedIn", "page", 302, 403, 403),
    Row("GET", "/sage/usage", "system.usage.pages.mine", "SignedIn", "page", 302, 200, 200),
    Row("POST", "/sage/logout", f"{PAGES}.logout", "Anyone", "page", 403, 403, 403),
]

# Where an invented method is answered too.
ANY_METHOD = {row.path for row in ROUTES if row.method == "TRACE"}

# Where another urlconf takes over: the Django admin answers for itself, to administrators alone.
SUBTREES = {"/admin/"}
