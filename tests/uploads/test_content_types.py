"""What kind of file it is, by its bytes alone."""

import bz2
import gzip
import io
import lzma
import random
import tarfile
import tracemalloc
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads.content_types import TypeGuess, is_inline

NOISE = bytes(range(256))
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\x06\0\0\0"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1"
GIF = b"GIF89a\1\0\1\0\x80\0\0"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"
OGG = b"OggS\0\2" + bytes(20)


def box(brand: bytes) -> bytes:
    """The beginning of a file in the ISO base media format."""
    return b"\0\0\0\x18ftyp" + brand + b"\0\0\2\0mp41" + brand


def archive(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return made.getvalue()


def tar() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as file:
        file.addfile(tarfile.TarInfo("a"))
    return made.getvalue()


def guess(content: bytes, *, piece: int = 1 << 20) -> str:
    judge = TypeGuess()
    for start in range(0, len(content), piece):
        judge.feed(content[start : start + piece])
    return judge.result()


KNOWN = {
    "image/png": [PNG],
    "image/jpeg": [JPEG],
    "image/gif": [GIF],
    "image/webp": [b"RIFF\x24\0\0\0WEBPVP8 "],
    "image/avif": [box(b"avif")],
    "image/heic": [box(b"heic")],
    "image/bmp": [b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0"],
    "image/tiff": [b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"],
    "image/x-icon": [b"\0\0\1\0\1\0\x10\x10"],
    "audio/mpeg": [b"ID3\3\0\0\0\0\0\n", b"\xff\xfb\x90\x64"],
    "audio/wav": [b"RIFF\x24\0\0\0WAVEfmt "],
    "audio/flac": [b"fLaC\0\0\0\x22"],
    "audio/mp4": [box(b"M4A ")],
    "audio/ogg": [OGG],
    "audio/aac": [b"\xff\xf1\x50\x80"],
    "video/mp4": [box(b"isom"), box(b"mp42")],
    "video/webm": [b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1\x42\xf7\x81\1\x42\xf2\x81\4\x42\xf3\x81\x08\x42\x82\x84webm" + bytes(40)],
    "application/pdf": [PDF, b"%PDF-1.4\n1 0 obj << >> endobj\n%%EOF\n"],
    "application/zip": [archive("a.txt"), archive("META-INF/MANIFEST.MF")],
    "application/gzip": [gzip.compress(b"x")],
    "application/x-bzip2": [bz2.compress(b"x")],
    "application/x-xz": [lzma.compress(b"x")],
    "application/zstd": [b"\x28\xb5\x2f\xfd\4\0\x19\0\0x"],
    "application/x-tar": [tar()],
    "application/x-7z-compressed": [b"7z\xbc\xaf\x27\x1c\0\4"],
    "application/vnd.rar": [b"Rar!\x1a\7\1\0"],
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": [
        archive("[Content_Types].xml", "_rels/.rels", "word/document.xml")
    ],
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": [
        archive("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml")
    ],
    "application/x-msdownload": [b"MZ\x90\0\3\0\0\0"],
    "application/x-executable": [b"\x7fELF\2\1\1\0" + bytes(60)],
    "application/x-deb": [b"!<arch>\ndebian-binary   1410122664  0     0     100644  4         `\n2.0\n"],
    "application/wasm": [b"\0asm\1\0\0\0"],
    "application/rtf": [b"{\\rtf1\\ansi Hello}"],
    "application/postscript": [b"%!PS-Adobe-3.0\n"],
    "font/woff": [b"wOFF\0\1\0\0", b"wOF2\0\1\0\0"],
}


@pytest.mark.parametrize(
    ("content", "kind"), [pytest.param(content, kind, id=kind) for kind, contents in KNOWN.items() for content in contents]
)
def test_what_is_known(content: bytes, kind: str) -> None:
    assert guess(content + NOISE) == kind if kind not in {"application/rtf", "application/postscript"} else guess(content) == kind


TEXT = {
    b"hello\n",
    "Grüße, 你好, \U0001f600".encode(),
    b"\xef\xbb\xbfwith a mark",
    b'{"json": true}',
    b"a,b\n1,2\n",
    b"#!/bin/sh\nrm -rf /\n",
    b"\x1b[31mred\x1b[0m",
    b"1 < 2, and <3",
    b"text first, <script>alert(1)</script> behind it",
    b"BM is how this text begins",
    b"GIF89a=1;alert(1)//",
    b"\n",
    b"<",
    b"x" * 100_000,
}


@pytest.mark.parametrize("content", sorted(TEXT))
def test_text(content: bytes) -> None:
    assert guess(content) == "text/plain"


NOT_TEXT = {
    b"hello\0": "a null at the end",
    b"x" * 100_000 + b"\0": "a null far behind",
    b"x" * 100_000 + b"\xff": "no UTF-8 far behind",
    b"caf\xe9": "latin-1",
    b"caf\xc3": "ends within a letter",
    b"\xed\xa0\x80": "a surrogate",
    b"\xc0\xaf": "an overlong slash",
    "hello".encode("utf-16"): "UTF-16",
    "<script>alert(1)</script>".encode("utf-16"): "markup in UTF-16",
    "<script>alert(1)</script>".encode("utf-32"): "markup in UTF-32",
    b"\0<html>": "markup behind a null",
    NOISE: "noise",
    b"\0": "a null alone",
    b"": "nothing",
}


@pytest.mark.parametrize("content", NOT_TEXT, ids=list(NOT_TEXT.values()))
def test_what_nobody_knows(content: bytes) -> None:
    assert guess(content) == "application/octet-stream"


COMMENT = b"<!-- " + b"x" * 2000 + b" -->"
MARKUP = {
    "text/html": [
        b"<!DOCTYPE html><title>a</title>",
        b"<html>",
        b"<HTML lang=en>",
        b"<script>alert(1)</script>",
        b"<img src=x onerror=alert(1)>",
        b"<iframe src=javascript:alert(1)>",
        b"<body onload=alert(1)>",
        b"<p>",
        b"<a href=x>",
        b" \t\r\n\x0c<html>",
        b"\xef\xbb\xbf<html>",
        b"\xef\xbb\xbf \n<!-- a --><html>",
        COMMENT * 2 + b"<script>",
        b"<!-- never ends, or far behind what is looked at: " + b"x" * 20_000 + b" --><svg>",
        b"<!---->",
        b"<?php echo 1; ?>",
        b"<!doctype html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\"><html xmlns='http://www.w3.org/1999/xhtml'>",
        b"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><script>alert(1)</script></html>",
        b"<html>" + NOISE,
        b"</p><script>",
    ],
    "image/svg+xml": [
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<SVG>",
        b"<svg:svg xmlns:svg='http://www.w3.org/2000/svg'/>",
        b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- made by --><svg/>",
        b"<?xml version='1.0'?><!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'svg11.dtd'><svg/>",
        b"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a 'b'> <!ENTITY c ']'>]><svg/>",
        COMMENT + b"\n<svg>",
        b"<!-- a > b, <html> --><svg>",
        b"<svg>" + NOISE,
    ],
    "application/xml": [
        b"<?xml version='1.0'?><rss/>",
        b"<?xml version='1.0'?>",
        b"<rss version='2.0'>",
        b"<?xml-stylesheet href='a.xsl'?><feed xmlns='http://www.w3.org/2005/Atom'/>",
        b"<x:script xmlns:x='http://www.w3.org/1999/xhtml-not'>"[:3] + b"y>",
    ],
}


@pytest.mark.parametrize(
    ("content", "kind"), [pytest.param(content, kind, id=kind) for kind, contents in MARKUP.items() for content in contents]
)
def test_markup_is_never_shown(content: bytes, kind: str) -> None:
    assert guess(content) == kind
    assert not is_inline(guess(content))


POLYGLOTS = [
    # Each is what it begins with, and a browser that may not guess (nosniff) shows it so.
    (GIF + b"/*" + NOISE + b"*/=1;alert(1)//", "image/gif"),
    (JPEG + b"<script>alert(1)</script>" + NOISE, "image/jpeg"),
    (PNG + b"<svg onload=alert(1)>" + NOISE, "image/png"),
    (PDF + b"<script>alert(1)</script>", "application/pdf"),
    (b"<script>/*" + PNG + NOISE + b"*/</script>", "text/html"),
    (b"<!--" + PDF + b"-->", "text/html"),
    (PNG + archive("evil.html"), "image/png"),
    (b"\xff\xd8\xff/*" + b"\0" + b"*/=alert(1)", "image/jpeg"),
]


@pytest.mark.parametrize(("content", "kind"), POLYGLOTS, ids=range(len(POLYGLOTS)))
def test_a_file_that_is_two_things_is_what_it_begins_with(content: bytes, kind: str) -> None:
    assert guess(content) == kind


@given(content=st.binary(max_size=200) | st.text(max_size=100).map(str.encode), piece=st.integers(1, 50))
def test_how_it_comes_in_pieces_changes_nothing(content: bytes, piece: int) -> None:
    assert guess(content, piece=piece) == guess(content)


@pytest.mark.parametrize("piece", [1, 100, 5000, 8192, 20_000])
def test_how_far_it_looks_does_not_hang_on_the_pieces(piece: int) -> None:
    """At 8 KiB it ends, so that of two that ask about one file each gets the same answer."""
    assert guess(b"<!--" + b"x" * 8186 + b"--><svg>", piece=piece) == "text/html"
    assert guess(b"<!--" + b"x" * 8186 + b"-->" + b"<svg>" * 3000, piece=piece) == "text/html"
    assert guess(b"<!--" + b"x" * 8170 + b"--><svg>" + b"y" * 9000, piece=piece) == "image/svg+xml"


@given(
    st.sampled_from(["<html>", "<svg>", "<?xml", "<!--", "<!DOCTYPE ", "<script", "<a "]),
    st.text(),
    st.sampled_from(["", "\ufeff", " \n"]),
)
def test_nothing_that_begins_as_markup_is_inline(start: str, rest: str, before: str) -> None:
    assert not is_inline(guess((before + start + rest).encode()))


@given(st.sampled_from([content[:12] for contents in KNOWN.values() for content in contents]), st.binary(max_size=300))
def test_any_content_has_a_type(start: bytes, rest: bytes) -> None:
    assert "/" in guess(start + rest)


@pytest.mark.parametrize(
    "head",
    [
        b"<!doctype [" + b"] " * 4000,
        b"<!--" * 2000,
        b"<?>" * 2700,
        b"<!doctype" * 900,
        b"<" * 8192,
        b"<!doctype [" * 740,
        b" " * 8192,
    ],
)
def test_no_content_takes_long(head: bytes) -> None:
    """The pattern's time is bounded: 8 KiB that begin over and over again cost milliseconds."""
    import time

    start = time.process_time()
    guess(head)
    assert time.process_time() - start < 0.5


def test_it_keeps_the_beginning_alone() -> None:
    piece = random.Random(1).randbytes(64 * 1024)
    judge = TypeGuess()
    tracemalloc.start()
    for _ in range(200):
        judge.feed(piece)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1024 * 1024


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("image/png", True),
        ("image/avif", True),
        ("audio/mpeg", True),
        ("video/webm", True),
        ("application/pdf", True),
        ("text/plain", True),
        ("text/html", False),
        ("image/svg+xml", False),
        ("application/xml", False),
        ("text/css", False),
        ("text/javascript", False),
        ("image/vnd.dwg", False),
        ("application/octet-stream", False),
        ("", False),
    ],
)
def test_what_is_shown(kind: str, *, shown: bool) -> None:
    assert is_inline(kind) is shown
