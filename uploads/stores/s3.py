"""Objects in a bucket of an S3-compatible store."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from storages.backends.s3 import S3Storage
from urllib3.exceptions import HTTPError

from uploads.models import Store
from uploads.stores.base import ObjectInfo, StoreUnavailable, UnfinishedUpload, count_failure
from uploads.stores.s3_client import Access, Connections, connections

MiB = 1024**2
# A file of this size and less comes in one request. A larger one comes in parts, one after the other by the caller's own thread:
# parts at once would take a thread and its memory each.
TRANSFER = TransferConfig(
    multipart_threshold=16 * MiB, multipart_chunksize=16 * MiB, use_threads=False, preferred_transfer_client="classic"
)
READ_BYTES = 256 * 1024
# How long an address that was handed out opens the object: long enough to begin, and to go on with, a film or a large download.
ADDRESS_SECONDS = 600
OPERATIONS = {"GET": "get_object", "HEAD": "head_object"}
# The store's word for what is wrong, such as `AccessDenied`. Anything else might hold what we sent.
ERROR_CODE = re.compile(r"[A-Za-z0-9.]{1,64}")


class S3Store(S3Storage):
    """An `ObjectStore`. What Django's own storage has goes over the same connections."""

    readers_stay = timedelta(seconds=ADDRESS_SECONDS + 10)

    def __init__(self, *, public_base_url: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.public_base_url = public_base_url
        self.access = Access(
            endpoint=self.endpoint_url,
            region=self.region_name,
            addressing=self.addressing_style,
            access_key=self.access_key,
            secret_key=self.secret_key,
        )

    def keep(self, draft: Path, key: str, *, content_type: str, disposition: str) -> None:
        """A part that fails ends the whole, and takes back the parts before it; what a kill leaves is in `unfinished`."""
        headers = {"ContentType": content_type, "ContentDisposition": disposition}
        with failing_as_unavailable():
            self._client.upload_file(str(draft), self.bucket_name, key, ExtraArgs=headers, Config=TRANSFER)

    def open_object(self, key: str) -> BinaryIO:
        with failing_as_unavailable():
            try:
                answer = self._client.get_object(Bucket=self.bucket_name, Key=key)
            except ClientError as error:
                if self._is_missing(key, error):
                    raise FileNotFoundError(errno.ENOENT, "no such object") from None
                raise
        return BufferedReader(ObjectStream(answer["Body"]), READ_BYTES)

    def delete_object(self, key: str) -> None:
        with failing_as_unavailable():
            try:
                self._client.delete_object(Bucket=self.bucket_name, Key=key)
            except ClientError as error:
                if not self._is_missing(key, error):
                    raise

    def info(self, key: str) -> ObjectInfo | None:
        with failing_as_unavailable():
            try:
                found = self._client.head_object(Bucket=self.bucket_name, Key=key)
            except ClientError as error:
                if self._is_missing(key, error):
                    return None
                raise
        return ObjectInfo(key, found["ContentLength"], found["LastModified"])

    def objects(self) -> Iterator[ObjectInfo]:
        for page in self._pages("list_objects_v2", ""):
            for found in page.get("Contents", ()):
                yield ObjectInfo(found["Key"], found["Size"], found["LastModified"])

    def unfinished(self, key: str = "") -> Iterator[UnfinishedUpload]:
        """MinIO knows no other prefix than a whole key, and in older versions lists nothing without one."""
        for page in self._pages("list_multipart_uploads", key):
            for found in page.get("Uploads", ()):
                if found["Key"] == key or not key:
                    yield UnfinishedUpload(found["Key"], found["UploadId"], found["Initiated"])

    def abort(self, upload: UnfinishedUpload) -> None:
        with failing_as_unavailable():
            try:
                self._client.abort_multipart_upload(Bucket=self.bucket_name, Key=upload.key, UploadId=upload.upload_id)
            except ClientError as error:
                if code_of(error) not in {"NoSuchUpload", "NoSuchKey"}:
                    raise

    def check(self) -> None:
        """Asks for the bucket. It writes nothing: a bucket that keeps versions would keep each trial."""
        with failing_as_unavailable(counted=False):
            self._connections_of_process.looking.head_bucket(Bucket=self.bucket_name)

    def address(self, key: str, *, method: str) -> str:
        """Where a browser gets the object by itself: below the public address of the bucket, or signed for this method."""
        if self.public_base_url:
            return f"{self.public_base_url}/{quote(key)}"
        asked = {"Bucket": self.bucket_name, "Key": key}
        with failing_as_unavailable():
            signed: str = self._client.generate_presigned_url(OPERATIONS[method], Params=asked, ExpiresIn=ADDRESS_SECONDS)
        return signed

    @property
    def connection(self) -> Any:
        """django-storages would make one for each thread, of some 15 MiB."""
        return self._connections_of_process.resource

    @property
    def _connections_of_process(self) -> Connections:
        return connections(self.access)

    @property
    def _client(self) -> Any:
        return self._connections_of_process.client

    def _pages(self, operation: str, prefix: str) -> Iterator[dict[str, Any]]:
        pages = iter(self._client.get_paginator(operation).paginate(Bucket=self.bucket_name, Prefix=prefix))
        while True:
            with failing_as_unavailable():
                page = next(pages, None)
            if page is None:
                return
            yield page

    def _is_missing(self, key: str, error: ClientError) -> bool:
        """Whether a refusal means that there is no such object.

        A 404 may as well mean that the bucket is gone, and a 403 that the object may not be read. Only a list of the bucket
        tells; where that is refused too, nobody knows, and the refusal counts.
        """
        if status_of(error) not in {403, 404}:
            return False
        if code_of(error) == "NoSuchKey":
            return True
        listed = self._client.list_objects_v2(Bucket=self.bucket_name, Prefix=key, MaxKeys=1)
        return all(found["Key"] != key for found in listed.get("Contents", ()))


class ObjectStream(RawIOBase):
    """The body of an answer, whose errors are the store's."""

    def __init__(self, body: Any) -> None:
        super().__init__()
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with failing_as_unavailable():
            piece = self._body.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._body.close()
        super().close()


@contextmanager
def failing_as_unavailable(*, counted: bool = True) -> Iterator[None]:
    """The library's errors hold addresses, with keys of objects in them, so that none of them goes further."""
    try:
        yield
        return
    except (BotoCoreError, Boto3Error, ClientError, HTTPError) as error:
        cause = reason_of(error)
    except FileNotFoundError:
        raise
    except OSError as error:  # Of the connection, or of the draft's disk.
        cause = str(error.strerror)
    if counted:
        count_failure(Store.S3)
    raise StoreUnavailable(cause=f"S3: {cause}") from None


def reason_of(error: BaseException) -> str:
    match error:
        case ClientError():
            return f"HTTP {status_of(error)} {code_of(error)}".strip()
        case EndpointConnectionError():
            return "no connection"
        case ConnectTimeoutError():
            return "no connection in time"
        case ReadTimeoutError():
            return "no answer in time"
        case Boto3Error(__context__=ClientError() as cause):
            return reason_of(cause)
    return type(error).__name__


def status_of(error: ClientError) -> int:
    status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status


def code_of(error: ClientError) -> str:
    """Empty where the store names none. The answer to HEAD has no body: there it is the status."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code if ERROR_CODE.fullmatch(code) and not code.isdigit() else ""
