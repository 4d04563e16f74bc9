"""Whether files can be kept just now."""

from pathlib import Path

from django.core.files.storage import FileSystemStorage, default_storage

from sage_platform.disk import try_to_write


def check_storage() -> None:
    """Raise when nothing can be kept: the folder takes no file (no permission, a full disk), or the bucket does not answer."""
    if not isinstance(default_storage, FileSystemStorage):
        default_storage.exists(".health")
        return
    folder = Path(default_storage.location)
    folder.mkdir(parents=True, exist_ok=True)
    try_to_write(folder)
