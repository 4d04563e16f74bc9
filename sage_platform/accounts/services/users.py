"""Making, changing and removing users. Callers check who may do it; the rules about users themselves are checked here."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from sage_platform.accounts.hashing import UNNAMED, Asker, slot
from sage_platform.accounts.models import AccessToken, RefreshToken, SignIn, User, UserConfig
from sage_platform.accounts.names import comparison_key
from sage_platform.accounts.services import lock_outs, passwords
from sage_platform.accounts.services.history import has_history, record
from sage_platform.api import seams
from sage_platform.api.envelope import to_json
from sage_platform.api.errors import BodyTooLarge, Code, Refusal

MAX_CONFIG_BYTES = 64 * 1024


def create_user(
    username: str,
    *,
    password: str,
    email: str = "",
    phonenum: str = "",
    role: str = User.Role.USER,
    actor: User | None = None,
) -> User:
    """Make a user. Raises Refusal 400 when the name or the address is taken or the password is weak.

    If several are made with one name at the same moment, the database's constraint lets one through.
    """
    asker = Asker(f"user:{actor.pk}", known=True) if actor else UNNAMED
    user = new_user(username, password=password, email=email, phonenum=phonenum, role=role, asker=asker)
    store_user(user, actor=actor)
    return user


def new_user(
    username: str, *, password: str, email: str, phonenum: str, role: str = User.Role.USER, asker: Asker = UNNAMED
) -> User:
    """A user whom the database does not have yet, the password hashed. Raises as `create_user` does.

    Hashing takes long. It is apart from storing, so that it does not run inside a transaction, where others could not write.
    """
    user = User(username=username, email=email, phonenum=phonenum, role=role)
    refuse_taken(username=username, email=email)
    check_strength(password, user)
    with slot(asker):
        user.set_password(password)
    return user


def store_user(user: User, *, actor: User | None) -> None:
    """Raises Refusal 400 if somebody else has taken the name or the address in the meantime."""
    with _taken_is_refused(user), transaction.atomic():
        user.save(force_insert=True)
        record(actor, user, added=True)


def change_user(user: User, changes: Mapping[str, Any], *, actor: User) -> int:
    """Change some columns of a user. The number of sign-ins that it ended, by changing `is_active`.

    Raises Refusal 400 as `refuse_loss_of_administrator` does, and if somebody else has taken the name or the address.
    """
    kept = User.objects.get(pk=user.pk)
    for name, value in changes.items():
        setattr(user, name, value)
    ended, changed = 0, [name for name in changes if name != "is_active"]
    with _taken_is_refused(user), transaction.atomic():
        if kept.is_admin and {"role", "is_active"} & changes.keys() and not user.is_admin:
            refuse_loss_of_administrator(user, actor=actor)
        if "email" in changed:
            user.verified_email = ""  # So the proof does not return with the former address: by then it may be somebody else's.
        keys = {"username": ["username_key"], "email": ["email_key", "verified_email"]}
        user.save(update_fields=[column for name in changed for column in (name, *keys.get(name, []))])
        if user.is_active != kept.is_active:
            ended = _switch(user, active=user.is_active)
        if changes:
            record(actor, user, fields=changes)
    return ended


@contextmanager
def _taken_is_refused(user: User) -> Iterator[None]:
    """Several may want one name at the same moment; the database's constraint lets one through, and the others are told."""
    try:
        yield
    except IntegrityError:
        refuse_taken(username=user.username, email=user.email, but=user)
        raise


def refuse_taken(*, username: str, email: str, but: User | None = None) -> None:
    others = User.objects.exclude(pk=but.pk) if but else User.objects.all()
    if others.filter(username_key=comparison_key(username)).exists():
        raise Refusal(Code.BAD_REQUEST, _("This username is taken."))
    if email and others.filter(email_key=comparison_key(email)).exists():
        raise Refusal(Code.BAD_REQUEST, _("This email address is taken."))


def check_strength(password: str, user: User | None, *, field: str = "password") -> None:
    """Django's validators; raises Refusal 400 with their reasons."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Refusal(Code.BAD_REQUEST, " ".join(error.messages), field=field) from None


def delete_user(user_id: str, *, actor: User) -> None:
    """Raises Refusal 404 for an unknown id, 400 for an administrator and for a user whose changes are in the history."""
    with transaction.atomic():
        for lock in seams.locks_before_a_user_s.values():
            lock(user_id)
        user = User.objects.select_for_update().filter(pk=user_id).first()
        if user is None:
            raise Refusal(Code.NOT_FOUND, _("There is no such user."))
        if user.role == User.Role.ADMIN:
            raise Refusal(Code.BAD_REQUEST, _("Cannot delete an administrator"))
        if has_history(user):
            raise Refusal(Code.BAD_REQUEST, _("Deactivate this user instead: what they have changed is kept in the history."))
        record(actor, user, deleted=True)
        user.delete()


def change_password(user: User, *, old_password: str, new_password: str, client_key: str, keep: set[UUID]) -> None:
    """Change one's own password. The sessions of the sign-ins in `keep` stay; all tokens and all other sign-ins of the user end.

    Raises Refusal 400 when the old one is wrong or the new one weak, TooManyRequests as a sign-in does.
    """
    with passwords.confirmed(user, old_password, client_key=client_key) as right:
        if not right:
            raise Refusal(Code.BAD_REQUEST, _("The current password is wrong."), field="old_password")
        check_strength(new_password, user, field="new_password")
        set_password(user, new_password, keep=keep)


def set_password(user: User, new_password: str | None, *, keep: set[UUID] | None = None, actor: User | None = None) -> None:
    """Give a user a password, or with None take theirs away, so that none is right. Every token of theirs ends, and every sign-in
    that is not in `keep`; a lock-out ends too.
    """
    user.set_password(new_password)
    with transaction.atomic():
        locked = User.objects.select_for_update().only("credentials_version").get(pk=user.pk)
        user.credentials_version = locked.credentials_version + 1
        user.save(update_fields=["password", "credentials_version"])
        _end_sign_ins(user, keep=keep or set())
        lock_outs.unlock(user)  # Who gets a new password has mostly tried the former one too often.
        record(actor, user, fields=["password"])


def set_active(user: User, *, active: bool, actor: User) -> int:
    """Either change ends every sign-in and token of the user. The number of sign-ins that it ended."""
    with transaction.atomic():
        if not active:
            refuse_loss_of_administrator(user, actor=actor)
        record(actor, user, fields=["is_active"])
        return _switch(user, active=active)


def _switch(user: User, *, active: bool) -> int:
    locked = User.objects.select_for_update().get(pk=user.pk)
    user.is_active, user.credentials_version = active, locked.credentials_version + 1
    user.save(update_fields=["is_active", "credentials_version"])
    return _end_sign_ins(user, keep=set())


def refuse_loss_of_administrator(user: User, *, actor: User | None) -> None:
    """Raises Refusal 400 if no administrator would be left, or if the actor would take their own rights away.

    Call it inside the transaction that takes the rights away. It locks the rows of all administrators, so that of two who
    demote each other at the same moment the second is refused.
    """
    if actor is not None and user.pk == actor.pk:
        raise Refusal(Code.BAD_REQUEST, _("You cannot take your own administrator's rights away."))
    left = {admin.pk for admin in User.objects.administrators().active().order_by("pk").select_for_update()}
    if left == {user.pk}:
        raise Refusal(Code.BAD_REQUEST, _("The last administrator has to stay one."))


def merge_config(user: User, changes: dict[str, Any]) -> dict[str, Any]:
    """Lay the top-level keys of `changes` over what is kept. Raises BodyTooLarge when the result is over 64 KiB as JSON."""
    with transaction.atomic():
        UserConfig.objects.get_or_create(user=user)
        kept = UserConfig.objects.select_for_update().get(user=user)
        kept.config = {**kept.config, **changes}
        if len(to_json(kept.config)) > MAX_CONFIG_BYTES:
            raise BodyTooLarge(_("The configuration is over 64 KiB."))
        kept.save(update_fields=["config"])
    return dict(kept.config)


def _end_sign_ins(user: User, *, keep: set[UUID]) -> int:
    own = SignIn.objects.filter(user=user, ended_at=None)
    ended: int = own.exclude(pk__in=keep).update(ended_at=timezone.now())
    own.filter(pk__in=keep).update(credentials_version=user.credentials_version)
    AccessToken.objects.filter(sign_in__user=user).delete()
    RefreshToken.objects.filter(sign_in__user=user).delete()
    return ended
