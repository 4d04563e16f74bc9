"""The data that routes and scenarios are asked about, put straight into the database."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db.models import Model
from django.utils import timezone

from sage_platform.accounts import models as accounts
from sage_platform.accounts.models import Session, SignIn, User
from sage_platform.accounts.services import sign_ins
from sage_platform.oauth2 import models as oauth2
from sage_platform.oauth2 import tokens
from tests.oauth2_clients import CALLBACK, VERIFIER, allow, basic, make_client, request_of
from tests.provider_rows import make_provider
from tests.uploads.kept import kept
from tests.versions.rows import MAC, make_release

SCOPE = "openid profile email"


def people(number: int, password: str) -> dict[str, str]:
    """So many users who may sign in by this password; by name an access token of each."""
    hashed, found = make_password(password), {}
    for name in [f"person{place}" for place in range(number)]:
        user = User.objects.create(id=name, username=name, email=f"{name}@sage.example", password=hashed)
        sign_in = SignIn.objects.create(
            user=user, method="password", credentials_version=user.credentials_version, client_key="127.0.0.1"
        )
        found[name] = sign_ins.issue_tokens(sign_in).access_token
    return found


def administrator() -> User:
    user: User = User.objects.administrators().get()
    return user


def providers(number: int) -> None:
    """So many of the administrator's."""
    for place in range(number):
        make_provider(administrator(), "https://models.example/v1", name=f"Provider {place}", model=f"model-{place}")


def file(public_id: str, size: int) -> dict[str, str]:
    """A file of so many bytes under this id: the path of its address, and where it is on the disk."""
    row = kept(b"0123456789abcdef" * (size // 16), "file.bin", "application/octet-stream", public_id=public_id)
    return {"path": row.path, "on_disk": str(settings.SAGE_MEDIA_ROOT / row.key)}


def releases(number: int, artifacts: int) -> None:
    """So many published releases, with so many artifacts each and two kilobytes of notes."""
    for place in range(number):
        platforms = [f"linux-arch{artifact}" for artifact in range(artifacts)]
        make_release(f"1.{place}.0", *[MAC | {"platform": one} for one in platforms], release_notes="What is new. " * 150)


def oauth2_flow() -> dict[str, Any]:
    """Two clients, a consent of the administrator's, and what the calls of both clients need; `userinfo` is an access token."""
    user, lage = administrator(), make_client()
    make_client("machine", grant_types=["client_credentials"], scope="usage:write", redirect_uris="")
    allow(user, lage, SCOPE)
    token = tokens.new(tokens.ACCESS_PREFIX)
    family = tokens.Approval(lage, user, user.credentials_version, uuid.uuid4())
    tokens.save_access_token(token, family, scope=SCOPE)
    return {
        "userinfo": token,
        "client": basic(),
        "machine": basic("machine"),
        "authorize": f"/oauth2/authorize?{urlencode(request_of())}",
        "exchange": {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER},
    }


def reporters(number: int) -> list[str]:
    """So many clients that report usage for anybody; how each of them shows who it is."""
    for place in range(number):
        make_client(f"reporter{place}", grant_types=["client_credentials"], scope="usage:write", redirect_uris="")
    return [basic(f"reporter{place}") for place in range(number)]


def dead_rows(number: int) -> None:
    """So many expired rows in all, as many of each kind."""
    user = administrator()
    client = oauth2.Application.objects.filter(client_id="lage").first() or make_client()
    sign_in = SignIn.objects.create(
        user=user, method="password", credentials_version=user.credentials_version, client_key="127.0.0.1"
    )
    at = timezone.now() - timedelta(days=1)
    own: dict[str, Any] = {"user": user, "application": client, "expires": at, "scope": SCOPE}
    token: dict[str, Any] = own | {"credentials_version": 1, "token": ""}
    makers: list[Callable[[str], Model]] = [
        lambda name: Session(session_key=name, session_data="x" * 120, expire_date=at),
        lambda name: accounts.AccessToken(digest=name, sign_in=sign_in, expires_at=at),
        lambda name: accounts.RefreshToken(digest=name, sign_in=sign_in, expires_at=at),
        lambda name: oauth2.AccessToken(**token, token_checksum=name, token_family=uuid.uuid4()),
        lambda name: oauth2.RefreshToken(**token, token_checksum=name, token_family=uuid.uuid4()),
        lambda name: oauth2.Grant(**own, credentials_version=1, code=name, redirect_uri=CALLBACK),
        lambda name: oauth2.DeviceGrant(client_id="lage", device_code=name, user_code=name, expires=at),
        lambda name: oauth2.IDToken(**own),
    ]
    for make in makers:
        rows = [make(uuid.uuid4().hex) for _ in range(number // len(makers))]
        type(rows[0])._base_manager.bulk_create(rows, batch_size=1000)
