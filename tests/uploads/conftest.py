"""Stores to keep files in."""

from pathlib import Path

import pytest
from pytest_django import Settings

from tests.object_store import ObjectServer
from tests.uploads.on_s3 import S3Bucket, use_s3
from uploads.stores import ObjectStore
from uploads.stores.disk import DiskStore

SERVERS = {"s3": "object_server", "swift": "swift_server"}


@pytest.fixture(autouse=True)
def media(tmp_path: Path, settings: Settings) -> Path:
    """A media root of its own for each test."""
    root = tmp_path / "media"
    options = {"location": root, "base_url": None}
    settings.STORAGES = settings.STORAGES | {"disk": {"BACKEND": "uploads.stores.disk.DiskStore", "OPTIONS": options}}
    settings.SAGE_MEDIA_ROOT = root
    return root


@pytest.fixture(params=["disk", pytest.param("s3", marks=pytest.mark.s3), pytest.param("swift", marks=pytest.mark.programs)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """Each store in turn, empty."""
    if request.param == "disk":
        return DiskStore(location=tmp_path / "media")
    server: ObjectServer = request.getfixturevalue(SERVERS[request.param])
    return server.store(server.new_bucket())


@pytest.fixture
def bucket(object_server: ObjectServer, settings: Settings) -> S3Bucket:
    """New files go to a bucket of its own. A test that asks for it has the marker `s3`."""
    name = object_server.new_bucket()
    use_s3(settings, object_server, name)
    return S3Bucket(object_server, name)
