"""The whole way once: consent, code, tokens, userinfo, refresh, revocation."""

import json
import re
from typing import Any

from sage_platform.oauth2 import keys
from tests.oauth2_clients import CALLBACK, Program, answer_in, request_of
from tests.people import Caller


def test_the_whole_way(as_alice: Caller, program: Program) -> None:
    page = as_alice.get("/oauth2/authorize", request_of())
    assert page.status_code == 200
    assert "Allow Lage to use your account?" in page.content.decode()

    sent_back = as_alice.form(f"/oauth2/authorize?{page.wsgi_request.META['QUERY_STRING']}", {"decision": "allow"})
    assert sent_back.headers["Location"].startswith(f"{CALLBACK}?code=sage_oac_")
    answer = answer_in(sent_back)
    assert {name: value for name, value in answer.items() if name != "code"} == {
        "state": "a state",
        "iss": "https://sage.example/oauth2",
    }

    response = program.exchange(answer["code"])
    assert response.status_code == 200, response.content
    assert response.headers["Cache-Control"] == "no-store"
    tokens: dict[str, Any] = response.json()
    assert set(tokens) == {"access_token", "token_type", "expires_in", "refresh_token", "scope", "id_token"}
    assert re.fullmatch("sage_oat_[A-Za-z0-9_-]{43}", tokens["access_token"])
    assert re.fullmatch("sage_ort_[A-Za-z0-9_-]{43}", tokens["refresh_token"])
    assert (tokens["token_type"], tokens["expires_in"], tokens["scope"]) == ("Bearer", 3600, "openid profile email")

    claims = keys.read(tokens["id_token"])
    assert claims is not None
    assert (claims["sub"], claims["aud"], claims["nonce"]) == ("alice", "lage", "a nonce")

    person = {
        "sub": "alice",
        "iss": "https://sage.example/oauth2",
        "preferred_username": "alice",
        "role": "user",
        "name": "alice",
        "email": "alice@sage.example",
        "email_verified": False,
    }
    assert json.loads(program.userinfo(tokens["access_token"]).content) == person

    second = program.refresh(tokens["refresh_token"])
    assert second.status_code == 200, second.content
    newer = second.json()
    assert json.loads(program.userinfo(newer["access_token"]).content) == person

    assert program.introspect(newer["access_token"]).json()["active"] is True
    assert program.revoke(newer["refresh_token"]).status_code == 200
    assert program.userinfo(newer["access_token"]).status_code == 401
    assert program.refresh(newer["refresh_token"]).status_code == 400
    assert program.introspect(newer["access_token"]).json() == {"active": False}
