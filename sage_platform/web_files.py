"""Which files of a built web application are served. The settings look before the start, and each worker looks again."""

import errno
import os
from pathlib import Path

from sage_platform import paths

# A link to nothing, through a file, or in a circle.
LEADS_NOWHERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


def served_files(root: Path) -> dict[str, os.stat_result]:
    """By their whole paths: the files under `root`, without hidden ones and without links that lead nowhere or out of it.

    Raises OSError when a file or folder among them cannot be read.
    """
    found: dict[str, os.stat_result] = {}
    _look(str(root), (os.path.realpath(root),), found)
    return found


def _look(folder: str, within: tuple[str, ...], found: dict[str, os.stat_result]) -> None:
    """`within` are the real folders on the way here, the root first: a link back to one of them would never end."""
    with os.scandir(folder) as entries:
        visible = [entry for entry in entries if not entry.name.startswith(".") or entry.name == paths.WELL_KNOWN]
    for entry in visible:
        real = os.path.realpath(entry.path)
        if not Path(real).is_relative_to(within[0]):
            continue
        try:
            status = os.stat(real)  # noqa: PTH116  What was found is kept as text, as WhiteNoise keeps it.
        except OSError as error:
            if error.errno in LEADS_NOWHERE:
                continue
            raise
        if os.path.isdir(real):  # noqa: PTH112
            if real not in within:
                _look(entry.path, (*within, real), found)
        elif os.path.isfile(real):  # noqa: PTH113
            if not os.access(real, os.R_OK, effective_ids=True):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), entry.path)
            found[entry.path] = status
