"""Registration: a code by mail proves the address, then the account is made."""

import hmac
import secrets
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from sage_platform.accounts.hashing import Asker
from sage_platform.accounts.models import RegistrationCode, User
from sage_platform.accounts.names import comparison_key
from sage_platform.accounts.services import limits, users
from sage_platform.accounts.services.limits import Act, Limit
from sage_platform.api import seams
from sage_platform.api.errors import Code, Refusal, Unavailable
from sage_platform.api.waiting import waiting
from sage_platform.telemetry import tracing
from sage_platform.telemetry.operations import Operation

CODE_SECONDS = 300
PAUSE_SECONDS = 30
MOST_WRONG_TRIES = 5
PAUSE = Limit("code pause", 1, timedelta(seconds=PAUSE_SECONDS))
PER_ADDRESS = Limit("code by address", 5, timedelta(hours=1))
PER_CLIENT = Limit("code by client", 20, timedelta(hours=1))


def refuse_unless_open() -> None:
    """Raises Refusal 400 where nobody may register."""
    if settings.SAGE_AUTH_MODE != "native":
        raise Refusal(Code.BAD_REQUEST, _("Registration is not available here."))
    if not seams.deployment_settings["allow_registration"]():
        raise Refusal(Code.BAD_REQUEST, _("Registration is closed. Ask an administrator for an account."))


def send_code(email: str, *, client_key: str) -> None:
    """Mail a code; to a taken address, mail that it is taken. The answer is the same, so that nobody learns who has an account.

    Raises Refusal 400, TooManyRequests, or Unavailable when the mail server does not take the message.
    """
    refuse_unless_open()
    key = comparison_key(email)
    acts = limits.take(Act(PAUSE, key), Act(PER_ADDRESS, key), Act(PER_CLIENT, client_key))
    code = f"{secrets.randbelow(10**6):06d}"
    taken = User.objects.filter(email_key=key).exists()
    template = "accounts/mail/taken.txt" if taken else "accounts/mail/code.txt"
    context = {"code": code, "minutes": CODE_SECONDS // 60, "origin": settings.SAGE_PUBLIC_URL}
    subject = _("Your Sage account") if taken else _("Your Sage verification code")
    if not _delivered(email, subject, render_to_string(template, context)):
        # The act stays counted for the client, who could otherwise make the platform call a mail server without end.
        limits.take_back(acts[:2])
        raise Unavailable(_("The mail could not be sent. Please try again shortly."), cause="mail")
    # After the mail, so that the code of an earlier mail stays valid if this one cannot be sent. For a taken address too, whose
    # code nobody is told, so that the answer takes the same time.
    _keep(key, code)


@Operation("identity", "register")
def register(username: str, *, password: str, email: str, phonenum: str, code: str, client_key: str) -> User:
    """Make the account. The code is checked first, and deleted only if the account is made. Raises Refusal 400."""
    refuse_unless_open()
    key = comparison_key(email)
    if not _code_is_right(key, code, at=timezone.now()):
        raise Refusal(Code.BAD_REQUEST, _("The verification code is wrong or has expired."))
    asker = Asker(f"email:{key}", client_key)
    user = users.new_user(username, password=password, email=email, phonenum=phonenum, asker=asker)
    user.verified_email = user.email
    # Both or neither: else a crash in between would leave a person without an account and without a code to try again.
    with transaction.atomic():
        users.store_user(user, actor=None)
        RegistrationCode.objects.filter(email_key=key).delete()
    return user


def _delivered(email: str, subject: str, text: str) -> bool:
    """Whether the mail server took the message, or refused the address for good.

    The latter counts as sent: else anybody could find out through us which addresses a mail server knows.
    """
    place: dict[str, tracing.Value] = {"server.address": settings.EMAIL_HOST, "server.port": settings.EMAIL_PORT}
    try:
        with waiting(), tracing.span("send mail", kind="client", **place):
            send_mail(subject, text, None, [email])
    except SMTPRecipientsRefused as refused:
        return all(code >= 500 for code, _text in refused.recipients.values())
    except OSError:  # smtplib's errors are OSErrors too.
        return False
    return True


def _keep(key: str, code: str) -> None:
    expires_at = timezone.now() + timedelta(seconds=CODE_SECONDS)
    RegistrationCode.objects.update_or_create(
        email_key=key, defaults={"digest": limits.keyed_digest(key, code), "expires_at": expires_at, "wrong_tries": 0}
    )


def _code_is_right(key: str, code: str, *, at: datetime) -> bool:
    """Counts the try as wrong before it compares the code, so that of many guesses at the same moment only five are compared."""
    open_to_tries = RegistrationCode.objects.valid(at).filter(email_key=key, wrong_tries__lt=MOST_WRONG_TRIES)
    counted = open_to_tries.update(wrong_tries=F("wrong_tries") + 1)
    kept = RegistrationCode.objects.filter(email_key=key).first() if counted else None
    if kept is None or not hmac.compare_digest(kept.digest, limits.keyed_digest(key, code)):
        return False
    # Take the count back. Only for this digest: a new code may have replaced this one, and its count starts at 0.
    RegistrationCode.objects.filter(email_key=key, digest=kept.digest, wrong_tries__gt=0).update(wrong_tries=F("wrong_tries") - 1)
    return True
