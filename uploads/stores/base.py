"""What every store can do."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from django.conf import settings
from django.core.files.storage import storages
from prometheus_client import Counter

from sage_platform.api.errors import Unavailable
from uploads.models import Store

PIECE = 1024 * 1024
FAILURES = Counter("sage_server_store_failures_total", "Reads and writes of files that failed for the store's sake.", ["store"])
for each in Store:
    FAILURES.labels(each)  # So that it is there, as 0, before the first.


class StoreUnavailable(Unavailable):
    """503: the store refuses, hangs or is full. `cause` is for the log; it holds no key and no address."""


def count_failure(store: Store) -> None:
    FAILURES.labels(store).inc()


@dataclass(frozen=True)
class ObjectInfo:
    key: str
    size: int
    modified: datetime


@dataclass(frozen=True)
class UnfinishedUpload:
    """An object that was coming in parts. A kill leaves it: its parts take room, and are seen nowhere else."""

    key: str
    upload_id: str
    begun: datetime


class ObjectStore(Protocol):
    """Every method raises StoreUnavailable where the store does not answer or takes nothing."""

    # For so long somebody may still come for an object who was told where it is.
    readers_stay: timedelta

    def keep(self, draft: Path, key: str, *, content_type: str, disposition: str) -> None:
        """Make the file at `draft` the object under `key`, whole or not at all, in the place of one that is there.

        When it returns, the object survives a loss of power. The draft may be gone then (the disk renames it) or not.
        """

    def open_object(self, key: str) -> BinaryIO:
        """The object's bytes, for a caller that closes it. FileNotFoundError where there is none."""

    def delete_object(self, key: str) -> None:
        """Nothing happens where there is none. Folders that it leaves empty go too."""

    def check(self) -> None:
        """Raise anything where nothing can be kept just now. Within a second, also where the store hangs."""

    def info(self, key: str) -> ObjectInfo | None:
        """None where there is none."""

    def objects(self) -> Iterator[ObjectInfo]:
        """All that is in the store, but drafts."""

    def unfinished(self, key: str = "") -> Iterator[UnfinishedUpload]:
        """What never became an object, under this key or, without one, under all that the store tells. One may still be coming.

        For what a process left behind ask by its key: there are stores that list those of one key alone.
        """

    def abort(self, upload: UnfinishedUpload) -> None:
        """Free its room. Nothing happens where it is gone, or has become an object."""


def sha256_of(store: ObjectStore, key: str) -> str:
    """Of what the store gives back; empty where there is no object."""
    digest = hashlib.sha256()
    try:
        with store.open_object(key) as file:
            while piece := file.read(PIECE):
                digest.update(piece)
    except FileNotFoundError:
        return ""
    return digest.hexdigest()


def store_named(name: str) -> ObjectStore:
    """`disk` or `s3`. Raises StoreUnavailable where this deployment has no such store (any more)."""
    if name not in settings.OBJECT_STORES:
        # The disk is always there.
        raise StoreUnavailable(cause="an upload is in the object store, and SAGE_S3_ENDPOINT is not set")
    return cast(ObjectStore, storages[name])


def all_names() -> list[Store]:
    """Those that this deployment has."""
    return [Store(name) for name in settings.OBJECT_STORES]


def current() -> Store:
    """Where new files go."""
    return Store(settings.SAGE_UPLOAD_STORE)
