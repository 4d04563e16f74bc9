"""Releases of the desktop application. Write them through `versions.services`, which raises the revision with each write."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from sage_platform.accounts.models import User
from versions import platforms, semver

LONGEST_ADDRESS = 2048
LONGEST_SIGNATURE = 4096
LONGEST_NOTES = 100_000
MOST_ARTIFACTS = 64


class Source(models.TextChoices):
    API = "api", _("API")
    ADMIN = "admin", _("administration")
    COMMAND = "command", _("command")
    GITHUB = "github", _("GitHub")


class ReleaseQuerySet(models.QuerySet["Release"]):
    def published(self) -> Self:
        return self.filter(state=Release.State.PUBLISHED)

    def for_user(self, user: User) -> Self:
        """Whoever is no administrator sees what is published."""
        return self if user.is_admin else self.published()


class Release(models.Model):
    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")
        WITHDRAWN = "withdrawn", _("withdrawn")

    version = models.CharField(
        _("version"), max_length=semver.LONGEST, unique=True, help_text=_("For example 1.4.0 or 2.0.0-rc.1.")
    )
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.DRAFT, editable=False)
    release_notes = models.TextField(_("release notes"), blank=True, help_text=_("Markdown."))
    # Of the first time that it was published.
    pub_date = models.DateTimeField(_("published"), null=True, editable=False)
    withdrawn_because = models.CharField(_("withdrawn because"), max_length=255, blank=True, editable=False)
    source = models.CharField(_("how"), max_length=7, choices=Source.choices, editable=False)
    # A user's name or a client's id, as it was then.
    made_by = models.CharField(_("made by"), max_length=255, blank=True, editable=False)
    # Platforms, with spaces between them, that it was imported without an update for, since whoever imported it said so.
    allowed_missing = models.TextField(_("allowed without an update"), blank=True, default="", db_default="", editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    changed_at = models.DateTimeField(_("changed"), default=timezone.now, editable=False)

    objects: ClassVar = ReleaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("release")
        verbose_name_plural = _("releases")
        constraints = [
            models.CheckConstraint(condition=Q(state="draft") | Q(pub_date__isnull=False), name="versions_published_when"),
            models.CheckConstraint(condition=Q(state="withdrawn") | Q(withdrawn_because=""), name="versions_reason"),
        ]

    def __str__(self) -> str:
        return self.version


class ArtifactQuerySet(models.QuerySet["Artifact"]):
    def of_object(self, key: str) -> Self:
        """Those that name the file under this key of our own store."""
        return self.filter(Q(installer_key=key) | Q(updater_key=key))

    def published_updates(self) -> Self:
        """Those that updaters could be offered."""
        return self.filter(release__state=Release.State.PUBLISHED).exclude(updater_url="").exclude(updater_signature="")


class Artifact(models.Model):
    """What a release has for one platform: a file that people download, one that the updater takes, or both."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="artifacts")
    platform = models.CharField(
        _("platform"), max_length=platforms.LONGEST, help_text=_("For example darwin-aarch64 or linux-x86_64-deb.")
    )
    # No URLField, whose rules are neither the client's nor those of `services.judging`.
    installer_url = models.CharField(_("installer"), max_length=LONGEST_ADDRESS, blank=True)
    updater_url = models.CharField(_("update"), max_length=LONGEST_ADDRESS, blank=True)
    updater_signature = models.TextField(_("signature of the update"), max_length=LONGEST_SIGNATURE, blank=True)
    # The objects in our own store that the addresses lead to; empty for a stranger's.
    installer_key = models.CharField(max_length=1024, blank=True, editable=False)
    updater_key = models.CharField(max_length=1024, blank=True, editable=False)

    objects: ClassVar = ArtifactQuerySet.as_manager()

    class Meta:
        verbose_name = _("artifact")
        verbose_name_plural = _("artifacts")
        ordering = ("pk",)
        indexes = [
            models.Index(fields=["installer_key"], condition=~Q(installer_key=""), name="versions_installers"),
            models.Index(fields=["updater_key"], condition=~Q(updater_key=""), name="versions_updates"),
        ]
        constraints = [models.UniqueConstraint(fields=["release", "platform"], name="versions_platform_once")]

    def __str__(self) -> str:
        return self.platform


class Revision(models.Model):
    """The one row whose number grows with every write to releases. By it a worker knows whether what it answers still holds."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    number = models.BigIntegerField(default=0)

    objects: ClassVar = models.Manager()

    class Meta:
        verbose_name = verbose_name_plural = _("revision of releases")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="versions_revision_is_one_row")]

    def __str__(self) -> str:
        return str(self.number)

    @classmethod
    def current(cls) -> int:
        return cls.objects.filter(pk=1).values_list("number", flat=True).first() or 0

    @classmethod
    def advance(cls) -> None:
        """Within the transaction of a write, and first in it: until the commit whoever else writes releases waits here."""
        if not cls.objects.filter(pk=1).update(number=F("number") + 1):
            cls.objects.get_or_create(pk=1)
            cls.objects.filter(pk=1).update(number=F("number") + 1)


class LastImport(models.Model):
    """The one row that names the answer of GitHub which the newest import was made from, so that it is not asked for again."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    asked = models.TextField()
    etag = models.CharField(max_length=256)
    # The release that was made of it, and when: once it was changed here, GitHub's answer is wanted again.
    version = models.CharField(max_length=semver.LONGEST)
    changed_at = models.DateTimeField()

    objects: ClassVar = models.Manager()

    class Meta:
        verbose_name = verbose_name_plural = _("newest import")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="versions_last_import_is_one_row")]

    def __str__(self) -> str:
        return self.version


class RefusedRelease(models.Model):
    """A release that was not taken, as staff find it: whoever sent it may be a program that nobody watches."""

    at = models.DateTimeField(_("when"), default=timezone.now)
    source = models.CharField(_("how"), max_length=7, choices=Source.choices)
    made_by = models.CharField(_("made by"), max_length=255, blank=True)
    version = models.CharField(_("version"), max_length=semver.LONGEST, blank=True)
    # Rows of `faults.Fault`: kind, field, and the details of its sentence.
    faults = models.JSONField(_("faults"))

    objects: ClassVar = models.Manager()

    class Meta:
        verbose_name = _("refused release")
        verbose_name_plural = _("refused releases")
        ordering = ("-at", "-pk")
        indexes = [models.Index(fields=["-at", "-id"], name="versions_refused_newest")]

    def __str__(self) -> str:
        return self.version or f"{self.at:%Y-%m-%d %H:%M %Z}"
