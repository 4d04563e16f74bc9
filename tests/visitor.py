"""A visitor of our HTML pages with a browser: it keeps cookies, and sends each form with the token of its page."""

import base64
import hashlib
import html
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.test import Client

from sage_platform.accounts.models import Session
from tests.people import PASSWORD, Caller, Response

FORM = "application/x-www-form-urlencoded"


def strict_client() -> Client:
    """A client whose forms need Django's token. The test client's default is not to check it."""
    return Client(enforce_csrf_checks=True, raise_request_exception=False)


def spelt(headers: dict[str, str]) -> dict[str, str]:
    """Headers by their names on the wire, made from keyword arguments such as `Accept_Language`."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass
class Visitor:
    client: Client = field(default_factory=strict_client)

    def open(self, path: str, **headers: str) -> Response:
        return self.client.get(path, headers=spelt(headers))

    def send(self, path: str, fields: dict[str, str] | bytes, content_type: str = FORM, **headers: str) -> Response:
        """Send a form as it is given, with no token added."""
        body = fields if isinstance(fields, bytes) else urlencode(fields, errors="surrogatepass").encode()
        return self.client.generic("POST", path, body, content_type=content_type, headers=spelt(headers))

    def submit(self, path: str, *, shown_at: str = "", **fields: str) -> Response:
        """Open the page, fill in its form and send it."""
        token = token_in(self.open(shown_at or path))
        return self.send(path, {"csrfmiddlewaretoken": token} | fields)

    def sign_in(self, name: str, password: str = PASSWORD, *, path: str = "/sage/login", **fields: str) -> Response:
        return self.submit(path, username=name, password=password, **fields)

    def is_signed_in(self) -> bool:
        """Asks the API with this browser's cookie."""
        return bool(self.client.get("/api/auth/session").status_code == 200)


def of(caller: Caller) -> Visitor:
    """A caller's browser, visiting our pages, whose forms then need Django's token."""
    caller.client.handler.enforce_csrf_checks = True
    return Visitor(caller.client)


def text_of(response: Response) -> str:
    """The text of the page: without its style sheet and tags, and with one blank for any white space."""
    return html.unescape(" ".join(re.sub(r"(?s)<style>.*</style>|<[^>]*>", " ", response.content.decode()).split()))


def policy_for(response: Response) -> str:
    """The security policy that lets the page's own style sheet in, and nothing that would have to be loaded."""
    [style] = re.findall(r"(?s)<style>(.*?)</style>", response.content.decode())
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; frame-ancestors 'none'"


def token_in(response: Response) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', response.content.decode())
    assert found, response.content
    return found[1]


def title_of(response: Response) -> str:
    [title] = re.findall(r"<title>([^<]*)</title>", response.content.decode())
    return html.unescape(title)


def focused(response: Response) -> list[str]:
    """The id of the field in which one may type at once. A browser heeds the first of several, so there must be no second."""
    return [tag.split(' id="')[1].split('"')[0] for tag in re.findall(r"<input[^>]* autofocus[^>]*>", response.content.decode())]


def hidden_next(response: Response) -> str:
    found = re.search(r'name="next" value="([^"]*)"', response.content.decode())
    assert found, response.content
    return html.unescape(found[1])


def sessions() -> int:
    return Session.objects.count()


# Targets that must not be followed: they lead to another origin, or are no path.
REFUSED_TARGETS = [
    "//x.example",
    "///x.example",
    "////x.example/",
    "/\\x.example",
    "\\\\x.example",
    "/\\/x.example",
    "http:x.example",
    "http:/x.example",
    "http://x.example/",
    "https://testserver@x.example/",
    "//alice:secret@x.example/",
    "javascript:alert(1)",
    "data:text/html,x",
    "x.example",
    " //x.example",
    "\t//x.example",
    "/\t/x.example",
    "/\n/x.example",
    "/\r/x.example",
    "/a\r\nSet-Cookie: a=b",
    "/\x00/x.example",
    "/ /x.example",
    "/\u2028/x.example",
    "/\u200b/x.example",
    "/\u3000/x.example",
    "／／x.example",
    "/" + "a" * 5000,
]
# Paths of this origin that only look as if they led elsewhere, each with the address where a browser ends up.
STRANGE_PATHS = [
    ("/%2f%2fx.example", "/sage/%2f%2fx.example"),
    ("/%5cx.example", "/sage/%5cx.example"),
    ("/%09/x.example", "/sage/%09/x.example"),
    ("/@x.example", "/sage/@x.example"),
    ("/／x.example", "/sage/%EF%BC%8Fx.example"),
    ("/∕x.example", "/sage/%E2%88%95x.example"),
    ("/?next=//x.example", "/sage/?next=//x.example"),
]
