"""The pages of login, account, change of password and signing out, where no web application is served; and the admin's login."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException

from sage_platform.accounts.forms import AdminSignInForm, ChangePasswordForm, PageForm, SignInForm
from sage_platform.accounts.models import User
from sage_platform.accounts.requests import PageRequest
from sage_platform.accounts.services import sign_ins, users
from sage_platform.accounts.sign_in_options import may_use_password
from sage_platform.api import handlers, seams
from sage_platform.api.client import client_key
from sage_platform.api.errors import headers_of
from sage_platform.api.next_target import landing, safe_next
from sage_platform.pages.page import page


@page("GET", "HEAD", "POST")
def login(request: HttpRequest) -> HttpResponse:
    """The login page. After signing in, or at once if signed in already, the browser is sent to `next`.

    A link may add `local_only=1`, which asks for the password form alone. This page has nothing else, so it need not look.
    """
    target = request.POST.get("next") or request.GET.get("next") or ""
    if request.method != "POST" and request.user.is_authenticated:
        return HttpResponseRedirect(_way_on(target))
    form = SignInForm(request, request.POST if request.method == "POST" else None)
    if not form.is_valid():
        following = safe_next(target) if target else ""
        waiting = next((name for find in seams.waiting_clients.values() if (name := find(following))), None)
        context = {"next": following, "mode": settings.SAGE_AUTH_MODE, "waiting": waiting}
        return _form_answer(request, "accounts/login.html", form, context)
    return HttpResponseRedirect(_way_on(target))


def _way_on(target: str) -> str:
    return landing(target) if target else f"{settings.SAGE_WEB_BASE_PATH}/"


def _form_answer(request: HttpRequest, template: str, form: PageForm, context: dict[str, Any]) -> HttpResponse:
    """The page with the form: 429 with Retry-After if a limit refused it, else 200 with any errors beside the fields."""
    refusal = form.refusal
    status = refusal.status_code if refusal is not None else 200
    response = render(request, template, {"form": form, **context}, status=status)
    return handlers.with_headers(response, headers_of(refusal) if refusal else {})


@page("GET", "HEAD", signed_in=True)
def account(request: PageRequest) -> HttpResponse:
    """The person's data, links to change it, and what each area shows of the person (`seams.account_panels`)."""
    panels = [panel for make in seams.account_panels.values() if (panel := make(request)) is not None]
    context = {"person": request.user, "may_change_password": _may_change_password(request.user), "panels": panels}
    return render(request, "accounts/account.html", context)


@page("GET", "HEAD", "POST", signed_in=True)
def change_password(request: PageRequest) -> HttpResponse:
    """The change ends every token and every session but the one that asks."""
    person = request.user
    form = ChangePasswordForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            users.change_password(
                User.objects.get(pk=person.pk),
                old_password=form.cleaned_data["old_password"],
                new_password=form.cleaned_data["new_password"],
                client_key=client_key(request),
                keep={sign_in.pk} if (sign_in := request.sign_in) else set(),
            )
        except APIException as error:
            form.refuse(error)
        else:
            messages.success(request, _("Your password is changed. You are signed out everywhere else."))
            return HttpResponseRedirect(f"{settings.SAGE_WEB_BASE_PATH}/")
    context = {"person": person, "may_change_password": _may_change_password(person)}
    return _form_answer(request, "accounts/change_password.html", form, context)


def _may_change_password(person: User) -> bool:
    """Whether to show the form. The service checks for itself, and would refuse the change."""
    return may_use_password(person) and person.has_usable_password()


@page("POST")
def logout(request: HttpRequest) -> HttpResponse:
    sign_ins.sign_out(request)
    messages.success(request, _("You are signed out."))
    return HttpResponseRedirect(f"{settings.SAGE_WEB_BASE_PATH}/login")


class AdminLoginView(LoginView):
    """Django's login page for the admin, with the form that asks our sign-in service."""

    authentication_form = AdminSignInForm  # type: ignore[assignment]
    template_name = "admin/login.html"
    next_page = "admin:index"

    def get_redirect_url(self, request: HttpRequest | None = None) -> str:
        """By our rule. Django's takes no address of more than 2048 characters."""
        return safe_next(self.request.POST.get("next") or self.request.GET.get("next") or "/")

    def get_success_url(self) -> str:
        target = self.get_redirect_url()
        return landing(target) if target != "/" else str(self.get_default_redirect_url())

    def form_valid(self, form: Any) -> HttpResponse:
        """Django would sign the browser in once more."""
        return HttpResponseRedirect(self.get_success_url())

    def form_invalid(self, form: Any) -> HttpResponse:
        response = super().form_invalid(form)
        if form.refusal is not None and form.refusal.status_code == 429:
            response.status_code = 429
            handlers.with_headers(response, headers_of(form.refusal))
        return response
