"""Reads the form of an upload (RFC 7578) as it comes: the file goes into a draft, and nothing of it stays in memory."""

from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from multipart import MultipartError, MultipartSegment, PushMultipartParser

from sage_platform.api.bodies import UnreadForm
from sage_platform.api.errors import IncompleteBody, InvalidInput
from uploads.drafts import Draft
from uploads.names import clean_name, extended_filename

FILE = "file"
MOST_PARTS = 8
MOST_FIELD_BYTES = 4096
MOST_HEADER_BYTES = 4096
# Each upload under way holds a few of these. Smaller ones make a large upload slower, larger ones the worker's memory larger
# (docs/benchmarks.md#memory).
PIECE_BYTES = 128 * 1024


@dataclass(frozen=True)
class ReceivedForm:
    """The text fields, of one that was sent twice the last, and the file's name, cleaned."""

    fields: dict[str, str]
    filename: str


def receive(form: UnreadForm, draft: Draft) -> ReceivedForm:
    """The whole form, and the draft finished. Raises InvalidInput; IncompleteBody; what `Draft.write` raises."""
    reading = _Reading(draft)
    if form.length:
        _parse(form, reading)
    received = reading.whole()
    draft.finish()
    return received


def _parse(form: UnreadForm, reading: "_Reading") -> None:
    # Not strict: by RFC 2046 §5.1.1 what stands before the first boundary and behind the last is nobody's business. Its strict
    # mode would refuse the latter, or not, by how the pieces happen to fall.
    try:
        with PushMultipartParser(form.boundary, form.length, max_header_size=MOST_HEADER_BYTES) as parser:
            come = 0
            while come < form.length:
                piece = form.read(min(PIECE_BYTES, form.length - come))
                if not piece:
                    raise IncompleteBody
                come += len(piece)
                for event in parser.parse(piece):
                    reading.take(event)
                if not reading.parts and come >= PIECE_BYTES:
                    raise _malformed()  # The rest, which may be long, makes it no better.
    except MultipartError as error:
        raise _malformed() from error


@dataclass
class _Reading:
    """What has come so far."""

    draft: Draft
    filename: str | None = None
    fields: dict[str, str] = field(default_factory=dict)
    parts: int = 0
    # The name and the bytes of the text field that is coming; the name is None while the file is.
    name: str | None = None
    text: bytes = b""

    def take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif event is None:
            self._end()
        elif self.name is None:
            self.draft.write(bytes(event))
        else:
            self.text += event
            if len(self.text) > MOST_FIELD_BYTES:
                raise InvalidInput([(_known(self.name), _("A text of the form is too long: 4096 bytes at most."))])

    def whole(self) -> ReceivedForm:
        if self.filename is None:
            raise InvalidInput([(FILE, _("Send a file in the form's part named file."))])
        if not self.draft.size:
            raise InvalidInput([(FILE, _("The file is empty."))])
        return ReceivedForm(self.fields, clean_name(self.filename))

    def _begin(self, segment: MultipartSegment) -> None:
        self.parts += 1
        if self.parts > MOST_PARTS:
            raise InvalidInput([("body", _("The form has too many parts: 8 at most."))])
        if segment.header("Content-Transfer-Encoding", "binary").lower() not in {"7bit", "8bit", "binary"}:
            raise _malformed()  # Nobody decodes it (RFC 7578 §4.7), so something else than the file would be stored.
        filename = extended_filename(segment.header("Content-Disposition", "")) or segment.filename
        self.name = segment.name if segment.name != FILE else None
        self.text = b""
        if self.name is None and filename is None:
            raise InvalidInput([(FILE, _("Send a file in the form's part named file, with its name as filename."))])
        if filename is not None and (self.name is not None or self.filename is not None):
            raise InvalidInput([(FILE, _("Send one file alone, in the form's part named file."))])
        if self.name is None:
            self.filename = filename

    def _end(self) -> None:
        if self.name is None:
            return
        try:
            self.fields[self.name] = self.text.decode()
        except UnicodeDecodeError as error:
            raise InvalidInput([(_known(self.name), _("A text of the form is not UTF-8."))]) from error


def _known(name: str) -> str:
    """An answer never repeats what was sent, and a part's name may be anything."""
    return name if name == "path" else "body"


def _malformed() -> InvalidInput:
    return InvalidInput([("body", _("The body is no multipart form that can be read."))])
