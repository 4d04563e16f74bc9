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


def hold(rows: QuerySet[Consent]) -> None:
    """For who deletes a user or a client, before anything else in that transaction.

    Who issues a token locks the consent first, and asks at the end whether user and client are there. So the deletion waits
    here for those who are issuing, and takes their tokens along.
    """
    list(rows.order_by("pk").select_for_update().values_list("pk"))


def hold_of_user(user_id: str) -> None:
    hold(Consent.objects.filter(user_id=user_id))


@transaction.atomic
def remember(user: User, application: Application, scopes: Sequence[str]) -> None:
    """Call it in the transaction that issues the code. The scopes are added to those that were allowed before.

    A token still has only the scopes that its own request asked for.
    """
    own = Consent.objects.filter(user=user, application=application)
    # The row is locked: somebody else may add scopes to it at this moment, or withdraw it. Then it is made anew.
    while (consent := own.select_for_update().first()) is None:
        Consent.objects.get_or_create(user=user, application=application, defaults={"granted_at": timezone.now()})
    allowed = consent.scopes.split()
    added = [scope for scope in scopes if scope not in allowed]
    if added:
        consent.scopes, consent.granted_at = " ".join([*allowed, *added]), timezone.now()
        consent.save(update_fields=["scopes", "granted_at"])


def withdraw(consent: Consent) -> int:
    """Forget the consent, and end all codes and tokens that the client has for this person. The number of tokens ended."""
    with transaction.atomic():
        # The row is deleted first. A request that issues a token at this moment has locked it, so the deletion waits for that
        # request, and its token is there to be ended.
        Consent.objects.filter(pk=consent.pk).delete()
        return tokens.end_of_consent(consent.user, consent.application)
