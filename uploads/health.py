"""Whether files can be kept just now."""

from uploads import stores


def check_storage() -> None:
    """Raise when nothing can be kept: the folder takes no file (no permission, a full disk), or the bucket does not answer."""
    stores.store_named(stores.current()).check()
