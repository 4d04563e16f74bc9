"""openid-client and oauth4webapi: a script of each in its own Node process, a person's browser here."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import CALLBACK, SCOPE, Walk
from tests.clients.node import node
from tests.clients.programs import SECRET

pytestmark = [pytest.mark.programs, pytest.mark.served, pytest.mark.xdist_group("clients")]

HERE = Path(__file__).parent
PERSON = ["alice", "alice", "alice@sage.example", False, "user"]
# What the libraries call an answer that does not fit: to be refused by them, never taken.
INVALID = "OAUTH_INVALID_RESPONSE"
UNEXPECTED = "OAUTH_JWT_CLAIM_COMPARISON_FAILED"


def run(script: str, walk: Walk, order: dict[str, Any]) -> dict[str, Any]:
    """What the script found out."""
    with subprocess.Popen(
        [*node(), "--no-warnings", script],
        cwd=HERE,
        env={"PATH": os.environ["PATH"], "NO_PROXY": "*"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            print(json.dumps(order), file=process.stdin, flush=True)
            for line in process.stdout:
                word, _, rest = line.partition(" ")
                if word == "DONE":
                    found: dict[str, Any] = json.loads(rest)
                    return found
                assert word == "OPEN", line
                print(walk(rest.strip()), file=process.stdin, flush=True)
            raise AssertionError(process.stderr.read())
        finally:
            process.kill()


def order(issuer: str, client_id: str, algorithm: str) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "client_id": client_id,
        "secret": None if client_id == "none" else SECRET,
        "callback": CALLBACK,
        "scope": SCOPE,
        "algorithm": algorithm,
        "resource": issuer.removesuffix("/oauth2"),
    }


OPENID_CLIENT = [("basic", "oidc"), ("post", "oauth2"), ("default", "oidc"), ("none", "oidc")]


@pytest.mark.parametrize(("client_id", "algorithm"), OPENID_CLIENT)
def test_openid_client(client_id: str, algorithm: str, issuer: str, walk: Walk) -> None:
    expected = {
        "metadata": True,
        "pkce": True,
        "state": INVALID,
        "iss": INVALID,
        "claims": {"iss": True, "aud": client_id},
        "scope": SCOPE,
        "person": PERSON,
        "other_subject": "OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED",
        "refreshed": True,
        "introspection": [True, "alice", client_id],
        "introspected": False,
        "revoked": "invalid_grant",
        "after": "OAUTH_WWW_AUTHENTICATE_CHALLENGE",
        "nonce": UNEXPECTED,
        "code_twice": "invalid_grant",
        "auth_time": "number",
        "refresh_twice": "invalid_grant",
    }
    if client_id == "none":  # A client that cannot authenticate is told of no token (RFC 7662 §2.1).
        del expected["introspection"], expected["introspected"]
    assert run("openid_client.mjs", walk, order(issuer, client_id, algorithm)) == expected


@pytest.mark.parametrize(("client_id", "algorithm"), [("basic", "oauth2"), ("post", "oidc"), ("none", "oauth2")])
def test_oauth4webapi(client_id: str, algorithm: str, issuer: str, walk: Walk) -> None:
    expected = {
        "iss_supported": True,
        "methods": ["S256"],
        "state": INVALID,
        "iss": INVALID,
        "claims": {"iss": True, "aud": client_id},
        "person": PERSON,
        "refreshed": True,
        "introspection": [True, "alice", client_id],
        "introspected": False,
        "revoked": "invalid_grant",
        "nonce": UNEXPECTED,
        "code_twice": "invalid_grant",
        "verifier": "invalid_grant",
        "resource": True,
    }
    if client_id == "none":
        del expected["introspection"], expected["introspected"]
    assert run("oauth4webapi.mjs", walk, order(issuer, client_id, algorithm)) == expected
