"""What S3 alone has: addresses for browsers, one client for a process, and headers that are kept with the object."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from sage_platform.logs import logging_config
from tests.e2e.served import ROOT, bare_environment
from tests.object_store import ObjectServer

pytestmark = pytest.mark.s3
KEY = "users/alice/100% #1 ?x={y} 文件 👩/0123456789abcdef0123456789abcdef"
QUOTED = "users/alice/100%25%20%231%20%3Fx%3D%7By%7D%20%E6%96%87%E4%BB%B6%20%F0%9F%91%A9/0123456789abcdef0123456789abcdef"
DISPOSITION = "attachment; filename=\"a.html\"; filename*=utf-8''%E6%96%87.html"


@pytest.fixture
def bucket(object_server: ObjectServer) -> str:
    return object_server.new_bucket()


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    path = tmp_path / "draft"
    path.write_bytes(b"<script>alert(1)</script>")
    return path


@pytest.mark.parametrize("size", [25, 17 * 1024**2])
def test_type_and_disposition_are_kept_with_the_object(object_server: ObjectServer, bucket: str, draft: Path, size: int) -> None:
    """Also where it came in parts."""
    draft.write_bytes(b"<" * size)
    store = object_server.store(bucket)
    store.keep(draft, KEY, content_type="text/html", disposition=DISPOSITION)
    for method in ("GET", "HEAD"):
        answer = requests.request(method, store.address(KEY, method=method), timeout=10)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/html"
        assert answer.headers["Content-Disposition"] == DISPOSITION
        assert answer.headers["Content-Length"] == str(size)
        assert len(answer.content) == (size if method == "GET" else 0)


def test_a_signed_address_is_short_lived_and_for_one_object_and_one_method(object_server: ObjectServer, bucket: str) -> None:
    store = object_server.store(bucket)
    addresses = {method: urlsplit(store.address(KEY, method=method)) for method in ("GET", "HEAD")}
    signatures = set()
    for parts in addresses.values():
        assert f"{parts.scheme}://{parts.netloc}" == object_server.endpoint
        assert parts.path == f"/{bucket}/{QUOTED}"
        query = parse_qs(parts.query, strict_parsing=True)
        assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
        assert query["X-Amz-Expires"] == ["600"]
        assert query["X-Amz-SignedHeaders"] == ["host"]
        assert object_server.secret_key not in parts.geturl()
        signatures |= set(query["X-Amz-Signature"])
    assert len(signatures) == 2
    with pytest.raises(KeyError):
        store.address(KEY, method="PUT")


def test_a_virtual_host(object_server: ObjectServer, bucket: str) -> None:
    store = object_server.store(bucket, endpoint_url="https://s3.example", addressing_style="virtual")
    parts = urlsplit(store.address(KEY, method="GET"))
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"https://{bucket}.s3.example/{QUOTED}"


def test_an_address_below_that_of_a_public_bucket(object_server: ObjectServer, bucket: str) -> None:
    store = object_server.store(bucket, public_base_url="https://files.example/sage")
    assert {store.address(KEY, method=method) for method in ("GET", "HEAD")} == {f"https://files.example/sage/{QUOTED}"}
    assert store.address("bundle/1.0/a~b+c.zip", method="GET") == "https://files.example/sage/bundle/1.0/a~b%2Bc.zip"


def test_the_browser_gets_the_object_at_its_public_address(object_server: ObjectServer, bucket: str, draft: Path) -> None:
    store = object_server.store(bucket, public_base_url=f"{object_server.endpoint}/{bucket}")
    store.keep(draft, KEY, content_type="text/html", disposition=DISPOSITION)
    object_server.client.put_bucket_policy(
        Bucket=bucket,
        Policy='{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}]}',
    )
    object_server.client.put_object_acl(Bucket=bucket, Key=KEY, ACL="public-read")
    answer = requests.get(store.address(KEY, method="GET"), timeout=10)
    assert (answer.status_code, answer.content) == (200, draft.read_bytes())


def test_all_threads_share_one_client(object_server: ObjectServer, bucket: str) -> None:
    stores = [object_server.store(bucket) for _number in range(16)]
    with ThreadPoolExecutor(16) as pool:
        connections = list(pool.map(lambda store: store.connection, stores))
    assert len({id(connection) for connection in connections}) == 1
    assert stores[0].bucket.meta.client is connections[0].meta.client


# -- Other processes ------------------------------------------------------------------------------------------------------


def run(program: str, tmp_path: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    """A program with the platform's settings; what it says, and its log."""
    done = subprocess.run(
        [sys.executable, "-c", "import django\ndjango.setup()\n" + dedent(program), str(tmp_path)],
        cwd=ROOT,
        env=bare_environment()
        | {"SAGE_DATA_DIR": str(tmp_path / "data"), "DJANGO_SETTINGS_MODULE": "sage_platform.settings"}
        | settings,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_without_s3_no_boto3_is_loaded(tmp_path: Path) -> None:
    """It takes some 40 MiB of each process."""
    program = """
        import sys
        from uploads import health
        health.check_storage()
        print([name for name in ("boto3", "botocore", "storages", "s3transfer") if name in sys.modules])
    """
    assert run(program, tmp_path).stdout == "[]\n"


def test_with_s3_it_is_loaded_at_the_first_use(object_server: ObjectServer, bucket: str, tmp_path: Path) -> None:
    program = """
        import sys
        import sage_platform.wsgi
        print("boto3" in sys.modules)
        from uploads import health
        health.check_storage()
        print("boto3" in sys.modules)
    """
    assert run(program, tmp_path, **object_server.settings(bucket)).stdout == "False\nTrue\n"


def test_a_process_that_was_forked_makes_its_own_client(object_server: ObjectServer, bucket: str, tmp_path: Path) -> None:
    program = """
        import os
        from django.core.files.storage import storages
        store = storages["s3"]
        store.check()
        mine = store.connection
        assert store.connection is mine
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if store.connection is not mine and list(store.objects()) == [] else 1)
            finally:
                os._exit(2)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert run(program, tmp_path, **object_server.settings(bucket)).stdout == "0\n"


def test_what_stands_in_the_environment_for_other_tools_changes_nothing(
    object_server: ObjectServer, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[default]\ns3 =\n  addressing_style = virtual\n")
    program = """
        from django.core.files.storage import storages
        storages["s3"].check()
        print(storages["s3"].address("a", method="GET").partition("?")[0])
    """
    others = {
        "AWS_PROFILE": "nobody",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_ACCESS_KEY_ID": "other",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
        "no_proxy": "",
    }
    done = run(program, tmp_path, **object_server.settings(bucket), **others)
    assert done.stdout == f"{object_server.endpoint}/{bucket}/a\n"


def test_nothing_secret_is_logged_at_any_level(object_server: ObjectServer, bucket: str, tmp_path: Path) -> None:
    """The client logs signed headers, bodies and addresses at DEBUG."""
    program = """
        import logging, sys
        from pathlib import Path
        from django.core.files.storage import storages
        from uploads.stores import StoreUnavailable
        store = storages["s3"]
        draft = Path(sys.argv[1], "draft")
        draft.write_bytes(b"hunter2-body" * 2_000_000)
        store.keep(draft, "users/hunter2-key", content_type="text/plain", disposition="inline")
        store.open_object("users/hunter2-key").read()
        store.address("users/hunter2-key", method="GET")
        store.bucket_name = "hunter2-bucket"
        for call in (store.check, lambda: store.info("users/hunter2-key"), lambda: list(store.objects())):
            try:
                call()
            except StoreUnavailable as error:
                logging.getLogger("sage.api").error("it failed", exc_info=True)
                logging.getLogger("sage.api").debug("a line of ours: %s", error.cause)
    """
    done = run(program, tmp_path, SAGE_LOG_LEVEL="DEBUG", **object_server.settings(bucket))
    assert done.stderr.count("a line of ours: S3: HTTP 404") == 3
    assert {line for line in done.stderr.splitlines() if '"logger": "sage.api"' not in line} == set()
    for secret in ("hunter2", object_server.access_key, object_server.secret_key, "Signature", "127.0.0.1"):
        assert secret not in done.stderr
    assert logging_config("DEBUG", access_log=True)["root"]["level"] == "WARNING"


def test_300_mb_take_no_more_memory_than_a_part(object_server: ObjectServer, bucket: str, tmp_path: Path) -> None:
    program = """
        import sys
        from pathlib import Path
        from django.core.files.storage import storages

        def highest():
            status = Path("/proc/self/status").read_text()
            return int(status.partition("VmHWM:")[2].split()[0]) / 1024

        store = storages["s3"]
        draft = Path(sys.argv[1], "draft")
        for size in (20, 300):
            with draft.open("wb") as file:
                file.truncate(size * 1_000_000)
            store.keep(draft, "users/alice/0", content_type="text/plain", disposition="inline")
            with store.open_object("users/alice/0") as stream:
                assert sum(map(len, iter(lambda: stream.read(65536), b""))) == size * 1_000_000
            print(highest())
    """
    before, after = map(float, run(program, tmp_path, **object_server.settings(bucket)).stdout.split())
    assert after < 160
    assert after - before < 16
