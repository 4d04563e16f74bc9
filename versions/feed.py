"""What a worker answers from, and how it learns of a write."""


def notice() -> None:
    """Releases were written by this process, and committed."""
