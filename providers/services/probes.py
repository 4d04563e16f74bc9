"""Probing a provider and keeping what came of it with the stored record."""

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import copy_context
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from providers import probing
from providers.models import Probe, Provider
from providers.probing import Capabilities, Category, Connection, ModelEndpoint, ProbeFailed
from sage_platform.encryption import UndecryptableError
from sage_platform.telemetry.operations import Operation

logger = logging.getLogger(__name__)
# Each question that is asked of an endpoint, whoever asks it.
PROBE = Operation("providers", "probe")
KEPT = 20
UNREADABLE = _("The stored key can no longer be read. Enter the API key again.")


@dataclass(frozen=True)
class Finding:
    """What one probe found: a connection, with or without capabilities, or a failure."""

    connection: Connection | None = None
    capabilities: Capabilities | None = None
    failure: ProbeFailed | None = None
    crash: BaseException | None = None

    @property
    def works(self) -> bool:
        return self.failure is None and self.crash is None


def timeout() -> float:
    return float(settings.SAGE_PROBE_TIMEOUT)


def keep(provider: Provider, finding: Finding) -> None:
    """Write a finding to the record and its history, of which the newest 20 are kept. A deleted record is not brought back."""
    now = timezone.now()
    result = Provider.ProbeResult.WORKS if finding.works else Provider.ProbeResult.FAILS
    category = finding.failure.category.value if finding.failure else ""
    latency = finding.connection.latency_ms if finding.connection else None
    streams_only = finding.connection is not None and finding.connection.streams_only
    with transaction.atomic():
        # An UPDATE instead of save(), which would set `updated_at`: that tells when a person changed something. The digest in the
        # condition makes sure that the finding is about the endpoint that is stored now.
        found = Provider.objects.select_for_update().filter(pk=provider.pk, config_digest=provider.config_digest)
        changes = {"probe_result": result, "probe_category": category, "probe_latency_ms": latency}
        if not found.update(probed_at=now, probe_streams_only=streams_only, **changes):
            return
        Probe.objects.create(
            provider_id=provider.pk,
            at=now,
            result=result,
            category=category,
            latency_ms=latency,
            detail=finding.failure.detail[:300] if finding.failure else "",
            sees_images=finding.capabilities.image.capability.value if finding.capabilities else "",
            speaks_json=finding.capabilities.structured.capability.value if finding.capabilities else "",
        )
        newest = Probe.objects.filter(provider_id=provider.pk).values_list("pk", flat=True)[:KEPT]
        Probe.objects.filter(provider_id=provider.pk).exclude(pk__in=list(newest)).delete()


def ask(provider: Provider) -> Finding:
    """Ask a stored provider's endpoint whether it works. Never raises ProbeFailed, and leaves the database alone."""
    try:
        with PROBE.counted():
            return Finding(connection=probing.check_connection(stored_target(provider), timeout=timeout()))
    except ProbeFailed as failure:
        return Finding(failure=failure)


def stored_target(provider: Provider) -> ModelEndpoint:
    """Raises ProbeFailed where the key can no longer be read."""
    try:
        return provider.target()
    except UndecryptableError:
        raise ProbeFailed(Category.AUTHENTICATION, sentence=UNREADABLE) from None


def probe_all(providers: Iterable[Provider], *, at_once: int) -> Iterator[tuple[Provider, Finding]]:
    """Ask several at a time, and keep each answer as it comes. The threads only ask; the database is the caller's.

    A crash of ours over what one vendor said is told and not kept, and the others are asked all the same.
    """
    with ThreadPoolExecutor(at_once, thread_name_prefix="probe") as pool:
        asked = {pool.submit(copy_context().run, ask, provider): provider for provider in providers}
        for answered in as_completed(asked):
            provider, crash = asked[answered], answered.exception()
            if crash is None:
                keep(provider, answered.result())
            else:
                # Only the type: the exception's text may hold what the vendor said.
                logger.error("The check of provider %s crashed: %s", provider.pk, type(crash).__name__)
            yield provider, Finding(crash=crash) if crash else answered.result()


def capabilities_of_stored(provider: Provider, target: ModelEndpoint) -> Capabilities:
    """What an endpoint can do, kept with the record when it is the stored one. Raises ProbeFailed."""
    is_stored = provider.is_at(target)
    try:
        found = probing.check_capabilities(target, timeout=timeout())
    except ProbeFailed as failure:
        if is_stored:
            keep(provider, Finding(failure=failure))
        raise
    if is_stored:
        keep(provider, Finding(connection=found.connection, capabilities=found))
    return found
