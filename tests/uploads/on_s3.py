"""A bucket to which the platform inside a test sends its files."""

from dataclasses import dataclass
from typing import Any

from pytest_django import Settings

from sage_platform import configuration
from tests.object_store import ObjectServer


@dataclass(frozen=True)
class S3Bucket:
    """The bucket, asked behind the platform's back."""

    server: ObjectServer
    name: str

    def objects(self) -> dict[str, bytes]:
        client = self.server.client
        found = client.list_objects_v2(Bucket=self.name).get("Contents", [])
        return {each["Key"]: client.get_object(Bucket=self.name, Key=each["Key"])["Body"].read() for each in found}

    def headers(self, key: str) -> tuple[str, str]:
        head = self.server.client.head_object(Bucket=self.name, Key=key)
        return head["ContentType"], head["ContentDisposition"]

    def put(self, key: str, content: bytes) -> None:
        self.server.client.put_object(Bucket=self.name, Key=key, Body=content)


def use_s3(settings: Settings, server: ObjectServer, bucket: str) -> None:
    store: dict[str, Any] = configuration.object_stores("", settings.SAGE_MEDIA_ROOT)
    options = {
        "endpoint_url": server.endpoint,
        "region_name": server.region,
        "addressing_style": "path",
        "access_key": server.access_key,
        "secret_key": server.secret_key,
        "bucket_name": bucket,
        "public_base_url": "",
    }
    store |= {"s3": {"BACKEND": "uploads.stores.s3.S3Store", "OPTIONS": options}}
    settings.OBJECT_STORES = store
    settings.STORAGES = settings.STORAGES | store | {"default": store["s3"]}
    settings.SAGE_UPLOAD_STORE = "s3"
