"""Codes and tokens that have run out. A used one stays until then, so that a second use is noticed."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from sage_platform.oauth2 import tokens
from sage_platform.oauth2.models import AccessToken, DeviceGrant, FormerSecret, Grant, IDToken, RefreshToken


def expired_codes(at: datetime) -> QuerySet[Grant]:
    """A used code is kept as long as the refresh token that it gave may live.

    If the code is presented again, that token has to be ended (RFC 6749 §4.1.2), and without the row nobody would notice.
    """
    found: QuerySet[Grant] = Grant.objects.filter(Q(used_at=None, expires__lt=at) | Q(expires__lt=at - tokens.REFRESH_LIFE))
    return found


# By what they are called: the rows that nothing asks for any more at a moment.
PRUNABLE: dict[str, Callable[[datetime], QuerySet[Any]]] = {
    "OAuth2 access tokens": lambda at: AccessToken.objects.filter(expires__lt=at),
    "OAuth2 refresh tokens": lambda at: RefreshToken.objects.filter(expires__lt=at),
    "OAuth2 authorization codes": expired_codes,
    "OAuth2 device codes": lambda at: DeviceGrant.objects.filter(expires__lt=at),
    "OAuth2 ID tokens": lambda at: IDToken.objects.filter(expires__lt=at),
    "OAuth2 former client secrets": lambda at: FormerSecret.objects.filter(expires__lt=at),
}
