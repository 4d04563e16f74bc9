"""Callers of the platform in a test: each has a session cookie, or a token, or neither."""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.test import Client

from sage_platform.accounts.models import SESSION_SIGN_IN, SignIn, User
from sage_platform.accounts.services import sign_ins

# What Django's test client answers; the stubs alone have a name for it.
if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

    Response = _MonkeyPatchedWSGIResponse
else:
    Response = HttpResponse

PASSWORD = "correct horse battery"


@dataclass
class Caller:
    """Sends requests through the whole stack, with JSON bodies. `headers` are sent with each."""

    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))
    headers: dict[str, str] = field(default_factory=dict)
    user: Any = None
    sign_in: Any = None

    def get(self, path: str, query: dict[str, Any] | None = None, /, **headers: str) -> Response:
        return self.client.get(path, query or {}, headers=self._headers(headers))

    def post(self, path: str, body: object = None, /, **headers: str) -> Response:
        return self.send("POST", path, body, **headers)

    def form(self, path: str, fields: dict[str, Any], *, follow: bool = False) -> Response:
        """What a browser sends from a form without files."""
        body = urlencode(fields, doseq=True)
        return self.client.post(path, body, content_type="application/x-www-form-urlencoded", follow=follow)

    def send(self, method: str, path: str, body: object = None, /, **headers: str) -> Response:
        """`body` is bytes, which are sent as they are, or any value, which is sent as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        extra = self._headers(headers)
        content_type = extra.pop("Content-Type", "application/json")
        return self.client.generic(method, path, raw, content_type=content_type, headers=extra)

    def _headers(self, given: dict[str, str]) -> dict[str, str]:
        return self.headers | {name.replace("_", "-"): value for name, value in given.items()}


def envelope(response: Response | HttpResponse) -> dict[str, Any]:
    """The envelope of a response, without its timestamp and request id: they differ from call to call and are checked here."""
    body: dict[str, Any] = json.loads(response.content)
    assert set(body) == {"code", "message", "data", "timestamp", "request_id"}, body
    assert isinstance(body.pop("timestamp"), float)
    assert body.pop("request_id") == response.headers["X-Request-ID"]
    assert response.headers["Content-Type"] == "application/json"
    return body


def signed_in(user: User, *, token: bool = False) -> Caller:
    """A caller who has signed in without a password being hashed: by the session cookie, or by a bearer token."""
    sign_in = SignIn.objects.create(
        user=user, method="password", credentials_version=user.credentials_version, client_key="127.0.0.1"
    )
    caller = Caller(user=user, sign_in=sign_in)
    if token:
        caller.headers["Authorization"] = f"Bearer {sign_ins.issue_tokens(sign_in).access_token}"
    else:
        session = caller.client.session
        session[SESSION_SIGN_IN] = str(sign_in.pk)
        session.save()
    return caller
