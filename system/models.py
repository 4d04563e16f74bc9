"""What administrators change while the platform runs."""

from django.db import models
from django.utils.translation import gettext_lazy as _

# Django looks for an app's models here.
from system.usage.models import DailySession, DailyUsage, UsageCaller, UsageEvent, UsageName

__all__ = ["DailySession", "DailyUsage", "SystemSettings", "UsageCaller", "UsageEvent", "UsageName"]


class SystemSettings(models.Model):
    """The deployment's one row of settings. Read it through `current.current_settings`, write it through `services`.

    Each boolean field is a flag. Routes, `info`, the admin and the seam `deployment_settings` follow from these fields.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    allow_registration = models.BooleanField(
        _("allow registration"),
        default=False,
        help_text=_("Anybody with an email address may make an account. A new deployment starts with this off."),
    )
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("system settings")
        verbose_name_plural = _("system settings")
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="system_settings_is_one_row")]

    def __str__(self) -> str:
        return str(_("System settings"))

    @classmethod
    def flag_names(cls) -> tuple[str, ...]:
        return tuple(field.name for field in cls._meta.concrete_fields if isinstance(field, models.BooleanField))

    def flags(self) -> dict[str, bool]:
        return {name: getattr(self, name) for name in self.flag_names()}
