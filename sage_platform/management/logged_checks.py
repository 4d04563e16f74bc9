"""The commands that a service manager runs, whose standard error is a log."""

from collections.abc import Sequence
from logging import getLogger
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.core.management import BaseCommand, CommandError

log = getLogger("sage.checks")


class LoggedChecksCommand(BaseCommand):
    """Says what the system checks find in lines of the log, where Django prints paragraphs, and ends when one is an error."""

    def check(  # noqa: PLR0917  Django's own signature.
        self,
        app_configs: Sequence[AppConfig] | None = None,
        tags: Sequence[str] | None = None,
        display_num_errors: bool = False,
        include_deployment_checks: bool = False,
        fail_level: int = checks.ERROR,
        databases: Sequence[str] | None = None,
    ) -> None:
        chosen: dict[str, Any] = {"app_configs": app_configs, "tags": tags, "databases": databases}
        found = checks.run_checks(include_deployment_checks=include_deployment_checks, **chosen)
        told = [message for message in found if not message.is_silenced()]
        for message in told:
            log.log(message.level, "%s", message.msg, extra={"facts": {"check": message.id, "hint": message.hint}})
        failed = [str(message.id) for message in told if message.is_serious(fail_level)]
        if failed:
            raise CommandError(f"The settings are wrong: {', '.join(failed)}. The lines above say what to do.")
