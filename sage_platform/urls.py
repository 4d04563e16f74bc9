"""The composition of all routes. Trailing slashes are part of no path but the admin's own."""

from collections.abc import Callable

from django.conf import settings
from django.contrib import admin
from django.http import HttpResponseBase
from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView

import observability.urls
import providers.urls
import system.urls
import uploads.urls
import versions.urls
from sage_platform import paths, web_app
from sage_platform.accounts import urls as accounts_urls
from sage_platform.api_docs import DocsView, SchemaView
from sage_platform.oauth2.urls import well_known_urlpatterns

handler400 = "sage_platform.api.handlers.bad_request"
handler403 = "sage_platform.api.handlers.forbidden"
handler404 = "sage_platform.api.handlers.not_found"
handler500 = "sage_platform.api.handlers.server_error"

AREAS = [system.urls, providers.urls, versions.urls, uploads.urls, observability.urls]


def redirect(address: str) -> Callable[..., HttpResponseBase]:
    """To another address, for GET and HEAD. Any other method is a 405: without the exemption a POST would be a 403 for want of
    Django's token, as if it were allowed with one.
    """
    return csrf_exempt(RedirectView.as_view(url=address, http_method_names=["get", "head"]))


urlpatterns: list[URLPattern | URLResolver] = [
    path("", redirect(f"{settings.SAGE_WEB_BASE_PATH}/")),
    path(f"{paths.API}/auth/", include(accounts_urls.AUTH)),
    path(f"{paths.API}/user/", include(accounts_urls.USER)),
    *[path(f"{paths.API}/", include(area.urlpatterns)) for area in AREAS],
    path(f"{paths.API}/schema", SchemaView.as_view(), name="schema"),
    path(f"{paths.API}/docs", DocsView.as_view(url_name="schema"), name="docs"),
    path(f"{paths.API}/{paths.OAUTH2}/", include("sage_platform.oauth2.urls", namespace="oauth2_api")),
    path(f"{paths.OAUTH2}/", include("sage_platform.oauth2.urls")),
    *well_known_urlpatterns,
    *uploads.urls.root_urlpatterns,
    path(paths.ADMIN, redirect(f"/{paths.ADMIN}/")),
    path(f"{paths.ADMIN}/", admin.site.urls),
    *(web_app.urlpatterns() if settings.SAGE_WEB_ROOT else [*accounts_urls.PAGES, *system.urls.PAGES]),
]
