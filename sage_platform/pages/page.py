"""The decorator that makes a function a page of ours."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.exceptions import APIException

from sage_platform.api import handlers, languages
from sage_platform.api.bodies import check_form_body
from sage_platform.api.next_target import login_address
from sage_platform.pages.errors import error_page
from sage_platform.pages.headers import PAGE_HEADERS
from sage_platform.pages.language_switch import switch_language

R = TypeVar("R", bound=HttpRequest)
Page = Callable[[R], HttpResponse]


def page(*methods: str, signed_in: bool = False) -> Callable[[Page[R]], Callable[[HttpRequest], HttpResponse]]:
    """Declare a page: it is never cached, runs no script and cannot be framed, and Django's token is checked for each form.

    Refusals come in the order of docs/api.md#statuses: the method, then who asks, then the body, then the token. With
    `signed_in` a visitor who is logged out is sent to the login page, and the function gets an `accounts.requests.PageRequest`.
    """

    def decorate(view: Page[R]) -> Callable[[HttpRequest], HttpResponse]:
        with_token: Callable[[Any], HttpResponse] = csrf_protect(sensitive_post_parameters()(view))

        def answer(request: HttpRequest) -> HttpResponse:
            if request.method not in methods:
                return handlers.refuse_method(request, ", ".join(methods))
            if (switched := switch_language(request)) is not None:
                return switched
            if signed_in and not request.user.is_authenticated:
                return HttpResponseRedirect(login_address(request.get_full_path()))
            check_form_body(request)
            return with_token(request)

        # Exempt from the middleware, which would check the token before the method. `with_token` checks it after the method.
        @csrf_exempt
        @wraps(view)
        def run(request: HttpRequest) -> HttpResponse:
            language = languages.language_of(request, page=True)
            with translation.override(language):
                try:
                    response = answer(request)
                except APIException as error:
                    response = handlers.answer(request, error)
            response.headers["Content-Language"] = languages.TAGS[language]
            patch_vary_headers(response, ["Cookie"])
            return handlers.with_headers(response, PAGE_HEADERS)

        # So the errors of a page are pages too, even where it is mounted under /api.
        run.error_format = error_page  # type: ignore[attr-defined]
        run.can_be_opened = "GET" in methods  # type: ignore[attr-defined]
        return run

    return decorate
