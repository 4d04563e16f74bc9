"""The Django admin, with our own login, logout and change of password instead of Django's."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import unquote

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from rest_framework.exceptions import APIException, NotFound, PermissionDenied

# The admin loads its own scripts from files. Nothing else may run in it, and no other page may frame it. A picture that people
# uploaded may come from the object store.
IMAGES = f"'self' data: {settings.SAGE_OBJECT_ORIGIN}".strip()
CONTENT_SECURITY_POLICY = f"default-src 'self'; img-src {IMAGES}; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
# Longer than any that the admin's own pages have, and shorter than Django redirects to.
ADDRESS_LENGTH = 8000
View = Callable[..., HttpResponseBase]


class SageAdminConfig(AdminConfig):
    default_site = "sage_platform.admin.SageAdminSite"


class SageAdminSite(AdminSite):
    site_title = _("Sage")
    site_header = _("Sage administration")
    index_title = _("The deployment")
    site_url = f"{settings.SAGE_WEB_BASE_PATH}/"
    enable_nav_sidebar = True

    def admin_view(self, view: View, cacheable: bool = False) -> Any:
        """Adds the language switch and the Content-Security-Policy to every page of the admin."""
        guarded: View = super().admin_view(view, cacheable)

        @wraps(guarded)
        def run(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            # Imported here, and below in the methods: this site is made before the apps, whose models these need, are ready.
            from sage_platform.api import handlers
            from sage_platform.pages.language_switch import switch_language

            response: HttpResponseBase | None
            try:
                if request.method == "POST" and len(request.get_full_path()) > ADDRESS_LENGTH:
                    raise BadRequest  # Django leads back to no address that is too long, but says so after the deed.
                if "\0" in unquote(request.get_full_path()):
                    raise NotFound  # No row has one, and PostgreSQL takes a text with one for an error.
                response = switch_language(request)
                if response is None and request.user.is_authenticated and not self.has_permission(request):
                    # Django would lead to the login page, as if signing in once more could help.
                    text = gettext("The administration is for administrators. You are signed in as %(name)s.")
                    raise PermissionDenied(text % {"name": request.user.get_username()})
                response = response or guarded(request, *args, **kwargs)
            except APIException as error:
                response = handlers.answer(request, error)
            response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)  # The error's page has its own.
            return response

        return run

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The front page, with what each area shows staff there (`seams.admin_panels`)."""
        from sage_platform.api import seams

        panels = [panel for make in seams.admin_panels.values() if (panel := make(request)) is not None]
        return super().index(request, {"panels": panels, **(extra_context or {})})

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response = never_cache(self._login)(request, extra_context)
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response

    def _login(self, request: HttpRequest, extra_context: dict[str, Any] | None) -> HttpResponse:
        from sage_platform.accounts.pages import AdminLoginView
        from sage_platform.accounts.sign_in_options import password_login_enabled
        from sage_platform.api import handlers
        from sage_platform.pages.language_switch import switch_language

        if request.method not in {"GET", "HEAD", "POST"}:
            return handlers.refuse_method(request, "GET, HEAD, POST")
        if (switched := switch_language(request)) is not None:
            return switched
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        context = {
            **self.each_context(request),
            "title": _("Sign in"),
            "subtitle": None,
            "app_path": request.get_full_path(),
            "username": request.user.get_username(),
            "password_login": password_login_enabled(),
            **(extra_context or {}),
        }
        request.current_app = self.name
        view: View = AdminLoginView.as_view(extra_context=context)
        return cast("HttpResponse", view(request))

    def logout(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """By POST alone, with the form's token. Else a link or an image on another site could sign an administrator out."""
        from sage_platform.accounts.services import sign_ins
        from sage_platform.api import handlers

        if request.method != "POST":
            return handlers.refuse_method(request, "POST")
        sign_ins.sign_out(request)
        return HttpResponseRedirect(reverse("admin:login"))

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # type: ignore[override]
        """Lead to our own page. Django's form would take the old password without a limit, and would leave the tokens alive.

        Where a web application is served in the place of our pages, lead to the admin's form for this user.
        """
        if settings.SAGE_WEB_ROOT:
            return HttpResponseRedirect(reverse("admin:auth_user_password_change", args=[request.user.pk]))
        return HttpResponseRedirect(reverse("change_password"))

    def password_change_done(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(str(self.site_url))
