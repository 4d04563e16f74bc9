"""Clients: how the declared ones are brought up to date, switching off, and new secrets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from sage_platform.oauth2 import client_secrets, tokens
from sage_platform.oauth2.models import Application, FormerSecret
from sage_platform.oauth2.registration import Registration

# For how long a secret opens after a new one has replaced it.
FORMER_SECRET_LIFE = timedelta(days=1)


class NameTakenError(Exception):
    """A declared client has the id of one that was made elsewhere. It may be a slip, so nothing is taken over."""

    def __init__(self, client_id: str) -> None:
        super().__init__(f"SAGE_OAUTH2_CLIENTS: a client {client_id} was made otherwise already. Rename one of the two.")


@dataclass
class Synced:
    """The client_ids, by what the sync has done with the client."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    disabled: list[str] = field(default_factory=list)


def sync(declared: Sequence[Registration], *, dry_run: bool = False) -> Synced:
    """Make the clients of the environment what the environment says. One that is no longer declared is disabled, not deleted.

    All or nothing. Raises NameTakenError. When several machines sync at once, only one can make a given client. The others fail
    with an IntegrityError and sync again, and then the client is there.
    """
    stored = dict(Application.objects.values_list("client_id", "client_secret"))
    secrets = {client.client_id: _secret(client, stored.get(client.client_id, "")) for client in declared}
    try:
        return _sync(declared, secrets, dry_run=dry_run)
    except IntegrityError:
        return _sync(declared, secrets, dry_run=dry_run)


@dataclass(frozen=True)
class Secret:
    """What is to be stored for a declared client in the place of what `was` stored.

    Chosen secrets are hashed slowly, twenty of them take a second. So all of them are worked out before the transaction, for
    which others have to wait.
    """

    was: str
    stored: str


def _secret(client: Registration, was: str) -> Secret:
    if client.client_secret and client_secrets.matches(client.client_secret, was):
        return Secret(was, was)
    return Secret(was, client_secrets.hashed(client.client_secret))


def _sync(declared: Sequence[Registration], secrets: Mapping[str, Secret], *, dry_run: bool) -> Synced:
    done = Synced()
    with transaction.atomic():
        # With `no_key`, whoever issues a token at this moment can commit. Else they and the ending of tokens below would wait for
        # each other.
        rows = {row.client_id: row for row in Application.objects.select_for_update(no_key=True).order_by("pk")}
        for client in declared:
            row = rows.pop(client.client_id, None)
            if row is not None and row.source != Application.Source.ENVIRONMENT:
                raise NameTakenError(client.client_id)
            secret = secrets[client.client_id]
            if row is not None and row.client_secret != secret.was:  # Somebody has been faster.
                secret = _secret(client, row.client_secret)
            _sync_one(client, row, secret.stored, done, dry_run=dry_run)
        for row in rows.values():
            if row.source == Application.Source.ENVIRONMENT and row.enabled:
                done.disabled.append(row.client_id)
                if not dry_run:
                    set_enabled(row, enabled=False)
    return done


def _sync_one(client: Registration, row: Application | None, secret: str, done: Synced, *, dry_run: bool) -> None:
    values = fields_of(client) | {"client_secret": secret}
    if row is None:
        done.created.append(client.client_id)
        if not dry_run:
            Application.objects.create(**values, source=Application.Source.ENVIRONMENT)
        return
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    (done.updated if changed else done.unchanged).append(client.client_id)
    if changed and not dry_run:
        change(row, changed)
        if "client_secret" in changed:
            end_former_secrets(row)  # What the environment says counts, and nothing beside it.


def fields_of(client: Registration) -> dict[str, Any]:
    """The columns that a registration sets, apart from the secret and the source."""
    return {
        "client_id": client.client_id,
        "name": client.name or client.client_id,
        "description": client.description,
        "client_type": Application.CLIENT_PUBLIC if client.is_public else Application.CLIENT_CONFIDENTIAL,
        "redirect_uris": " ".join(client.redirect_uris),
        "grant_types": list(client.grant_types),
        "scope": " ".join(client.scope.split()),
        "token_endpoint_auth_method": client.token_endpoint_auth_method,
        "skip_authorization": client.skip_consent,
        "enabled": client.enabled,
    }


def change(row: Application, values: dict[str, Any]) -> int:
    """Change some columns, and end the client's codes, tokens and former secrets where the change asks for it.

    Switching off ends them, and switching on once more: a token that was issued while the client was being switched off would
    work again. A client that authenticates in another way must not go on with what it got in the former way: one that was turned
    public could refresh without the secret that protected its refresh tokens (RFC 6749 §6).
    It answers how many tokens it has ended.
    """
    with transaction.atomic():
        stored = Application.objects.get(pk=row.pk)
        was_enabled, former_methods = stored.enabled, set(stored.auth_methods)
        for name, value in values.items():
            setattr(row, name, value)
            setattr(stored, name, value)
        row.save(update_fields=[*values, "updated"])
        # What else a registration says is read together with a token (`tokens.scopes_left`). A client that may authenticate as
        # before, and in another way too, keeps what it has.
        if stored.enabled != was_enabled or former_methods - set(stored.auth_methods):
            ended = tokens.end_of_client(row)
            end_former_secrets(row)
            return ended
    return 0


def set_enabled(row: Application, *, enabled: bool) -> int:
    """The number of tokens that it ended."""
    return change(row, {"enabled": enabled})


def renew_secret(row: Application, *, end_former: bool = False) -> str | None:
    """Replace the secret by a new one, which is answered to be shown once. None where there is none to replace: the client is
    public or gone.

    The former one opens for a day yet, so that the client goes on while somebody brings the new one to it; with `end_former`
    it ends at once, with those from before, as it must where somebody else may have it. That of a disabled client ends too.
    """
    secret = client_secrets.generate()
    with transaction.atomic():
        # As it is now: somebody else may have changed the client since the row was read.
        former = Application.objects.select_for_update(no_key=True).filter(pk=row.pk).first()
        if former is None or former.is_public:
            return None
        change(row, {"client_secret": client_secrets.hashed(secret)})
        if end_former or not former.enabled:  # Switching a client on ends its former secrets.
            end_former_secrets(row)
        else:
            until = timezone.now() + FORMER_SECRET_LIFE
            FormerSecret.objects.create(application=row, secret=former.client_secret, expires=until)
    return secret


def living_former_secrets(row: Application) -> list[str]:
    """The hashes of those that still open, the newest first."""
    living = row.former_secrets.filter(expires__gt=timezone.now()).order_by("-pk")
    return [str(secret) for secret in living.values_list("secret", flat=True)]


def end_former_secrets(row: Application) -> int:
    """How many of them had still opened."""
    living = len(living_former_secrets(row))
    row.former_secrets.all().delete()
    return living
