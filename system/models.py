"""What administrators change while the platform runs."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class SystemSettings(models.Model):
    """The deployment's one row of settings. Read it through `current.current_settings`, write it through `services`."""

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
