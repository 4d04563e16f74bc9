"""The one place where a password is taken: the API, our login page, the admin's login and a password change come here.

A sign-in goes in this order: refuse if a limit is reached already; write the attempt down as a failure; compare the hash; if it
was right, delete the failure again. So of many guesses at the same moment each is counted before any is compared.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from logging import getLogger
from math import ceil

from django.contrib.auth.hashers import make_password
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from sage_platform.accounts.hashing import Asker, refuse_surplus, slot
from sage_platform.accounts.models import SignIn, User
from sage_platform.accounts.names import comparison_key
from sage_platform.accounts.services import limits
from sage_platform.accounts.services.limits import Act, Limit, LockOut
from sage_platform.accounts.sign_in_options import may_use_password, password_login_enabled
from sage_platform.api.errors import Code, Message, Refusal, TooManyRequests

WINDOW = timedelta(minutes=15)
# The first two have one name, so that one row counts under both. The row's `detail` is the client; only the first looks at it.
PER_ACCOUNT_AND_CLIENT = Limit("sign-in by account", 10, WINDOW)
PER_ACCOUNT = Limit("sign-in by account", 100, WINDOW)
PER_CLIENT = Limit("sign-in by client", 100, WINDOW)
# Right passwords cost as much work as wrong ones, and no person types them so often.
RIGHT_ONES = Limit("right password", 60, timedelta(minutes=1))

WRONG = _("Invalid username or password")
TOO_OFTEN = _("This account signs in too often. Please wait a minute and try again.")
log = getLogger("sage.sign_in")


class Failure(StrEnum):
    """Why a sign-in failed, for the log alone: the person reads the same text in most cases."""

    WRONG = "wrong password"
    UNKNOWN_ACCOUNT = "unknown account"
    DEACTIVATED = "deactivated"
    NONE_SET = "no password"
    NOT_ADMINISTRATOR = "not an administrator"
    LOCKED_OUT = "locked out"


@dataclass(frozen=True)
class Attempt:
    """Whose password is tried from where. `account` names what limits count by, and an unknown name has one too."""

    user: User | None
    account: str
    client_key: str

    @property
    def user_id(self) -> str:
        """Empty for a name that nobody has."""
        return str(self.user.pk) if self.user is not None else ""

    def failed(self, why: Failure) -> None:
        """One line of the log. docs/operations.md#somebody-guesses-passwords has a filter for it, and a test holds it to that.

        The name that was typed is not in it, since people type their passwords there. One that nobody has is told by its digest.
        """
        account = f"user:{self.user_id}" if self.user is not None else f"name:{limits.keyed_digest(self.account)[:16]}"
        facts = {"event": "sign_in_failed", "account": account, "client": self.client_key, "reason": why.value}
        log.warning("sign-in failed", extra={"facts": facts})


def authenticate(identifier: str, password: str, *, client_key: str, for_administrators: bool = False) -> User:
    """The active user whose password this is; with `for_administrators` an administrator, and others read what a wrong one reads.

    Raises Refusal 401 with the same text, after the same work, for a wrong password, an unknown name and a deactivated user;
    Refusal 400 or 403 where the mode keeps the person out; TooManyRequests by lockout or for want of a hashing slot.
    """
    _refuse_without_passwords()
    user: User | None = User.objects.named(identifier).first()
    attempt = Attempt(user, subject_of(user) if user else f"name:{comparison_key(identifier)}", client_key)
    with _tried(attempt, password) as right:
        pass
    if not right or user is None:
        raise Refusal(Code.UNAUTHENTICATED, WRONG)
    if for_administrators and not user.is_admin:
        attempt.failed(Failure.NOT_ADMINISTRATOR)
        raise Refusal(Code.UNAUTHENTICATED, WRONG)
    _refuse_by_role(attempt, user)
    return user


@contextmanager
def confirmed(user: User, password: str, *, client_key: str) -> Iterator[bool]:
    """Whether this is the signed-in user's own password. The mode and the limits of a sign-in hold here too.

    The hashing slot is held meanwhile, so that whoever hashes the new password waits once.
    """
    _refuse_without_passwords()
    attempt = Attempt(user, subject_of(user), client_key)
    _refuse_by_role(attempt, user)
    with _tried(attempt, password) as right:
        yield right


def subject_of(user: User) -> str:
    """What the limits count a user's failures by, whichever name was typed."""
    return f"user:{user.pk}"


def _refuse_without_passwords() -> None:
    if not password_login_enabled():
        raise Refusal(Code.BAD_REQUEST, _("Password sign-in is not enabled"))


def _refuse_by_role(attempt: Attempt, user: User) -> None:
    if not may_use_password(user):
        attempt.failed(Failure.NOT_ADMINISTRATOR)
        raise Refusal(Code.FORBIDDEN, _("Only administrators may sign in with a password"))


@contextmanager
def _tried(attempt: Attempt, password: str) -> Iterator[bool]:
    """Whether the password is right, within the slot in which it was compared."""
    known = _known_client(attempt)
    asker = Asker(attempt.account, attempt.client_key, known=known)
    refuse_surplus(asker)  # Before the limits are read, so that a flood costs little.
    by_account = () if known else (Act(PER_ACCOUNT, attempt.account),)
    _refuse_locked(attempt, by_account)
    if known:
        with _saying(TOO_OFTEN):
            limits.check(RIGHT_ONES, attempt.account, at=timezone.now())
    # Inside the slot, so that of many right sign-ins at the same moment only those that are being compared count as failures.
    with slot(asker):
        failures = _write_down(attempt, by_account)
        right = _is_right(attempt.user, password)
        if right:
            # A stranger is told of this limit with the right password alone, since a name that nobody has never reaches it. So
            # that they cannot go on to take hashing time, what they were refused by it stays written down as a failure.
            with _saying(TOO_OFTEN):
                limits.take(Act(RIGHT_ONES, attempt.account))
            limits.take_back(failures)
            # Failures from every client: PER_ACCOUNT_AND_CLIENT counts the same rows.
            limits.forget(PER_ACCOUNT, attempt.account)
        else:
            attempt.failed(_why_wrong(attempt.user))
        yield right


def _why_wrong(user: User | None) -> Failure:
    if user is None:
        return Failure.UNKNOWN_ACCOUNT
    if not user.has_usable_password():
        return Failure.NONE_SET
    return Failure.WRONG if user.is_active else Failure.DEACTIVATED


def _is_right(user: User | None, password: str) -> bool:
    """Computes one hash in every case, so that the time does not tell whether there is such a user."""
    if user is not None and user.has_usable_password():
        return user.check_password(password) and user.is_active
    make_password("nobody's")
    return False


def _refuse_locked(attempt: Attempt, by_account: Sequence[Act]) -> None:
    """Comes before the wait for a slot, so that an attacker who is locked out takes no hashing time from others."""
    now = timezone.now()
    with _locking_out(attempt):
        limits.check(PER_CLIENT, attempt.client_key, at=now)
        limits.check(PER_ACCOUNT_AND_CLIENT, attempt.account, detail=attempt.client_key, at=now)
        for act in by_account:
            limits.check(act.limit, act.subject, at=now)


def _write_down(attempt: Attempt, by_account: Sequence[Act]) -> list[int]:
    """Checks all limits once more, since others may have reached them while this attempt waited for its slot."""
    by_client = Act(PER_CLIENT, attempt.client_key, client_key=attempt.client_key)
    from_here = Act(
        PER_ACCOUNT_AND_CLIENT,
        attempt.account,
        detail=attempt.client_key,
        by_detail=True,
        account=attempt.user_id,
        client_key=attempt.client_key,
    )
    with _locking_out(attempt):
        return limits.take(by_client, from_here, judged_too=by_account)


@contextmanager
def _saying(message: Message) -> Iterator[None]:
    """The refusals of the limits in here get this text."""
    try:
        yield
    except TooManyRequests as error:
        raise TooManyRequests(error.retry_after, message) from None


@contextmanager
def _locking_out(attempt: Attempt) -> Iterator[None]:
    """The refusals of the limits in here say how long. They read the same whichever limit it is, and for unknown names."""
    try:
        with limits.locking_out(LockOut.SIGN_IN):
            yield
    except TooManyRequests as error:
        attempt.failed(Failure.LOCKED_OUT)
        minutes = ceil(error.retry_after / 60)
        text = ngettext(
            "Too many failed sign-ins. Please try again in %(minutes)d minute.",
            "Too many failed sign-ins. Please try again in %(minutes)d minutes.",
            minutes,
        )
        raise TooManyRequests(error.retry_after, text % {"minutes": minutes}) from None


def _known_client(attempt: Attempt) -> bool:
    """Whether this address has signed this account in before. PER_ACCOUNT does not count then, and the queue has places for it.
    So strangers cannot lock the owner out.

    The query is made for an unknown account too, so that the time does not tell whether there is such an account.
    """
    user_id = attempt.user.pk if attempt.user else ""
    return SignIn.objects.filter(user_id=user_id, client_key=attempt.client_key).exists()
