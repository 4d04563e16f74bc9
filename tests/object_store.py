"""S3 servers on loopback, and buckets in them."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from scripts.with_services import spare_port

if TYPE_CHECKING:
    from uploads.stores.s3 import S3Store  # It brings boto3, which most tests are quicker without.

START_SECONDS = 30
CLIENTS = Path(__file__).parent / "clients"


@dataclass(frozen=True)
class ObjectServer:
    """A server that speaks S3, and somebody who may do everything there."""

    endpoint: str
    access_key: str = "AKIAEXAMPLEOFTESTS"
    secret_key: str = "secret+of/the/tests"
    region: str = "us-east-1"

    @property
    def client(self) -> Any:
        """The tests' own."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=self.region,
            config=Config(
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                retries={"total_max_attempts": 1},
            ),
        )

    def new_bucket(self) -> str:
        name = f"sage-{token_hex(8)}"
        self.client.create_bucket(Bucket=name)
        return name

    def settings(self, bucket: str) -> dict[str, str]:
        """What a platform is given to keep its files there."""
        return {
            "SAGE_S3_ENDPOINT": self.endpoint,
            "SAGE_S3_ACCESS_KEY": self.access_key,
            "SAGE_S3_SECRET_KEY": self.secret_key,
            "SAGE_S3_BUCKET_NAME": bucket,
            "SAGE_S3_REGION": self.region,
        }

    def options(self, bucket: str) -> dict[str, str]:
        """What the settings would make the store of."""
        return {
            "endpoint_url": self.endpoint,
            "region_name": self.region,
            "addressing_style": "path",
            "access_key": self.access_key,
            "secret_key": self.secret_key,
            "bucket_name": bucket,
            "public_base_url": "",
        }

    def store(self, bucket: str, **options: str) -> "S3Store":
        from uploads.stores.s3 import S3Store

        return S3Store(**(self.options(bucket) | options))


@contextmanager
def served_s3() -> Iterator[ObjectServer]:
    """moto's, in a process of its own. It believes every signature."""
    port = spare_port()
    server = ObjectServer(f"http://127.0.0.1:{port}")
    with running([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], server):
        yield server


@contextmanager
def served_swift() -> Iterator[ObjectServer]:
    """OpenStack Swift's S3 interface, which checks signatures. A test that asks for it has the marker `programs`."""
    port = spare_port()
    server = ObjectServer(f"http://127.0.0.1:{port}", access_key="test:sage")
    python = CLIENTS / ".venvs" / "swift" / "bin" / "python"
    with (
        TemporaryDirectory(prefix="sage-swift-", ignore_cleanup_errors=True) as folder,
        running([str(python), str(CLIENTS / "swift_server.py"), folder, str(port)], server),
    ):
        yield server


@contextmanager
def running(command: list[str], server: ObjectServer) -> Iterator[None]:
    """The process, once it answers."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(server, process)
            yield
        finally:
            process.kill()


def wait_for(server: ObjectServer, process: "subprocess.Popen[bytes]") -> None:
    from botocore.exceptions import BotoCoreError

    client, deadline = server.client, time.monotonic() + START_SECONDS
    while True:
        try:
            client.list_buckets()
            return
        except BotoCoreError:
            assert process.poll() is None, "the S3 server ended"
            assert time.monotonic() < deadline, "the S3 server does not answer"
            time.sleep(0.05)


@pytest.fixture(scope="session")
def object_server() -> Iterator[ObjectServer]:
    """One for the run, or for each of its parallel processes. A test that asks for it has the marker `s3`."""
    with served_s3() as server:
        yield server


@pytest.fixture(scope="session")
def swift_server() -> Iterator[ObjectServer]:
    with served_swift() as server:
        yield server
