"""Checks that each language's message catalogue says all that the source says, and that the compiled one says the same.

With --write it brings all of them up to date instead. Either way gettext's own tools must be installed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import polib

from sage_platform.languages import CATALOGUES

ROOT = Path(__file__).resolve().parent.parent
LOCALES = Path("sage_platform", "locale")
SOURCE = ("manage.py", "sage_platform", "providers", "system", "versions", "uploads", "observability")

Key = tuple[str | None, str]


def path_of(catalogue: str) -> Path:
    return LOCALES / catalogue / "LC_MESSAGES" / "django.po"


def strays(folder: Path) -> list[str]:
    """The catalogues that no language has: nobody would ever see them, nor notice that they are out of date."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name not in CATALOGUES)


def makemessages(root: Path, catalogue: str) -> None:
    """Brings the catalogue under this root up to date with the source under it."""
    # Line numbers would change the catalogue with every edit, so that only the file is named.
    command = [
        sys.executable,
        "-m",
        "django",  # manage.py hides the command from people.
        "makemessages",
        "--locale",
        catalogue,
        "--add-location",
        "file",
        "--no-obsolete",
    ]
    # Other folders hold no messages, and searching a virtual environment takes a minute.
    others = (entry.name for entry in root.iterdir() if entry.is_dir() and entry.name not in SOURCE)
    for name in others:
        command += ["--ignore", name]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "sage_platform.settings"}
    subprocess.run(command, cwd=root, env=environment, check=True, stdout=subprocess.DEVNULL)


def extracted(catalogue: str) -> polib.POFile:
    """The catalogue as makemessages would make it, from a copy of the source, so that a check changes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in SOURCE:
            path = ROOT / name
            if path.is_dir():
                shutil.copytree(path, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif path.is_file():
                shutil.copy(path, copy / name)
        # makemessages merges with the catalogue that is there. Without one, all that it holds is from the source.
        (copy / path_of(catalogue)).unlink(missing_ok=True)
        makemessages(copy, catalogue)
        return polib.pofile(str(copy / path_of(catalogue)))


def key(entry: polib.POEntry) -> Key:
    return entry.msgctxt, entry.msgid


def translations(catalogue: polib.POFile | polib.MOFile) -> dict[Key, object]:
    """What a reader would be shown for each message, in a form that can be compared."""
    # A .mo file holds translated messages alone, and polib's entries of one have no `translated()`.
    return {
        key(entry): (entry.msgid_plural, entry.msgstr, {int(n): text for n, text in entry.msgstr_plural.items()})
        for entry in catalogue
        if isinstance(catalogue, polib.MOFile) or entry.translated()
    }


def problems(source: polib.POFile, catalogue: polib.POFile, compiled: polib.MOFile | None) -> list[str]:
    wanted = {key(entry) for entry in source}
    held = {key(entry): entry for entry in catalogue if not entry.obsolete}
    found = [f"missing: {msgid!r}" for context, msgid in sorted(wanted - held.keys(), key=str)]
    found += [f"no longer in the source: {msgid!r}" for context, msgid in sorted(held.keys() - wanted, key=str)]
    found += [f"fuzzy: {entry.msgid!r}" for entry in held.values() if entry.fuzzy]
    found += [f"untranslated: {entry.msgid!r}" for entry in held.values() if not entry.fuzzy and not entry.translated()]
    if compiled is None:
        found.append("not compiled: there is no .mo file beside the .po file")
    elif translations(compiled) != translations(catalogue):
        found.append("the .mo file does not say what the .po file says")
    elif compiled.metadata.get("Plural-Forms") != catalogue.metadata.get("Plural-Forms"):
        found.append("the .mo file has other plural forms than the .po file")
    return found


def write(catalogue: str) -> None:
    path = ROOT / path_of(catalogue)
    path.parent.mkdir(parents=True, exist_ok=True)
    makemessages(ROOT, catalogue)
    subprocess.run(["msgfmt", "--check-format", "--output-file", path.with_suffix(".mo"), path], check=True)
    open_entries = [entry for entry in polib.pofile(str(path)) if entry.fuzzy or not entry.translated()]
    print(f"{path_of(catalogue)}: {len(open_entries)} messages wait for a translation.")


def check(catalogue: str) -> bool:
    """Prints what is wrong with it; true when nothing is."""
    path = ROOT / path_of(catalogue)
    if not path.exists():
        print(f"{path_of(catalogue)} is missing; `make messages` makes it.", file=sys.stderr)
        return False
    # Placeholders that differ between a message and its translation would crash only when it is shown.
    if subprocess.run(["msgfmt", "--check-format", "--output-file", "/dev/null", path], check=False).returncode:
        return False
    held = polib.pofile(str(path))
    binary = path.with_suffix(".mo")
    found = problems(extracted(catalogue), held, polib.mofile(str(binary)) if binary.exists() else None)
    for problem in found:
        print(problem, file=sys.stderr)
    if found:
        print(f"{len(found)} problems in {path_of(catalogue)}; run `make messages`, then translate.", file=sys.stderr)
        return False
    print(f"{catalogue}: {len(held)} messages, all translated and compiled.")
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="bring the catalogues up to date instead of checking them")
    options = parser.parse_args()
    if not shutil.which("xgettext") or not shutil.which("msgfmt"):
        print("gettext is not installed (Debian: apt-get install gettext).", file=sys.stderr)
        return 1
    if options.write:
        for catalogue in CATALOGUES:
            write(catalogue)
        return 0
    fine = [check(catalogue) for catalogue in CATALOGUES]
    for name in strays(ROOT / LOCALES):
        print(f"{LOCALES / name}: no row of sage_platform/languages.py has this catalogue.", file=sys.stderr)
        fine.append(False)
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
