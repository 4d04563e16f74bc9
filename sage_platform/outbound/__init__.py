"""The one door for outbound HTTP: whatever fetches an address that a person gave goes through `door()`.

A name is resolved once, and the connection goes to an address that passed the check. Private networks are open only as the
settings say, the metadata services of clouds never. One deadline holds for the whole call, and one limit for the answer's size.
Proxies and `.netrc` in the environment are ignored, and a call that failed is not tried again.
"""

from sage_platform.outbound.deadline import Deadline
from sage_platform.outbound.door import Answer, Door, Incoming, door, using_resolver
from sage_platform.outbound.errors import (
    AddressRefused,
    AnswerTooLarge,
    ConnectionFailed,
    MalformedAddress,
    MalformedHeader,
    OutboundError,
    RedirectRefused,
    TimedOut,
    TooManyRedirects,
)
from sage_platform.outbound.lookup import Resolver, system_resolver
from sage_platform.outbound.policy import AllowedNetwork, read_allowed_networks

__all__ = [
    "AddressRefused",
    "AllowedNetwork",
    "Answer",
    "AnswerTooLarge",
    "ConnectionFailed",
    "Deadline",
    "Door",
    "Incoming",
    "MalformedAddress",
    "MalformedHeader",
    "OutboundError",
    "RedirectRefused",
    "Resolver",
    "TimedOut",
    "TooManyRedirects",
    "door",
    "read_allowed_networks",
    "system_resolver",
    "using_resolver",
]
