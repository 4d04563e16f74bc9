"""Ask every stored provider whether it still works."""

from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from django.core.management import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from providers.models import Provider, ProviderQuerySet
from providers.services.probes import Finding, probe_all
from sage_platform.accounts.models import User
from sage_platform.printed import plain, printed

BATCH = 100
AT_ONCE = 8


class Command(BaseCommand):
    help = (
        "Check the connection of every stored model provider, keep the results, and print them as a table. "
        "Fails when one that worked no longer does, be it for a moment or for our own network: run it again before you act."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--owner", metavar="NAME", help="only the providers of this user")
        which.add_argument("--system", action="store_true", help="only the system's own")
        parser.add_argument("--dry-run", action="store_true", help="list what would be asked, and ask nothing")

    def handle(self, *args: object, **options: Any) -> None:
        chosen = self.chosen(options).order_by("owner_id", "created_at", "id").values_list("pk", flat=True)
        table = Table("owner", "provider", "address", "model", "before", "now", "took")
        checked = connected = broken = crashed = 0
        for provider, finding in looked_at(list(chosen), dry_run=options["dry_run"]):
            table.add_row(*row_of(provider, finding))
            if finding and finding.failure and provider.probe_result == Provider.ProbeResult.WORKS:
                broken += 1
            checked += finding is not None
            connected += bool(finding and finding.works)
            crashed += bool(finding and finding.crash)
        self.stdout.write(printed(table))
        if options["dry_run"]:
            self.stdout.write(f"{table.row_count} would be checked.")
        else:
            self.stdout.write(f"{checked} checked, {connected} connected, {checked - connected} failed.")
        told = [f"{broken} that worked no longer {'does' if broken == 1 else 'do'}."] if broken else []
        told += [f"{crashed} could not be checked: the check itself crashed, see the log."] if crashed else []
        if told:
            raise CommandError(" ".join(told))

    @staticmethod
    def chosen(options: dict[str, Any]) -> ProviderQuerySet:
        providers = Provider.objects.all()
        if options["system"]:
            return providers.of_system()
        if not options["owner"]:
            return providers
        owner = User.objects.named(options["owner"]).first()
        if owner is None:
            raise CommandError(f"There is no user named {options['owner']}.")
        return providers.for_user(owner)


def looked_at(chosen: Sequence[UUID], *, dry_run: bool) -> Iterator[tuple[Provider, Finding | None]]:
    """Each one as it was before, with what was found now.

    No cursor stays open while vendors take their time: on SQLite its view of the data would grow old, and nothing can be
    written from an old one.
    """
    with Progress(console=Console(stderr=True), disable=dry_run) as progress:
        task = progress.add_task("Probing", total=len(chosen))
        for start in range(0, len(chosen), BATCH):
            batch = chosen[start : start + BATCH]
            kept = Provider.objects.select_related("owner").in_bulk(batch)
            findings: dict[UUID, Finding] = {}
            for provider, finding in [] if dry_run else probe_all(kept.values(), at_once=AT_ONCE):
                findings[provider.pk] = finding
                progress.advance(task)
            yield from ((kept[key], findings.get(key)) for key in batch if key in kept)


def row_of(provider: Provider, finding: Finding | None) -> list[str]:
    owner = provider.owner.username if provider.owner else "(system)"
    before = provider.probe_result or "-"
    now, took = "-", "-"
    if finding and finding.connection:
        now, took = "works", f"{finding.connection.latency_ms} ms"
    elif finding and finding.failure:
        now = f"fails: {finding.failure.category.value}"
    elif finding:
        now = "crashed"
    return [plain(cell) for cell in (owner, provider.name, provider.base_url, provider.model, before, now, took)]
