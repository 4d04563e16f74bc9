"""Lage: a small client that signs a person in with a Sage platform and asks who they are.

    export LAGE_SECRET=...
    python3 docs/lage.py http://127.0.0.1:8000/oauth2

The address is the platform's issuer. Python 3.11 is all that it needs. The platform knows it by this in SAGE_OAUTH2_CLIENTS:

    [{"client_id": "lage", "client_secret": "...", "redirect_uris": ["http://127.0.0.1/callback"]}]

A web application does the same with its own address in place of the loopback one; oauth2-clients.md says the rest.
"""

import base64
import hashlib
import json
import os
import secrets
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from urllib.request import Request, urlopen

CLIENT_ID = "lage"
SCOPE = "openid profile email"


def main() -> None:
    if len(sys.argv) != 2 or "LAGE_SECRET" not in os.environ:
        sys.exit(__doc__)
    platform = metadata(sys.argv[1])
    code, sent = authorize(platform)
    tokens = exchange(platform, code, sent)
    # `sub` is what to know a person by: it stays when the name changes.
    print(json.dumps(call(platform["userinfo_endpoint"], authorization=f"Bearer {tokens['access_token']}"), indent=2))


def metadata(issuer: str) -> dict[str, Any]:
    """RFC 8414 §3: the well-known part goes between the origin and the issuer's path."""
    parts = urlsplit(issuer)
    found = call(f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{parts.path}")
    if found["issuer"] != issuer:
        sys.exit(f"The platform calls itself {found['issuer']}, not {issuer}.")
    return found


def authorize(platform: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Send the person's browser to the platform and wait until it comes back. The code, and what the exchange has to repeat."""
    verifier, state = secrets.token_urlsafe(32), secrets.token_urlsafe(16)
    with ThreadingHTTPServer(("127.0.0.1", 0), Callback) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        redirect_uri = f"http://127.0.0.1:{server.server_port}/callback"
        asked = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": redirect_uri,
            "scope": SCOPE,
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        print("Open this in a browser:", f"{platform['authorization_endpoint']}?{urlencode(asked)}", sep="\n", flush=True)
        answer = Callback.answers.get()
        server.shutdown()
    # Another page may have sent the browser here, or another server (RFC 9700 §4.7, RFC 9207 §2.4).
    if answer.get("state") != state or answer.get("iss") != platform["issuer"]:
        sys.exit("The answer is not for this sign-in.")
    if "error" in answer:
        sys.exit(f"The platform says no: {answer['error']}")
    return answer["code"], {"redirect_uri": redirect_uri, "code_verifier": verifier}


class Callback(BaseHTTPRequestHandler):
    """Where the browser comes back to."""

    answers: Queue[dict[str, str]] = Queue()

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self.send_response(200 if path == "/callback" else 404)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        if path == "/callback":
            self.wfile.write(b"You can close this window.\n")
            self.answers.put(dict(parse_qsl(query)))

    def log_message(self, *_: object) -> None:
        """Nothing: the code is in the address."""


def exchange(platform: dict[str, Any], code: str, sent: dict[str, str]) -> dict[str, Any]:
    """RFC 6749 §4.1.3, with HTTP Basic: each half is percent-encoded first (§2.3.1)."""
    pair = f"{quote(CLIENT_ID, safe='')}:{quote(os.environ['LAGE_SECRET'], safe='')}"
    fields = {"grant_type": "authorization_code", "code": code} | sent
    return call(platform["token_endpoint"], fields, f"Basic {base64.b64encode(pair.encode()).decode()}")


def call(address: str, fields: dict[str, str] | None = None, authorization: str = "") -> dict[str, Any]:
    """GET, or POST of a form. The answer is a JSON object."""
    body = urlencode(fields).encode() if fields is not None else None
    try:
        with urlopen(Request(address, body, {"Authorization": authorization} if authorization else {}), timeout=20) as answer:
            return dict(json.load(answer))
    except HTTPError as error:
        sys.exit(f"{address} answered {error.code}: {error.read().decode()}")
    except URLError as error:
        sys.exit(f"{address} cannot be reached: {error.reason}")


if __name__ == "__main__":
    main()
