from functools import partial

from django.apps import AppConfig
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from sage_platform.api import seams


class SystemConfig(AppConfig):
    name = "system"
    verbose_name = _("System")

    def ready(self) -> None:
        from system import health
        from system.info import own_part
        from system.models import SystemSettings
        from system.usage import pruning
        from system.usage.pages import account_panel

        for name in SystemSettings.flag_names():
            seams.deployment_settings.register(name, partial(current_flag, name))
        seams.info_parts.register("system", own_part)
        seams.health_checks.register("database", health.check_database)
        seams.health_checks.register("cache", health.check_cache)
        seams.account_panels.register("usage", account_panel)
        for name, expired in pruning.PRUNABLE.items():
            seams.prunable.register(name, expired)
        for name, rows in pruning.OF_USER.items():
            seams.rows_of_user.register(name, rows)
        seams.admin_panels.register("usage", usage_panel)


def current_flag(name: str) -> bool:
    from system.current import current_settings

    return current_settings.get().flags()[name]


def usage_panel(request: HttpRequest) -> seams.Panel:
    from system.usage.admin import admin_panel

    return admin_panel(request)
