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
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.exceptions import APIException, PermissionDenied

from sage_platform.accounts.forms import AdminSignInForm, ChangePasswordForm, SignInForm
from sage_platform.accounts.models import User
from sage_platform.accounts.services import sign_ins, users
from sage_platform.accounts.sign_in_options import password_login_enabled
from sage_platform.api import handlers, languages
from sage_platform.api.bodies import check_form_body
from sage_platform.api.client import client_key
from sage_platform.api.errors import headers_of
from sage_platform.api.next_target import landing, login_address, safe_next

Page = Callable[[HttpRequest], HttpResponse]
YEAR_SECONDS = 365 * 24 * 3600


def page(*methods: str, signed_in: bool = False) -> Callable[[Page], Page]:
    """Declare a page of ours: never cached, no script, not framed, and each form with Django's token.

    The order of refusals is the contract's: the method, then who asks, then the body, then the token.
    """

    def decorate(view: Page) -> Page:
        with_token = csrf_protect(sensitive_post_parameters()(view))

        def answer(request: HttpRequest) -> HttpResponse:
            if request.method not in methods:
                return handlers.refuse_method(request, ", ".join(methods))
            if (switched := switch_language(request)) is not None:
                return switched
            if signed_in and not request.user.is_authenticated:
                return HttpResponseRedirect(login_address(request.get_full_path()))
            check_form_body(request)
            return with_token(request)

        # The middleware would look for the token before the method is known to be right; `with_token` looks for it instead.
        @csrf_exempt
        @wraps(view)
        def run(request: HttpRequest) -> HttpResponse:
            request.is_page = True  # type: ignore[attr-defined]  # Its errors are pages too, wherever it is mounted.
            try:
                response = answer(request)
            except APIException as error:
                response = handlers.answer(request, error)
            patch_vary_headers(response, ["Cookie"])
            return handlers.with_headers(response, handlers.PAGE_HEADERS)

        return run

    return decorate


def switch_language(request: HttpRequest) -> HttpResponse | None:
    """Follow a link of the language switch: remember the choice, and show the same page at its own address again."""
    chosen = languages.supported_language(request.GET.get("lang", "")) if request.method == "GET" else None
    if chosen is None:
        return None
    rest = request.GET.copy()
    del rest["lang"]
    response = HttpResponseRedirect(f"{request.path}?{rest.urlencode()}" if rest else request.path)
    response.set_cookie(
        languages.COOKIE,
        languages.WIRE_NAMES[chosen],
        max_age=YEAR_SECONDS,
        secure=settings.SECURE_COOKIES,
        httponly=True,
        samesite="Lax",
    )
    return response


@page("GET", "HEAD", "POST")
def login(request: HttpRequest) -> HttpResponse:
    """The login page; with `next`, the way on from there. Who is signed in already goes on at once.

    `local_only=1` asks for the password form alone, which is all that this page has.
    """
    target = request.POST.get("next") or request.GET.get("next") or ""
    if request.method != "POST" and request.user.is_authenticated:
        return HttpResponseRedirect(_way_on(target))
    form = SignInForm(request, request.POST if request.method == "POST" else None)
    user = form.get_user() if form.is_valid() else None
    if user is None:
        context = {"form": form, "next": safe_next(target) if target else "", "mode": settings.SAGE_AUTH_MODE}
        return _form_answer(request, "accounts/login.html", context)
    sign_ins.open_session(request, user)
    return HttpResponseRedirect(_way_on(target))


def _way_on(target: str) -> str:
    return landing(target) if target else f"{settings.SAGE_WEB_BASE_PATH}/"


def _form_answer(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """The form again; 429 with Retry-After where a limit refused it, else 200 with the reasons beside the fields."""
    refusal = context["form"].refusal
    status = refusal.status_code if refusal is not None else 200
    return handlers.with_headers(render(request, template, context, status=status), headers_of(refusal) if refusal else {})


@page("GET", "HEAD", signed_in=True)
def account(request: HttpRequest) -> HttpResponse:
    """Who I am, and what I can do about it."""
    person: Any = request.user
    return render(request, "accounts/account.html", {"person": person, "may_change_password": _may_change_password(person)})


@page("GET", "HEAD", "POST", signed_in=True)
def change_password(request: HttpRequest) -> HttpResponse:
    """The calling session stays; every other one and every token ends."""
    person: Any = request.user
    form = ChangePasswordForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            users.change_password(
                User.objects.get(pk=person.pk),
                old_password=form.cleaned_data["old_password"],
                new_password=form.cleaned_data["new_password"],
                client_key=client_key(request),
                keep={sign_in.pk} if (sign_in := getattr(request, "sign_in", None)) else set(),
            )
        except APIException as error:
            form.refuse(error)
        else:
            messages.success(request, _("Your password is changed. You are signed out everywhere else."))
            return HttpResponseRedirect(f"{settings.SAGE_WEB_BASE_PATH}/")
    context = {"form": form, "person": person, "may_change_password": _may_change_password(person)}
    return _form_answer(request, "accounts/change_password.html", context)


def _may_change_password(person: User) -> bool:
    """Who signs in otherwise has no password, or none that would let them in; the service refuses the change itself."""
    admins_only = settings.SAGE_AUTH_MODE == "trusted_proxy"
    return password_login_enabled() and person.has_usable_password() and (person.is_admin or not admins_only)


@page("POST")
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
        return landing(target) if target != "/" else str(self.get_default_redirect_url())

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
    path(base, account),
    path(f"{base}/", account, name="account"),
    path(f"{base}/password", change_password, name="change_password"),
    path(f"{base}/logout", logout, name="logout"),
]
