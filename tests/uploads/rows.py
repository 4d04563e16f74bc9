"""Rows of uploads that no route has made."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from sage_platform.accounts.models import User
from tests.uploads.sending import sum_of
from uploads.models import State, Upload, new_public_id


def without_object(owner: User, name: str = "a.txt", **more: Any) -> Upload:
    """As a list shows it; there is nothing behind its address."""
    public_id = new_public_id()
    facts: dict[str, Any] = {"size": 123_456_789, "content_type": "text/plain", "store": "disk", "source": "upload"}
    facts |= {"key": f"users/{owner.pk}/{public_id}", "came_from": "2001:db8:1234:5678::/64", "sha256": sum_of(b"x")}
    row: Upload = Upload.objects.create(
        public_id=public_id, owner=owner, name=name, state=State.STORED, created_at=timezone.now(), **(facts | more)
    )
    return row


def left(state: State, *, owner: User, minutes: int = -1, key: str = "", content: bytes = b"x") -> Upload:
    """A row as a process leaves it that is killed in the middle; its lease runs out in so many minutes."""
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
