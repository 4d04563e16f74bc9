"""A backup of a deployment: a folder with a copy of the database and, if wanted, the keys of the data folder."""

import shutil
import tempfile
from pathlib import Path

from django.conf import settings
from django.db import connection

from sage_platform import data_files
from sage_platform.databases.copies import CopyError, DatabaseCopies


def copies() -> DatabaseCopies:
    """Those of this deployment's database."""
    if connection.vendor == "postgresql":
        from sage_platform.databases.postgresql.copies import PostgreSQLCopies  # noqa: PLC0415  With SQLite there is no driver.

        return PostgreSQLCopies()
    from sage_platform.databases.sqlite3.copies import SQLiteCopies  # noqa: PLC0415

    return SQLiteCopies()


def kept_keys(folder: Path) -> list[Path]:
    return [path for name in data_files.KEYS if (path := folder / name).is_file()]


def write(folder: Path, *, with_keys: bool) -> list[Path]:
    """Fill a new folder, and list it.

    It has its name once it is whole: what a kill leaves, or somebody copies meanwhile, must not pass for a backup.
    """
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{folder.name}.", suffix=".unfinished"))
    try:
        copies().write(unfinished / copies().file_name)
        check(unfinished)
        for path in kept_keys(settings.SAGE_DATA_DIR) if with_keys else ():
            shutil.copyfile(path, unfinished / path.name)
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished)
        raise
    return sorted(folder.iterdir())


def check(folder: Path) -> None:
    """Raises CopyError unless the folder holds a whole copy of a database of this kind."""
    file = folder / copies().file_name
    if not file.is_file():
        raise CopyError(f"There is no {file.name} in it.")
    copies().check(file)


def would_replace(folder: Path) -> list[str]:
    """What is there and would be lost: the database, and keys that differ from those of the backup."""
    pairs = [(path, settings.SAGE_DATA_DIR / path.name) for path in kept_keys(folder)]
    keys = [new.name for new, old in pairs if old.is_file() and old.read_bytes() != new.read_bytes()]
    return [name for name in (copies().in_the_way(), *keys) if name]


def put_back(folder: Path) -> None:
    """The keys first: a database whose keys are not there yet would be of no use after a crash between the two.

    Where the database cannot be put back, the former one stands, so the keys that open it come back too. After a kill they are
    beside the new ones, with `.replaced` behind their names.
    """
    replaced: list[tuple[Path, Path | None]] = []
    try:
        for path in kept_keys(folder):
            own = settings.SAGE_DATA_DIR / path.name
            draft = own.with_name(f"{path.name}.restored")
            shutil.copyfile(path, draft)
            replaced.append((own, set_aside(own)))
            draft.replace(own)
        copies().put_back(folder / copies().file_name)
    except BaseException:
        for own, former in replaced:
            if former is None:
                own.unlink(missing_ok=True)
            else:
                former.replace(own)
        raise
    for _own, former in replaced:
        if former is not None:
            former.unlink()


def set_aside(own: Path) -> Path | None:
    """A second copy of a key that is about to be replaced; None where there is no such key yet."""
    if not own.is_file():
        return None
    former = own.with_name(f"{own.name}.replaced")
    shutil.copyfile(own, former)
    return former
