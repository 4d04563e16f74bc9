"""GET and HEAD /files/{id}/{name}: who has the address gets the file, whole or in part, or hears that it is the same."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from django.core.signals import request_finished
from django.db import close_old_connections
from django.http import HttpResponseBase
from pytest_django import DjangoAssertNumQueries, Settings

from sage_platform.api.gate import Places
from tests.people import Caller, Response
from tests.uploads.kept import kept
from uploads import serving
from uploads.models import State, Store, Upload
from uploads.stores import store_named

pytestmark = pytest.mark.django_db

CONTENT = bytes(range(256)) * 4 + b"and so on until there are 1058 ..."
MIB = 1024 * 1024
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'; sandbox; frame-ancestors 'self'"


def body(response: Response) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]


@pytest.fixture
def row() -> Upload:
    assert len(CONTENT) == 1058
    return kept(CONTENT, "notes.bin", "application/octet-stream")


@pytest.fixture
def large() -> Upload:
    return kept(b"0123456789abcdef" * (5 * MIB // 16), "large.bin", "application/octet-stream")


def told(response: Response) -> dict[str, str]:
    """Its headers, but for those of every answer."""
    of_all = {"Vary", "X-Request-ID", "Content-Language"}
    return {name: value for name, value in response.headers.items() if name not in of_all}


def whole(row: Upload) -> dict[str, str]:
    return {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": 'attachment; filename="notes.bin"',
        "Content-Length": "1058",
        "ETag": f'"{row.sha256}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "unsafe-none",
    }


@pytest.mark.parametrize("who", ["anyone", "as_bob", "as_admin"])
def test_whoever_has_the_address_gets_the_file(who: str, row: Upload, request: pytest.FixtureRequest) -> None:
    response = request.getfixturevalue(who).get(row.path)
    assert (response.status_code, body(response), told(response)) == (200, CONTENT, whole(row))


def test_head_has_the_same_headers_and_no_body(row: Upload, large: Upload, anyone: Caller) -> None:
    response = anyone.send("HEAD", row.path)
    assert (response.status_code, body(response), told(response)) == (200, b"", whole(row))
    # A range is a thing of GET (RFC 9110 §14.2).
    response = anyone.send("HEAD", large.path, Range="bytes=0-9")
    assert (response.status_code, body(response), response.headers["Content-Length"]) == (200, b"", str(5 * MIB))


def test_the_id_alone_finds_the_file(row: Upload, anyone: Caller) -> None:
    for name in ("x", "notes.txt", "%2e%2e", "a%20b", "%00", "%F0%9F%8C%BF", "a%0D%0AX-Header:%201"):
        response = anyone.get(f"/files/{row.public_id}/{name}")
        assert (response.status_code, told(response)) == (200, whole(row))


@pytest.mark.parametrize(
    ("content_type", "sent", "kind"),
    [
        ("text/plain", "text/plain; charset=utf-8", "inline"),
        ("image/png", "image/png", "inline"),
        ("video/mp4", "video/mp4", "inline"),
        ("application/pdf", "application/pdf", "inline"),
        ("text/html", "text/html", "attachment"),
        ("image/svg+xml", "image/svg+xml", "attachment"),
        ("application/xml", "application/xml", "attachment"),
    ],
)
def test_what_is_shown_and_what_is_saved(content_type: str, sent: str, kind: str, anyone: Caller) -> None:
    headers = anyone.get(kept(b"x", "a’b.dat", content_type).path).headers
    assert (headers["Content-Type"], headers["X-Content-Type-Options"]) == (sent, "nosniff")
    assert headers["Content-Disposition"] == f"{kind}; filename=\"a_b.dat\"; filename*=UTF-8''a%E2%80%99b.dat"
    assert headers["Content-Security-Policy"] == POLICY


PARTS = [
    ("bytes=0-0", 0, 1),
    ("bytes=0-9", 0, 10),
    ("bytes=10-19", 10, 20),
    ("bytes=1000-", 1000, 1058),
    ("bytes=1057-", 1057, 1058),
    ("bytes=1000-5000", 1000, 1058),
    ("bytes=0-18446744073709551615", 0, 1058),
    ("bytes=-500", 558, 1058),
    ("bytes=-1", 1057, 1058),
    ("bytes=-9999", 0, 1058),
    ("Bytes=3-4", 3, 5),
]


@pytest.mark.parametrize(("asked", "start", "stop"), PARTS)
def test_a_range(asked: str, start: int, stop: int, row: Upload, anyone: Caller) -> None:
    response = anyone.get(row.path, Range=asked)
    assert (response.status_code, body(response)) == (206, CONTENT[start:stop])
    assert told(response) == whole(row) | {
        "Content-Length": str(stop - start),
        "Content-Range": f"bytes {start}-{stop - 1}/1058",
    }


@pytest.mark.parametrize("asked", ["bytes=2000-", "bytes=1058-", "bytes=1058-2000", "bytes=-0"])
def test_a_range_that_there_is_not(asked: str, row: Upload, anyone: Caller) -> None:
    response = anyone.get(row.path, Range=asked)
    assert (response.status_code, body(response)) == (416, b"")
    assert response.headers["Content-Range"] == "bytes */1058"


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=0-9,20-29",
        "bytes=0-9, -5",
        "bytes=9-0",
        "bytes=-",
        "bytes=",
        "bytes",
        "",
        "items=0-9",
        "bytes=a-b",
        "bytes=0x1-0x2",
        "bytes=+1-2",
        "bytes=--5",
        "bytes=1-2-3",
        "bytes=٣-٤",
        f"bytes={'9' * 5000}-",
    ],
)
def test_several_ranges_and_what_cannot_be_read_get_the_whole(asked: str, row: Upload, anyone: Caller) -> None:
    response = anyone.get(row.path, Range=asked)
    assert (response.status_code, body(response), told(response)) == (200, CONTENT, whole(row))


def test_a_part_is_sent_only_of_the_file_that_the_client_knows(row: Upload, anyone: Caller) -> None:
    answers = {
        f'"{row.sha256}"': 206,
        f'W/"{row.sha256}"': 200,
        '"another"': 200,
        "Sat, 28 Nov 2026 14:00:00 GMT": 200,
        "": 200,
    }
    for known, status in answers.items():
        response = anyone.get(row.path, Range="bytes=0-9", If_Range=known)
        assert (response.status_code, len(body(response))) == (status, 10 if status == 206 else 1058), known
    assert anyone.get(row.path, Range="bytes=2000-", If_Range='"another"').status_code == 200


def test_who_has_it_already_hears_so(row: Upload, anyone: Caller) -> None:
    for known in (f'"{row.sha256}"', f'W/"{row.sha256}"', f'"a", "b" , "{row.sha256}"', "*"):
        for method in ("GET", "HEAD"):
            response = anyone.send(method, row.path, If_None_Match=known, Range="bytes=0-9")
            assert (response.status_code, body(response)) == (304, b""), known
            headers = told(response)
            for name in ("Content-Type", "Content-Disposition", "Accept-Ranges"):
                assert name not in headers
            # There are clients that wait for a body of the length that a 304 tells.
            assert headers.pop("Content-Length") == "0"
            assert headers == {name: value for name, value in whole(row).items() if name in headers}
            assert {"ETag", "Cache-Control", "Content-Security-Policy"} <= set(headers)
    for other in ('"another"', 'W/"another"', row.sha256, "nonsense"):
        assert anyone.get(row.path, If_None_Match=other).status_code == 200, other


def test_who_wants_another_one_does_not_get_this(row: Upload, anyone: Caller) -> None:
    assert anyone.get(row.path, If_Match=f'"{row.sha256}"').status_code == 200
    assert anyone.get(row.path, If_Match="*").status_code == 200
    response = anyone.get(row.path, If_Match='"another"')
    assert (response.status_code, body(response)) == (412, b"")


@pytest.mark.parametrize("state", [State.RECEIVING, State.PENDING, State.DELETING])
def test_what_is_not_stored_is_not_there(state: State, row: Upload, anyone: Caller) -> None:
    Upload.objects.filter(pk=row.pk).update(state=state, lease_until=row.created_at)
    assert anyone.get(row.path).status_code == 404
    assert anyone.get(row.path, If_None_Match=f'"{row.sha256}"').status_code == 404


def test_what_can_be_no_file_is_a_page_that_says_so(row: Upload, anyone: Caller) -> None:
    ids = [
        "0" * 32,
        row.public_id.upper(),
        row.public_id + "0",
        row.public_id[:-1],
        "%00" * 32,
        "x",
        "..",
        "%F0%9F%8C%BF",
        str(row.pk),
    ]
    for public_id in ids:
        response = anyone.get(f"/files/{public_id}/notes.bin")
        assert (response.status_code, response.headers["Content-Type"]) == (404, "text/html; charset=utf-8"), public_id
        assert "There is nothing at this address." in response.content.decode()
    for path in (
        f"/files/{row.public_id}",
        f"/files/{row.public_id}/",
        f"/files/{row.public_id}/a/b",
        f"/files//{row.public_id}/a",
    ):
        assert anyone.get(path).status_code == 404, path


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_another_method_is_refused_and_changes_nothing(method: str, row: Upload, as_admin: Caller) -> None:
    as_admin.client.handler.enforce_csrf_checks = True
    response = as_admin.send(method, row.path)
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")
    assert body(as_admin.get(row.path)) == CONTENT


def test_a_file_that_is_gone_or_cut_short_is_not_there(row: Upload, large: Upload, media: Path, anyone: Caller, log: Any) -> None:
    (media / row.key).write_bytes(CONTENT[:-1])
    for method in ("GET", "HEAD"):
        assert anyone.send(method, row.path).status_code == 404
    store_named("disk").delete_object(large.key)
    for method in ("GET", "HEAD"):
        assert anyone.send(method, large.path, Range="bytes=0-9").status_code == 404
    lines = [json.loads(line)["message"] for line in log.getvalue().splitlines()]
    short = f"the object of upload {row.pk} has 1057 bytes and not 1058"
    assert lines == [short, short, *[f"the object of upload {large.pk} is gone"] * 2]


def test_a_disk_that_fails_is_a_503(row: Upload, media: Path, anyone: Caller) -> None:
    (media / row.key).unlink()
    (media / row.key).symlink_to(row.public_id)
    response = anyone.get(row.path)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")


def test_one_query_whoever_asks(
    row: Upload, large: Upload, as_alice: Caller, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for asked in (row, large):
        for headers in ({}, {"Range": "bytes=0-9"}, {"If_None_Match": "*"}):
            with django_assert_num_queries(1):
                body(as_alice.get(asked.path, **headers))


# -- How it is sent ---------------------------------------------------------------------------------------------------------


def test_a_long_file_is_sent_in_large_pieces(large: Upload, anyone: Caller) -> None:
    response = anyone.get(large.path)
    pieces = list(response.streaming_content)  # type: ignore[attr-defined]
    assert {len(piece) for piece in pieces} == {256 * 1024}
    assert b"".join(pieces) == b"0123456789abcdef" * (5 * MIB // 16)
    part = anyone.get(large.path, Range=f"bytes={MIB + 3}-{3 * MIB}")
    assert body(part) == (b"0123456789abcdef" * (5 * MIB // 16))[MIB + 3 : 3 * MIB + 1]
    assert part.headers["Content-Length"] == str(2 * MIB - 2)


def leave(response: HttpResponseBase) -> None:
    """What the server does when its client has gone. Django would also close the connection of the test's own transaction."""
    request_finished.disconnect(close_old_connections)
    try:
        response.close()
    finally:
        request_finished.connect(close_old_connections)


def open_files(media: Path) -> list[str]:
    found = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [str(path) for path in found if path.is_relative_to(media)]


def test_the_file_is_closed_when_the_client_leaves(large: Upload, media: Path, anyone: Caller) -> None:
    for read in (0, 1):
        response: Any = anyone.get(large.path)
        for _ in range(read):
            next(iter(response.streaming_content))
        assert len(open_files(media)) == 1
        leave(response)
        assert open_files(media) == []


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Places:
    few = Places(16)
    monkeypatch.setattr(serving, "places", few)
    return few


def from_address(caller: Caller, row: Upload, address: str, **headers: str) -> Any:
    return caller.client.get(row.path, headers=headers, REMOTE_ADDR=address)


def test_large_downloads_have_places_with_a_share_for_each_address(
    places: Places, large: Upload, row: Upload, media: Path, anyone: Caller
) -> None:
    held: list[HttpResponseBase] = [from_address(anyone, large, "203.0.113.1") for _ in range(14)]
    assert [response.status_code for response in held] == [200] * 14
    refusal = from_address(anyone, large, "203.0.113.1")
    assert (refusal.status_code, refusal.headers["Retry-After"]) == (503, "5")
    assert len(open_files(media)) == 14, "the refused one is closed"
    # People elsewhere, small files, small parts and those who only ask go on.
    held.append(from_address(anyone, large, "203.0.113.2"))
    assert held[-1].status_code == 200
    assert from_address(anyone, row, "203.0.113.1").status_code == 200
    part = from_address(anyone, large, "203.0.113.1", Range=f"bytes=0-{4 * MIB - 1}")
    assert (part.status_code, len(body(part))) == (206, 4 * MIB)
    assert from_address(anyone, large, "203.0.113.1", **{"If-None-Match": "*"}).status_code == 304
    # A place is free again when the download is over, or its client has left.
    leave(held.pop(0))
    leave(held.pop())
    again = from_address(anyone, large, "203.0.113.1")
    assert again.status_code == 200
    for response in [*held, again]:
        leave(response)
    assert open_files(media) == []
    for _each in range(14):  # Every place was given back.
        places.take("203.0.113.9", cause="full")


# -- Other ways -------------------------------------------------------------------------------------------------------------


def test_nginx_is_told_where_the_file_is(row: Upload, settings: Settings, anyone: Caller) -> None:
    settings.SAGE_X_ACCEL_REDIRECT = "/media/"
    odd = kept(CONTENT, "notes.bin", "application/octet-stream", key='users/alice/100% 🌿 ’a?b#c{d}"e/x')
    for method in ("GET", "HEAD"):
        response = anyone.send(method, odd.path, Range="bytes=0-9")
        assert (response.status_code, body(response)) == (200, b"")
        place = "/media/users/alice/100%25%20%F0%9F%8C%BF%20%E2%80%99a%3Fb%23c%7Bd%7D%22e/x"
        expected = whole(odd) | {"Content-Length": "0", "X-Accel-Redirect": place}
        del expected["Accept-Ranges"]  # nginx has its own.
        assert told(response) == expected
    assert anyone.get(row.path, If_None_Match=f'"{row.sha256}"').status_code == 304
    # It would judge this by an ETag of its own.
    assert body(anyone.get(row.path, If_Match=f'"{row.sha256}"')) == CONTENT


class Elsewhere:
    def address(self, key: str, *, method: str) -> str:
        return f"https://s3.example/bucket/{key}?X-Amz-Signature=abc&method={method}"


@pytest.fixture
def in_object_store(row: Upload) -> Upload:
    Upload.objects.filter(pk=row.pk).update(store=Store.S3)
    return row


def test_a_file_in_the_object_store_is_fetched_there(
    in_object_store: Upload, settings: Settings, monkeypatch: pytest.MonkeyPatch, anyone: Caller
) -> None:
    settings.OBJECT_STORES = settings.OBJECT_STORES | {"s3": {}}
    monkeypatch.setattr(serving, "store_named", {"s3": Elsewhere()}.get)
    for method in ("GET", "HEAD"):
        response = anyone.send(method, in_object_store.path)
        assert (response.status_code, body(response)) == (302, b"")
        key = in_object_store.key
        assert response.headers["Location"] == f"https://s3.example/bucket/{key}?X-Amz-Signature=abc&method={method}"
        assert (response.headers["Cache-Control"], response.headers["Referrer-Policy"]) == ("no-store", "no-referrer")


def test_a_file_in_a_store_that_the_deployment_has_no_more(in_object_store: Upload, anyone: Caller, log: Any) -> None:
    response = anyone.get(in_object_store.path)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    (line,) = (json.loads(line) for line in log.getvalue().splitlines())
    assert line["cause"] == "an upload is in the object store, and SAGE_S3_ENDPOINT is not set"
    assert line["path"] == "/files/…/notes.bin"


def test_no_line_of_the_log_opens_a_file(row: Upload, log: Any) -> None:
    """Not even one that was meant to name a path."""
    for path in (row.path, f"/prod-api{row.path}"):
        logging.getLogger("sage.test").error("%s failed", path)
    told = [json.loads(line)["message"] for line in log.getvalue().splitlines()]
    assert told == ["/files/…/notes.bin failed", "/prod-api/files/…/notes.bin failed"]


def modes(media: Path) -> set[str]:
    return {f"{path.stat().st_mode & 0o7777:o}" for path in media.rglob("*")}


def test_files_are_open_to_the_group_only_where_nginx_reads_them(media: Path, settings: Settings) -> None:
    kept(b"x", key="users/alice/folder/x")
    assert modes(media / "users") == {"600", "700"}
    settings.FILE_UPLOAD_PERMISSIONS, settings.FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o640, 0o750
    kept(b"x", key="bundle/1.0.0/x")
    assert modes(media / "bundle") == {"640", "750"}
