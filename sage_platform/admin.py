"""The Django admin, with our own doors: its login takes passwords where every other door takes them."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache


class SageAdminConfig(AdminConfig):
    default_site = "sage_platform.admin.SageAdminSite"


class SageAdminSite(AdminSite):
    site_title = _("Sage")
    site_header = _("Sage administration")
    index_title = _("The deployment")
    enable_nav_sidebar = True

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        # Models are imported late here: the site object is made before the apps are ready.
        from sage_platform.accounts.pages import AdminLoginView

        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        context = {
            **self.each_context(request),
            "title": _("Log in"),
            "app_path": request.get_full_path(),
            "username": request.user.get_username(),
            **(extra_context or {}),
        }
        request.current_app = self.name
        return never_cache(AdminLoginView.as_view(extra_context=context))(request)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        from sage_platform.accounts.services import sign_ins

        sign_ins.sign_out(request)
        return HttpResponseRedirect(reverse("admin:login"))
