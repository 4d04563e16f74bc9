"""Who may sign in, and what a sign-in consists of."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypedDict, Unpack

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import check_password as check_against
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from sage_platform.accounts.names import comparison_key

if TYPE_CHECKING:
    CharField = models.CharField[str | None, str | None]
else:
    CharField = models.CharField


def new_user_id() -> str:
    return uuid.uuid4().hex


class ComparisonKeyOptions(TypedDict, total=False):
    """The options that a migration writes out, since they differ from those of Django's own field."""

    max_length: int
    editable: bool
    unique: bool
    null: bool


class ComparisonKeyField(CharField):
    """Follows the field `source` of the same row: the key that its text is compared by, None where it is empty."""

    def __init__(self, *, source: str, **options: Unpack[ComparisonKeyOptions]) -> None:
        self.source = source
        # Case folding and NFKC can make a text several times as long.
        options.setdefault("max_length", 1024)
        options.setdefault("editable", False)
        options.setdefault("unique", True)
        options.setdefault("null", True)
        super().__init__(**options)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, kwargs | {"source": self.source}

    def pre_save(self, model_instance: models.Model, add: bool) -> str | None:
        key = comparison_key(getattr(model_instance, self.source)) or None
        setattr(model_instance, self.attname, key)
        return key


class UserQuerySet(models.QuerySet["User"]):
    def named(self, identifier: str) -> Self:
        """By username, or by address when there is an @ in it."""
        key = comparison_key(identifier)
        return self.filter(email_key=key) if "@" in key else self.filter(username_key=key)

    def known_as(self, identifier: str) -> "User | None":
        """The one with this id, else whoever signs in by it."""
        return self.filter(pk=identifier).first() or self.named(identifier).first()

    def administrators(self) -> Self:
        return self.filter(role=User.Role.ADMIN)

    def active(self) -> Self:
        return self.filter(is_active=True)

    def visible_to(self, user: "User") -> Self:
        """An administrator sees everybody, everybody else themselves."""
        return self if user.is_admin else self.filter(pk=user.pk)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


class UserManager(BaseUserManager["User"].from_queryset(UserQuerySet)):  # type: ignore[misc]
    def get_by_natural_key(self, username: str | None) -> "User":
        found: User = self.get(username_key=comparison_key(username or ""))
        return found


class User(AbstractBaseUser):
    """A person. `id` is what clients see, a string: made by us, or given by a trusted identity proxy."""

    class Role(models.TextChoices):
        USER = "user", _("User")
        ADMIN = "admin", _("Administrator")

    id = models.CharField(_("user id"), max_length=64, primary_key=True, default=new_user_id, editable=False)
    username = models.CharField(_("username"), max_length=64, unique=True)
    username_key = ComparisonKeyField(source="username")
    email = models.EmailField(_("email address"), max_length=254, blank=True)
    email_key = ComparisonKeyField(source="email")
    # The address that a mailed code has proved. It is stored itself and not as a yes or no, so that after any change of `email`
    # the new address counts as not proved.
    verified_email = models.EmailField(max_length=254, blank=True, editable=False)
    phonenum = models.CharField(_("phone number"), max_length=32, blank=True)
    nickname = models.CharField(_("nickname"), max_length=64, blank=True)
    avatar_url = models.CharField(_("avatar address"), max_length=1024, blank=True)
    role = models.CharField(_("role"), max_length=8, choices=Role.choices, default=Role.USER)
    is_active = models.BooleanField(_("active"), default=True, help_text=_("Who is not active cannot sign in."))
    # Each sign-in and token stores the version that it was made under. When this number is raised, none of them counts any more.
    credentials_version = models.PositiveIntegerField(_("credentials version"), default=1, editable=False)
    # Whether the trusted identity proxy may name this user, because it made them. Never set for anybody else.
    made_by_proxy = models.BooleanField(_("made by the identity proxy"), default=False, db_default=False, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True, db_index=True)

    # No column: yes or no by the names in `seams.caller_facts`. Only a user who was found as the caller of a request has them.
    facts: dict[str, bool]

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")

    def __str__(self) -> str:
        return self.username

    @property
    def is_admin(self) -> bool:
        return self.is_active and self.role == self.Role.ADMIN

    @property
    def email_verified(self) -> bool:
        return bool(self.email) and self.email == self.verified_email

    # The questions that the Django admin asks. There is one privilege: an administrator may do everything there.
    @property
    def is_staff(self) -> bool:
        return self.is_admin

    @property
    def is_superuser(self) -> bool:
        return self.is_admin

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_admin

    def has_perms(self, perm_list: Iterable[str], obj: object = None) -> bool:
        return self.is_admin

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_admin

    def get_short_name(self) -> str:
        return self.nickname or self.username

    def set_password(self, raw_password: str | None) -> None:
        """Also ends every sign-in and token, once saved."""
        super().set_password(raw_password)
        self.credentials_version += 1

    def check_password(self, raw_password: str | None) -> bool:
        """As Django's, but renewing a hash that was made with older parameters ends no sign-in."""

        def renew(raw: str) -> None:
            # Only if the stored hash is still the one that was compared: else a password that was just changed would be undone.
            judged, self.password = self.password, make_password(raw)
            User.objects.filter(pk=self.pk, password=judged).update(password=self.password)

        return check_against(raw_password, self.password, renew)


class UserConfig(models.Model):
    """What the web application keeps for a user. It has a table of its own, since each request reads the user's row."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="config")
    config = models.JSONField(_("configuration"), default=dict)

    class Meta:
        verbose_name = _("user configuration")
        verbose_name_plural = _("user configurations")

    def __str__(self) -> str:
        return str(self.user_id)


class SignIn(models.Model):
    """One sign-in of one person. Its session and its tokens end together."""

    class Method(models.TextChoices):
        PASSWORD = "password", _("Password")
        UPSTREAM = "upstream", _("Sign-in provider")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="sign_ins", verbose_name=_("user"))
    method = models.CharField(_("method"), max_length=8, choices=Method.choices)
    credentials_version = models.PositiveIntegerField(_("credentials version"))
    client_key = models.CharField(_("client address"), max_length=64)
    created_at = models.DateTimeField(_("signed in"), auto_now_add=True)
    # Written once a day at most, since a write at each request would be slow.
    seen_at = models.DateTimeField(_("last seen"), auto_now_add=True, db_index=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("sign-in")
        verbose_name_plural = _("sign-ins")
        indexes = [
            models.Index(fields=["user", "client_key"]),
            # The order of the administration's list.
            models.Index(fields=["-created_at", "-id"], name="accounts_signin_newest"),
        ]

    def __str__(self) -> str:
        # The name where the user is loaded anyway: a list of sign-ins must not ask for each user.
        who = self.user.username if "user" in self._state.fields_cache else self.user_id
        return f"{who} {self.created_at:%Y-%m-%d %H:%M %Z}"

    @property
    def is_alive(self) -> bool:
        """Whether nothing has ended it: no logout, changed password, deactivation or reused refresh token."""
        return self.ended_at is None and self.user.is_active and self.credentials_version == self.user.credentials_version


# The key of the sign-in's id in the data of a session. The column `sign_in` is set from it when the session is saved.
SESSION_SIGN_IN = "sign_in"


class Session(AbstractBaseSession):
    """A browser's session; `session_key` is the SHA-256 of the key that the browser's cookie holds."""

    session_key = models.CharField(_("session key"), max_length=64, primary_key=True)
    # None for a session in which nobody has signed in.
    sign_in = models.ForeignKey(SignIn, models.CASCADE, null=True, related_name="sessions")


class Token(models.Model):
    """An opaque token, of which only the SHA-256 is stored (`sage_platform.digests`)."""

    digest = models.CharField(max_length=64, primary_key=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.digest[:8]


class AccessToken(Token):
    sign_in = models.ForeignKey(SignIn, models.CASCADE, related_name="access_tokens")


class RefreshTokenQuerySet(models.QuerySet["RefreshToken"]):
    def usable(self, at: datetime) -> Self:
        """Those that had neither been used nor expired at a moment."""
        return self.filter(used_at=None, expires_at__gt=at)


class RefreshToken(Token):
    sign_in = models.ForeignKey(SignIn, models.CASCADE, related_name="refresh_tokens")
    used_at = models.DateTimeField(null=True)

    objects = RefreshTokenQuerySet.as_manager()


class RegistrationCodeQuerySet(models.QuerySet["RegistrationCode"]):
    def valid(self, at: datetime) -> Self:
        """Those that had not expired at a moment."""
        return self.filter(expires_at__gt=at)


class RegistrationCode(models.Model):
    """The code mailed to an address; one at a time for each."""

    email_key = models.CharField(max_length=1024, primary_key=True)
    digest = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)
    wrong_tries = models.PositiveSmallIntegerField(default=0)

    objects = RegistrationCodeQuerySet.as_manager()

    def __str__(self) -> str:
        return self.email_key


class LimitedActQuerySet(models.QuerySet["LimitedAct"]):
    def since(self, moment: datetime) -> Self:
        return self.filter(at__gt=moment)


class LimitedAct(models.Model):
    """One act that a limit counts, for example a wrong password. Kept in the database, which every worker sees."""

    limit = models.CharField(max_length=32)
    subject = models.CharField(max_length=64)
    detail = models.CharField(max_length=64, blank=True)
    # What staff see of a failed sign-in: the user's id and the client's address. Neither is a key of a limit. `account` is empty
    # for a name that nobody has, since what was typed there may be somebody's password.
    account = models.CharField(_("account"), max_length=64, blank=True, default="", db_default="")
    client_key = models.CharField(_("client address"), max_length=64, blank=True, default="", db_default="")
    at = models.DateTimeField()

    objects = LimitedActQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["limit", "subject", "at"]), models.Index(fields=["at"])]
        constraints = [models.CheckConstraint(condition=~Q(limit=""), name="limited_act_names_its_limit")]

    def __str__(self) -> str:
        return f"{self.limit} {self.at:%H:%M:%S}"


class LockOut(LimitedAct):
    """The act by which a limit of sign-ins is reached: until it has left the window, the limit refuses."""

    # No columns: annotations of `services.lock_outs`, which says what they are.
    username: str | None
    everywhere: bool

    class Meta:
        proxy = True
        verbose_name = _("lock-out")
        verbose_name_plural = _("lock-outs")

    def __str__(self) -> str:
        return str(self.account or self.client_key)
