"""Ask every stored provider whether it still works."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from providers.models import Provider
from providers.services.probes import Finding, probe_stored
from sage_platform.accounts.names import comparison_key

WIDTH = 160  # Of a table that may as well go to a file; addresses are long.


class Command(BaseCommand):
    help = (
        "Check the connection of every stored model provider, keep the results, and print them as a table. "
        "Fails when one that worked no longer does."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--owner", metavar="NAME", help="only the providers of this user")
        parser.add_argument("--system", action="store_true", help="only the system's own")
        parser.add_argument("--dry-run", action="store_true", help="list what would be asked, and ask nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        providers = Provider.objects.select_related("owner").order_by("owner_id", "created_at")
        if options["system"]:
            providers = providers.of_system()
        if options["owner"]:
            providers = providers.filter(owner__username_key=comparison_key(options["owner"]))
        table = Table("owner", "provider", "address", "model", "before", "now", "took")
        broken = 0
        with Progress(console=Console(stderr=True), transient=True) as progress:
            for provider in progress.track(providers.iterator(chunk_size=200), total=providers.count(), description="Probing"):
                before = provider.probe_result
                finding = None if options["dry_run"] else probe_stored(provider)
                if finding and not finding.works and before == Provider.ProbeResult.WORKS:
                    broken += 1
                table.add_row(*row_of(provider, finding))
        console = Console(width=WIDTH)
        with console.capture() as printed:
            console.print(table)
        self.stdout.write(printed.get())
        if broken:
            raise CommandError(f"{broken} that worked no longer {'does' if broken == 1 else 'do'}.")


def row_of(provider: Provider, finding: Finding | None) -> list[str]:
    owner = provider.owner.username if provider.owner else "(system)"
    before = provider.probe_result or "-"
    now, took = "-", "-"
    if finding and finding.connection:
        now, took = "works", f"{finding.connection.latency_ms} ms"
    elif finding and finding.failure:
        now = f"fails: {finding.failure.category.value}"
    return [owner, provider.name, provider.base_url, provider.model, before, now, took]
