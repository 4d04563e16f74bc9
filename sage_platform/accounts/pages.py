"""Our own pages, where no web application is served: login, account, change password, sign out."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from rest_framework.exceptions import APIException, PermissionDenied

from sage_platform.accounts.forms import AdminSignInForm, ChangePasswordForm, SignInForm
from sage_platform.accounts.models import User
from sage_platform.accounts.services import sign_ins, users
from sage_platform.accounts.sign_in_options import password_login_enabled
from sage_platform.api import handlers
from sage_platform.api.client import client_key
from sage_platform.api.errors import headers_of
from sage_platform.api.next_target import landing, login_address, safe_next

Page = Callable[..., HttpResponse]
# Nothing but our own style sheet and pictures; no script, no frame. `form-action` is left open on purpose: it would also bind
# the redirects that follow a sign-in, and those may lead on to an OAuth2 client's address.
CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"


def page(view: Page) -> Page:
    """A page of ours: never cached, no script, not framed."""

    @never_cache
    @sensitive_post_parameters()
    @wraps(view)
    def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response

    return run


@page
@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    """The login page; with `next`, the way on from there. Who is signed in already goes on at once."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    if request.method != "POST" and request.user.is_authenticated:
        return HttpResponseRedirect(_way_on(target))
    form = SignInForm(request, request.POST or None)
    context = {"form": form, "next": safe_next(target) if target else "", "password_login": password_login_enabled()}
    if request.method != "POST" or not form.is_valid():
        return _form_answer(request, "accounts/login.html", context)
    user = form.get_user()
    if user is None:
        return _form_answer(request, "accounts/login.html", context)
    sign_ins.open_session(request, user)
    return HttpResponseRedirect(_way_on(target))


def _way_on(target: str) -> str:
    return landing(target) if target else f"{settings.SAGE_WEB_BASE_PATH}/"


def _form_answer(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """The form again; 429 with Retry-After where a limit refused it, else 200 with the reasons beside the fields."""
    refusal = getattr(context["form"], "refusal", None)
    status = refusal.status_code if refusal is not None else 200
    return handlers.with_headers(render(request, template, context, status=status), headers_of(refusal) if refusal else {})


def signed_in_only(view: Page) -> Page:
    @wraps(view)
    def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return HttpResponseRedirect(login_address(request.get_full_path()))
        return view(request, *args, **kwargs)

    return run


@page
@signed_in_only
@require_http_methods(["GET", "HEAD"])
def account(request: HttpRequest) -> HttpResponse:
    """Who I am, and what I can do about it."""
    return render(request, "accounts/account.html", {"form": ChangePasswordForm()})


@page
@signed_in_only
@require_http_methods(["GET", "HEAD", "POST"])
def change_password(request: HttpRequest) -> HttpResponse:
    """The calling session stays; every other one and every token ends."""
    form = ChangePasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user: Any = request.user
        try:
            users.change_password(
                User.objects.get(pk=user.pk),
                old_password=form.cleaned_data["old_password"],
                new_password=form.cleaned_data["new_password"],
                client_key=client_key(request),
                keep={request.sign_in.pk},  # type: ignore[attr-defined]
            )
        except APIException as error:
            form.refusal = error  # type: ignore[attr-defined]
            form.add_error(None, str(error.detail))
        else:
            messages.success(request, _("Your password is changed. You are signed out everywhere else."))
            return HttpResponseRedirect(f"{settings.SAGE_WEB_BASE_PATH}/")
    return _form_answer(request, "accounts/change_password.html", {"form": form})


@page
@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    sign_ins.sign_out(request)
    return HttpResponseRedirect(f"{settings.SAGE_WEB_BASE_PATH}/login")


class AdminLoginView(LoginView):
    """The admin's login page before our own sign-in service."""

    authentication_form = AdminSignInForm  # type: ignore[assignment]
    template_name = "admin/login.html"
    next_page = "admin:index"

    def get_success_url(self) -> str:
        target = safe_next(self.get_redirect_url() or "/")
        return target if target != "/" else str(self.get_default_redirect_url())

    def form_valid(self, form: Any) -> HttpResponse:
        sign_ins.open_session(self.request, form.get_user())
        return HttpResponseRedirect(self.get_success_url())

    def form_invalid(self, form: Any) -> HttpResponse:
        response = super().form_invalid(form)
        if form.refusal is not None and form.refusal.status_code == 429:
            response.status_code = 429
            handlers.with_headers(response, headers_of(form.refusal))
        return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that did not come from our own page; says how to go on and nothing of the reason."""
    return handlers.answer(request, PermissionDenied(_("This form has expired. Go back, reload the page and try again.")))


base = settings.SAGE_WEB_BASE_PATH.lstrip("/")
urlpatterns = [
    path(f"{base}/login", login, name="login"),
    path(f"{base}/", account, name="account"),
    path(base, account),
    path(f"{base}/password", change_password, name="change_password"),
    path(f"{base}/logout", logout, name="logout"),
]
