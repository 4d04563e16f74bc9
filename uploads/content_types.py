"""What kind of file it is, by its bytes alone: a name and a client's word are only claims."""

import codecs
import re

import filetype

UNKNOWN = "application/octet-stream"
PLAIN_TEXT = "text/plain"
# So much the library looks at; also how far the beginning of markup is searched.
HEAD_BYTES = 8192

# The library's names where there is a registered or a more usual one.
USUAL = {
    "application/font-sfnt": "font/sfnt",
    "application/font-woff": "font/woff",
    "application/x-rar-compressed": "application/vnd.rar",
    "audio/x-aiff": "audio/aiff",
    "audio/x-flac": "audio/flac",
    "audio/x-wav": "audio/wav",
}
# These are written in plain text themselves.
WRITTEN_IN_TEXT = frozenset({"application/pdf", "application/postscript", "application/rtf"})

# What browsers show and never run. SVG is no picture here: it is a document that may hold scripts.
INLINE_IMAGES = frozenset(
    f"image/{kind}" for kind in ("apng", "avif", "bmp", "gif", "heic", "jpeg", "jxl", "png", "tiff", "webp", "x-icon")
)
INLINE = INLINE_IMAGES | {"application/pdf", PLAIN_TEXT}

# In front of the first element there may be the mark of UTF-8, space, comments, instructions and a document type (XML 1.0 §2.8).
BEFORE_ELEMENT = re.compile(rb"\s+|<!--.*?-->|<\?.*?(?:\?>|>)|<!doctype[^>\[]*(?:\[.*?\]\s*)?>", re.DOTALL | re.IGNORECASE)
ELEMENT = re.compile(rb"<(?:[a-z_][\w.-]*:)?([a-z_][\w.-]*)", re.IGNORECASE)
# By these a browser that guesses takes a text for HTML (https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type).
HTML_ELEMENTS = frozenset(b"a b body br div font h1 head html iframe img p script style table title".split())


class TypeGuess:
    """Feed it the file piece by piece. It keeps the beginning alone."""

    def __init__(self) -> None:
        self._head = b""
        self._is_text = True
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def feed(self, piece: bytes) -> None:
        if len(self._head) < HEAD_BYTES:
            self._head += piece[: HEAD_BYTES - len(self._head)]
        if self._is_text:
            self._is_text = self._goes_on_as_text(piece)

    def result(self) -> str:
        if markup := markup_type(self._head):
            return markup
        known = filetype.guess_mime(self._head) if self._head else None
        if self._is_whole_text() and known not in WRITTEN_IN_TEXT:
            return PLAIN_TEXT if self._head else UNKNOWN
        return USUAL.get(known, known) if known else UNKNOWN

    def _goes_on_as_text(self, piece: bytes) -> bool:
        if b"\0" in piece:
            return False
        try:
            self._decoder.decode(piece)
        except UnicodeDecodeError:
            return False
        return True

    def _is_whole_text(self) -> bool:
        """A file that ends in the middle of a letter is none."""
        unfinished, _flags = self._decoder.getstate()
        return self._is_text and not unfinished


def markup_type(head: bytes) -> str | None:
    """HTML, SVG or XML where the file begins like one of them. None of the three is ever shown by our origin."""
    rest = head.removeprefix(codecs.BOM_UTF8)
    start = rest.lstrip()
    if not re.match(rb"<[a-z_!?/]", start, re.IGNORECASE):
        return None
    while found := BEFORE_ELEMENT.match(start):
        start = start[found.end() :]
    element = ELEMENT.match(start)
    name = element[1].lower() if element else b""
    if name == b"svg":
        return "image/svg+xml"
    is_xml = rest.lstrip()[:5].lower() == b"<?xml"
    if name in HTML_ELEMENTS or not (is_xml or name):
        return "text/html"
    return "application/xml"


def is_inline(content_type: str) -> bool:
    """Whether a browser may show it as it stands; all else is saved."""
    return content_type in INLINE or content_type.startswith(("audio/", "video/"))
