"""Stores to keep files in."""

from pathlib import Path

import pytest

from tests.object_store import ObjectServer
from uploads.stores import ObjectStore
from uploads.stores.disk import DiskStore


@pytest.fixture(params=["disk", pytest.param("s3", marks=pytest.mark.s3)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """Each store in turn, empty."""
    if request.param == "disk":
        return DiskStore(location=tmp_path / "media")
    server: ObjectServer = request.getfixturevalue("object_server")
    return server.store(server.new_bucket())
