"""The scopes that we know, one row for each. A new scope is a new row.

Whatever depends on scopes reads the rows: what a client can be registered for, the consent page, which scopes a token may have,
the claims at userinfo and the metadata. This module imports no models and no settings, because the settings are read with it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

OPENID = "openid"
# Of whoever reports what agents have used.
USAGE_WRITE = "usage:write"
# Of a program that publishes releases and uploads their files.
RELEASE_WRITE = "release:write"
# What a client may ask for whose registration does not say. A new scope is not added here, so that no client has it unasked.
DEFAULT_OF_CLIENT = (OPENID, "profile", "email")


@dataclass(frozen=True)
class Scope:
    """One row. `text` says on the consent page what the client may do. `claims` are what userinfo tells a holder of the scope.

    A personal scope is about a person, so a program's own token, which stands for no person (RFC 6749 §4.4), cannot have it. A
    row that does not say whether it is personal counts as personal, so that forgetting it gives programs nothing.
    """

    name: str
    text: Promise
    personal: bool = True
    claims: tuple[str, ...] = ()


ROWS = (
    Scope(OPENID, _("Know who you are"), claims=("sub", "iss", "preferred_username", "role")),
    # OpenID Connect Core §5.4 has the username here. Userinfo tells it to every holder of `openid` besides.
    Scope("profile", _("See your name and picture"), claims=("preferred_username", "name", "picture", "avatar_url")),
    Scope("email", _("See your email address"), claims=("email", "email_verified")),
    Scope(USAGE_WRITE, _("Report usage"), personal=False),
    Scope(RELEASE_WRITE, _("Publish releases and upload their files"), personal=False),
)


def names() -> list[str]:
    return [row.name for row in ROWS]


def texts(asked: Iterable[str]) -> list[Promise]:
    """What to tell people of these scopes, in the order given. One that has no row any more is left out."""
    known = {row.name: row.text for row in ROWS}
    return [known[name] for name in asked if name in known]


def without_personal(asked: Iterable[str]) -> list[str]:
    """Those that a program's own token may have. A scope without a row counts as personal."""
    impersonal = {row.name for row in ROWS if not row.personal}
    return [name for name in asked if name in impersonal]


def claims_opened_by(granted: Collection[str]) -> list[str]:
    """Each once, in the order of the rows."""
    return list(dict.fromkeys(claim for row in ROWS if row.name in granted for claim in row.claims))
