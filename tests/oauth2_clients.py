"""OAuth2 clients, and a person's way through the authorization endpoint."""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from django.utils import timezone

from sage_platform.accounts.models import User
from sage_platform.oauth2.models import Application, Consent
from tests import people
from tests.people import Caller

Response = people.Response
# What a client hears that has a secret and sends none.
NO_SECRET_SENT = {
    "error": "invalid_client",
    "error_description": "This client has a secret, and none was sent: send it by HTTP Basic or in the body.",
}
SECRET = "sage_cs_" + "Zx9-" * 10 + "abc"
CALLBACK = "https://lage.example/callback"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
ISSUER = "https://sage.example/oauth2"


def make_client(client_id: str = "lage", /, **changes: object) -> Application:
    values: dict[str, Any] = {
        "name": client_id.title(),
        "client_id": client_id,
        "client_type": "confidential",
        "client_secret": SECRET,
        "redirect_uris": CALLBACK,
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid profile email",
    }
    made: Application = Application.objects.create(**values | changes)
    return made


def make_public_client(client_id: str = "tool", /, **changes: object) -> Application:
    values = {"client_type": "public", "client_secret": "", "token_endpoint_auth_method": "none"}
    return make_client(client_id, **values | changes)


def basic(client_id: str = "lage", secret: str = SECRET) -> str:
    """RFC 6749 §2.3.1: each half percent-encoded."""
    return "Basic " + base64.b64encode(f"{quote(client_id, safe='')}:{quote(secret, safe='')}".encode()).decode()


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def request_of(client_id: str = "lage", /, **changes: object) -> dict[str, Any]:
    """The parameters of an authorization request; None takes one out."""
    values: dict[str, Any] = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "scope": "openid profile email",
        "state": "a state",
        "nonce": "a nonce",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (values | changes).items() if value is not None}


def allow(user: User, application: Application, scopes: str = "openid profile email") -> Consent:
    made: Consent = Consent.objects.create(user=user, application=application, scopes=scopes, granted_at=timezone.now())
    return made


def answer_in(response: Response) -> dict[str, str]:
    """The parameters with which the browser is sent back."""
    assert response.status_code in {302, 303}, response.content[:300]
    location = urlsplit(response.headers["Location"])
    pairs = parse_qsl(location.query, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def code_for(caller: Caller, **changes: object) -> str:
    """A code for a person who has consented already."""
    return answer_in(caller.get("/oauth2/authorize", request_of(**changes)))["code"]


@dataclass
class Program:
    """A client at the token endpoint and its kin."""

    client_id: str = "lage"
    secret: str = SECRET
    caller: Caller = field(default_factory=Caller)

    def post(self, path: str, fields: dict[str, Any], **headers: str) -> Any:
        if self.secret:
            headers = {"Authorization": basic(self.client_id, self.secret)} | headers
        else:
            fields = {"client_id": self.client_id} | fields
        return self.caller.client.post(
            path,
            "&".join(f"{quote(name)}={quote(str(value), safe='')}" for name, value in fields.items() if value is not None),
            content_type="application/x-www-form-urlencoded",
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    def exchange(self, code: str, **changes: object) -> Any:
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        return self.post("/oauth2/token", fields | changes)

    def refresh(self, token: str, **changes: object) -> Any:
        return self.post("/oauth2/token", {"grant_type": "refresh_token", "refresh_token": token} | changes)

    def userinfo(self, token: str, **headers: str) -> Any:
        return self.caller.get("/oauth2/userinfo", **{"Authorization": f"Bearer {token}"} | headers)

    def revoke(self, token: str, **changes: object) -> Any:
        return self.post("/oauth2/revoke", {"token": token} | changes)

    def introspect(self, token: str, **changes: object) -> Any:
        return self.post("/oauth2/introspect", {"token": token} | changes)
