"""Forms with a file, as clients and attackers send them: the whole file and its name, or a refusal and nothing kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from django.http import UnreadablePostError
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from sage_platform.api.bodies import UnreadForm
from sage_platform.api.errors import BodyTooLarge, IncompleteBody, InvalidInput
from tests.uploads.form_bodies import BOUNDARY, Body, file_form, form, part
from uploads.drafts import begin
from uploads.forms import ReceivedForm, receive

MALFORMED = ("body", "The body is no multipart form that can be read.")
NO_FILE = ("file", "Send a file in the form's part named file.")
NO_FILENAME = ("file", "Send a file in the form's part named file, with its name as filename.")
ONE_FILE = ("file", "Send one file alone, in the form's part named file.")
EMPTY = ("file", "The file is empty.")
MANY_PARTS = ("body", "The form has too many parts: 8 at most.")
LONG_TEXT = "A text of the form is too long: 4096 bytes at most."
NOT_UTF8 = "A text of the form is not UTF-8."


@pytest.fixture(autouse=True)
def incoming(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    """After each test there is no draft."""
    settings.SAGE_MEDIA_ROOT = tmp_path
    settings.SAGE_UPLOAD_STORE = "disk"
    yield tmp_path / ".incoming"
    assert not (tmp_path / ".incoming").exists() or list((tmp_path / ".incoming").iterdir()) == []


def received(opened: UnreadForm, *, most_bytes: int = 1 << 40) -> tuple[ReceivedForm, bytes]:
    with begin(most_bytes=most_bytes) as draft:
        read = receive(opened, draft)
        content = draft.path.read_bytes()
        assert draft.size == len(content)
        assert draft.sha256
        return read, content


def refused(body: Body) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        received(body.opened())
    return [(field, str(message)) for field, message in caught.value.errors]


def test_a_file_and_its_texts() -> None:
    body = form(
        part("path", "docs/März".encode()), part("file", b"hello", filename="a.txt", headers="Content-Type: image/png\r\n")
    )
    assert received(Body(body).opened()) == (ReceivedForm({"path": "docs/März"}, "a.txt"), b"hello")


def test_texts_behind_the_file() -> None:
    body = form(part("file", b"hello", filename="a.txt"), part("path", b"docs"), part("note", b""))
    assert received(Body(body).opened()) == (ReceivedForm({"path": "docs", "note": ""}, "a.txt"), b"hello")


def test_of_a_text_that_was_sent_twice_the_last_counts() -> None:
    body = form(part("path", b"a"), part("file", b"hello", filename="a.txt"), part("path", b"b"))
    assert received(Body(body).opened()) == (ReceivedForm({"path": "b"}, "a.txt"), b"hello")


CONTENTS = {
    "one byte": b"x",
    "line ends": b"\r\n\r\n",
    "a line end at the end": b"x\r\n",
    "dashes": b"--",
    "the boundary, not at a line's beginning": f"a --{BOUNDARY}--".encode(),
    "the boundary at the beginning of a line, LF alone": f"a\n--{BOUNDARY}--\n".encode(),
    "half a boundary": f"\r\n--{BOUNDARY[:-1]}".encode(),
    "a boundary with one letter changed": f"\r\n--{BOUNDARY[:-1]}X\r\n".encode(),
    "another form": form(part("file", b"x", filename="inner")).replace(BOUNDARY.encode(), b"----other"),
    "a carriage return in each place": b"\r" * 70_000,
    "much": b"0123456789abcdef" * 20_000,
    "all bytes": bytes(range(256)) * 300,
}


@pytest.mark.parametrize("most_a_read", [1 << 30, 4096, 7, 1])
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_the_file_is_what_was_sent_however_it_comes(content: bytes, most_a_read: int) -> None:
    if most_a_read < 100 and len(content) > 1000:
        content = content[:1000]
    _read, kept = received(Body(file_form(content), most_a_read=most_a_read).opened())
    assert kept == content


@given(content=st.binary(min_size=1, max_size=300), most_a_read=st.integers(1, 60))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_file_in_any_pieces(content: bytes, most_a_read: int) -> None:
    assert received(Body(file_form(content), most_a_read=most_a_read).opened()) == (ReceivedForm({}, "a.txt"), content)


def named(disposition: str) -> Body:
    return Body(form(f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\nhello\r\n".encode()))


NAMES = {
    'name="file"; filename="a.txt"': "a.txt",
    "name=file; filename=a.txt": "a.txt",
    'filename="a.txt"; name="file"': "a.txt",
    'Name="file"; FileName="a.txt"': "a.txt",
    'name="file";filename="a.txt"': "a.txt",
    'name="file"; filename=""': "file",
    'name="file"; filename=".."': "file",
    'name="file"; filename="C:\\fakepath\\photo.jpg"': "photo.jpg",
    'name="file"; filename="../../etc/passwd"': "passwd",
    'name="file"; filename="合同 \U0001f600.pdf"': "合同 \U0001f600.pdf",
    # Chromium, Firefox and Safari: the quote and line ends escaped as in an address, and nothing else.
    'name="file"; filename="a %22b%22 %25 50%.txt"': 'a "b" %25 50%.txt',
    'name="file"; filename="one%0D%0Atwo.txt"': "onetwo.txt",
    # curl: quotes and backslashes with a backslash.
    'name="file"; filename="a \\"b\\".txt"': 'a "b".txt',
    'name="file"; filename="semi;colon=1.txt"': "semi;colon=1.txt",
    # requests with an older urllib3: RFC 2231.
    "name=\"file\"; filename*=utf-8''%E5%90%88%E5%90%8C.pdf": "合同.pdf",
    'name="file"; filename="plain.pdf"; filename*=utf-8\'\'%E5%90%88.pdf': "合.pdf",
    'name="file"; filename*=utf-8\'\'%E5%90%88.pdf; filename="plain.pdf"': "合.pdf",
    "name=\"file\"; filename*=utf-8''..%2F..%2Fpasswd": "passwd",
    'name="file"; filename="plain.pdf"; filename*=nonsense': "plain.pdf",
    'name="file"; filename="turned \u202egpj.exe"': "turned gpj.exe",
}


@pytest.mark.parametrize(("disposition", "name"), NAMES.items())
def test_names_as_clients_write_them(disposition: str, name: str) -> None:
    assert received(named(disposition).opened()) == (ReceivedForm({}, name), b"hello")


AWKWARD = [
    "a \"b\" 'c'.txt",
    "% ? { } # & ; = + %22 %0D.txt",
    "it’s 合同 \U0001f600.pdf",
    "semi;colon=1.txt",
    "a" * 251 + ".txt",
    "CON",
]


@pytest.mark.parametrize("name", AWKWARD)
def test_names_as_requests_writes_them(name: str) -> None:
    """A %22 in a name is a quote to it and to browsers alike, so it comes as one."""
    request = requests.Request("POST", "http://sage.example/", files={"file": (name, b"hello")}, data={"path": "docs"}).prepare()
    assert isinstance(request.body, bytes)
    boundary = request.headers["Content-Type"].partition("boundary=")[2]
    read, content = received(Body(request.body, boundary=boundary).opened())
    expected = name.replace("%22", '"').replace("%0D", "")
    assert (read, content) == (ReceivedForm({"path": "docs"}, expected), b"hello")


TOLERATED = {
    "a preamble": b"This is a form.\r\n" + file_form(b"hello"),
    "an epilogue": file_form(b"hello") + b"and more",
    "a long epilogue": file_form(b"hello") + b"x" * 200_000,
    "no line end behind the last boundary": form(part("file", b"hello", filename="a.txt"), end=b""),
    "a second form in the epilogue": file_form(b"hello") + file_form(b"other", filename="b.txt"),
    "headers in other letters": file_form(b"hello").replace(b"Content-Disposition", b"content-disposition"),
    "more headers": form(part("file", b"hello", filename="a.txt", headers="X-A: b\r\nContent-Type: text/html; charset=x\r\n")),
    "the part's own length": form(part("file", b"hello", filename="a.txt", headers="Content-Length: 5\r\n")),
    "a coding that is none": form(part("file", b"hello", filename="a.txt", headers="Content-Transfer-Encoding: 8bit\r\n")),
    "eight parts": form(*[part(f"t{n}", b"x" * 4096) for n in range(7)], part("file", b"hello", filename="a.txt")),
}


@pytest.mark.parametrize("most_a_read", [1 << 30, 61])
@pytest.mark.parametrize("content", TOLERATED.values(), ids=TOLERATED)
def test_what_is_odd_and_clear(content: bytes, most_a_read: int) -> None:
    read, kept = received(Body(content, most_a_read=most_a_read).opened())
    assert (read.filename, kept) == ("a.txt", b"hello")


def head(*lines: str) -> bytes:
    return form("\r\n".join([f"--{BOUNDARY}", *lines, "", "hello", ""]).encode())


GOOD_LINE = 'Content-Disposition: form-data; name="file"; filename="a.txt"'
REFUSED: dict[str, tuple[bytes, tuple[str, str]]] = {
    "no parts": (form(), NO_FILE),
    "another boundary": (file_form(b"x").replace(BOUNDARY.encode(), b"other"), MALFORMED),
    "text": (b"just text", MALFORMED),
    "JSON": (b'{"file": "a"}', MALFORMED),
    "nulls": (bytes(1000), MALFORMED),
    "the boundary alone": (BOUNDARY.encode(), MALFORMED),
    "the first boundary alone": (f"--{BOUNDARY}\r\n".encode(), MALFORMED),
    "LF in the place of CR LF": (file_form(b"hello").replace(b"\r\n", b"\n"), MALFORMED),
    "CR in the place of CR LF": (file_form(b"hello").replace(b"\r\n", b"\r"), MALFORMED),
    "something behind a boundary": (file_form(b"hello").replace(b"\r\n", b"x\r\n", 1), MALFORMED),
    "something behind the boundary in between": (
        form(part("path", b"a"), part("file", b"x", filename="a")).replace(
            b"a\r\n--" + BOUNDARY.encode(), b"a\r\n--" + BOUNDARY.encode() + b"x"
        ),
        MALFORMED,
    ),
    "no headers": (head(), MALFORMED),
    "no disposition": (head("Content-Type: text/plain"), MALFORMED),
    "a disposition of another kind": (head('Content-Disposition: attachment; name="file"; filename="a.txt"'), MALFORMED),
    "a header without a colon": (head(GOOD_LINE, "nonsense"), MALFORMED),
    "a header with a space in its name": (head(GOOD_LINE, "X A: b"), MALFORMED),
    "nine headers": (head(GOOD_LINE, *[f"X-{n}: a" for n in range(8)]), MALFORMED),
    "a huge header": (head(GOOD_LINE, "X-A: " + "a" * 5000), MALFORMED),
    "a header of a megabyte": (head(GOOD_LINE, "X-A: " + "a" * 1_000_000), MALFORMED),
    "a header without an end": (f"--{BOUNDARY}\r\nX-A: ".encode() + b"a" * 1_000_000, MALFORMED),
    "a name of 5000 bytes": (head(f'Content-Disposition: form-data; name="file"; filename="{"a" * 5000}"'), MALFORMED),
    "a header in latin-1": (head(GOOD_LINE).replace(b"a.txt", "é.txt".encode("latin-1")), MALFORMED),
    "a wrong length of the part": (head(GOOD_LINE, "Content-Length: 4"), MALFORMED),
    "a part longer than it says": (head(GOOD_LINE, "Content-Length: 6"), MALFORMED),
    "a length that is none": (head(GOOD_LINE, "Content-Length: -1"), MALFORMED),
    "base64": (head(GOOD_LINE, "Content-Transfer-Encoding: base64"), MALFORMED),
    "no file": (form(part("path", b"docs")), NO_FILE),
    "a file under another name": (form(part("image", b"x", filename="a.png")), ONE_FILE),
    "a file without a filename": (form(part("file", b"x")), NO_FILENAME),
    "two files": (form(part("file", b"x", filename="a"), part("file", b"y", filename="b")), ONE_FILE),
    "two files, one under another name": (form(part("file", b"x", filename="a"), part("other", b"y", filename="b")), ONE_FILE),
    "a file and a text of its name": (form(part("file", b"x", filename="a"), part("file", b"y")), NO_FILENAME),
    "an empty file": (file_form(b""), EMPTY),
    "no file chosen": (file_form(b"", filename=""), EMPTY),
    "a text in latin-1": (form(part("path", b"\xe9"), part("file", b"x", filename="a")), ("path", NOT_UTF8)),
    "another text in latin-1": (form(part("password", b"\xe9"), part("file", b"x", filename="a")), ("body", NOT_UTF8)),
    "a long text": (form(part("path", b"a" * 4097), part("file", b"x", filename="a")), ("path", LONG_TEXT)),
    "a text of a megabyte": (form(part("<script>", b"a" * 1_000_000), part("file", b"x", filename="a")), ("body", LONG_TEXT)),
    "nine parts": (form(*[part(f"t{n}") for n in range(8)], part("file", b"x", filename="a")), MANY_PARTS),
    "ten thousand parts": (form(*[part("t")] * 10_000, part("file", b"x", filename="a")), MANY_PARTS),
    "ten thousand files": (form(*[part("file", b"x", filename="a")] * 10_000), ONE_FILE),
    "a part without a name": (head('Content-Disposition: form-data; filename="a.txt"'), ONE_FILE),
}


@pytest.mark.parametrize("most_a_read", [1 << 30, 4096])
@pytest.mark.parametrize(("content", "error"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(content: bytes, error: tuple[str, str], most_a_read: int) -> None:
    assert refused(Body(content, most_a_read=most_a_read)) == [error]


def test_an_empty_body_has_no_file() -> None:
    assert refused(Body(b"", boundary="")) == [NO_FILE]


WHOLE = form(part("path", b"docs"), part("file", b"hello\r\nworld", filename="a.txt"))


def test_a_form_that_was_cut_by_its_sender() -> None:
    """Whoever ends before the closing boundary has not sent a whole file, though the length is as announced."""
    for cut in range(1, len(WHOLE) - 2):
        assert refused(Body(WHOLE[:cut])) == [MALFORMED], cut


def test_a_connection_that_broke() -> None:
    """What came is perhaps a form, but what was announced did not come."""
    for cut in range(len(WHOLE)):
        with pytest.raises(UnreadablePostError):
            received(Body(WHOLE[:cut], announced=len(WHOLE)).opened())


def test_a_body_that_ends_silently() -> None:
    pieces = [b"", WHOLE[:60]]
    with pytest.raises(IncompleteBody):
        received(UnreadForm(BOUNDARY, 1000, lambda size: pieces.pop()))


def test_nothing_beyond_the_announced_length_is_read() -> None:
    asked: list[int] = []

    def read(size: int) -> bytes:
        asked.append(size)
        return WHOLE[:size]

    received(UnreadForm(BOUNDARY, len(WHOLE), read))
    assert asked == [len(WHOLE)]


def test_a_file_beyond_its_limit() -> None:
    with pytest.raises(BodyTooLarge):
        received(Body(file_form(b"x" * 11)).opened(), most_bytes=10)
    assert received(Body(file_form(b"x" * 10)).opened(), most_bytes=10)[1] == b"x" * 10


def test_a_body_without_its_boundary_is_not_read_to_the_end() -> None:
    reads: list[int] = []

    def read(size: int) -> bytes:
        reads.append(size)
        return bytes(size)

    with pytest.raises(InvalidInput):
        received(UnreadForm(BOUNDARY, 1 << 40, read))
    assert len(reads) == 1
