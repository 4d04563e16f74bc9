"""What is kept of uploaded files. The bytes are in a store (`uploads.stores`); a row says whose they are and where."""

from datetime import datetime
from secrets import token_hex
from typing import ClassVar, Self
from urllib.parse import quote

from django.conf import settings
from django.db import models
from django.db.models import Q, Sum
from django.utils.translation import gettext_lazy as _

from sage_platform import paths
from sage_platform.accounts.models import User
from uploads import names
from uploads.content_types import PLAIN_TEXT, is_inline

# In the place of a sum, where a row only keeps others away from a key: it is no digest of any object.
CLAIMED = "claimed"


def new_public_id() -> str:
    """128 random bits: whoever has it can read the file, and nobody can guess it."""
    return token_hex(16)


class Store(models.TextChoices):
    DISK = "disk", _("disk")
    S3 = "s3", "S3"


class State(models.TextChoices):
    # The body is still coming; `size` is what it announced, kept free for it.
    RECEIVING = "receiving", _("being received")
    # The whole file is here, and is being put into its store. From now on there may be an object.
    PENDING = "pending", _("being stored")
    STORED = "stored", _("stored")
    # The object is being deleted, and the row with it.
    DELETING = "deleting", _("being deleted")


class UploadQuerySet(models.QuerySet["Upload"]):
    def for_user(self, user: User) -> Self:
        return self.filter(owner=user)

    def stored(self) -> Self:
        """Those that people can see and open."""
        return self.filter(state=State.STORED)

    def known_as(self, public_id: str) -> "Upload | None":
        """The file of this id. What can be no id is not asked for: PostgreSQL fails at a NUL, for example."""
        return self.stored().filter(public_id=public_id).first() if names.PUBLIC_ID.fullmatch(public_id) else None

    def left_over(self, now: datetime) -> Self:
        """What a process left in the middle, whose lease has run out."""
        return self.exclude(state=State.STORED).filter(lease_until__lte=now)

    def changing(self) -> Self:
        """What is about to be replaced or deleted, by the keys of these. While it is moved it stays as it is."""
        return self.filter(state__in=[State.PENDING, State.DELETING]).exclude(sha256=CLAIMED)

    def counting(self, now: datetime) -> Self:
        """What takes room: files that are there, and files that are on their way."""
        return self.exclude(Q(state=State.RECEIVING) & Q(lease_until__lte=now))

    def bytes(self) -> int:
        return self.aggregate(bytes=Sum("size"))["bytes"] or 0

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


class Upload(models.Model):
    """One file. The row is made before the object, and completed after it, so that a crash leaves no object without a row."""

    class Source(models.TextChoices):
        UPLOAD = "upload", _("uploaded")
        IMPORT = "import", _("fetched from an address")

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    # A deleted user's files stay, since others may have their addresses.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="uploads",
        editable=False,
        verbose_name=_("owner"),
    )
    name = models.CharField(_("name"), max_length=255, blank=True, editable=False)
    size = models.BigIntegerField(_("size"), editable=False)
    content_type = models.CharField(_("type"), max_length=100, blank=True, editable=False)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True, editable=False)
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.RECEIVING, editable=False)
    store = models.CharField(_("store"), max_length=4, choices=Store.choices, editable=False)
    # The object's name in the store. Empty while it is being received.
    key = models.CharField(_("object"), max_length=1024, blank=True, editable=False)
    # Of what is not stored yet, or about to be deleted: until then its process is at work on it.
    lease_until = models.DateTimeField(null=True, editable=False)
    source = models.CharField(_("how"), max_length=6, choices=Source.choices, editable=False)
    # The client's address, or the host that the file was fetched from.
    came_from = models.CharField(_("from"), max_length=255, blank=True, editable=False)
    created_at = models.DateTimeField(_("when"), editable=False)

    objects: ClassVar = UploadQuerySet.as_manager()

    class Meta:
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")
        indexes = [
            models.Index(fields=["owner", "-created_at", "-id"], name="uploads_of_owner"),
            models.Index(fields=["-created_at", "-id"], name="uploads_newest"),
            models.Index(fields=["lease_until"], condition=~Q(state="stored"), name="uploads_under_way"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=Q(state="stored"), name="uploads_one_stored"),
            # Else one process would delete, or replace, the object that another has just put there.
            models.UniqueConstraint(fields=["key"], condition=Q(state__in=["pending", "deleting"]), name="uploads_one_at_work"),
            models.CheckConstraint(condition=Q(size__gte=0), name="uploads_size"),
            models.CheckConstraint(condition=Q(state="stored") ^ Q(lease_until__isnull=False), name="uploads_lease"),
            models.CheckConstraint(condition=Q(state="receiving") | (~Q(key="") & ~Q(sha256="")), name="uploads_complete"),
        ]

    def __str__(self) -> str:
        return self.name or self.public_id[:8]

    @property
    def media_type(self) -> str:
        """The type with its charset, as a header says it: only UTF-8 is told to be plain text."""
        return f"{self.content_type}; charset=utf-8" if self.content_type == PLAIN_TEXT else self.content_type

    @property
    def disposition(self) -> str:
        """How a browser takes it, as a header says it."""
        return names.disposition(self.name, inline=is_inline(self.content_type))

    @property
    def path(self) -> str:
        """The address below the origin. The name in it is for people alone: the id finds the file."""
        return f"/{paths.FILES}/{self.public_id}/{quote(self.name, safe='')}"

    @property
    def url(self) -> str:
        return f"{settings.SAGE_PUBLIC_URL}{self.path}"

    @property
    def told_url(self) -> str:
        """What clients are told: a path where the deployment wants one, but of a release bundle always the whole address."""
        is_path = settings.SAGE_UPLOAD_URL_STYLE == "path" and not names.is_bundle(self.key)
        return self.path if is_path else self.url
