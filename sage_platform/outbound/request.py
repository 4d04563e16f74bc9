"""What is sent, and what of it follows a redirect."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin

import requests

from sage_platform.outbound.errors import DOWNGRADED, MalformedAddress, MalformedHeader, RedirectRefused
from sage_platform.outbound.target import UNWANTED, Target, parse

NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)  # A token (RFC 9110 §5.6.2).
VALUE = re.compile(r"(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?", re.ASCII)
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:", re.ASCII)
# The door sets these itself: they say how the message is framed and where it goes.
OWN = frozenset(
    {"accept-encoding", "connection", "content-length", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade"}
)
# The headers that follow a redirect to another origin. Any other may hold a key.
HARMLESS = frozenset({"accept", "accept-language", "user-agent"})
ABOUT_THE_BODY = frozenset({"content-type", "content-language", "content-encoding"})


@dataclass(frozen=True)
class Outgoing:
    """One request. Its repr shows no address, header or body, because each of them may hold a key."""

    method: str
    target: Target = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    trusted: bool

    def prepared(self) -> requests.PreparedRequest:
        """Without a session, so that no cookie, no .netrc and no default comes in."""
        own = {"User-Agent": "sage-platform", "Accept": "*/*"} | dict(self.headers)
        own |= {"Accept-Encoding": "gzip", "Connection": "close"}
        return requests.Request(self.method, self.target.url, headers=own, data=self.body).prepare()

    def redirected(self, status: int, location: str) -> "Outgoing":
        """The next hop as browsers make it (Fetch §4.4), but not from https to http, and not with a body to another origin."""
        target = _joined(self.target, location)
        if (self.target.scheme, target.scheme) == ("https", "http"):
            raise RedirectRefused(DOWNGRADED)
        turned = (status == 303 and self.method != "HEAD") or (status in {301, 302} and self.method == "POST")
        near = target.origin == self.target.origin
        if self.body is not None and not turned and not near:
            raise RedirectRefused
        headers = {name: value for name, value in self.headers.items() if near or name.lower() in HARMLESS}
        if not turned:
            return replace(self, target=target, headers=headers, trusted=self.trusted and near)
        headers = {name: value for name, value in headers.items() if name.lower() not in ABOUT_THE_BODY}
        return Outgoing("GET", target, headers, None, self.trusted and near)


def outgoing(method: str, url: str, headers: Mapping[str, str] | None, content: object, *, trusted: bool) -> Outgoing:
    """Raises MalformedAddress and MalformedHeader. `content` is sent as JSON; None means no body."""
    if not re.fullmatch(r"[A-Z]+", method):
        raise ValueError("A method is written in capital letters.")
    target = parse(url)
    given = dict(headers or {})
    for name, value in given.items():
        if not NAME.fullmatch(name) or not VALUE.fullmatch(value) or name.lower() in OWN or name.lower().startswith("proxy-"):
            raise MalformedHeader
    if content is None:
        return Outgoing(method, target, given, None, trusted)
    given = {name: value for name, value in given.items() if name.lower() != "content-type"}
    body = json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")
    return Outgoing(method, target, given | {"Content-Type": "application/json"}, body, trusted)


def _joined(base: Target, location: str) -> Target:
    """The address that a Location header names, as seen from `base`. Raises RedirectRefused for what is no address."""
    try:
        # http.client decodes headers as Latin-1, but servers write UTF-8.
        text = location.strip(" \t").encode("latin-1").decode("utf-8")
        if UNWANTED.search(text):
            raise RedirectRefused
        # urljoin would take `http:///host` for a path on the server that sent it, where others see a host.
        whole = f"{base.scheme}:{text}" if text.startswith("//") else text if SCHEME.match(text) else urljoin(base.url, text)
        return parse(whole)
    except (ValueError, MalformedAddress):
        raise RedirectRefused from None
