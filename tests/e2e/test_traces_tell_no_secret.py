"""People, a client and an operator use their secrets, and all that a collector received meanwhile is searched for each."""

import hashlib
import json
import re
from collections.abc import Iterator
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.collector import Collector, collecting
from tests.e2e.served import Browser, Platform, served
from tests.oauth2_clients import SECRET as CLIENT_SECRET
from tests.oauth2_clients import VERIFIER, basic, challenge_of
from tests.object_store import ObjectServer
from tests.vendor import scripted_vendor

pytestmark = [pytest.mark.served, pytest.mark.xdist_group("traces")]

PASSWORD = "a-bird-in-the-hand-7c1f"
KEY = "sk-proj-Qx7Lw2Zt9Vb4Nm6Rk8Hd3"
EMAIL = "alice-9f3e@sage.example"
BACK = "http://127.0.0.1/callback"
CLIENT = {
    "client_id": "lage",
    "client_secret": CLIENT_SECRET,
    "redirect_uris": [BACK],
    "grant_types": ["authorization_code", "refresh_token"],
}
COLLECTORS_KEY = "key-of-the-collector-5d2a"


@pytest.fixture(scope="module")
def platform(collector: Collector) -> Iterator[Platform]:
    headers = f"x-key={COLLECTORS_KEY}"
    with served(
        SAGE_OAUTH2_CLIENTS=json.dumps([CLIENT]), SAGE_TRACE_JAEGER_ENDPOINT=collector.url, SAGE_TRACE_HEADERS=headers
    ) as running:
        yield running


def token_in(text: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)
    assert found, text
    return found[1]


def registers(platform: Platform) -> list[str]:
    opened = platform.admin().post("/api/system/update_settings", {"allow_registration": True})
    assert opened.json()["code"] == 200
    caller = platform.caller()
    assert caller.post("/api/auth/register/send-code", {"email": EMAIL}).json()["code"] == 200
    code = platform.mailbox.code_for(EMAIL)
    body = {"username": "alice", "email": EMAIL, "password": PASSWORD, "verification_code": code}
    assert caller.post("/api/auth/register", body).json()["code"] == 200
    return [PASSWORD, EMAIL, platform.admin_password]


def signs_in_and_refreshes(platform: Platform) -> tuple[Browser, list[str]]:
    wrong = platform.caller().post("/api/auth/login", {"username_or_email": "alice", "password": f"{PASSWORD}-wrong"})
    assert wrong.json()["code"] == 401
    by_cookie = platform.caller()
    first = by_cookie.post("/api/auth/login", {"username_or_email": "alice", "password": PASSWORD}).json()["data"]
    again = platform.caller().post("/api/auth/refresh", {"refresh_token": first["refresh_token"]}).json()["data"]
    by_token = platform.caller(Authorization=f"Bearer {again['access_token']}", Cookie=f"other={PASSWORD}")
    assert by_token.get("/api/auth/session?token=a-query-8b6d").status_code == 200
    tokens = [pair[name] for pair in (first, again) for name in ("access_token", "refresh_token")]
    return by_token, [*tokens, *by_cookie.session.cookies.values(), "a-query-8b6d"]


def stores_a_key(person: Browser) -> list[str]:
    with scripted_vendor() as vendor:
        fields = {"base_url": f"{vendor.base_url}?version=a-path-4e7c", "api_keys": [KEY], "model": "scripted-large"}
        person.post("/api/llm-provider/create", fields)
        fields["base_url"] = vendor.base_url
        made = person.post("/api/llm-provider/create", fields).json()
        assert made["code"] == 200, made
        provider = made["data"]["provider_id"]
        asked = person.post(f"/api/llm-provider/verify-capabilities/{provider}", {}).json()
        assert asked["code"] == 200, asked
        assert {request.headers.get("authorization") for request in vendor.requests} == {f"Bearer {KEY}"}
    return [KEY, "a-path-4e7c"]


def uploads_and_fetches(person: Browser, base: str) -> list[str]:
    content, name = f"the content {token_hex(8)}", f"name-{token_hex(8)}.txt"
    told = person.send("POST", "/api/oss/upload", files={"file": (name, content.encode())}).json()["data"]
    fetched = person.get(told["url"].removeprefix(base))
    assert fetched.content == content.encode()
    return [content, name, told["id"], told["url"], told["sha256"]]


def lets_a_client_in(platform: Platform) -> list[str]:
    asked = {
        "response_type": "code",
        "client_id": "lage",
        "redirect_uri": BACK,
        "scope": "openid profile email",
        "state": "a-state-2c9b",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
    }
    address, person = f"/oauth2/authorize?{urlencode(asked)}", platform.caller()
    page = person.get("/sage/login")
    form = {"username": "alice", "password": PASSWORD, "csrfmiddlewaretoken": token_in(page.text)}
    assert person.send("POST", "/sage/login", data=form).status_code == 302
    question = person.get(address)
    answer = person.send("POST", address, data={"decision": "allow", "csrfmiddlewaretoken": token_in(question.text)})
    code = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
    client = platform.caller(Authorization=basic("lage", CLIENT_SECRET))
    tokens = client.send("POST", "/oauth2/token", data=form).json()
    assert platform.caller(Authorization=f"Bearer {tokens['access_token']}").get("/oauth2/userinfo").status_code == 200
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    newer = client.send("POST", "/oauth2/token", data=form).json()
    assert client.send("POST", "/oauth2/introspect", data={"token": newer["access_token"]}).json()["active"]
    issued = [each[name] for each in (tokens, newer) for name in ("access_token", "refresh_token")]
    credentials = [CLIENT_SECRET, basic("lage", CLIENT_SECRET).removeprefix("Basic "), VERIFIER, asked["code_challenge"]]
    return [code, *issued, tokens["id_token"], *credentials, asked["state"], *person.session.cookies.values()]


def changes_the_password(person: Browser) -> list[str]:
    body = {"old_password": PASSWORD, "new_password": f"{PASSWORD}-new"}
    assert person.post("/api/user/change-password", body).json()["code"] == 200
    return [body["new_password"]]


def secrets_of_the_deployment(platform: Platform) -> list[str]:
    kept = [(platform.data / name).read_text().strip() for name in ("secret_key", "encryption_key")]
    named = [platform.environment[name] for name in ("DATABASE_URL", "REDIS_URL", "EMAIL_URL")]
    return [*kept, *(text for text in named if text), COLLECTORS_KEY]


def test_no_secret_is_in_what_a_collector_receives(platform: Platform, collector: Collector) -> None:
    used = registers(platform)
    person, more = signs_in_and_refreshes(platform)
    used += more + stores_a_key(person) + uploads_and_fetches(person, platform.base) + lets_a_client_in(platform)
    for command in ("probe_providers", "prune", "check_uploads"):
        platform.manage(command)
    used += changes_the_password(person) + secrets_of_the_deployment(platform)
    last = platform.caller().get("/api/system/info").headers["X-Request-ID"]
    spans = collector.wait_for(lambda spans: last in {span.attributes.get("sage.request_id") for span in spans})

    assert {span.name for span in spans if span.parent == ""} >= {
        "POST /api/auth/register/send-code",
        "POST /api/auth/register",
        "POST /api/auth/login",
        "POST /api/auth/refresh",
        "POST /api/llm-provider/create",
        "POST /api/llm-provider/verify-capabilities/{provider_id}",
        "POST /api/oss/upload",
        "GET /files/{public_id}/{filename}",
        "POST /oauth2/authorize",
        "POST /oauth2/token",
        "POST /oauth2/introspect",
        "POST /api/user/change-password",
        "probe_providers",
        "prune",
        "check_uploads",
    }
    assert "send mail" in {span.name for span in spans}
    sent = b"".join(collector.bodies)
    assert len(used) > 30
    assert [secret for secret in used if secret.encode() in sent] == []
    # What the database keeps of it is no secret, and no value all the same.
    assert [secret for secret in used if hashlib.sha256(secret.encode()).hexdigest().encode() in sent] == []
    assert "trace" not in "".join(line for line in platform.log.splitlines() if '"sage.traces"' in line)


@pytest.mark.s3
def test_of_an_object_store_the_operation_alone_is_told(object_server: ObjectServer) -> None:
    bucket = object_server.new_bucket()
    with collecting() as collector:
        settings: dict[str, Any] = object_server.settings(bucket)
        with served(SAGE_TRACE_JAEGER_ENDPOINT=collector.url, **settings) as platform:
            told = platform.admin().send("POST", "/api/oss/upload", files={"file": ("a-name-3c.txt", b"hello")}).json()["data"]
            root, parts = collector.request("POST /api/oss/upload")
            calls = [part for part in parts if part.name.startswith("S3.")]
            assert [(call.name, call.kind, call.attributes) for call in calls] == [
                (
                    "S3.PutObject",
                    "client",
                    {
                        "rpc.system": "aws-api",
                        "rpc.service": "S3",
                        "rpc.method": "PutObject",
                        "http.response.status_code": 200,
                    },
                )
            ]
            assert {call.parent for call in calls} == {root.id}
            sent = b"".join(collector.bodies)
            for secret in (bucket, told["id"], "a-name-3c", object_server.access_key, object_server.secret_key):
                assert secret.encode() not in sent
