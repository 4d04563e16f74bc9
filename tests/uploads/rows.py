"""Rows and objects as a process leaves them that is killed in the middle."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from sage_platform.accounts.models import User
from tests.uploads.sending import sum_of
from uploads.models import State, Upload, new_public_id


def left(state: State, *, owner: User, minutes: int = -1, key: str = "", content: bytes = b"x") -> Upload:
    """A row under way, whose lease runs out in so many minutes."""
    now = timezone.now()
    public_id = new_public_id()
    facts: dict[str, Any] = {"name": "", "sha256": "", "key": "", "content_type": ""}
    if state != State.RECEIVING:
        key = key or f"users/{owner.pk}/{public_id}"
        facts = {"name": "a.txt", "sha256": sum_of(content), "key": key, "content_type": "text/plain"}
    row: Upload = Upload.objects.create(
        public_id=public_id,
        owner=owner,
        size=len(content),
        state=state,
        store="disk",
        source="upload",
        created_at=now,
        lease_until=now + timedelta(minutes=minutes),
        **facts,
    )
    return row
