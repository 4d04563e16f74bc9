"""Against OpenStack Swift, which believes no signature unseen, as moto does."""

from dataclasses import replace
from pathlib import Path

import pytest
import requests

from tests.object_store import ObjectServer
from uploads.stores import StoreUnavailable
from uploads.stores.s3 import S3Store

pytestmark = pytest.mark.programs
KEY = "users/alice/100% #1 ?x={y} 文件 👩/0123456789abcdef0123456789abcdef"
DISPOSITION = "attachment; filename=\"a.html\"; filename*=utf-8''%E6%96%87.html"
CONTENT = b"<script>alert(1)</script>"


@pytest.fixture
def bucket(swift_server: ObjectServer) -> str:
    return swift_server.new_bucket()


@pytest.fixture
def store(swift_server: ObjectServer, bucket: str, tmp_path: Path) -> S3Store:
    """With one object."""
    (tmp_path / "draft").write_bytes(CONTENT)
    store = swift_server.store(bucket)
    store.keep(tmp_path / "draft", KEY, content_type="text/html", disposition=DISPOSITION)
    return store


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_address_opens_its_object(store: S3Store, method: str) -> None:
    answer = requests.request(method, store.address(KEY, method=method), timeout=10)
    assert (answer.status_code, answer.content) == (200, CONTENT if method == "GET" else b"")
    assert answer.headers["Content-Type"].partition(";")[0] == "text/html"
    assert answer.headers["Content-Disposition"] == DISPOSITION
    part = requests.request(method, store.address(KEY, method=method), headers={"Range": "bytes=-9"}, timeout=10)
    assert (part.status_code, part.content) == (206, CONTENT[-9:] if method == "GET" else b"")


def test_an_address_opens_nothing_else(store: S3Store, tmp_path: Path) -> None:
    store.keep(tmp_path / "draft", "users/bob/0", content_type="text/plain", disposition="inline")
    address = store.address(KEY, method="GET")
    others = {
        "another object": address.replace(address.partition("?")[0].rpartition("/users/")[2], "bob/0"),
        "a list": address.replace(address.partition("?")[0].partition("/users/")[2], "").replace("/users/", "/"),
        "longer": address.replace("X-Amz-Expires=600", "X-Amz-Expires=6000"),
        "another header": f"{address}&response-content-disposition=inline",
        "unsigned": address.partition("?")[0],
    }
    assert {name: requests.get(other, timeout=10).status_code for name, other in others.items()} == {
        "another object": 403,
        "a list": 403,
        "longer": 403,
        "another header": 403,
        "unsigned": 400,
    }
    assert requests.put(address, b"another", timeout=10).status_code == 403
    assert requests.delete(address, timeout=10).status_code == 403
    with store.open_object(KEY) as stream:
        assert stream.read() == CONTENT


def test_a_wrong_secret_is_refused(swift_server: ObjectServer, bucket: str, store: S3Store, tmp_path: Path) -> None:
    stranger = replace(swift_server, secret_key="a wrong one").store(bucket)
    with pytest.raises(StoreUnavailable) as caught:
        stranger.check()
    assert caught.value.cause == "S3: HTTP 403"
    for call in (stranger.info, stranger.open_object, stranger.delete_object):
        with pytest.raises(StoreUnavailable) as caught:
            call(KEY)
        assert caught.value.cause == "S3: HTTP 403 SignatureDoesNotMatch"
    with store.open_object(KEY) as stream:
        assert stream.read() == CONTENT


def test_what_came_in_parts_and_was_never_put_together(swift_server: ObjectServer, bucket: str, store: S3Store) -> None:
    where = {"Bucket": bucket, "Key": "users/bob/large file"}
    begun = swift_server.client.create_multipart_upload(**where)
    swift_server.client.upload_part(**where, UploadId=begun["UploadId"], PartNumber=1, Body=b"x" * 5_242_880)
    [left] = store.unfinished()
    assert (left.key, left.upload_id) == ("users/bob/large file", begun["UploadId"])
    assert list(store.unfinished("users/bob/large file")) == [left]
    assert list(store.unfinished("users/bob/large")) == []
    assert [found.key for found in store.objects()] == [KEY]
    store.abort(left)
    store.abort(left)
    assert list(store.unfinished()) == []
