from datetime import datetime, timedelta
from typing import Any

from django.apps import AppConfig
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from sage_platform.api import seams

REFUSED_KEPT = timedelta(days=90)


class VersionsConfig(AppConfig):
    name = "versions"
    verbose_name = _("Releases")

    def ready(self) -> None:
        from sage_platform.telemetry.process import publisher
        from versions import documentation, feed, front
        from versions.models import RefusedRelease
        from versions.services.references import is_referenced

        def refused_before(at: datetime) -> QuerySet[Any]:
            return RefusedRelease.objects.filter(at__lt=at - REFUSED_KEPT)

        publisher.also(feed.publish_age)
        seams.front_answers.register(front.CHECK, front.check)
        seams.front_answers.register(front.LATEST, front.latest)
        seams.raw_routes.register("releases", seams.RawRoutes([documentation.CHECK]))
        seams.object_references.register("releases", is_referenced)
        seams.prunable.register("refused releases", refused_before)
