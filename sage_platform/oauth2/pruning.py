"""Codes and tokens that have run out. A used one stays until then, so that a second use is noticed."""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from sage_platform.oauth2 import tokens
from sage_platform.oauth2.models import AccessToken, DeviceGrant, Grant, IDToken, RefreshToken


def expired(now: datetime | None = None) -> dict[str, QuerySet[Any]]:
    """The rows to remove, by what they are called."""
    now = now or timezone.now()
    return {
        "OAuth2 access tokens": AccessToken.objects.filter(expires__lt=now),
        "OAuth2 refresh tokens": RefreshToken.objects.filter(expires__lt=now),
        # A used code is kept as long as the refresh token that it gave may live. If the code is presented again, that token
        # has to be ended (RFC 6749 §4.1.2), and without the row nobody would notice.
        "OAuth2 authorization codes": Grant.objects.filter(
            Q(used_at=None, expires__lt=now) | Q(expires__lt=now - tokens.REFRESH_LIFE)
        ),
        "OAuth2 device codes": DeviceGrant.objects.filter(expires__lt=now),
        "OAuth2 ID tokens": IDToken.objects.filter(expires__lt=now),
    }
