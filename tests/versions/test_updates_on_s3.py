"""An update in a bucket is read as it comes, and is the file that was signed."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests import faulty_s3
from tests.faulty_s3 import Behaviour, FaultyServer, only
from tests.object_store import ObjectServer
from tests.people import Caller, envelope
from tests.uploads.on_s3 import S3Bucket, use_s3
from tests.uploads.sending import stored as uploaded
from tests.versions.minisigning import SIGNER
from tests.versions.rows import MAC, PATH, body, refusals, stored
from versions.updater_key import UpdaterKey

pytestmark = [pytest.mark.django_db, pytest.mark.s3]
KEY = "bundle/1.2.0/app.tar.gz"
# More than comes in one piece.
CONTENT = b"an update" * 100_000
COMMENT = "timestamp:1700000000\tfile:app.tar.gz\tversion:1.2.0"
OTHER_FILE = (
    "darwin-aarch64, signature of the update: This signature is not of the file at the address of the update. "
    "Sign that file, or upload the one that was signed."
)


@pytest.fixture(autouse=True)
def _key(settings: Settings) -> None:
    settings.SAGE_UPDATER_PUBKEY = UpdaterKey.read(SIGNER.public_key)


@pytest.fixture
def front(object_server: ObjectServer) -> Iterator[FaultyServer]:
    with faulty_s3.faulty_s3(object_server) as server:
        yield server


def release_of(caller: Caller) -> dict[str, object]:
    """Whose update is in the bucket, as a pipeline has uploaded it."""
    url = uploaded(caller, CONTENT, "app.tar.gz", path=KEY)["url"]
    return body("1.2.0", MAC | {"updater_url": url, "updater_signature": SIGNER.sign(CONTENT, COMMENT)})


def test_the_file_that_was_signed(as_admin: Caller, bucket: S3Bucket) -> None:
    sent = release_of(as_admin)
    assert bucket.objects() == {KEY: CONTENT}
    assert envelope(as_admin.post(PATH, sent))["code"] == 200


def test_another_file(as_admin: Caller, bucket: S3Bucket) -> None:
    sent = release_of(as_admin)
    bucket.put(KEY, CONTENT[:-1] + b"!")
    answer = envelope(as_admin.post(PATH, sent))
    errors = [{"field": "artifacts.0.updater_signature", "message": OTHER_FILE}]
    assert answer == {"code": 422, "message": OTHER_FILE, "data": {"errors": errors}}
    assert stored() == [[], [], 0]


def test_a_file_that_somebody_took_from_the_bucket(as_admin: Caller, bucket: S3Bucket) -> None:
    sent = release_of(as_admin)
    bucket.server.client.delete_object(Bucket=bucket.name, Key=KEY)
    (error,) = envelope(as_admin.post(PATH, sent))["data"]["errors"]
    assert error["field"] == "artifacts.0.updater_url"
    assert stored() == [[], [], 0]


FAULTS = {"refuses": faulty_s3.saying(503, "SlowDown"), "breaks in the middle": faulty_s3.close_in_the_middle}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_bucket_that_fails(
    fault: Behaviour, as_admin: Caller, object_server: ObjectServer, front: FaultyServer, settings: Settings
) -> None:
    """The first half of a file says nothing of the whole: the program may come again."""
    use_s3(settings, front.server, object_server.new_bucket())
    sent = release_of(as_admin)
    front.behave = only(lambda asked: asked.method == "GET", fault)
    assert as_admin.post(PATH, sent).status_code == 503
    assert (stored(), refusals()) == ([[], [], 0], [])
    front.behave = faulty_s3.good
    assert envelope(as_admin.post(PATH, sent))["code"] == 200
