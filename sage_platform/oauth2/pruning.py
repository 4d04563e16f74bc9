"""Codes and tokens that have run out. A used one stays until then, so that a second use is noticed."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from sage_platform.oauth2 import tokens
from sage_platform.oauth2.models import AccessToken, DeviceGrant, Grant, IDToken, RefreshToken

BATCH = 10000


def expired() -> dict[str, QuerySet[Any]]:
    """The rows to remove, by what they are called."""
    now = timezone.now()
    return {
        "OAuth2 access tokens": AccessToken.objects.filter(expires__lt=now),
        "OAuth2 refresh tokens": RefreshToken.objects.filter(expires__lt=now),
        "OAuth2 authorization codes": Grant.objects.filter(expires__lt=now),
        "OAuth2 device codes": DeviceGrant.objects.filter(expires__lt=now),
        "OAuth2 ID tokens": IDToken.objects.filter(expires__lt=now),
    }


def remove(rows: QuerySet[Any]) -> int:
    """Delete in batches, each one statement, so that no write of a user waits for long."""
    removed = 0
    while count := tokens.remove(rows.model._default_manager.filter(pk__in=rows.order_by().values("pk")[:BATCH])):
        removed += count
    return removed
