"""Whether files can be kept just now."""

import os
from pathlib import Path

from django.core.files.storage import FileSystemStorage, default_storage


def check_storage() -> None:
    """Raise when the store is out of reach: the local folder not writable, or the bucket not answering."""
    if not isinstance(default_storage, FileSystemStorage):
        default_storage.exists(".health")
        return
    folder = Path(default_storage.location)
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError("the media folder is not writable")
