"""Moving files to the other store, while people read, delete and replace them. It may be cut short anywhere and run again.

A file is copied, and the copy is read back and compared. Then its row says that it is in the other store. The former object
goes at the very end, when nobody comes for it any more, so that at every moment the object that a row names is there.

A person's file has its key for itself. A release bundle may be replaced under its key meanwhile; so that nobody's object is
overwritten or deleted, its key is claimed for as long as somebody works on it, by a row of the kind that an upload has.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from itertools import islice

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from sage_platform import alone
from sage_platform.api.errors import BodyTooLarge
from uploads import drafts, names, stores
from uploads.models import CLAIMED, State, Store, Upload, UploadQuerySet
from uploads.services import at_work

BATCH = 200
PIECE = 1024 * 1024


class Outcome(StrEnum):
    MOVED = "moved"
    # Deleted or replaced while it was being copied. Nothing is left to do.
    GONE = "gone"
    # The next run may find it at rest.
    BUSY = "another upload to its path is under way"
    MISSING = "its object is gone"
    DIFFERENT = "its object is not what was uploaded"
    UNFAITHFUL = "the other store does not give back what it was given"


LEFT = frozenset({Outcome.BUSY, Outcome.MISSING, Outcome.DIFFERENT, Outcome.UNFAITHFUL})


class Move:
    """One run. `moved` are the keys whose former objects are still to go."""

    def __init__(self, target: Store) -> None:
        self.target = target
        self.source = next(store for store in Store if store != target)
        self.moved: set[str] = set()
        self._from = stores.store_named(self.source)
        self._to = stores.store_named(target)
        # Before this, rows may have named the former store.
        self._last_change = time.monotonic()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The only move. Two at once in opposite directions would each delete what the other has just copied.

        Raises DoneElsewhereError.
        """
        with alone.only_one(alone.MOVE, waits=False):
            # Of a run that was killed: nobody works on these.
            Upload.objects.filter(state=State.PENDING, sha256=CLAIMED).delete()
            yield

    def files_to_move(self) -> UploadQuerySet:
        files: UploadQuerySet = Upload.objects.stored().filter(store=self.source)
        return files

    def copy_all(self) -> Iterator[tuple[int, Outcome]]:
        """Each file's number with what became of it. Raises Unavailable; what was told is done.

        Those that there are now: where new ones go on coming to the former store it would never end.
        """
        last, newest = 0, self.files_to_move().aggregate(newest=Max("pk"))["newest"] or 0
        # No cursor stays open while a store takes its time: on SQLite nothing can be written from a view that has grown old.
        while rows := list(self.files_to_move().filter(pk__gt=last, pk__lte=newest).order_by("pk")[:BATCH]):
            for row in rows:
                yield row.pk, self._move(row)
            last = rows[-1].pk

    def seconds_to_wait(self) -> float:
        """Until nobody comes any more who was told the former place of a file."""
        return max(0.0, self._last_change + self._from.readers_stay.total_seconds() - time.monotonic())

    def has_former_objects(self) -> bool:
        return any(True for _key in self._former_objects())

    def delete_former_objects(self) -> int:
        """Also those that a run before this one has left. How many went. Raises Unavailable."""
        return sum(self._forget(key) for key in self._former_objects())

    # -- One file ---------------------------------------------------------------------------------------------------------

    def _move(self, row: Upload) -> Outcome:
        try:
            with self._claimed(row.key, row.size) as claim:
                if not self._is_as_it_was(row):
                    return Outcome.GONE
                outcome = self._copy(row)
                if outcome is not Outcome.MOVED:
                    return outcome if self._is_as_it_was(row) else Outcome.GONE
                return self._change(row, claim)
        except at_work.KeyIsTaken:
            return Outcome.BUSY

    def _is_as_it_was(self, row: Upload) -> bool:
        return self.files_to_move().filter(pk=row.pk, key=row.key, sha256=row.sha256).exists()

    def _copy(self, row: Upload) -> Outcome:
        with drafts.begin(most_bytes=row.size, store=self.target) as draft:
            try:
                with self._from.open_object(row.key) as file:
                    while piece := file.read(PIECE):
                        draft.write(piece)
            except FileNotFoundError:
                return Outcome.MISSING
            except BodyTooLarge:
                return Outcome.DIFFERENT
            draft.finish()
            if (draft.size, draft.sha256) != (row.size, row.sha256):
                return Outcome.DIFFERENT
            # Of a run that was killed: nobody else brings anything to this key.
            for parts in self._to.unfinished(row.key):
                self._to.abort(parts)
            self._to.keep(draft.path, row.key, content_type=row.media_type, disposition=row.disposition)
        if stores.sha256_of(self._to, row.key) != row.sha256:
            self._to.delete_object(row.key)
            return Outcome.UNFAITHFUL
        return Outcome.MOVED

    def _change(self, row: Upload, claim: Upload | None) -> Outcome:
        with transaction.atomic():
            # Without its claim the object under this key may be another's by now.
            ours = claim is None or claim.delete()[0]
            changed = ours and self.files_to_move().filter(pk=row.pk, sha256=row.sha256).update(store=self.target)
        if changed:
            self._last_change = time.monotonic()
            self.moved.add(row.key)
            return Outcome.MOVED
        # Deleted meanwhile: its copy belongs to nobody. Unless another run has moved it, whose copy this is as well.
        if claim is None and not Upload.objects.filter(pk=row.pk, store=self.target).exists():
            self._to.delete_object(row.key)
        return Outcome.GONE

    @contextmanager
    def _claimed(self, key: str, size: int) -> Iterator[Upload | None]:
        """Raises KeyIsTaken where somebody is at work on this key. None for a person's file, whose key is its own."""
        if names.is_own(key):
            yield None
            return
        now = timezone.now()
        claim = Upload(key=key, size=0, sha256=CLAIMED, state=State.PENDING, store=self.target, source=Upload.Source.UPLOAD)
        claim.created_at, claim.lease_until = now, now + at_work.lease_for(3 * size)
        at_work.begin(key, claim.save)
        number = claim.pk
        try:
            yield claim
        finally:
            Upload.objects.filter(pk=number).delete()

    # -- The former objects -----------------------------------------------------------------------------------------------

    def _former_objects(self) -> Iterator[str]:
        found = self._from.objects()
        while batch := [each.key for each in islice(found, BATCH)]:
            yield from self._of_files_that_are_moved(batch)

    def _of_files_that_are_moved(self, keys: Sequence[str]) -> list[str]:
        there = set(Upload.objects.stored().filter(key__in=keys, store=self.target).values_list("key", flat=True))
        # A file that was deleted since has no row any more.
        return [key for key in keys if key in there or key in self.moved]

    def _forget(self, key: str) -> bool:
        try:
            with self._claimed(key, 0):
                # A bundle may have been stored anew in the former store, under the same key.
                if Upload.objects.filter(key=key, store=self.source).exclude(state=State.RECEIVING).exists():
                    return False
                # Whatever else may have happened: the last object that there is of a file is not deleted.
                row = Upload.objects.stored().filter(key=key).first()
                if row is not None and ((kept := self._to.info(key)) is None or kept.size != row.size):
                    return False
                self._from.delete_object(key)
        except at_work.KeyIsTaken:
            return False
        return True
