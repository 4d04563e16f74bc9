"""How a call fails. No error holds a header, a key, a resolved address or any part of a body."""

# ruff: noqa: N818  Each name says what happened; that it is an error, its base says.

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Sentence = str | Promise  # A Promise is a sentence that is translated when it is turned into a str.

NOT_FOUND = _("The name of the server was not found.")
UNREACHABLE = _("The server could not be reached.")
UNVERIFIED = _("The server's certificate could not be verified.")
INSECURE = _("No encrypted connection to the server could be made.")
BROKEN = _("The connection to the server broke.")
UNREADABLE = _("The server's answer could not be read.")
DOWNGRADED = _("The server redirected to an address without encryption.")


class OutboundError(Exception):
    """A call without an answer. `reason` is a sentence for a person, translated when it is shown, not when it is raised."""

    sentence: Sentence = _("The call did not succeed.")

    def __init__(self, reason: Sentence | None = None) -> None:
        self.reason = reason or self.sentence
        super().__init__(self.reason)


class MalformedAddress(OutboundError):
    """Not an absolute http or https address that has one meaning."""

    sentence = _("Enter an absolute http or https address without a user name.")


class MalformedHeader(OutboundError):
    """A header that could end its line and begin another, or that is the door's own to send."""

    sentence = _("A header of the request has characters that are not allowed.")


class AddressRefused(OutboundError):
    """The address is in a network that must not be reached from here."""

    sentence = _("This address is not allowed.")


class RedirectRefused(AddressRefused):
    """A server redirected to where we do not go."""

    sentence = _("The server redirected to an address that is not allowed.")


class TooManyRedirects(OutboundError):
    sentence = _("The server redirected too many times.")


class ConnectionFailed(OutboundError):
    """The name is not known, or the connection was refused, reset, not secure, or did not speak HTTP."""

    sentence = UNREACHABLE


class TimedOut(OutboundError):
    sentence = _("The server did not answer in time.")


class AnswerTooLarge(OutboundError):
    sentence = _("The server's answer is too large.")
