"""Files that the platform fetches from an address that a person gave, by the outbound door."""

from contextlib import AbstractContextManager
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from sage_platform.accounts.models import User
from sage_platform.accounts.services.outbound_calls import outbound_call
from sage_platform.api.errors import Code, InvalidInput, OtherServerFailed, Refusal
from sage_platform.outbound import (
    AnswerTooLarge,
    ConnectionFailed,
    Deadline,
    Incoming,
    MalformedAddress,
    OutboundError,
    TimedOut,
    door,
)
from sage_platform.telemetry.operations import Operation
from uploads import drafts, names
from uploads.drafts import Draft
from uploads.models import Upload
from uploads.services import uploading
from uploads.services.uploaders import Uploader

MOST_BYTES = 25 * 1024**2
SECONDS = 60.0
MOST_REDIRECTS = 3


def most_bytes() -> int:
    return min(MOST_BYTES, int(settings.SAGE_UPLOAD_MAX_BYTES))


@Operation("uploads", "import")
def import_url(owner: User, url: str) -> Upload:
    """Raises InvalidInput, TooManyRequests, Refusal or Unavailable; then nothing is left of it."""
    with drafts.begin(most_bytes=most_bytes()) as draft:
        # The row is made once the size is known. Until then there is a draft alone, which goes with its block or its process.
        name, host = fetch(owner, url, draft)
        uploader = Uploader(owner)
        with uploading.reserved(uploader, draft.size, source=Upload.Source.IMPORT, came_from=host) as row:
            return uploading.keep(row, draft, uploader, name=name)


def fetch(owner: User, url: str, draft: Draft) -> tuple[str, str]:
    """The file's bytes into the draft, which is finished then; its name, and the host that had it in the end."""
    try:
        door().check(url)  # Before it costs anything: an address that nobody calls is no call.
        with outbound_call(owner), _incoming(url) as incoming:
            return _received(incoming, draft)
    except MalformedAddress as error:
        raise InvalidInput([("url", str(error.reason))]) from None
    except AnswerTooLarge:
        message = _("The file is larger than %(most)d MiB, the most that is fetched. Download it and upload it instead.")
        raise Refusal(Code.BAD_REQUEST, message % {"most": most_bytes() // 1024**2}) from None
    except (ConnectionFailed, TimedOut) as error:
        raise OtherServerFailed(Code.BAD_REQUEST, str(error.reason)) from None
    except OutboundError as error:
        raise Refusal(Code.BAD_REQUEST, str(error.reason)) from None


def _incoming(url: str) -> AbstractContextManager[Incoming]:
    return door().stream("GET", url, deadline=Deadline.after(SECONDS), max_bytes=most_bytes(), max_redirects=MOST_REDIRECTS)


def _received(incoming: Incoming, draft: Draft) -> tuple[str, str]:
    if not 200 <= incoming.status < 300:
        message = _("The server answered with status %(status)d in the place of the file.")
        kind = OtherServerFailed if incoming.status >= 500 else Refusal
        raise kind(Code.BAD_REQUEST, message % {"status": incoming.status})
    for piece in incoming.chunks:
        draft.write(piece)
    if not draft.size:
        raise Refusal(Code.BAD_REQUEST, _("The file is empty."))
    draft.finish()
    address = urlsplit(incoming.url)
    return name_of(incoming), address.hostname or ""


def name_of(incoming: Incoming) -> str:
    """By the answer's Content-Disposition, else by the last part of the address that gave it."""
    told = names.told_filename(_as_written(incoming.headers.get("Content-Disposition", "")))
    return names.clean_name(told or unquote(urlsplit(incoming.url).path.rpartition("/")[2]))


def _as_written(header: str) -> str:
    """Headers are read as Latin-1, but most servers write UTF-8."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except ValueError:
        return header
