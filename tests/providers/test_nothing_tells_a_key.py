"""After everything that can be done with a key was done: no answer, page, log, record or dump has it, or a telling part of it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from providers import probing
from providers.keys import ApiKey
from providers.models import Provider
from providers.probing import ModelEndpoint, ProbeFailed
from sage_platform import outbound
from sage_platform.accounts.models import User
from sage_platform.encryption import Sealed
from sage_platform.logs import JSONLines
from sage_platform.outbound import Deadline
from sage_platform.outbound.connection import OneHop
from tests.e2e.served import served
from tests.people import Caller, envelope
from tests.provider_rows import KEY, MASKED, MODEL, OTHER_KEY, fields, make_provider
from tests.providers.searching import Gathered, found_in, whole_database
from tests.vendor import BEHAVIOURS, Exchange, Vendor, answering, saying
from tests.vendor.behaviours import completion, good

ADMIN = "/admin/providers/provider/"
NO_PROBES = {f"probes-{name}_FORMS": "0" for name in ("TOTAL", "INITIAL")}
SLOW = {"hang", "hang_in_body", "drip", "drip_body", "image_hangs", "json_hangs", "huge", "huge_unannounced", "gzip_bomb"}


@pytest.fixture
def gathered() -> Gathered:
    return Gathered()


@pytest.fixture
def log(gathered: Gathered) -> Iterator[StringIO]:
    """Everything that any logger says, at DEBUG, in the platform's own form."""
    told = StringIO()
    handler = logging.StreamHandler(told)
    handler.setFormatter(JSONLines())
    quiet = [logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))]
    levels = [(logger, logger.level) for logger in quiet]
    for logger in quiet:
        logger.setLevel(logging.DEBUG)
    logging.getLogger().addHandler(handler)
    yield told
    logging.getLogger().removeHandler(handler)
    for logger, level in levels:
        logger.setLevel(level)


@pytest.fixture(autouse=True)
def _room(settings: Settings) -> None:
    settings.SAGE_PROBE_RATE = (10_000, settings.SAGE_PROBE_RATE[1])


def test_the_search_finds_what_it_looks_for() -> None:
    assert found_in("nothing") == []
    assert found_in(f"x{KEY}x")
    assert found_in(KEY[10:18])
    assert found_in(MASKED) == found_in("sk-proj-") == []


def echoing(exchange: Exchange) -> None:
    """Says the key in every answer, good as it is."""
    key = exchange.received.key
    if exchange.received.kind == "models":
        exchange.json({"object": "list", "data": [{"id": key, "object": "model", "owned_by": f"Bearer {key}", key: 1}]})
    elif exchange.received.kind == "json":
        exchange.json(completion(f'{{"ok": true, "key": "{key}", "{key}": ["{key[3:]}"]}}'))
    elif exchange.received.kind == "image":
        exchange.json(completion(f"{exchange.received.colour()} {key}", reasoning_content=key))
    else:
        exchange.json(completion(f"OK, {key}", reasoning_content=key) | {"id": key}, X_Key=key)


def everything_by_the_api(caller: Caller, vendor: Vendor, gathered: Gathered, provider: Provider) -> None:
    whole, name = fields(vendor), "/api/llm-provider"
    calls: list[tuple[str, str, Any]] = [
        ("POST", f"{name}/verify", whole),
        ("POST", f"{name}/verify-capabilities", whole),
        ("POST", f"{name}/verify-capabilities/{provider.pk}", {}),
        ("POST", f"{name}/verify-capabilities/{provider.pk}", {"api_keys": [OTHER_KEY]}),
        ("POST", f"{name}/verify-multimodal", whole),
        ("POST", f"{name}/create", whole | {"model": "another"}),
        ("POST", f"{name}/create", whole | {"model": "another"}),
        ("PUT", f"{name}/update/{provider.pk}", {"name": "Renamed", "api_keys": [MASKED]}),
        ("PUT", f"{name}/update/{provider.pk}", {"api_keys": [OTHER_KEY]}),
        ("PUT", f"{name}/update/{provider.pk}", {"api_keys": [KEY]}),
        ("GET", f"{name}/models?provider_id={provider.pk}", None),
        ("POST", f"{name}/models", whole),
        ("GET", f"{name}/list", None),
        ("GET", "/api/auth/session", None),
    ]
    for method, path, body in calls:
        response = gathered.take(f"{method} {path}", caller.send(method, path, body))
        assert response.status_code == 200, response.content


def refused_by_the_api(caller: Caller, vendor: Vendor, gathered: Gathered) -> None:
    """422 and its kin, with the key where it should be and where it should not."""
    whole = fields(vendor)
    bodies: list[Any] = [
        whole | {"model": ""}, whole | {"base_url": KEY}, whole | {"base_url": f"http://{KEY}@vendor.example/v1"},
        whole | {"base_url": f"https://vendor.example/v1?key={KEY}"}, whole | {"api_keys": KEY}, whole | {"api_keys": [KEY, KEY]},
        whole | {"api_keys": [f"{KEY}\n"]}, whole | {"api_keys": [[KEY]]}, whole | {"api_keys": {KEY: KEY}},
        whole | {"temperature": KEY}, whole | {"max_tokens": KEY}, whole | {"is_default": KEY}, [KEY], KEY,
        f'{{"api_keys": ["{KEY}"], "api_keys": ["{KEY}"]}}'.encode(), f'{{"api_keys": ["{KEY}"'.encode(),
    ]  # fmt: skip
    for number, body in enumerate(bodies):
        for route in ("verify", "create", "models"):
            response = gathered.take(f"{route} {number}", caller.post(f"/api/llm-provider/{route}", body))
            assert response.status_code == 422 or (route, number) == ("models", 0), (route, number, response.content)
    envelope(gathered.take("a query", caller.get("/api/llm-provider/models", {"provider_id": KEY, "key": KEY})))


def everything_by_the_admin(caller: Caller, vendor: Vendor, gathered: Gathered, provider: Provider) -> None:
    change, form = f"{ADMIN}{provider.pk}/change/", {"name": "Acme", "base_url": vendor.base_url, "model": MODEL} | NO_PROBES
    posts: list[tuple[str, dict[str, Any]]] = [
        (f"{ADMIN}add/", form | {"owner": "alice", "model": "third", "new_key": OTHER_KEY}),
        (f"{ADMIN}add/", form | {"owner": "", "base_url": "no address", "new_key": KEY}),
        (f"{ADMIN}add/", form | {"owner": "", "new_key": f"{KEY} {KEY}"}),
        (change, form | {"name": "", "new_key": KEY}),
        (change, form | {"new_key": OTHER_KEY}),
        (change, form | {"new_key": KEY}),
        (change, form | {"base_url": "https://vendor.example/v1"}),
        (ADMIN, {"action": "probe_again", "_selected_action": [str(provider.pk)]}),
    ]
    for path, sent in posts:
        response = gathered.take(f"form {path}", caller.form(path, sent, follow=True))
        assert response.status_code == 200
    pages = [
        ADMIN,
        f"{ADMIN}?q={MODEL}",
        f"{ADMIN}add/",
        change,
        f"{ADMIN}{provider.pk}/history/",
        f"{ADMIN}{provider.pk}/delete/",
    ]
    pages += ["/admin/", "/admin/admin/logentry/", "/admin/accounts/user/alice/change/", "/admin/accounts/user/alice/delete/"]
    for path in pages:
        response = gathered.take(path, caller.client.get(path))
        assert response.status_code == 200, path


def everything_by_commands(gathered: Gathered, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["probe_providers"], ["probe_providers", "--dry-run"], ["rotate_encryption_keys"], ["bootstrap"], ["prune"]):
        told = StringIO()
        with suppress(CommandError):
            call_command(*command, stdout=told, stderr=told)
        gathered.take(" ".join(command), told.getvalue())
    for format_of_dump in ("json", "xml", "jsonl"):
        told = StringIO()
        call_command("dumpdata", format=format_of_dump, stdout=told)
        assert MASKED in told.getvalue()
        gathered.take(f"dumpdata {format_of_dump}", told.getvalue())
    gathered.take("the terminal", capsys.readouterr())


@pytest.mark.django_db
@pytest.mark.parametrize("behaviour", ["good", "echoing", "key_echoed"])
def test_after_a_full_run_nothing_has_it(
    request: pytest.FixtureRequest, gathered: Gathered, behaviour: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    log: StringIO = request.getfixturevalue("log")
    vendor: Vendor = request.getfixturevalue("vendor")
    alice: User = request.getfixturevalue("alice")
    callers = [request.getfixturevalue(name) for name in ("as_alice", "as_admin")]
    request.getfixturevalue("settings").SAGE_DATA_DIR = tmp_path
    vendor.behave({"good": good, "echoing": echoing, "key_echoed": BEHAVIOURS["key_echoed"]}[behaviour])
    provider = make_provider(alice, vendor.base_url, is_default=True)
    everything_by_the_api(callers[0], vendor, gathered, provider)
    refused_by_the_api(callers[0], vendor, gathered)
    everything_by_the_admin(callers[1], vendor, gathered, provider)
    everything_by_commands(gathered, capsys)
    for path in ("/api/schema", "/api/docs", "/api/system/info", "/api/health"):
        gathered.take(path, callers[0].get(path))
    for table, rows in whole_database():
        gathered.take(f"table {table}", rows)
    gathered.take("the log at DEBUG", log.getvalue())
    assert log.getvalue()
    assert len([received for received in vendor.requests if received.key == KEY]) > 10
    assert gathered.leaks() == {}


def test_the_description_of_the_api_shows_no_key(anyone: Caller) -> None:
    """The one there is is a masked one."""
    schema = anyone.get("/api/schema").content.decode()
    assert "sk-1***cdef" in schema
    assert [word for word in schema.replace('"', " ").split() if word.startswith("sk-") and "***" not in word] == []


# -- Errors and what prints itself -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("behaviour", sorted(set(BEHAVIOURS) - SLOW))
def test_a_failed_probe_s_error_and_traceback_do_not_hold_it(vendor: Vendor, gathered: Gathered, behaviour: str) -> None:
    vendor.behave(behaviour)
    target = ModelEndpoint(vendor.base_url, ApiKey(KEY), MODEL)
    for check in (probing.check_connection, probing.check_image, probing.check_json, probing.list_models):
        try:
            gathered.take(check.__name__, check(target, timeout=10))
        except ProbeFailed as failed:
            gathered.take(check.__name__, failed)
    assert gathered.leaks() == {}


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/v1", "http://nobody.invalid/v1", "https://127.0.0.1:1/v1", "http://x", ""]
)
def test_the_door_s_errors_do_not_hold_it(gathered: Gathered, address: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    with pytest.raises(outbound.OutboundError) as caught:
        outbound.door().request("GET", address, headers=headers, json={"key": KEY}, deadline=Deadline.after(2), max_bytes=100)
    gathered.take(address, caught.value)
    assert gathered.leaks() == {}


def test_what_holds_a_key_does_not_print_it(alice: User, vendor: Vendor, gathered: Gathered) -> None:
    provider = make_provider(alice, vendor.base_url)
    holders = [
        ApiKey(KEY),
        Sealed.of(KEY),
        ModelEndpoint(vendor.base_url, ApiKey(KEY), MODEL),
        provider,
        provider.target(),
        {"all": [ApiKey(KEY)]},
    ]
    for holder in holders:
        gathered.take(repr(type(holder)), f"{holder} {holder!r} {[holder]}")
    assert gathered.leaks() == {}


# -- A crash ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def crash(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Callable[..., None]:
    """The next request to a vendor is a bug of ours, with the key in nearly every frame."""

    def open_badly(*_arguments: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(OneHop, "open", open_badly)

    def debug(*, on: bool) -> None:
        settings.DEBUG = on

    return debug


@pytest.mark.django_db
@pytest.mark.parametrize("debug", [True, False], ids=["debug page", "no debug"])
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_crash_page_and_its_log_do_not_show_it(
    request: pytest.FixtureRequest, crash: Callable[..., None], gathered: Gathered, accept: str, *, debug: bool
) -> None:
    vendor: Vendor = request.getfixturevalue("vendor")
    provider = make_provider(request.getfixturevalue("alice"), vendor.base_url)
    as_alice, as_admin = request.getfixturevalue("as_alice"), request.getfixturevalue("as_admin")
    log: StringIO = request.getfixturevalue("log")
    crash(on=debug)
    as_alice.headers["Accept"] = accept
    responses = [
        as_alice.post("/api/llm-provider/verify", fields(vendor)),
        as_alice.post("/api/llm-provider/create", fields(vendor, model="other")),
        as_alice.post(f"/api/llm-provider/verify-capabilities/{provider.pk}"),
        as_alice.post("/api/llm-provider/models", fields(vendor)),
        as_alice.send("PUT", f"/api/llm-provider/update/{provider.pk}", {"api_keys": [OTHER_KEY]}),
        as_admin.form(
            f"{ADMIN}add/", {"name": "A", "base_url": vendor.base_url, "model": MODEL, "new_key": OTHER_KEY} | NO_PROBES
        ),
    ]
    for number, response in enumerate(responses):
        assert response.status_code == 500
        gathered.take(f"response {number}", response)
        assert ("RuntimeError" in response.content.decode()) is debug
    again = as_admin.form(ADMIN, {"action": "probe_again", "_selected_action": [str(provider.pk)]}, follow=True)
    assert "Acme could not be checked: the check itself failed. The log says more." in again.content.decode()
    gathered.take("probing again", again)
    gathered.take("log", log.getvalue())
    assert log.getvalue().count("a bug") >= len(responses)
    assert f"The check of provider {provider.pk} crashed: RuntimeError" in log.getvalue()
    assert gathered.leaks() == {}


def test_a_debug_page_shows_no_secret_of_the_deployment_either(
    as_alice: Caller, crash: Callable[..., None], settings: Settings, vendor: Vendor
) -> None:
    settings.DATABASE_URL, settings.EMAIL_URL = "postgres://sage:hidden-one@db/sage", "smtp://sage:hidden-two@mail"
    settings.REDIS_URL = "redis://:hidden-three@cache"
    crash(on=True)
    page = as_alice.post("/api/llm-provider/verify", fields(vendor), Accept="text/html").content.decode()
    assert "RuntimeError" in page
    hidden = ["hidden-", settings.SECRET_KEY, *settings.SAGE_ENCRYPTION_KEYS, as_alice.client.cookies["sage_session"].value]
    assert [secret for secret in hidden if secret in page] == []


# -- A real process --------------------------------------------------------------------------------------------------------


@pytest.mark.served
@pytest.mark.xdist_group(__name__)
def test_neither_the_log_of_a_real_process_at_debug_nor_its_files_have_it(vendor: Vendor) -> None:
    with served(SAGE_LOG_LEVEL="DEBUG", SAGE_DEBUG="true", SAGE_ACCESS_LOG="true", SAGE_PROBE_RATE="100/min") as platform:
        caller = platform.admin()
        for behaviour in ("good", "key_echoed", "error_500", "reset", "html"):
            vendor.behave(behaviour)
            for route in ("verify", "verify-capabilities", "models"):
                assert caller.post(f"/api/llm-provider/{route}", fields(vendor)).status_code == 200
        vendor.behave("good")
        made = caller.post("/api/llm-provider/create", fields(vendor)).json()
        assert made["code"] == 200
        vendor.behave(saying(KEY))
        assert caller.post(f"/api/llm-provider/verify-capabilities/{made['data']['provider_id']}").json()["code"] == 200
        vendor.behave(answering(KEY.encode(), status=502))
        probed = platform.manage("probe_providers")
        assert "1 that worked no longer does." in probed.stderr
        assert '"route": "/api/llm-provider/create"' in platform.log
        assert found_in(platform.log + probed.stdout + probed.stderr) == []
        files = [path for path in platform.data.rglob("*") if path.is_file()]
        assert {path.name: found_in(path.read_bytes().decode("latin-1")) for path in files} == {path.name: [] for path in files}
