"""The identity routes and our pages. The older names of a route lead to the same view, so that both always behave alike."""

from django.conf import settings
from django.urls import URLPattern, path

from sage_platform.accounts import pages
from sage_platform.accounts.views import AccountViewSet, RegistrationViewSet, SessionViewSet, UpstreamViewSet, UserViewSet

REGISTRATION: list[URLPattern] = [
    path("register/send-code", RegistrationViewSet.as_view({"post": "send_code"})),
    path("register", RegistrationViewSet.as_view({"post": "register"})),
]
LOGIN = SessionViewSet.as_view({"post": "login"})
LOGOUT = SessionViewSet.as_view({"post": "logout"})
SESSION = SessionViewSet.as_view({"get": "session"})
REFRESH = SessionViewSet.as_view({"post": "refresh"})
PROVIDERS = SessionViewSet.as_view({"get": "providers"})
UPSTREAM = UpstreamViewSet.as_view({"get": "upstream"})

AUTH: list[URLPattern] = [
    *REGISTRATION,
    path("login", LOGIN),
    path("logout", LOGOUT),
    path("session", SESSION),
    path("refresh", REFRESH),
    path("providers", PROVIDERS),
    path("upstream/login", UPSTREAM),
    path("upstream/login/<str:provider_id>", UPSTREAM),
    path("upstream/callback/<str:provider_id>", UPSTREAM),
]

USER: list[URLPattern] = [
    *REGISTRATION,
    path("login", LOGIN),
    path("logout", LOGOUT),
    path("check_login", SESSION),
    path("refresh-token", REFRESH),
    path("auth-providers", PROVIDERS),
    path("oauth/login", UPSTREAM),
    path("oauth/login/<str:provider_id>", UPSTREAM),
    path("oauth/callback/<str:provider_id>", UPSTREAM),
    path("options", UserViewSet.as_view({"get": "choices"})),
    path("list", UserViewSet.as_view({"get": "index"})),
    path("add", UserViewSet.as_view({"post": "add"})),
    path("delete", UserViewSet.as_view({"post": "remove"})),
    path("change-password", AccountViewSet.as_view({"post": "change_password"})),
    path("config", AccountViewSet.as_view({"get": "read_config", "post": "write_config"})),
]

base = settings.SAGE_WEB_BASE_PATH.lstrip("/")
PAGES: list[URLPattern] = [
    path(f"{base}/login", pages.login, name="login"),
    path(base, pages.account),
    path(f"{base}/", pages.account, name="account"),
    path(f"{base}/password", pages.change_password, name="change_password"),
    path(f"{base}/logout", pages.logout, name="logout"),
]
