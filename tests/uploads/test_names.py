"""Names of files, folders and bundles, as people and programs give them."""

import time
import unicodedata
from functools import partial

import pytest
from django.http import HttpResponse
from django.utils.http import parse_header_parameters
from hypothesis import given
from hypothesis import strategies as st

from sage_platform.api.errors import InvalidInput
from uploads.names import bundle_key, clean_name, disposition, extended_filename, is_bundle, own_key, told_filename

ID = "1" * 32
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"

CLEANED = {
    "report.pdf": "report.pdf",
    "Bericht für März.pdf": "Bericht für März.pdf",
    "合同 (最终版).docx": "合同 (最终版).docx",
    f"{FAMILY}.png": f"{FAMILY}.png",
    "it’s \"quoted\" 'twice'.txt": "it’s \"quoted\" 'twice'.txt",
    "% ? { } # & ; = + %2e%2e.txt": "% ? { } # & ; = + %2e%2e.txt",
    "CON": "CON",
    ".env": ".env",
    "a.tar.gz": "a.tar.gz",
    # Paths, of which the last name counts.
    "/etc/passwd": "passwd",
    "../../etc/passwd": "passwd",
    "..\\..\\windows\\win.ini": "win.ini",
    "C:\\fakepath\\photo.jpg": "photo.jpg",
    "\\\\server\\share\\a.txt": "a.txt",
    "a/b\\c/d.txt": "d.txt",
    # What nobody sees, or what misleads who looks.
    "one\r\nSet-Cookie: a=b\r\n.txt": "oneSet-Cookie: a=b.txt",
    "nul\0 tab\t bell\a delete\x7f next\x85.txt": "nul tab bell delete next.txt",
    "photo\u202egpj.exe": "photogpj.exe",
    "\u200fשלום\u200e.txt": "שלום.txt",
    "\u2066a\u2069\u061cb\u2028c.txt": "abc.txt",
    "lone \ud83d surrogate.txt": "lone  surrogate.txt",
    "  spaced.txt \u3000": "spaced.txt",
    "e\u0301te\u0301.txt": "été.txt",
    # Nothing that could be a name.
    "": "file",
    ".": "file",
    "..": "file",
    "...": "file",
    ". .": "file",
    "   ": "file",
    "folder/": "file",
    "\u200b\u200d\ufeff": "file",
    "\x00\x01": "file",
}


@pytest.mark.parametrize(("given_name", "name"), CLEANED.items())
def test_a_name_is_cleaned(given_name: str, name: str) -> None:
    assert clean_name(given_name) == name


LONG = {
    "a" * 255: "a" * 255,
    "a" * 300: "a" * 255,
    "a" * 300 + ".pdf": "a" * 251 + ".pdf",
    "合" * 100 + ".docx": "合" * 83 + ".docx",
    "\U0001f600" * 64: "\U0001f600" * 63,
    # An ending that is none.
    "a." + "b" * 300: "a." + "b" * 253,
    "." + "b" * 300: "." + "b" * 254,
    "a" * 250 + " " * 10 + "b": "a" * 250,
}


@pytest.mark.parametrize(("given_name", "name"), LONG.items(), ids=range(len(LONG)))
def test_a_long_name_keeps_its_ending(given_name: str, name: str) -> None:
    assert clean_name(given_name) == name


@given(st.text(st.characters(exclude_categories=[]), max_size=400))
def test_every_name_comes_out_fit(given_name: str) -> None:
    name = clean_name(given_name)
    assert 1 <= len(name.encode()) <= 255
    assert name == clean_name(name) == unicodedata.normalize("NFC", name)
    assert not {"/", "\\"} & set(name)
    assert name.strip(". ")
    assert not any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in name)


DISPOSITIONS = {
    "report.pdf": 'attachment; filename="report.pdf"',
    "two words; and=more.txt": 'attachment; filename="two words; and=more.txt"',
    'a "b".txt': "attachment; filename=\"a _b_.txt\"; filename*=UTF-8''a%20%22b%22.txt",
    "a\\b.txt": "attachment; filename=\"a_b.txt\"; filename*=UTF-8''a%5Cb.txt",
    "50%41.txt": "attachment; filename=\"50_41.txt\"; filename*=UTF-8''50%2541.txt",
    "März.txt": "attachment; filename=\"M_rz.txt\"; filename*=UTF-8''M%C3%A4rz.txt",
    "it’s.txt": "attachment; filename=\"it_s.txt\"; filename*=UTF-8''it%E2%80%99s.txt",
    "it's (1)*é.txt": "attachment; filename=\"it's (1)*_.txt\"; filename*=UTF-8''it%27s%20%281%29%2A%C3%A9.txt",
    "\U0001f600.png": "attachment; filename=\"_.png\"; filename*=UTF-8''%F0%9F%98%80.png",
}


@pytest.mark.parametrize(("name", "header"), DISPOSITIONS.items())
def test_the_disposition_says_it(name: str, header: str) -> None:
    assert disposition(name, inline=False) == header
    assert disposition(name, inline=True) == header.replace("attachment", "inline", 1)


@given(st.text(st.characters(exclude_categories=[]), max_size=300))
def test_clients_read_the_same_name_from_it(given_name: str) -> None:
    name = clean_name(given_name)
    header = disposition(name, inline=False)
    # Else the answer could not carry it; Django refuses line ends, and encodes what is not latin-1.
    assert HttpResponse(headers={"Content-Disposition": header})["Content-Disposition"] == header
    assert header.isascii()
    assert header.isprintable()
    kind, parameters = parse_header_parameters(header)
    assert (kind, parameters["filename"]) == ("attachment", name)


EXTENDED = {
    "form-data; name=\"file\"; filename*=utf-8''%E2%82%AC.txt": "€.txt",
    'form-data; name="file"; filename*=UTF-8\'en\'a%20b.txt; filename="plain.txt"': "a b.txt",
    "attachment; filename=\"plain.txt\"; FILENAME*=utf-8''..%2F..%2Fpasswd": "../../passwd",
    "attachment; filename*=iso-8859-1''%A3.txt": "£.txt",
    # No such parameter: it stands in quotes.
    "attachment; filename=\"a; filename*=utf-8''b\"": None,
    'attachment; filename="plain.txt"': None,
    # None that can be read.
    "attachment; filename*=utf-8'%41": None,
    "attachment; filename*=martian''%41": None,
    "attachment; filename*=": None,
    "": None,
}


@pytest.mark.parametrize(("header", "name"), EXTENDED.items())
def test_an_extended_filename(header: str, name: str | None) -> None:
    assert extended_filename(header) == name


@given(st.text())
def test_any_header_has_an_extended_filename_or_none(header: str) -> None:
    extended_filename(header)
    extended_filename(f"attachment; filename*={header}")


@given(st.text(st.characters(exclude_categories=[]), max_size=300))
def test_any_answer_tells_a_name_or_none(header: str) -> None:
    for text in (header, f"attachment; filename={header}", f'attachment; filename="{header}"', f"a; filename*={header}"):
        clean_name(told_filename(text) or "")


def test_reading_a_hostile_header_takes_no_time() -> None:
    start = time.process_time()
    for header in ("a" + '; "' * 1300, 'a; filename="' + ";" * 4000, "a" + ";filename*0*=x" * 280, "a" + "; " * 2000):
        told_filename(header)
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(
    "path", ["docs", "docs/2026/März", "bundles", "a/.../b", " ", "~", "%2e%2e/x", "合" * 85, "/".join("a" * 300)]
)
def test_a_folder(path: str) -> None:
    assert own_key("alice", path, ID) == f"users/alice/{path}/{ID}"


def test_no_folder() -> None:
    assert own_key("alice", "", ID) == f"users/alice/{ID}"


def test_a_folder_named_like_a_file_s_id() -> None:
    """On a disk no folder can be where that file is."""
    other = "f" * 32
    assert own_key("alice", f"a/{other}", ID) == f"users/alice/a/{other}%/{ID}"


SINGLE_SLASHES = "Give a path of names with single slashes between them, without . and .. among them."
NO_CONTROLS = "A path has no backslashes and no control characters."
TOO_LONG = "The path is too long: 600 bytes at most, and 255 for each name in it."
BAD_PATHS = {
    "..": SINGLE_SLASHES,
    "../bob": SINGLE_SLASHES,
    "docs/../../bob": SINGLE_SLASHES,
    "docs/..": SINGLE_SLASHES,
    ".": SINGLE_SLASHES,
    "./docs": SINGLE_SLASHES,
    "/etc": SINGLE_SLASHES,
    "//etc": SINGLE_SLASHES,
    "docs//a": SINGLE_SLASHES,
    "docs/": SINGLE_SLASHES,
    "/": SINGLE_SLASHES,
    "..\\bob": NO_CONTROLS,
    "docs\\..\\..": NO_CONTROLS,
    "C:\\docs": NO_CONTROLS,
    "nul\0": NO_CONTROLS,
    "line\nend": NO_CONTROLS,
    "\x7f": NO_CONTROLS,
    "\x85": NO_CONTROLS,
    "turned\u202e": NO_CONTROLS,
    "\ud83d": NO_CONTROLS,
    "a" * 256: TOO_LONG,
    "é" * 128: TOO_LONG,
    "/".join("a" * 301): TOO_LONG,
}


@pytest.mark.parametrize(("path", "message"), BAD_PATHS.items(), ids=map(ascii, range(len(BAD_PATHS))))
def test_no_path(path: str, message: str) -> None:
    for read in (partial(own_key, "alice", public_id=ID), bundle_key):
        with pytest.raises(InvalidInput) as caught:
            read(path)
        assert caught.value.errors == [("path", message)]


def test_a_bundle() -> None:
    assert bundle_key("bundle/1.2.3-rc.1/Sage Setup.exe") == "bundle/1.2.3-rc.1/Sage Setup.exe"


@pytest.mark.parametrize("path", ["bundle", "bundle/1.2.3", "bundle/1.2.3/a/b", "bundles/1.2.3/a", "Bundle/1.2.3/a", "docs"])
def test_no_bundle(path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        bundle_key(path)
    assert caught.value.errors == [("path", "A file of a release goes to bundle/<version>/<name>.")]


@pytest.mark.parametrize(
    ("path", "means"),
    [("bundle/1.2.3/a", True), ("bundle", True), ("bundle/..", True), ("bundles/a", False), ("docs/bundle", False), ("", False)],
)
def test_what_means_a_bundle(path: str, *, means: bool) -> None:
    assert is_bundle(path) is means
