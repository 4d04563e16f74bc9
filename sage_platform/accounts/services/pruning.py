"""Removing what has run out: rows that no request will ask for again."""

from datetime import timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.db.models import Model, QuerySet
from django.utils import timezone

from sage_platform.accounts.models import AccessToken, LimitedAct, RefreshToken, RegistrationCode, SignIn

BATCH = 5000
# Longer than a refresh token lives and a session idles; until then a sign-in stays to be seen in the admin.
SIGN_INS_KEPT = timedelta(days=90)


def expired() -> dict[str, QuerySet[Any]]:
    """The rows to remove, by what they are called. A used refresh token stays until it expires, so that reuse is noticed."""
    now = timezone.now()
    return {
        "sessions": Session.objects.filter(expire_date__lt=now),
        "access tokens": AccessToken.objects.filter(expires_at__lt=now),
        "refresh tokens": RefreshToken.objects.filter(expires_at__lt=now),
        "registration codes": RegistrationCode.objects.filter(expires_at__lt=now),
        "counted acts": LimitedAct.objects.filter(at__lt=now - timedelta(days=1)),
        "sign-ins": SignIn.objects.filter(seen_at__lt=now - SIGN_INS_KEPT),
    }


def remove(rows: QuerySet[Any]) -> int:
    """Delete in batches, so that no write of a user waits for long."""
    model: type[Model] = rows.model
    removed = 0
    while keys := list(rows.values_list("pk", flat=True)[:BATCH]):
        model._base_manager.filter(pk__in=keys).delete()
        removed += len(keys)
    return removed
