"""Where the files of releases are kept in a test."""

from tests.uploads.conftest import bucket, media

__all__ = ["bucket", "media"]
