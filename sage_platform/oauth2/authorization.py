"""The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2).

It checks the request, has the person sign in and consent where needed, and sends the browser back with a code or an error.
"""

import re
from datetime import datetime
from urllib.parse import parse_qsl, unquote_plus, urlsplit

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from oauth2_provider.http import OAuth2ResponseRedirect
from oauthlib.oauth2.rfc6749 import errors
from oauthlib.oauth2.rfc6749.errors import ConsentRequired, InvalidRequestError, LoginRequired, OAuth2Error

from sage_platform.accounts.forms import SignInForm
from sage_platform.accounts.models import SignIn, User
from sage_platform.accounts.services import sign_ins
from sage_platform.accounts.sign_in_options import may_use_password
from sage_platform.api.errors import headers_of
from sage_platform.api.handlers import with_headers
from sage_platform.api.next_target import login_address
from sage_platform.oauth2 import consents, keys, parameters, scopes
from sage_platform.oauth2.models import Application
from sage_platform.oauth2.redirects import is_native, with_answer
from sage_platform.oauth2.registration import CLIENT_ID
from sage_platform.oauth2.requests import OAuth2Request
from sage_platform.oauth2.server import server
from sage_platform.oauth2.tokens import save_code
from sage_platform.pages.page import page

PROMPTS = frozenset({"none", "login", "consent", "select_account"})
SIGN_IN_PROMPTS = frozenset({"login", "select_account"})
# RFC 7636 §4.2: the SHA-256 of the verifier, in base64url without padding.
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")
# The login page carries the whole address in its own, percent-encoded, so a longer one would not come through the sign-in.
LONGEST_ADDRESS = 4096


class NotSupportedError(OAuth2Error):
    """OpenID Connect Core §3.1.2.6: `request_not_supported` and its kin."""

    def __init__(self, name: str) -> None:
        self.error = f"{name}_not_supported"
        super().__init__(description=f"The parameter {name} is not supported.")


class Asked:
    """An authorization request. `validated` is what the library works on; it holds the client and the redirect address."""

    def __init__(self, request: HttpRequest) -> None:
        self.params, self.wrong = parameters.known(request.GET, parameters.AUTHORIZATION)
        self.prompts = set(self.params.get("prompt", "").split())
        self.validated = OAuth2Request(self.params)
        self.path = request.get_full_path()
        # RFC 9700 §4.12: some browsers repeat a POST after a 302, and would send the client what the person has typed in.
        self.redirect_status = 303 if request.method == "POST" else 302

    def validate(self) -> None:
        """Raises FatalClientError until the redirect address is proven, and after that any other OAuth2Error."""
        if {"client_id", "redirect_uri"} & set(self.wrong):
            raise errors.InvalidRequestFatalError
        refused: OAuth2Error | None = None
        try:
            server().validate(self.validated)
        except errors.FatalClientError:
            raise
        except OAuth2Error as error:
            refused = error
        self._refuse_what_the_library_takes()
        if refused is not None:
            raise refused

    def _refuse_what_the_library_takes(self) -> None:
        parameters.refuse(self.wrong)
        for name in ("request", "request_uri", "registration"):
            if name in self.params:
                raise NotSupportedError(name)
        if self.params.get("response_type", "code") != "code":
            raise errors.UnsupportedResponseTypeError
        challenge, method = self.params.get("code_challenge"), self.params.get("code_challenge_method")
        problems = {
            "The only response mode is query.": self.params.get("response_mode", "query") != "query",
            # RFC 7636 §4.4.1; RFC 9700 §2.1.1. A method left out would mean plain.
            "The code_challenge has to be S256, 43 characters of base64url.": (challenge or method) is not None
            and (method != "S256" or not CHALLENGE.match(challenge or "")),
            "The prompt is none alone, or of login, consent and select_account.": bool(self.prompts - PROMPTS)
            or ("none" in self.prompts and len(self.prompts) > 1),
            "The max_age is a number of seconds.": re.fullmatch("[0-9]{1,10}", self.params.get("max_age", "0")) is None,
            "The request is too long.": len(self.path) > LONGEST_ADDRESS,
        }
        for problem, there in problems.items():
            if there:
                raise InvalidRequestError(description=problem)

    @property
    def return_address(self) -> str:
        """The address that `validate` has proven. Raises MissingRedirectURIError before that."""
        if self.validated.redirect_uri is None:
            raise errors.MissingRedirectURIError
        return self.validated.redirect_uri

    @property
    def is_asked_each_time(self) -> bool:
        """RFC 8252 §8.6: at a loopback address or a scheme of its own nobody knows that a public client is the same program as
        last time, so a remembered consent does not count for it.
        """
        return self.validated.client.is_public and is_native(self.return_address)

    def after_sign_in(self) -> str:
        """The address to come back to: the request without the parameters that ask for a sign-in, since it has then been made."""
        if not self.prompts & SIGN_IN_PROMPTS and "max_age" not in self.params:
            return self.path
        path, _, query = self.path.partition("?")
        # The other parameters are kept as they were written, because encoding them anew could make the address too long.
        kept = [pair for pair in query.split("&") if unquote_plus(pair.partition("=")[0]) not in {"max_age", "prompt"}]
        return f"{path}?{'&'.join([*kept, 'prompt=' + '+'.join(sorted(self.prompts - SIGN_IN_PROMPTS))])}"

    def answer(self, answer: dict[str, str]) -> HttpResponse:
        """Send the browser back to the client, with the `state` that it sent and with our issuer (RFC 9207 §2)."""
        if "state" in self.params:
            answer["state"] = self.params["state"]
        address = with_answer(self.return_address, answer | {"iss": settings.SAGE_OAUTH2_ISSUER})
        # Django's own redirect refuses schemes other than the web's; a native client's registered address may have its own.
        response: HttpResponse = OAuth2ResponseRedirect(address, [urlsplit(address).scheme])
        response.status_code = self.redirect_status
        return response

    def refuse(self, error: OAuth2Error) -> HttpResponse:
        """RFC 6749 §4.1.2.1."""
        described = {"error_description": error.description} if error.description else {}
        return self.answer({"error": error.error, **described})


@page("GET", "HEAD", "POST")
@csrf_exempt  # A client's POST has no token of ours. What our own pages send is checked below, by `csrf_protect`.
def authorize(request: HttpRequest) -> HttpResponse:
    """OpenID Connect Core §3.1.2.1: by GET or POST.

    A client's POST is answered by a redirect to the same request as a GET: the browser leaves the session's cookie out of a POST
    from another site, and sends it with the GET.
    """
    ours = request.method == "POST" and bool({"decision", "password"} & set(request.POST))
    if request.method == "POST" and not ours:
        return _as_get(request)
    asked = Asked(request)
    try:
        asked.validate()
        answer: HttpResponse = (csrf_protect(_proceed) if ours else _proceed)(request, asked)
    except errors.FatalClientError as error:
        return _error_page(request, error)
    except OAuth2Error as error:
        return asked.refuse(error)
    return answer


def _proceed(request: HttpRequest, asked: Asked) -> HttpResponse:
    person = request.user
    if not isinstance(person, User):
        if "none" in asked.prompts:
            raise LoginRequired
        return HttpResponseRedirect(login_address(asked.after_sign_in()))
    decision = request.POST.get("decision") if request.method == "POST" else None
    if decision == "another_account":
        # The same request again, now by nobody, so that the login page comes first.
        sign_ins.sign_out(request)
        return see_other(asked.path)
    if _has_to_sign_in_again(request, asked, person):
        return _sign_in_again(request, asked)
    if decision is None and ("consent" in asked.prompts or not _agreed(person, asked)):
        if "none" in asked.prompts:
            raise ConsentRequired
        return _consent_page(request, asked)
    if decision not in {None, "allow"}:
        raise errors.AccessDeniedError
    if request.method == "HEAD":
        # RFC 9110 §9.2.1 and §9.3.2: HEAD is safe, and may leave out a header whose value comes of doing what GET does.
        return HttpResponse()
    return _answer_with_code(request, asked, person, allowed=decision == "allow")


def _answer_with_code(request: HttpRequest, asked: Asked, person: User, *, allowed: bool) -> HttpResponse:
    """`allowed` says that the person has just allowed it."""
    client = asked.validated.client
    with transaction.atomic():
        if allowed:
            consents.remember(person, client, asked.validated.scopes)
        elif client.skips_consent:
            # A person who was not asked has allowed nothing. So they are asked if the client later loses its right to skip that.
            consents.remember(person, client, [])
        # Else they have allowed it before. Were that remembered anew, it would undo a withdrawal at this moment.
        code = save_code(asked.validated, user=person, auth_time=_auth_time(request))
    return asked.answer({"code": code})


def _agreed(person: User, asked: Asked) -> bool:
    """Whether the person need not be asked."""
    client = asked.validated.client
    return not asked.is_asked_each_time and (client.skips_consent or consents.covers(person, client, asked.validated.scopes))


def _has_to_sign_in_again(request: HttpRequest, asked: Asked, person: User) -> bool:
    """Whether the request wants a newer sign-in than the person has. Raises LoginRequired where they cannot give it here."""
    hint = asked.params.get("id_token_hint")
    if hint is not None and _subject(hint) != person.pk:
        raise LoginRequired
    if not asked.prompts & SIGN_IN_PROMPTS and not _too_old(request, asked, timezone.now()):
        return False
    if "none" in asked.prompts or not _may_sign_in_again(request, person):
        raise LoginRequired
    return True


def _subject(hint: str) -> object:
    """Whose id_token it is (OpenID Connect Core §3.1.2.1), however old. Raises InvalidRequestError if it is none of ours."""
    claims = keys.read(hint)
    if claims is None or claims.get("iss") != settings.SAGE_OAUTH2_ISSUER:
        raise InvalidRequestError(description="The id_token_hint is no id_token of ours.")
    return claims.get("sub")


def _sign_in(request: HttpRequest) -> SignIn | None:
    """None for a person whom the trusted proxy names, because how and when they signed in is not known here."""
    found = getattr(request, "sign_in", None)
    return found if isinstance(found, SignIn) and found.user_id == request.user.pk else None


def _auth_time(request: HttpRequest) -> datetime | None:
    sign_in = _sign_in(request)
    if sign_in is None:
        return None
    return SignIn.objects.filter(pk=sign_in.pk).values_list("created_at", flat=True).first()


def _too_old(request: HttpRequest, asked: Asked, now: datetime) -> bool:
    """Whether the sign-in is older than `max_age` allows. One whose time is not known may be of any age."""
    if "max_age" not in asked.params:
        return False
    signed_in_at = _auth_time(request)
    return signed_in_at is None or (now - signed_in_at).total_seconds() > int(asked.params["max_age"])


def _may_sign_in_again(request: HttpRequest, person: User) -> bool:
    return _sign_in(request) is not None and may_use_password(person)


def _sign_in_again(request: HttpRequest, asked: Asked) -> HttpResponse:
    """The sign-in form, at this address, because the login page sends a person who is signed in on at once."""
    submitted = request.method == "POST" and "password" in request.POST
    form = SignInForm(request, request.POST if submitted else None)
    if form.is_valid():
        return see_other(asked.after_sign_in())
    status = form.refusal.status_code if form.refusal is not None else 200
    context = {"form": form, "next": "", "mode": settings.SAGE_AUTH_MODE, "client": asked.validated.client}
    response = render(request, "accounts/login.html", context, status=status)
    return with_headers(response, headers_of(form.refusal) if form.refusal is not None else {})


def _consent_page(request: HttpRequest, asked: Asked) -> HttpResponse:
    client = asked.validated.client
    parts = urlsplit(asked.return_address)
    context = {
        "client": client,
        "person": request.user,
        "scopes": scopes.texts(asked.validated.scopes),
        "returns_to": parts.hostname if parts.scheme in {"http", "https"} else parts.scheme,
        "on_this_device": parts.scheme not in {"https"},
        "asked_each_time": asked.is_asked_each_time,
        # Whom the trusted proxy names cannot sign out here.
        "may_switch": _sign_in(request) is not None,
    }
    return render(request, "oauth2/consent.html", context)


def client_waiting_at(target: str) -> str | None:
    """The name of the client whose authorization request an address is, for the login page; None for any other address."""
    parts = urlsplit(target)
    if parts.path not in {reverse(f"{instance}:authorize") for instance in ("oauth2_provider", "oauth2_api")}:
        return None
    client_id = dict(parse_qsl(parts.query)).get("client_id", "")
    if not CLIENT_ID.match(client_id):
        return None
    client = Application.objects.filter(client_id=client_id, enabled=True).first()
    return None if client is None else str(client)


def _as_get(request: HttpRequest) -> HttpResponse:
    query = QueryDict(mutable=True)
    for name in parameters.AUTHORIZATION:
        query.setlist(name, [*request.GET.getlist(name), *request.POST.getlist(name)])
    address = f"{request.path}?{query.urlencode()}"
    if len(address) > 2 * LONGEST_ADDRESS:
        return _error_page(request, errors.InvalidRequestFatalError())
    return see_other(address)


def see_other(address: str) -> HttpResponse:
    response = HttpResponseRedirect(address)
    response.status_code = 303
    return response


def _error_page(request: HttpRequest, error: OAuth2Error) -> HttpResponse:
    """RFC 6749 §4.1.2.1: shown to the person, because the address may be one that nobody has registered."""
    if isinstance(error, errors.MissingClientIdError | errors.InvalidClientIdError):
        reason = _("The application that sent you here is not known, or it is switched off.")
    elif isinstance(error, errors.MissingRedirectURIError | errors.InvalidRedirectURIError | errors.MismatchingRedirectURIError):
        reason = _("The application that sent you here wants to send you on to an address that it has not registered.")
    else:
        reason = _("The application that sent you here made a request that we cannot accept.")
    return render(request, "oauth2/error.html", {"reason": reason}, status=400)
