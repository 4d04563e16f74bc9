"""Making, changing and deleting providers."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from providers import probing
from providers.keys import ApiKey
from providers.models import Provider
from providers.probing import ModelEndpoint, ProbeFailed
from providers.services.configs import digests_of
from providers.services.given import Given
from providers.services.probes import PROBE, UNREADABLE, Finding, keep, timeout
from sage_platform.accounts.models import User
from sage_platform.accounts.services.history import record
from sage_platform.api.errors import Code, Refusal
from sage_platform.encryption import UndecryptableError

MOST_EACH = 200
# What a probe costs the caller: a slot and their rate. Commands and bootstrap are not counted.
Allowance = Callable[[], AbstractContextManager[None]]


def not_found() -> Refusal:
    return Refusal(Code.FAILED, _("Provider not found"))


def owned_by(user: User, provider_id: str) -> Provider:
    """The user's own provider. Raises Refusal 500; another person's is refused with the same text as one that does not exist."""
    try:
        key = uuid.UUID(provider_id)
    except ValueError:
        raise not_found() from None
    provider = Provider.objects.for_user(user).filter(pk=key).first()
    if provider is None:
        raise not_found()
    return provider


def changeable_by(user: User, provider_id: str) -> Provider:
    """As `owned_by`, but for the system's provider the refusal says that it cannot be changed here."""
    try:
        return owned_by(user, provider_id)
    except Refusal:
        if _is_of_system(provider_id):
            raise Refusal(Code.FAILED, _("Cannot modify system default provider")) from None
        raise


def _is_of_system(provider_id: str) -> bool:
    try:
        return Provider.objects.filter(owner=None, pk=uuid.UUID(provider_id)).exists()
    except ValueError:
        return False


def target_of(given: Given) -> ModelEndpoint:
    """The endpoint that somebody sent whole; only the model may be missing, where its name is what they want to find out."""
    if given.base_url is None or given.api_key is None:
        raise TypeError("An address without a key, or a key without an address, is no endpoint.")
    return ModelEndpoint(base_url=given.base_url, api_key=given.api_key, model=given.model or "")


def edited_target(provider: Provider, given: Given) -> ModelEndpoint:
    """The stored endpoint with what is being edited laid over it.

    The stored key goes to the stored address alone: else whoever may edit could have it sent to an address of theirs.
    """
    key = new_key(provider, given)
    base_url = provider.base_url if given.base_url is None else given.base_url
    if key is None and base_url != provider.base_url:
        raise Refusal(Code.BAD_REQUEST, _("A new address needs its key: enter the API key again."))
    return ModelEndpoint(
        base_url=base_url,
        api_key=_stored_key(provider) if key is None else key,
        model=given.model or provider.model,
        trusted=_trusted(provider, base_url),
    )


def _stored_key(provider: Provider) -> ApiKey:
    """Raises Refusal when the stored key cannot be decrypted any more. The person mends that by entering it again."""
    try:
        return provider.api_key()
    except UndecryptableError:
        raise Refusal(Code.FAILED, UNREADABLE) from None


def _trusted(provider: Provider, base_url: str) -> bool:
    return provider.trusted and base_url == provider.base_url


def new_key(provider: Provider, given: Given) -> ApiKey | None:
    """The key that was sent, or None where it is left out or is the masked one. Raises Refusal for another masked one."""
    key = given.api_key
    if key is None or key == ApiKey(provider.key_hint):
        return None
    if key.masked:
        raise Refusal(Code.BAD_REQUEST, _("This masked key is not the stored one. Enter the API key itself."))
    return key


def create_provider(
    owner: User | None, given: Given, *, allowance: Allowance = nullcontext, actor: User | None = None
) -> Provider:
    """Probe, then store. The same configuration again gives the old record, unchanged and not probed; also when ten come at once.

    Raises Refusal 500 when the probe fails, with nothing stored.
    """
    target = target_of(given)
    if old := same_config(owner, target):
        return old
    _leave_room(owner)
    finding = _probe(target, _("Cannot save provider. %(why)s"), allowance)
    provider = Provider(owner=owner, name=given.name or f"{target.model}@{urlsplit(target.base_url).hostname}"[:255])
    _lay_over(provider, target, given)
    try:
        with _alone(owner), only_default(provider, becomes=provider.is_default):
            _leave_room(owner)  # Others may have been stored while the vendor was being asked.
            provider.save(force_insert=True)
            record(actor, provider, added=True)
            keep(provider, finding)
    except (IntegrityError, TooManyProviders) as error:
        if old := same_config(owner, target):  # Another call stored the same meanwhile, perhaps in the last place there was.
            return old
        raise error if isinstance(error, Refusal) else _overtaken() from None
    return provider


class TooManyProviders(Refusal):
    pass


def _leave_room(owner: User | None) -> None:
    if Provider.objects.filter(owner=owner).count() >= MOST_EACH:
        raise TooManyProviders(Code.BAD_REQUEST, _("You have too many providers. Delete one that you no longer need."))


@contextmanager
def _alone(owner: User | None) -> Iterator[None]:
    """A transaction in which nobody else adds a provider for this owner, so that calls at the same time cannot pass the limit."""
    with transaction.atomic():
        _lock_owner(owner.pk if owner else None)
        yield


def _lock_owner(owner_id: str | None) -> None:
    """The owner's row stands for all of their providers. The system's have no owner, and nothing is locked for them."""
    if owner_id is not None:
        User.objects.select_for_update(no_key=True).filter(pk=owner_id).first()


def same_config(owner: User | None, target: ModelEndpoint) -> Provider | None:
    """The owner's record of this address, model and key.

    Digests under a secret of the deployment that was taken away find nothing any more; then the keys themselves are compared.
    """
    kept = Provider.objects.filter(owner=owner)
    digests = digests_of(target)
    by_digest = kept.filter(config_digest__in=digests).first()
    return by_digest or next((each for each in kept.at(target) if each.holds(target.api_key)), None)


def update_provider(provider: Provider, given: Given, *, allowance: Allowance = nullcontext, actor: User | None = None) -> None:
    """Change what is given. A changed endpoint is probed first; on failure nothing changes. Raises Refusal."""
    # The key is only opened where it is needed, so that a record whose key cannot be decrypted can still be renamed.
    target = edited_target(provider, given) if touches_target(provider, given) else None
    finding = None
    if target and not provider.is_at(target):
        finding = _probe(target, _("Cannot update provider. %(why)s"), allowance)
    tried_on = provider.config_digest
    try:
        with only_default(provider, becomes=bool(given.is_default)):
            # The row as it is now: it may have been deleted or changed while the vendor was being asked.
            current = Provider.objects.select_for_update(no_key=True, of=("self",)).filter(pk=provider.pk).first()
            if current is None:
                raise not_found()
            if target and current.config_digest != tried_on:
                raise Refusal(Code.FAILED, _("Cannot update provider. It was changed by somebody else; look at it again."))
            current.name = given.name or current.name
            _lay_over(current, target, given)
            current.save()
            record(actor, current, fields=given.sent)
            if finding:
                keep(current, finding)
    except IntegrityError:
        if target and (other := same_config(provider.owner, target)) and other.pk != provider.pk:
            raise Refusal(
                Code.FAILED, _("Cannot update provider. You have another one with the same address, model and key.")
            ) from None
        raise _overtaken() from None


def touches_target(provider: Provider, given: Given) -> bool:
    """Whether address, model or key are to be others than the stored ones. Raises Refusal, as `new_key` does."""
    other_address = given.base_url is not None and given.base_url != provider.base_url
    other_model = given.model is not None and given.model != provider.model
    return other_address or other_model or new_key(provider, given) is not None


def _overtaken() -> Refusal:
    """For a constraint of the database: meanwhile another provider became the default, or the owner was deleted."""
    return Refusal(Code.FAILED, _("Somebody else changed this at the same moment. Please try again."))


def delete_provider(provider: Provider, *, actor: User | None = None) -> None:
    """Raises Refusal 500 for a default one, also when another call makes it the default at this moment."""
    with transaction.atomic():
        current = Provider.objects.select_for_update(of=("self",)).filter(pk=provider.pk).first()
        if current is None:
            raise not_found()
        if current.is_default:
            raise Refusal(Code.FAILED, _("Cannot delete default provider"))
        record(actor, current, deleted=True)
        current.delete()


def _probe(target: ModelEndpoint, sentence: str, allowance: Allowance) -> Finding:
    try:
        with PROBE.counted(), allowance():
            return Finding(connection=probing.check_connection(target, timeout=timeout()))
    except ProbeFailed as failure:
        raise Refusal(Code.FAILED, sentence % {"why": failure.message}) from None


def _lay_over(provider: Provider, target: ModelEndpoint | None, given: Given) -> None:
    """Put the endpoint and the settings that are given on the instance. An unchanged key keeps its sealed form."""
    if target:
        if not provider.key_hint or not provider.holds(target.api_key):
            provider.key, provider.key_hint = target.api_key.sealed(), target.api_key.hint
        provider.base_url, provider.model = target.base_url, target.model
        provider.config_digest = digests_of(target)[0]
    for name, value in given.settings.items():
        setattr(provider, name, value)


@contextmanager
def only_default(provider: Provider, *, becomes: bool) -> Iterator[None]:
    """A transaction in which the caller stores a provider. One that `becomes` the default is the owner's only one: before it is
    stored, the others are no longer default.

    The owner's row is locked, so that of ten at once each sees what the one before it did; for the system's, which has no
    owner, the database's constraint lets one of two through.
    """
    with transaction.atomic():
        if becomes:
            _lock_owner(provider.owner_id)
            Provider.objects.beside(provider).filter(is_default=True).update(is_default=False)
        yield
