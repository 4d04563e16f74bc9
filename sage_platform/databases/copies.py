"""What a backup and its restoring ask of a database; each kind of database answers in its own folder."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path


class CopyError(Exception):
    """Why a copy cannot be made or put back, for the operator."""


class DatabaseCopies(ABC):
    """Copies of the one database, each a single file."""

    file_name: str

    @abstractmethod
    def write(self, file: Path) -> None:
        """Copy the database as it is at one moment; readers and writers go on."""

    @abstractmethod
    def check(self, file: Path) -> None:
        """Raises CopyError unless the file is a whole copy of a database of ours."""

    @abstractmethod
    def put_back(self, file: Path) -> None:
        """Replace all that is in the database, or nothing of it."""

    @abstractmethod
    def in_the_way(self) -> str:
        """What putting back would replace; empty where there is nothing yet."""

    @abstractmethod
    def unused(self) -> AbstractContextManager[None]:
        """Raises CopyError while a server uses the database."""


def no_whole_copy(file: Path) -> CopyError:
    return CopyError(f"Its {file.name} is no whole database of this platform.")
