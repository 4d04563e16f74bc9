"""Publish a release from the command line, or keep it as a draft."""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError
from rest_framework.exceptions import ValidationError

from sage_platform.api.bodies import strict_json
from sage_platform.api.errors import InvalidInput, Refusal, Unavailable
from sage_platform.api.handlers import flatten
from versions.faults import Fault
from versions.models import LONGEST_NOTES, LONGEST_SIGNATURE, Source
from versions.serializers import ReleaseInput, candidate_of
from versions.services import releases
from versions.services.judging import Candidate, Judgement, judge
from versions.services.releases import Author

# A character of UTF-8 has four bytes at most.
MOST_NOTES_BYTES = 4 * LONGEST_NOTES
MOST_JSON_BYTES = 2 * 1024**2
AUTHOR = Author("", Source.COMMAND)


@dataclass(frozen=True)
class Given:
    """One option about one platform."""

    option: str
    field: str
    platform: str
    value: str


def option(name: str, field: str) -> Callable[[str], Given]:
    def read(text: str) -> Given:
        platform, equals, value = text.partition("=")
        if not (platform and equals and value):
            raise ArgumentTypeError("give it as PLATFORM=VALUE, such as darwin-aarch64=VALUE")
        return Given(name, field, platform, value)

    return read


class Command(BaseCommand):
    help = (
        "Publish a release of the desktop application, judged as at the API, or keep it as a draft. Name each artifact by its "
        "platform, such as --update darwin-aarch64=https://dl.example/app.tar.gz --signature darwin-aarch64=app.tar.gz.sig, or "
        "give all of it as JSON, in the form of POST /api/system/version."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("release", nargs="?", metavar="VERSION", help="such as 1.4.0; not with --from")
        parser.add_argument("--from", dest="file", metavar="FILE", help="the whole release as JSON; - for standard input")
        parser.add_argument("--notes", metavar="FILE", help="the release notes, in Markdown; - for standard input")
        kinds = [
            ("--installer", "installer_url", "PLATFORM=URL", "what people download for a platform; may be repeated"),
            ("--update", "updater_url", "PLATFORM=URL", "what the updater takes for a platform; may be repeated"),
            ("--signature", "updater_signature", "PLATFORM=FILE", "the .sig file of that update; may be repeated"),
        ]
        for name, field, form, told in kinds:
            read = option(name, field)
            parser.add_argument(name, dest="given", action="append", default=[], type=read, metavar=form, help=told)
        parser.add_argument("--draft", action="store_true", help="keep it as a draft, which is published in the administration")
        parser.add_argument("--dry-run", action="store_true", help="judge it, and store nothing")

    def handle(self, *args: object, **options: Any) -> None:
        try:
            self.run(candidate_from(options), draft=options["draft"], dry_run=options["dry_run"])
        except (InvalidInput, ValidationError) as error:
            told = error.errors if isinstance(error, InvalidInput) else flatten(error.detail)
            raise CommandError(" ".join(f"{field}: {message}" for field, message in told)) from None
        except Refusal as refusal:
            raise CommandError(str(refusal.detail)) from None
        except Unavailable as error:
            raise CommandError(f"A store does not answer ({error.cause}). Run it again when it does.") from error

    def run(self, candidate: Candidate, *, draft: bool, dry_run: bool) -> None:
        if not draft:
            _release, judgement = (releases.examine if dry_run else releases.create)(candidate, AUTHOR)
        else:
            # A draft is stored without its files being read; what it would be refused for is told here nevertheless.
            judgement = judge(candidate)
            releases.examine(candidate, AUTHOR, as_draft=True) if dry_run else releases.draft(candidate, AUTHOR)
            self.tell("To mend", judgement, judgement.faults)
        self.tell("Warning", judgement, judgement.warnings)
        done = "kept as a draft" if draft else "published"
        self.stdout.write(f"{candidate.version} {'would be' if dry_run else 'is'} {done}.")

    def tell(self, word: str, judgement: Judgement, found: Iterable[Fault]) -> None:
        for _field, message in judgement.told(found):
            self.stdout.write(f"{word}: {message}")


def candidate_from(options: Mapping[str, Any]) -> Candidate:
    """Raises CommandError, InvalidInput, ValidationError, RefusedForm."""
    if options["file"]:
        if options["release"] or options["notes"] or options["given"]:
            raise CommandError("With --from all of it is in the file: no version, --notes, --installer, --update or --signature.")
        data = strict_json(content_of(options["file"], most=MOST_JSON_BYTES))
    elif options["release"]:
        data = {"version": options["release"], "artifacts": artifacts_of(options["given"])}
        if options["notes"]:
            data["release_notes"] = text_of(options["notes"], most=MOST_NOTES_BYTES)
    else:
        raise CommandError("Give the version, or the whole release by --from FILE.")
    read = ReleaseInput(data=data)
    read.is_valid(raise_exception=True)
    return candidate_of(read.validated_data)


def artifacts_of(given: list[Given]) -> list[dict[str, str]]:
    """In the order in which platforms are named first."""
    found: dict[str, dict[str, str]] = {}
    for one in given:
        artifact = found.setdefault(one.platform, {"platform": one.platform})
        if one.field in artifact:
            raise CommandError(f"{one.option} is there twice for {one.platform}.")
        is_file = one.field == "updater_signature"
        artifact[one.field] = text_of(one.value, most=LONGEST_SIGNATURE) if is_file else one.value
    return list(found.values())


def text_of(name: str, *, most: int) -> str:
    try:
        return content_of(name, most=most).decode()
    except UnicodeDecodeError:
        raise CommandError(f"{name} is no text in UTF-8.") from None


def content_of(name: str, *, most: int) -> bytes:
    """Of a file, or of standard input where the name is a dash. No more of it is read than it may have: it may be a disk."""
    try:
        with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}.") from None
    if len(content) > most:
        raise CommandError(f"{name} is too large: {most} bytes at most.")
    return content
