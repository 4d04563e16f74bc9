"""The outermost middleware: gives each request its id, its language, its true scheme and a place at the gate."""

import re
from collections.abc import Callable
from secrets import token_hex
from typing import TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.functional import LazyObject, empty
from rest_framework.exceptions import APIException

from sage_platform import paths
from sage_platform.api.bodies import check_form_body
from sage_platform.api.client import came_by_https, client_key, parse_address
from sage_platform.api.errors import NoPlace
from sage_platform.api.gate import Gate, Places
from sage_platform.api.handlers import answer, tells_of_outage
from sage_platform.api.languages import HEADERS, TAGS, language_of
from sage_platform.api.seams import ThirdParty
from sage_platform.api.waiting import lend_connection
from sage_platform.logs import request_var
from sage_platform.request_body import RequestBody, has_body
from sage_platform.telemetry.requests import Observed, observed

GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{8,64}\Z")
HEALTH = f"/{paths.API}/{paths.HEALTH}"
METRICS = f"/{paths.API}/{paths.METRICS}"
# When a dependency hangs, requests that wait for it take all places. These are what then tells operators which one hangs.
WATCHERS = frozenset({HEALTH, METRICS})
R = TypeVar("R", bound=HttpResponseBase)


class RequestContextMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        # Threads that the gate never gives away.
        spare = max(2, settings.SAGE_THREADS // 24)
        self.gate = Gate(settings.SAGE_THREADS - spare)
        # Places of their own, so that a look of health that takes its time keeps no scrape out; a scrape waits for nobody.
        self.watchers_gates = {HEALTH: Gate(spare // 2), METRICS: Gate(1)}
        # For what goes at its client's pace: bodies, and answers that are sent piece by piece. A sixth of the threads is never
        # given to them, and at least one more than the gate keeps back: so any other request still finds a place at the gate.
        self.bodies = Places(settings.SAGE_THREADS - max(spare + 1, settings.SAGE_THREADS // 6))

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if GIVEN_ID.match(given) else token_hex(16)
        request.request_id = request_id  # type: ignore[attr-defined]
        seen = observed(request.META)
        seen.request_id = request_id
        if came_by_https(request):
            request.META["wsgi.url_scheme"] = "https"
        if is_asked_by_machine(request):
            request.META["HTTP_HOST"] = urlsplit(settings.SAGE_PUBLIC_URL).netloc
        if "HTTP_ORIGIN" not in request.META:
            # A request without an origin is no preflight (Fetch §3.3.2). The CORS middleware would take it for one.
            request.META.pop("HTTP_ACCESS_CONTROL_REQUEST_METHOD", None)
        language = language_of(request)
        marker = request_var.set(seen)
        translation.activate(language)
        try:
            response = self.admit(request)
        finally:
            translation.deactivate()
            request_var.reset(marker)
        tell_who_asks(request, seen)
        response.headers["X-Request-ID"] = request_id
        response.headers.setdefault("Content-Language", TAGS[language])
        patch_vary_headers(response, HEADERS)
        return response

    def admit(self, request: HttpRequest) -> HttpResponseBase:
        """Let the request in while there are places, and keep its place until the server has closed the response.

        A few threads are never given places: they answer `/active` in front of Django, and `WATCHERS` have places of their own.
        A download occupies its thread until its last byte is sent, long after the view has returned.
        """
        gate = self.gate
        if not gate.enter():
            own = self.watchers_gates.get(request.path)
            if own is None or not own.enter():
                return answer(request, NoPlace(cause="every thread is taken"))
            gate = own
        response = in_place(request, self.admit_body, leave=gate.leave)
        if tells_of_outage(response) and request.path not in WATCHERS:
            self.gate.hurry()
        return response

    def admit_body(self, request: HttpRequest) -> HttpResponseBase:
        """Let a request with a body in only while threads are left for those without one.

        A client that stalls in the middle of its body holds a thread for as long as it likes. Enough of them would hold all. And
        while one address holds nearly all of the places, the last ones are for people elsewhere.
        """
        if not has_body(request.META):
            return self.admit_stream(request, self.get_response(request))
        try:
            leave = self.bodies.take(client_key(request), cause="every thread that takes bodies is taken")
        except NoPlace as error:
            return closing(answer(request, error))
        return in_place(request, self._with_body, leave=leave)

    def admit_stream(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The answer; a refusal where it is sent piece by piece, at its client's pace, and there is no place for it."""
        if not response.streaming:
            return response
        try:
            leave = self.bodies.take(client_key(request), cause="every thread that waits for clients is taken")
        except NoPlace as error:
            response.close()
            return answer(request, error)
        when_closed(response, leave)
        return response

    def _with_body(self, request: HttpRequest) -> HttpResponseBase:
        response = self._checked_response(request)
        body = request.META["wsgi.input"]
        if isinstance(body, RequestBody) and not body.has_ended:
            # The client is still sending what nobody has read: `front` drops it once the answer is on its way.
            body.lingers = True
            if body.is_left_more_than(settings.SAGE_MAX_JSON_BYTES):
                closing(response)
        return response

    def _checked_response(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(f"/{paths.ADMIN}/"):
            # Middleware reads the admin's forms, before any view can say what it takes.
            try:
                check_form_body(request)
            except APIException as error:
                return answer(request, error)
        return self.get_response(request)


def tell_who_asks(request: HttpRequest, seen: Observed) -> None:
    """Whom the view has found to be asking, by whatever way. Where nobody wanted to know, it is not found out for the log."""
    user = getattr(request, "user", None)
    if not isinstance(user, LazyObject) or user._wrapped is not empty:
        seen.user_id = seen.user_id or str(getattr(user, "pk", None) or "")
    third_party = getattr(request, "auth", None)
    if isinstance(third_party, ThirdParty):
        seen.client_id = third_party.client_id


def is_asked_by_machine(request: HttpRequest) -> bool:
    """Health, and metrics. A probe knows the machine by an address or a name that nobody is to allow as a Host.

    Where metrics are open to this machine, a name has to be one of ours: a page in a browser here could be at a name that leads
    here too, and would read them as its own (DNS rebinding).
    """
    if request.path not in WATCHERS:
        return False
    return (
        request.path == HEALTH
        or bool(settings.SAGE_METRICS_TOKEN)
        or parse_address(request.META.get("HTTP_HOST", "")) is not None
    )


def closing(response: R) -> R:
    """A response after which the connection is closed, since the rest of the request's body is still to come (RFC 9112 §9.6)."""
    response.headers["Connection"] = "close"
    return response


def in_place(
    request: HttpRequest, get_response: Callable[[HttpRequest], HttpResponseBase], *, leave: Callable[[], None]
) -> HttpResponseBase:
    """The response of somebody who has a place, which they leave as soon as their thread is free.

    That is now, or when the server has closed the response: where it is sent piece by piece, or the rest of the body is dropped.
    """
    try:
        response = get_response(request)
    except BaseException:
        leave()
        raise
    if response.streaming or getattr(request.META["wsgi.input"], "lingers", False):
        # The client may take its time now, and a database connection is everybody's.
        lend_connection()
        when_closed(response, leave)
    else:
        leave()
    return response


def when_closed(response: HttpResponseBase, act: Callable[[], None]) -> None:
    """Call `act` when the server closes the response (PEP 3333). It also does so if the client has left before the end."""
    closers: list[Callable[[], None]] = getattr(response, "_resource_closers")  # noqa: B009  Not in the stubs.
    closers.append(act)
