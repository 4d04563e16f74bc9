"""`well_known_urlpatterns` go to the root; this module under `oauth2/` and, as `oauth2_api`, under `api/oauth2/`."""

from django.urls import path

from sage_platform.oauth2.views import server_metadata

# The toolkit reverses its own names in this namespace, so it is not ours to name.
app_name = "oauth2_provider"

well_known_urlpatterns = [
    path(".well-known/oauth-authorization-server", server_metadata, name="oauth-server-metadata"),
    # RFC 8414 §3.1: where a client looks when the issuer's path is /oauth2.
    path(".well-known/oauth-authorization-server/oauth2", server_metadata, name="oauth-server-metadata-issuer"),
]

urlpatterns = [
    path("metadata", server_metadata, name="metadata"),
    # OpenID Connect Discovery §4 appends to the issuer, where RFC 8414 inserts.
    path(".well-known/openid-configuration", server_metadata, name="oidc-connect-discovery-info"),
]
