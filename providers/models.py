"""What is kept of model providers: the endpoint, its sealed key, and what the probes found."""

import uuid
from collections.abc import Collection
from typing import Self

from django.conf import settings
from django.core.validators import BaseValidator, MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from providers.keys import ApiKey
from providers.probing import Capability, Category, ModelEndpoint
from sage_platform.accounts.models import User
from sage_platform.encryption import SealedField, UndecryptableError

# The greatest number that PostgreSQL's integer holds.
MOST_TOKENS = 2**31 - 1


def within(least: float, most: float) -> list[BaseValidator]:
    return [MinValueValidator(least), MaxValueValidator(most)]


class FailureKind(models.TextChoices):
    """The categories of failures in a word or two; a sentence for each is with the probes."""

    AUTHENTICATION = Category.AUTHENTICATION.value, _("authentication")
    PERMISSION = Category.PERMISSION.value, _("permission")
    MODEL = Category.MODEL.value, _("model not available")
    QUOTA = Category.QUOTA.value, _("quota used up")
    RATE_LIMIT = Category.RATE_LIMIT.value, _("rate limited")
    TIMEOUT = Category.TIMEOUT.value, _("timeout")
    CONNECTION = Category.CONNECTION.value, _("connection failed")
    NOT_OPENAI = Category.NOT_OPENAI.value, _("not OpenAI-compatible")
    SERVICE = Category.SERVICE.value, _("service error")


class ProviderQuerySet(models.QuerySet["Provider"]):
    def for_user(self, user: User) -> Self:
        """Those that this user owns. The system's have no owner, so they are never among them."""
        return self.filter(owner=user)

    def of_system(self) -> Self:
        return self.filter(owner=None)

    def beside(self, provider: "Provider") -> Self:
        """The others of the same owner."""
        return self.filter(owner_id=provider.owner_id).exclude(pk=provider.pk)

    def at(self, target: ModelEndpoint) -> Self:
        """Those of this address and model, with whatever key."""
        return self.filter(base_url=target.base_url, model=target.model)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


class Provider(models.Model):
    """One user's record of an OpenAI-compatible endpoint, or the system's (no owner)."""

    class ProbeResult(models.TextChoices):
        NONE = "", _("never probed")
        WORKS = "works", _("works")
        FAILS = "fails", _("fails")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="providers",
        verbose_name=_("owner"),
    )
    name = models.CharField(_("name"), max_length=255)
    base_url = models.CharField(_("base address"), max_length=2048)
    model = models.CharField(_("model"), max_length=255)
    key = SealedField(_("key"), editable=False)
    # What is shown of the key, so that a list decrypts nothing.
    key_hint = models.CharField(_("key"), max_length=11, editable=False)
    # A keyed digest of address, model and key. By it the same configuration is found again, and a constraint keeps it unique.
    config_digest = models.CharField(max_length=64, editable=False)

    max_tokens = models.PositiveIntegerField(_("max. tokens"), null=True, blank=True, validators=within(1, MOST_TOKENS))
    max_model_len = models.PositiveIntegerField(_("context length"), null=True, blank=True, validators=within(1, MOST_TOKENS))
    temperature = models.FloatField(_("temperature"), null=True, blank=True, validators=within(0, 2))
    top_p = models.FloatField(_("top_p"), null=True, blank=True, validators=within(0, 1))
    presence_penalty = models.FloatField(_("presence penalty"), null=True, blank=True, validators=within(-2, 2))
    supports_multimodal = models.BooleanField(_("sees images"), default=False)
    supports_structured_output = models.BooleanField(_("structured output"), default=False)
    is_default = models.BooleanField(_("default"), default=False)

    probed_at = models.DateTimeField(_("last probe"), null=True, editable=False)
    probe_result = models.CharField(_("result"), max_length=8, choices=ProbeResult.choices, blank=True, editable=False)
    probe_category = models.CharField(
        _("kind of failure"), max_length=16, choices=FailureKind.choices, blank=True, editable=False
    )
    probe_latency_ms = models.PositiveIntegerField(_("took (ms)"), null=True, editable=False)
    # The last probe got its answer as a stream alone. The database has the default too, for workers that do not know the column.
    probe_streams_only = models.BooleanField(_("only streams"), default=False, db_default=False, editable=False)

    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    objects = ProviderQuerySet.as_manager()

    class Meta:
        verbose_name = _("model provider")
        verbose_name_plural = _("model providers")
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="providers_of_owner"),
            # The order of the administration's list.
            models.Index(fields=["-created_at", "-id"], name="providers_newest"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["owner"], condition=Q(is_default=True, owner__isnull=False), name="providers_one_default_each"
            ),
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True, owner__isnull=True), name="providers_one_default_of_system"
            ),
            models.UniqueConstraint(
                fields=["owner", "config_digest"], condition=Q(owner__isnull=False), name="providers_config_once_each"
            ),
            models.UniqueConstraint(
                fields=["config_digest"], condition=Q(owner__isnull=True), name="providers_config_once_of_system"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Without the constraints of one default each: a form would refuse a second one, while the services clear the first."""
        super().validate_constraints({*(exclude or ()), "is_default"})

    @staticmethod
    def any_owned_by(user_key: str) -> Exists:
        """Whether the user whose key is in this column of an outer query owns one."""
        return Exists(Provider.objects.filter(owner_id=OuterRef(user_key)))

    @property
    def trusted(self) -> bool:
        """The address comes from the deployment's settings, so it may be in a private network."""
        given = settings.SAGE_DEFAULT_LLM_API_BASE_URL
        return self.owner_id is None and bool(given) and self.base_url == given

    def api_key(self) -> ApiKey:
        """The stored key; raises UndecryptableError."""
        return ApiKey.opened(self.key)

    def target(self) -> ModelEndpoint:
        """What a probe needs; raises UndecryptableError."""
        return ModelEndpoint(base_url=self.base_url, api_key=self.api_key(), model=self.model, trusted=self.trusted)

    def holds(self, key: ApiKey) -> bool:
        """Whether this is the stored key. One that cannot be decrypted is none, so that entering it again stores it anew."""
        try:
            return self.api_key() == key
        except UndecryptableError:
            return False

    def has_readable_key(self) -> bool:
        """Whether the stored key can still be decrypted."""
        try:
            self.api_key()
        except UndecryptableError:
            return False
        return True

    def is_at(self, target: ModelEndpoint) -> bool:
        """Whether this is the stored address and model with the stored key."""
        return (self.base_url, self.model) == (target.base_url, target.model) and self.holds(target.api_key)


class Probe(models.Model):
    """One probe of a stored provider: when, and what came of it."""

    class Answer(models.TextChoices):
        YES = Capability.YES.value, _("yes")
        NO = Capability.NO.value, _("no")
        UNKNOWN = Capability.UNKNOWN.value, _("not known")

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="probes", verbose_name=_("provider"))
    at = models.DateTimeField(_("at"))
    result = models.CharField(_("result"), max_length=8, choices=Provider.ProbeResult.choices)
    category = models.CharField(_("kind of failure"), max_length=16, choices=FailureKind.choices, blank=True)
    latency_ms = models.PositiveIntegerField(_("took (ms)"), null=True)
    # The vendor's own words, without anything that looks like the key.
    detail = models.CharField(_("the vendor's words"), max_length=300, blank=True)
    sees_images = models.CharField(_("sees images"), max_length=8, choices=Answer.choices, blank=True)
    speaks_json = models.CharField(_("structured output"), max_length=8, choices=Answer.choices, blank=True)

    class Meta:
        verbose_name = _("probe")
        verbose_name_plural = _("probes")
        ordering = ("-at", "-id")
        indexes = [models.Index(fields=["provider", "-at"], name="providers_probes_newest")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M %Z} {self.get_result_display()}"
