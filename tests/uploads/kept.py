"""Files that are there, whatever way they came: their rows, and their bytes on the disk."""

import tempfile
from hashlib import sha256
from pathlib import Path

from django.utils import timezone

from sage_platform.accounts.models import User
from uploads.models import State, Upload, new_public_id
from uploads.stores import store_named


def kept(
    content: bytes,
    name: str = "a.txt",
    content_type: str = "text/plain",
    *,
    owner: User | None = None,
    key: str = "",
    public_id: str = "",
) -> Upload:
    public_id = public_id or new_public_id()
    key = key or f"users/{owner.pk if owner else 'gone'}/{public_id}"
    with tempfile.NamedTemporaryFile(delete=False) as draft:
        draft.write(content)
    store_named("disk").keep(Path(draft.name), key, content_type=content_type, disposition="")
    row: Upload = Upload.objects.create(
        public_id=public_id,
        owner=owner,
        name=name,
        size=len(content),
        content_type=content_type,
        sha256=sha256(content).hexdigest(),
        state=State.STORED,
        store="disk",
        key=key,
        source=Upload.Source.UPLOAD,
        created_at=timezone.now(),
    )
    return row
