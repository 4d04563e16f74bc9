"""What people have allowed clients: asked, remembered, withdrawn."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from sage_platform.accounts.models import User
from sage_platform.oauth2 import tokens
from sage_platform.oauth2.models import Application, Consent


def of_user(user: User) -> QuerySet[Consent]:
    return Consent.objects.filter(user=user).select_related("application").order_by("application__name", "pk")


def covers(user: User, application: Application, scopes: Sequence[str]) -> bool:
    found = Consent.objects.filter(user=user, application=application).values_list("scopes", flat=True).first()
    return found is not None and set(scopes) <= set(found.split())


def remember(user: User, application: Application, scopes: Sequence[str]) -> None:
    """Within the transaction that issues the code. What was allowed before stays so; a token has what its own request asked."""
    consent, _made = Consent.objects.get_or_create(user=user, application=application, defaults={"granted_at": timezone.now()})
    allowed = consent.scopes.split()
    added = [scope for scope in scopes if scope not in allowed]
    if added:
        consent.scopes, consent.granted_at = " ".join([*allowed, *added]), timezone.now()
        consent.save(update_fields=["scopes", "granted_at"])


def withdraw(consent: Consent) -> None:
    """The client is a stranger again: its codes and tokens for this person end at once."""
    with transaction.atomic():
        # Deleted first: whoever issues a token at this moment holds the row, and is waited for.
        Consent.objects.filter(pk=consent.pk).delete()
        tokens.end_of_consent(consent.user, consent.application)
