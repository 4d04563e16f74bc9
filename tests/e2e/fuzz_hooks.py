"""What schemathesis is told to do around each call. It loads this module in a process of its own; `test_fuzz` starts that.

The environment names a file of bodies that are known to work, by operation (FUZZ_KNOWN); a file to which each call is added
(FUZZ_CALLS); and the one address that the platform may be told to ask (FUZZ_VENDOR).
"""

import itertools
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, GenerationMode, HookContext, Response

KNOWN: dict[str, dict[str, Any]] = json.loads(Path(os.environ["FUZZ_KNOWN"]).read_text())
CALLS = Path(os.environ["FUZZ_CALLS"])
VENDOR = os.environ["FUZZ_VENDOR"]
# What no generator would guess and other routes ask for, by the names that they ask by; the latest is the last.
LEARNT: dict[str, list[str]] = defaultdict(list)
# By path: the members of the answer, and the names that others ask by.
TEACHERS = {
    "/api/auth/login": [("refresh_token", "refresh_token")],
    "/api/user/login": [("refresh_token", "refresh_token")],
    "/api/auth/refresh": [("refresh_token", "refresh_token")],
    "/api/user/refresh-token": [("refresh_token", "refresh_token")],
    "/api/user/add": [("user_id", "user_id")],
    "/api/llm-provider/create": [("provider_id", "provider_id")],
    "/api/system/version": [("version", "version")],
    "/oauth2/token": [("access_token", "token")],
    "/api/oauth2/token": [("access_token", "token")],
    "/api/oss/upload": [("id", "public_id"), ("filename", "filename")],
}
# After these the latest is no more, and the one before it takes its place.
ENDS = {
    "DELETE /api/llm-provider/delete/{provider_id}": "provider_id",
    "DELETE /api/system/version/{version}": "version",
    "POST /api/user/delete": "user_id",
}
# What the document cannot say of an operation: a form without its optional text breaks no schema, though it is sent as if it did;
# a file comes under whatever type its content has; of the updater's three parameters there are all or none.
BEYOND = {
    "ST201": {"POST /api/oss/upload"},
    "ST105": {"GET /files/{public_id}/{filename}"},
    "ST202": {"GET /api/system/version/check"},
}
# These pass any method on to Jaeger, also one that the document does not name.
ANY_METHOD = {"/api/observability/jaeger", "/api/observability/jaeger/{path}"}
# What a release has to be is no matter of a schema. Its fields are texts there, so that all that is wrong is told at once.
PUBLISH = "POST /api/system/version"
numbers = itertools.count(1)


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Each call comes from an address of its own, so that no limit for one address hides the routes behind it.

    Every second good call takes what is known or was learnt. All other good calls lead to no server but our own vendor.
    """
    number = next(numbers)
    case.headers["X-Forwarded-For"] = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    body: Any = case.body
    if isinstance(body, dict):
        case.body = body | better(case, body, number)
    if number % 2:
        for given in (case.path_parameters, case.query):
            given.update(learnt(given))


def learnt(given: Iterable[str]) -> dict[str, str]:
    """What is known of these names."""
    return {name: LEARNT[name][-1] for name in given if LEARNT[name]}


def better(case: Case[Any], body: dict[str, Any], number: int) -> dict[str, Any]:
    """What to put in the place of the body's own."""
    members: dict[str, Any] = {"base_url": VENDOR} if "base_url" in body else {}
    if case.path.endswith("/import_url"):
        members["url"] = VENDOR
    if case.path.endswith("/register/send-code"):
        members["email"] = f"fuzz{number}@sage.example"  # One address gets one code in 30 seconds.
    if number % 2:
        members |= learnt(body)
        members |= KNOWN.get(case.operation.label, {})
        if case.operation.label == PUBLISH:
            members["version"] = f"1.{number}.0"  # Each can be published once.
    return members


def members(response: Response) -> dict[str, Any]:
    """The JSON object that was answered; empty when it was none."""
    try:
        answer = json.loads(response.content)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


@schemathesis.hook
def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
    """Write down what was answered, and learn from it."""
    answer = members(response)
    with CALLS.open("a") as file:
        file.write(json.dumps([case.operation.label, case.method, response.status_code, answer.get("code")]) + "\n")
    told = answer if "code" not in answer else answer["data"] or {}
    for member, name in TEACHERS.get(case.path, []):
        if member in told:
            LEARNT[name].append(told[member])
    ended = LEARNT[ENDS[case.operation.label]] if case.operation.label in ENDS and answer.get("code") == 200 else []
    if ended:
        ended.pop()


@schemathesis.hook
def filter_failure(context: HookContext, failure: Any, case: Case[Any], response: Response) -> bool:
    """Keep a failure, but for good data refused (ST202) by a rule that JSON Schema has no words for.

    A form's bad text is refused with HTTP 200, which looks as if it had been accepted (ST201).
    """
    answer = members(response)
    if case.operation.label in BEYOND.get(failure.code, ()):
        return False
    if failure.code == "ST204" and case.operation.path in ANY_METHOD:
        return False
    if failure.code == "ST201" and response.status_code == 200:
        return answer.get("code") != 422
    if failure.code != "ST202" or response.status_code not in {400, 422}:
        return True
    if response.status_code == 400:
        return answer.get("error_description") != TWICE
    return not is_beyond_words(case, answer)


@schemathesis.check
def good_texts_of_a_form_are_taken(context: CheckContext, response: Response, case: Case[Any]) -> None:
    """As schemathesis asks of a 422, of the refusals with HTTP 200."""
    answer = members(response)
    good = case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE
    assert not good or answer.get("code") != 422 or response.status_code != 200 or is_beyond_words(case, answer), answer


def is_beyond_words(case: Case[Any], answer: dict[str, Any]) -> bool:
    if case.operation.label == PUBLISH:
        return bool(answer["message"] != UNREADABLE)
    refused = {error["field"]: error["message"] for error in answer["data"]["errors"]}
    return all(
        # `count` of `events.3.count`.
        (name := field.rpartition(".")[2]) in BEYOND_WORDS and BEYOND_WORDS[name](member(case.body, field), said)
        for field, said in refused.items()
    )


def member(body: Any, field: str) -> Any:
    """What was sent as `events.3.count`; None where there is no such member."""
    for part in field.split("."):
        body = body.get(part) if isinstance(body, dict) else body[int(part)] if isinstance(body, list) else None
    return body


def has_fraction(number: Any, _said: str) -> bool:
    return isinstance(number, float)


def is_no_day(text: Any, said: str) -> bool:
    """A day that there is not, such as 2026-02-30; or one that needs another, or is before it."""
    if said == "A day, such as 2026-01-31.":
        try:
            date.fromisoformat(text)
        except ValueError:
            return True
        return False
    return said == "The end is before the start." or said.startswith("Send both dates")


# Said of a wrong type or a missing field, of which good data has none.
UNREADABLE = "The request is not valid. See data.errors for what to change."
# That a client's credentials may be in a header or in the body, and not in both, is no rule of either.
TWICE = "Credentials come in the header or in the body, not in both."
# Each takes what was sent and what was said of it.
BEYOND_WORDS: dict[str, Callable[[Any, str], bool]] = {
    # Which characters beyond ASCII are letters or digits, and what NFKC makes of them.
    "username": lambda name, _said: not str(name).isascii(),
    # Which domains beyond ASCII have an ASCII form (RFC 5890).
    "email": lambda address, _said: not str(address).isascii(),
    # What we show of a key ("sk-1***cdef") is refused as a key.
    "api_keys": lambda _value, said: said == "This is the masked key. Enter the key itself.",
    # A whole number is refused as 1000000000000000000000000000000 and taken as 1e30; to JSON Schema they are the same.
    "config": lambda _value, said: said == "Whole numbers must fit in 64 bits.",
    # A whole number is refused as 5.0; to JSON Schema that is the same as 5.
    **dict.fromkeys(("count", "input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "days"), has_fraction),
    # What time it is.
    "occurred_at": lambda _value, said: said == "No longer ago than 400 days, and at most a day ahead.",
    **dict.fromkeys(("start_date", "end_date"), is_no_day),
}
