"""The identity routes: /api/auth/* and /api/user/*."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request

from sage_platform.accounts import serializers as wire
from sage_platform.accounts.authentication import bearer_token
from sage_platform.accounts.models import User, UserConfig
from sage_platform.accounts.requests import SignedInRequest
from sage_platform.accounts.services import registration, sign_ins, users
from sage_platform.accounts.sign_in_options import sign_in_providers
from sage_platform.api.client import client_key
from sage_platform.api.documentation import DocumentedRefusal
from sage_platform.api.errors import Code, Refusal
from sage_platform.api.fields import NoInput, Nothing
from sage_platform.api.pagination import PageQuery, page_of
from sage_platform.api.permissions import Administrator, Anyone, AnyoneOfThisSite, SignedIn
from sage_platform.api.viewsets import ApiViewSet, LinkedViewSet, endpoint

THROTTLED = DocumentedRefusal(429, "Too many; see `Retry-After`.", status=429)
CLOSED = DocumentedRefusal(400, "Registration is closed, or not available in this mode.")


class RegistrationViewSet(ApiViewSet):
    tag = "identity"

    @endpoint(
        who=Anyone,
        takes=wire.SendCodeInput,
        gives=wire.SendCodeOutput,
        summary="Mail a registration code",
        refusals=[CLOSED, THROTTLED],
    )
    def send_code(self, request: Request, data: dict[str, Any]) -> Any:
        registration.send_code(data["email"], client_key=client_key(request._request))
        return {"expires_in": registration.CODE_SECONDS, "retry_after": registration.PAUSE_SECONDS}

    @endpoint(
        who=Anyone,
        takes=wire.RegisterInput,
        gives=wire.UserIdOutput,
        summary="Register with a mailed code",
        refusals=[
            CLOSED,
            DocumentedRefusal(400, "The code is wrong or stale; the name or address is taken; the password is weak."),
            THROTTLED,
        ],
    )
    def register(self, request: Request, data: dict[str, Any]) -> Any:
        user = registration.register(
            data["username"],
            password=data["password"],
            email=data["email"],
            phonenum=data["phonenum"],
            code=data["verification_code"],
            client_key=client_key(request._request),
        )
        return {"user_id": user.pk}


class SessionViewSet(ApiViewSet):
    tag = "identity"

    @endpoint(
        who=AnyoneOfThisSite,
        takes=wire.LoginInput,
        gives=wire.TokenPairOutput,
        summary="Sign in with a password",
        refusals=[
            DocumentedRefusal(401, "Invalid username or password."),
            DocumentedRefusal(400, "Password sign-in is not enabled in this mode."),
            DocumentedRefusal(403, "Only administrators may sign in with a password in this mode."),
            THROTTLED,
        ],
    )
    def login(self, request: Request, data: dict[str, Any]) -> Any:
        sign_in = sign_ins.by_password(request._request, data["username_or_email"], data["password"])
        return sign_ins.issue_tokens(sign_in)._asdict()

    @endpoint(who=SignedIn, gives=wire.SessionOutput, summary="Who is signed in")
    def session(self, request: SignedInRequest) -> Any:
        user = request.user
        profile = {
            "userid": user.pk,
            "username": user.username,
            "nickname": user.nickname or user.username,
            "phonenum": user.phonenum,
            "email": user.email,
            "role": user.role,
            "avatar": user.avatar_url,
            "avatar_url": user.avatar_url,
        }
        return {"user": profile, **user.facts, "has_agent": False}

    @endpoint(who=Anyone, gives=wire.SignInProviderOutput(many=True), summary="The ways to sign in")
    def providers(self, request: Request) -> Any:
        return sign_in_providers()

    @endpoint(
        who=Anyone,
        takes=wire.RefreshInput,
        gives=wire.TokenPairOutput,
        summary="Trade a refresh token for a new pair",
        refusals=[DocumentedRefusal(401, "The token is unknown, expired or was used before; the last ends its whole sign-in.")],
    )
    def refresh(self, request: Request, data: dict[str, Any]) -> Any:
        return sign_ins.refresh_tokens(data["refresh_token"])._asdict()

    @endpoint(who=AnyoneOfThisSite, takes=NoInput, gives=Nothing, summary="Sign out")
    def logout(self, request: Request, data: dict[str, Any]) -> Any:
        sign_ins.sign_out(request._request, access_token=bearer_token(request._request) or "")
        return {}


class UpstreamViewSet(LinkedViewSet):
    tag = "identity"

    @endpoint(
        who=Anyone,
        gives=Nothing,
        summary="Sign in at an upstream provider",
        refusals=[DocumentedRefusal(404, "There is no such provider.")],
    )
    def upstream(self, request: Request, provider_id: str = "") -> Any:
        """No provider can be set up yet, so none of these names is one."""
        raise Refusal(Code.NOT_FOUND, _("There is no such sign-in provider."))


class AccountViewSet(ApiViewSet):
    tag = "identity"

    @endpoint(
        who=SignedIn,
        takes=wire.ChangePasswordInput,
        gives=Nothing,
        summary="Change one's own password",
        refusals=[DocumentedRefusal(400, "The current password is wrong, or the new one weak."), THROTTLED],
    )
    def change_password(self, request: SignedInRequest, data: dict[str, Any]) -> Any:
        users.change_password(
            request.user,
            old_password=data["old_password"],
            new_password=data["new_password"],
            client_key=client_key(request._request),
            keep=calling_sign_ins(request),
        )
        return {}

    @endpoint(who=SignedIn, gives=wire.ConfigSchema, summary="What the web application keeps for this user")
    def read_config(self, request: SignedInRequest) -> Any:
        kept = UserConfig.objects.filter(user_id=request.user.pk).first()
        return {"config": kept.config if kept else {}}

    @endpoint(who=SignedIn, takes=wire.ConfigSchema, gives=wire.ConfigSchema, summary="Change some of it")
    def write_config(self, request: SignedInRequest, data: dict[str, Any]) -> Any:
        return {"config": users.merge_config(request.user, data["config"])}


class UserViewSet(ApiViewSet):
    tag = "users"

    @endpoint(
        who=SignedIn,
        gives=wire.OptionOutput(many=True),
        summary="Users to choose from: all for an administrator, else oneself",
    )
    def choices(self, request: SignedInRequest) -> Any:
        seen = User.objects.visible_to(request.user).order_by("username_key").values_list("username", "pk")
        return [{"label": username, "value": pk} for username, pk in seen]

    @endpoint(who=Administrator, query=PageQuery, gives=wire.UserListOutput, summary="Users, newest first")
    def index(self, request: SignedInRequest, query: dict[str, Any]) -> Any:
        items, total = page_of(User.objects.newest_first(), **query)
        return {"items": wire.UserRowOutput(items, many=True).data, "total": total}

    @endpoint(
        who=Administrator,
        takes=wire.AddUserInput,
        gives=wire.UserIdOutput,
        summary="Add a user",
        refusals=[DocumentedRefusal(400, "The name or address is taken, or the password is weak."), THROTTLED],
    )
    def add(self, request: SignedInRequest, data: dict[str, Any]) -> Any:
        return {"user_id": users.create_user(**data, actor=request.user).pk}

    @endpoint(
        who=Administrator,
        takes=wire.DeleteUserInput,
        gives=Nothing,
        summary="Delete a user",
        refusals=[DocumentedRefusal(404, "There is no such user."), DocumentedRefusal(400, "The user is an administrator.")],
    )
    def remove(self, request: SignedInRequest, data: dict[str, Any]) -> Any:
        users.delete_user(data["user_id"], actor=request.user)
        return {}


def calling_sign_ins(request: SignedInRequest) -> set[UUID]:
    """The sign-ins that a call shows: that of its bearer token, and that of its session cookie if it is the same user's."""
    spoken = {request.auth.pk} if request.auth is not None else set()
    cookie = sign_ins.of_session(request._request, at=timezone.now())
    return spoken | ({cookie.pk} if cookie is not None and cookie.user_id == request.user.pk else set())
