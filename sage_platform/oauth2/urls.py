"""`well_known_urlpatterns` are mounted at the root, the rest under `oauth2/` and again, as `oauth2_api`, under `api/oauth2/`."""

from django.urls import path

from sage_platform.oauth2 import views
from sage_platform.oauth2.authorization import authorize
from sage_platform.oauth2.pages import connected

# The toolkit looks its own routes up by this name, so it has to stay.
app_name = "oauth2_provider"

well_known_urlpatterns = [
    path(".well-known/oauth-authorization-server", views.server_metadata, name="oauth-server-metadata"),
    # RFC 8414 §3.1: where a client looks when the issuer's path is /oauth2.
    path(".well-known/oauth-authorization-server/oauth2", views.server_metadata, name="oauth-server-metadata-issuer"),
    path(".well-known/oauth-protected-resource", views.resource_metadata, name="oauth-resource-metadata"),
]

urlpatterns = [
    path("metadata", views.server_metadata, name="metadata"),
    # OpenID Connect Discovery §4 appends to the issuer, where RFC 8414 inserts.
    path(".well-known/openid-configuration", views.server_metadata, name="oidc-connect-discovery-info"),
    path("authorize", authorize, name="authorize"),
    path("token", views.token, name="token"),
    path("userinfo", views.userinfo, name="user-info"),
    path("revoke", views.revoke, name="revoke-token"),
    path("introspect", views.introspect, name="introspect"),
    path("jwks", views.jwks, name="jwks-info"),
    path("consents", connected, name="consents"),
]
