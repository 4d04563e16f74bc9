"""GET /api/schema and GET /api/docs: the document says what the route table says."""

import json
import re
from typing import Any

import pytest
from django.core.management import call_command
from openapi_spec_validator import OpenAPIV31SpecValidator

from sage_platform import api_docs
from sage_platform.oauth2 import parameters
from tests.contract.routes import ROUTES, Row
from tests.people import Caller

SAGE = [row for row in ROUTES if row.answer == "enveloped"]


def templated(path: str) -> str:
    return re.sub(r"<(?:str|rest):(\w+)>", r"{\1}", path)


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads(api_docs.document())


def operation(document: Any, row: Row) -> Any:
    return document["paths"][templated(row.path)][row.method.lower()]


def test_the_document_is_valid_openapi_3_1(document: Any) -> None:
    assert re.fullmatch(r"3\.1\.\d", document["openapi"])
    OpenAPIV31SpecValidator(document).validate()


def test_the_generator_warns_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", "/dev/null")
    assert "Warning" not in capsys.readouterr().err


def test_it_has_each_route_of_the_table_and_no_other(document: Any) -> None:
    described = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    raw = {(row.method, templated(row.path)) for row in ROUTES if row.answer in {"raw", "led"}} | {("GET", "/active")}
    assert described == {(row.method, templated(row.path)) for row in SAGE} | raw


@pytest.mark.parametrize("row", SAGE, ids=lambda row: f"{row.method} {row.path}")
def test_each_operation_lists_its_refusals(row: Row, document: Any) -> None:
    said = operation(document, row)
    expected = {"200", "400", "500", "503"}
    if row.who not in {"Anyone", "AnyoneOfThisSite"}:
        expected |= {"401", "403"}
    if row.who == "AnyoneOfThisSite":
        expected |= {"403"}
    if row.method in {"POST", "PUT"}:
        expected |= {"411", "413", "415", "422"}
    assert expected <= set(said["responses"])
    # None but those that a route's own area in docs/api.md adds.
    assert set(said["responses"]) - expected <= {"403", "404", "413", "422", "429"}
    assert said["summary"]
    assert said["operationId"]


@pytest.mark.parametrize("row", SAGE, ids=lambda row: f"{row.method} {row.path}")
def test_each_operation_says_who_may_call_it(row: Row, document: Any) -> None:
    """A token or a session: two objects in the list mean "or", one object with both names would mean "and"."""
    said = operation(document, row)
    sentence = {
        "Anyone": "Anyone may call this",
        "AnyoneOfThisSite": "Anyone may call this",
        "SignedIn": "For signed-in users.",
        "Administrator": "For administrators.",
        "SignedInOrProgram": "For signed-in users, and for programs whose token was granted the scope.",
        "SignedInOrTrustedProgram": "For signed-in users, and for programs whose token was granted the scope.",
        "AdministratorOrProgram": "For administrators, and for programs whose token was granted the scope.",
    }
    assert said["description"].startswith(sentence[row.who])
    if row.who in {"Anyone", "AnyoneOfThisSite"}:
        assert said.get("security", []) == []
    else:
        assert said["security"] == [{"bearer": []}, {"session": []}]


def test_the_metrics_say_who_may_read_them(document: Any) -> None:
    said = document["paths"]["/api/observability/metrics"]["get"]["description"]
    assert said == (
        "*Raw*: no envelope but around refusals. For whoever has the token of `SAGE_METRICS_TOKEN`; without one, in production, "
        "for this machine."
    )


THROTTLED = [
    "/api/auth/register/send-code",
    "/api/auth/register",
    "/api/auth/login",
    "/api/user/change-password",
]


@pytest.mark.parametrize("path", THROTTLED)
def test_what_is_throttled_says_so(path: str, document: Any) -> None:
    assert "429" in document["paths"][path]["post"]["responses"]


def test_an_unknown_provider_is_described(document: Any) -> None:
    said = document["paths"]["/api/auth/upstream/login/{provider_id}"]["get"]["description"]
    assert "- HTTP 200 with `code` 404: There is no such provider." in said


def test_operation_names_are_unique(document: Any) -> None:
    names = [operation["operationId"] for operations in document["paths"].values() for operation in operations.values()]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("row", SAGE, ids=lambda row: f"{row.method} {row.path}")
def test_each_answer_is_described_in_the_envelope(row: Row, document: Any) -> None:
    for status, response in operation(document, row)["responses"].items():
        schema = response["content"]["application/json"]["schema"]
        envelope = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        assert set(envelope["properties"]) == {"code", "message", "data", "timestamp", "request_id"}, status


@pytest.mark.parametrize("row", SAGE, ids=lambda row: f"{row.method} {row.path}")
def test_data_may_be_null_as_in_a_refusal(row: Row, document: Any) -> None:
    """A refusal with HTTP 200 has the success's schema, and its data is null."""
    schema = operation(document, row)["responses"]["200"]["content"]["application/json"]["schema"]
    data = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]["properties"]["data"]
    assert {"type": "null"} in data.get("oneOf", []) or "null" in data.get("type", []), data


def pattern_of(document: Any, component: str, field: str) -> "re.Pattern[str]":
    """An OpenAPI pattern is ECMA 262, whose `$` is the very end; Python's matches before a newline there, too."""
    said = document["components"]["schemas"][component]["properties"][field]["pattern"]
    assert said.endswith("$")
    return re.compile(said.removesuffix("$") + r"\Z")


def test_what_may_be_a_username_or_an_address_is_described(document: Any) -> None:
    """In a pattern that every language reads; letters of other scripts are let through, since it cannot tell them apart.

    White space around them is dropped, and so it is let through.
    """
    username = pattern_of(document, "RegisterInputRequest", "username")
    for good in ("alice", "a", "张三", "A.b_c-9", "x" * 64, " alice\t", "a\n", "\x85a\u3000"):
        assert username.search(good), good
    for bad in ("", " ", "a b", "a\nb", "a@b", "a/b", "a\0", "a\0\n", "x" * 65):
        assert not username.search(bad), bad
    address = pattern_of(document, "SendCodeInputRequest", "email")
    for good in ("alice@sage.example", "o'hara+tag@sage.example", "carol@bücher.example", "a@b.xn--p1ai", " a@b.example\n"):
        assert address.search(good), good
    for bad in ("", "alice", "alice@sage", "@sage.example", "a b@sage.example", "a@b@sage.example", "alice@-sage.example"):
        assert not address.search(bad), bad


def test_a_text_that_may_not_be_blank_is_described(document: Any) -> None:
    name = pattern_of(document, "LoginInputRequest", "username_or_email")
    assert name.search(" alice ")
    assert not name.search(" \t\x1f\x85\u3000")
    assert name.search("\ufeff")  # White space to ECMA's `\s` and not to Python, which does the dropping.
    assert not name.search("a\0")
    password = pattern_of(document, "LoginInputRequest", "password")
    assert password.search(" ")
    assert not password.search("a\0")


@pytest.mark.parametrize("base", ["/oauth2", "/api/oauth2"])
@pytest.mark.parametrize("name", ["token", "revoke", "introspect"])
def test_the_forms_of_oauth2_are_described_as_they_are_read(base: str, name: str, document: Any) -> None:
    body = document["paths"][f"{base}/{name}"]["post"]["requestBody"]
    assert body["required"] is True
    form = body["content"]["application/x-www-form-urlencoded"]["schema"]
    assert form["required"] == ["grant_type" if name == "token" else "token"]
    lengths = {field: said["maxLength"] for field, said in form["properties"].items() if "maxLength" in said}
    assert lengths.items() <= {**parameters.TOKEN, **parameters.ABOUT_TOKEN}.items()


def test_what_has_no_envelope_is_described_too(document: Any) -> None:
    described = 0
    for path, operations in document["paths"].items():
        for said in operations.values():
            if said["tags"] != ["raw"] or path.startswith(("/files/", "/api/system/version/", "/api/observability/")):
                continue
            for status, answer in said["responses"].items():
                schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
                if status == "200":
                    described += bool(schema.get("required"))
                else:
                    assert schema == {"$ref": "#/components/schemas/OAuth2Error"}, (path, status)
    # All but the page of the API, `/active`, this document with its own media type, `revoke`, which has no body, files, and
    # what updaters ask.
    assert described == len([row for row in ROUTES if row.answer == "raw"]) - 2 - 2 - 1 - 1
    error = document["components"]["schemas"]["OAuth2Error"]
    assert (error["required"], error["additionalProperties"]) == (["error"], False)


def test_what_updaters_ask_is_described(document: Any) -> None:
    said = document["paths"]["/api/system/version/check"]["get"]
    assert [(each["name"], each["in"], each["required"]) for each in said["parameters"]] == [
        ("target", "query", False),
        ("arch", "query", False),
        ("current_version", "query", False),
        ("bundle_type", "query", False),
    ]
    assert set(said["responses"]) == {"200", "204", "304", "422", "503"}
    static, dynamic = said["responses"]["200"]["content"]["application/json"]["schema"]["anyOf"]
    assert static["required"] == ["version", "notes", "pub_date", "platforms"]
    assert dynamic["required"] == ["version", "notes", "pub_date", "url", "signature"]


def test_a_download_is_described(document: Any) -> None:
    said = document["paths"]["/files/{public_id}/{filename}"]["get"]
    assert [(each["name"], each["in"], each["required"]) for each in said["parameters"]] == [
        ("public_id", "path", True),
        ("filename", "path", True),
    ]
    assert set(said["responses"]) == {"200", "206", "302", "304", "400", "404", "412", "416", "503"}


def test_the_schema_is_raw_and_for_anyone(anyone: Caller, document: Any) -> None:
    response = anyone.get("/api/schema")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/vnd.oai.openapi+json"
    assert json.loads(response.content) == document
    assert document["info"]["version"] == "0.1.0"


def test_the_schema_is_made_once(anyone: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    first = anyone.get("/api/schema").content
    monkeypatch.setattr(api_docs, "SchemaGenerator", None)
    assert anyone.get("/api/schema").content == first


def test_the_schema_is_in_one_language(anyone: Caller) -> None:
    """Whoever asks first must not choose the language for everybody."""
    api_docs.document.cache_clear()
    chinese = anyone.get("/api/schema", X_Sage_Locale="zh-CN").content
    api_docs.document.cache_clear()
    assert anyone.get("/api/schema", X_Sage_Locale="en").content == chinese


def test_the_docs_page_is_served_whole_from_here(anyone: Caller) -> None:
    page = anyone.get("/api/docs")
    assert page.status_code == 200
    text = page.content.decode()
    assert re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", text) == []
    assets = re.findall(r"""(?:src|href)=["']([^"']+)["']""", text)
    assert len(assets) >= 3
    for asset in assets:
        assert asset.startswith("/")
        answer = anyone.client.get(asset)
        assert answer.status_code == 200, asset
        b"".join(answer) if answer.streaming else answer.content
        answer.close()
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy
    assert "unsafe-inline" not in policy.partition("style-src")[0]
