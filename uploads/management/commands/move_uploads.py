"""Move the files of uploads from one store to the other."""

import time
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat
from rich.console import Console
from rich.progress import Progress

from sage_platform.alone import DoneElsewhereError
from sage_platform.api.errors import Unavailable
from uploads import stores
from uploads.models import Store
from uploads.services.moving import LEFT, Move, Outcome

STEP_SECONDS = 1.0


class Command(BaseCommand):
    help = (
        "Move files from the disk to S3, or back, while the platform runs. May be cut short at any moment and run again. "
        "New files go where SAGE_UPLOAD_STORE says: set that first, and restart."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", choices=Store.values, required=True, help="where the files are to be")
        parser.add_argument("--dry-run", action="store_true", help="say how many would be moved, and move nothing")

    def handle(self, *args: object, **options: Any) -> None:
        if set(stores.all_names()) != set(Store):
            raise CommandError("There is one store alone: set SAGE_S3_ENDPOINT, and what belongs to it.")
        move = Move(Store(options["to"]))
        files = move.files_to_move()
        if options["dry_run"]:
            self.stdout.write(f"{files.count()} would be moved to {move.target}, {told_size(files.bytes())}.")
            return
        try:
            with move.locked(), Progress(console=Console(stderr=True)) as progress:
                found = self.copy(move, progress)
                self.clear(move, progress)
        except DoneElsewhereError:
            raise CommandError("Another run of this command is under way.") from None
        except Unavailable as error:
            raise CommandError(f"A store does not answer ({error.cause}). Run it again when it does.") from error
        self.tell(move, found)

    def copy(self, move: Move, progress: Progress) -> Counter[Outcome]:
        found: Counter[Outcome] = Counter()
        task = progress.add_task("Copying", total=move.files_to_move().count())
        for number, outcome in move.copy_all():
            found[outcome] += 1
            progress.advance(task)
            if outcome in LEFT:
                self.stdout.write(f"upload {number}: {outcome}")
        return found

    def clear(self, move: Move, progress: Progress) -> None:
        if not move.has_former_objects():
            return
        seconds = move.seconds_to_wait()
        task = progress.add_task("Waiting until nobody reads the former ones", total=seconds)
        while (left := move.seconds_to_wait()) > 0:
            time.sleep(min(STEP_SECONDS, left))
            progress.update(task, completed=seconds - move.seconds_to_wait())
        progress.add_task("Deleting the former ones", total=None)
        move.delete_former_objects()

    def tell(self, move: Move, found: Counter[Outcome]) -> None:
        self.stdout.write(f"{found[Outcome.MOVED]} moved to {move.target}.")
        left = sum(found[outcome] for outcome in LEFT)
        came = move.files_to_move().count() - left
        if stores.current() != move.target:
            self.stdout.write(f"New files go to {move.source}: set SAGE_UPLOAD_STORE={move.target}, restart, and run this again.")
        elif came > 0:
            self.stdout.write(f"{came} came meanwhile: run this again.")
        if left:
            raise CommandError(f"{left} could not be moved. What is above says why; nothing of them was changed.")


def told_size(size: int) -> str:
    return filesizeformat(size).replace("\xa0", " ")
