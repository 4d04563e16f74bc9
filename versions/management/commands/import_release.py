"""Import a release from GitHub."""

import shutil
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.template.defaultfilters import pluralize
from rich.console import Console
from rich.table import Table

from sage_platform.api.errors import Refusal
from versions import platforms
from versions.github.source import SourceFailed
from versions.models import Source
from versions.services import importing
from versions.services.importing import Plan
from versions.services.releases import Author

FILE_WIDTH = 160  # Columns of the table where there is no terminal; names of files are long.
AUTHOR = Author("", Source.GITHUB)


class Command(BaseCommand):
    help = (
        "Publish the newest stable release of SAGE_GITHUB_REPO here, in the place of the record of its version if there is one. "
        "A release that is not whole yet is not imported, and what is missing is told."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tag", default="", metavar="TAG", help="this release and not the newest; also a pre-release")
        parser.add_argument(
            "--allow-missing",
            action="append",
            default=[],
            metavar="PLATFORM",
            help="import it also where this platform has no update any more; may be given several times",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="print what would be stored and what is missing; store nothing"
        )

    def handle(self, *args: object, **options: Any) -> None:
        asked = {"tag": options["tag"], "allow_missing": options["allow_missing"]}
        for platform in asked["allow_missing"]:
            if not platforms.is_platform(platform):
                raise CommandError(f"{platform!r} is no platform. Give one such as linux-aarch64 or windows-x86_64-msi.")
        try:
            if options["dry_run"]:
                self.print_plan(importing.examine(AUTHOR, **asked))
                return
            release, judgement = importing.import_release(AUTHOR, **asked)
        except SourceFailed as failed:
            raise CommandError(failed.fault.message) from None
        except Refusal as refusal:
            raise CommandError(str(refusal.detail)) from None
        for _field, sentence in judgement.told(judgement.warnings):
            self.stdout.write(sentence)
        amount = release.artifacts.count()
        self.stdout.write(f"{release.version} is published, with {amount} artifact{pluralize(amount)}.")

    def print_plan(self, plan: Plan) -> None:
        table = Table("platform", "installer", "update", "signature")
        for slot in plan.fetched.files.slots:
            signature = "" if not slot.update else "fetched" if slot.update in plan.fetched.signatures else "not fetched"
            table.add_row(slot.platform, slot.installer, slot.update, signature)
        console = Console(width=shutil.get_terminal_size((FILE_WIDTH, 0)).columns, markup=False, emoji=False)
        with console.capture() as printed:
            console.print(table)
        self.stdout.write(printed.get())
        version, tag = plan.candidate.version, plan.fetched.release.tag
        if plan.fetched.files.unused:
            self.stdout.write(f"Not needed: {', '.join(plan.fetched.files.unused)}")
        if plan.faults:
            for sentence in plan.sentences:
                self.stdout.write(sentence)
            amount = len(plan.faults)
            raise CommandError(f"{version} ({tag}) would not be imported: {amount} fault{pluralize(amount)}.")
        for _field, sentence in plan.judgement.told(plan.judgement.warnings):
            self.stdout.write(sentence)
        amount = len(plan.candidate.artifacts)
        self.stdout.write(f"{version} ({tag}) would be published, with {amount} artifact{pluralize(amount)}.")
