"""manage.py bootstrap: the system's own model provider, from SAGE_DEFAULT_LLM_*"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from providers.models import Provider
from sage_platform.accounts.models import User
from tests.answers import refused
from tests.e2e.served import prepared
from tests.people import Caller, envelope
from tests.provider_rows import KEY, MASKED, MODEL, OTHER_KEY, make_provider
from tests.vendor import scripted_vendor

pytestmark = pytest.mark.django_db

ADDRESS = "http://10.0.0.7:8080/v1"


@pytest.fixture
def given(settings: Settings, tmp_path: Path, admin: User) -> Callable[..., None]:
    """Sets what the deployment gives. There is an administrator, so that bootstrap tells of nothing else."""
    settings.SAGE_DATA_DIR = tmp_path

    def give(key: str = KEY, base_url: str = ADDRESS, model: str = MODEL) -> None:
        settings.SAGE_DEFAULT_LLM_API_KEY = key
        settings.SAGE_DEFAULT_LLM_API_BASE_URL = base_url
        settings.SAGE_DEFAULT_LLM_MODEL_NAME = model

    give()
    return give


def bootstrap() -> str:
    told = StringIO()
    call_command("bootstrap", stdout=told)
    lines = [line for line in told.getvalue().splitlines() if "provider" in line]
    return "\n".join(lines)


def kept() -> list[tuple[Any, ...]]:
    rows = Provider.objects.order_by("created_at", "id")
    return [(row.owner_id, row.name, row.base_url, row.model, row.key.reveal(), row.key_hint, row.is_default) for row in rows]


def test_it_is_made(given: Callable[..., None]) -> None:
    assert bootstrap() == "The system's model provider: made."
    assert kept() == [(None, "System default", ADDRESS, MODEL, KEY, MASKED, True)]
    provider = Provider.objects.get()
    # Not asked: a vendor that is down must not stop the start.
    assert (provider.probe_result, provider.probed_at) == ("", None)


def test_again_it_is_unchanged(given: Callable[..., None]) -> None:
    bootstrap()
    before = Provider.objects.values().get()
    assert bootstrap() == "The system's model provider: unchanged."
    assert Provider.objects.values().get() == before


@pytest.mark.parametrize("changed", [{"key": OTHER_KEY}, {"base_url": "https://vendor.example/v1"}, {"model": "other"}])
def test_a_changed_setting_changes_the_record_in_its_place(given: Callable[..., None], changed: dict[str, str]) -> None:
    bootstrap()
    first = Provider.objects.get()
    Provider.objects.update(
        name="Ours",
        temperature=0.5,
        supports_multimodal=True,
        probe_result="works",
        probed_at=timezone.now(),
        probe_latency_ms=3,
        probe_streams_only=True,
    )
    given(**changed)
    assert bootstrap() == "The system's model provider: changed."
    now = Provider.objects.get()
    new = {"key": KEY, "base_url": ADDRESS, "model": MODEL} | changed
    assert (now.pk, now.base_url, now.model, now.key.reveal()) == (first.pk, new["base_url"], new["model"], new["key"])
    # What staff named and set stays; what was found out was about the former endpoint.
    assert (now.name, now.temperature, now.supports_multimodal, now.is_default) == ("Ours", 0.5, True, True)
    assert (now.probe_result, now.probe_category, now.probed_at, now.probe_latency_ms) == ("", "", None, None)
    assert now.probe_streams_only is False
    assert bootstrap() == "The system's model provider: unchanged."


def test_without_the_settings_none_is_made_and_one_that_is_there_stays(given: Callable[..., None]) -> None:
    given("", "", "")
    assert bootstrap() == ""
    assert kept() == []
    given()
    bootstrap()
    given("", "", "")
    assert bootstrap() == ""
    assert kept() == [(None, "System default", ADDRESS, MODEL, KEY, MASKED, True)]


def test_people_s_own_and_their_defaults_are_left_alone(given: Callable[..., None], alice: User) -> None:
    make_provider(alice, ADDRESS, is_default=True)
    before = Provider.objects.values().get()
    bootstrap()
    assert Provider.objects.filter(owner=alice).values().get() == before
    assert Provider.objects.of_system().count() == 1


def test_one_that_staff_made_of_the_same_becomes_the_default(given: Callable[..., None]) -> None:
    other = make_provider(None, "https://vendor.example/v1", name="Former", is_default=True)
    same = make_provider(None, ADDRESS, name="By staff")
    assert bootstrap() == "The system's model provider: changed."
    assert set(Provider.objects.values_list("pk", "is_default")) == {(other.pk, False), (same.pk, True)}
    assert bootstrap() == "The system's model provider: unchanged."


def test_one_that_staff_deleted_is_made_again(given: Callable[..., None]) -> None:
    bootstrap()
    Provider.objects.all().delete()
    assert bootstrap() == "The system's model provider: made."
    assert Provider.objects.get().is_default


def test_a_key_that_can_no_longer_be_read_is_stored_anew(given: Callable[..., None], settings: Settings) -> None:
    bootstrap()
    settings.SAGE_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert bootstrap() == "The system's model provider: changed."
    assert kept() == [(None, "System default", ADDRESS, MODEL, KEY, MASKED, True)]


def test_a_new_secret_key_of_the_deployment_makes_no_second_record(given: Callable[..., None], settings: Settings) -> None:
    """The digest that finds the same again is keyed with it."""
    bootstrap()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another secret that is long enough", []
    assert bootstrap() == "The system's model provider: unchanged."
    assert Provider.objects.count() == 1


def test_nobody_changes_it_by_the_api_or_sees_it_in_their_list(
    given: Callable[..., None], as_alice: Caller, as_admin: Caller
) -> None:
    bootstrap()
    before = Provider.objects.values().get()
    for caller in (as_alice, as_admin):
        assert envelope(caller.get("/api/llm-provider/list"))["data"] == []
        for method, route in (("PUT", "update"), ("DELETE", "delete")):
            answer = envelope(caller.send(method, f"/api/llm-provider/{route}/{before['id']}"))
            assert answer == refused(500, "Cannot modify system default provider")
    assert Provider.objects.values().get() == before


def test_its_address_may_be_private_in_production_and_nobody_else_s(
    given: Callable[..., None], settings: Settings, as_alice: Caller
) -> None:
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = False
    with scripted_vendor() as vendor:
        given(base_url=vendor.base_url)
        bootstrap()
        told = StringIO()
        call_command("probe_providers", stdout=told)
        assert Provider.objects.get().probe_result == "works"
        assert [received.key for received in vendor.requests] == [KEY]
        sent = {"base_url": vendor.base_url, "api_keys": [OTHER_KEY], "model": MODEL}
        assert envelope(as_alice.post("/api/llm-provider/create", sent))["code"] == 500
        assert len(vendor.requests) == 1


def test_a_trailing_slash_in_the_setting_makes_no_other_address() -> None:
    settings = {
        "SAGE_DEFAULT_LLM_API_KEY": KEY,
        "SAGE_DEFAULT_LLM_MODEL_NAME": MODEL,
        "SAGE_BOOTSTRAP_ADMIN_PASSWORD": "a long password",
    }
    code = "from providers.models import Provider; print([(p.base_url, p.trusted) for p in Provider.objects.all()])"
    with prepared(**settings, SAGE_DEFAULT_LLM_API_BASE_URL=f"{ADDRESS}/") as platform:
        # Two machines start at the same moment.
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(lambda _n: platform.manage("bootstrap"), range(2)))
        assert [each.returncode for each in done] == [0, 0]
        told = sorted(line for each in done for line in each.stdout.splitlines() if "provider" in line)
        assert told == ["The system's model provider: made.", "The system's model provider: unchanged."]
        assert platform.manage("shell", "--no-imports", "-c", code).stdout == f"[('{ADDRESS}', True)]\n"
        missing = platform.manage("bootstrap", SAGE_DEFAULT_LLM_MODEL_NAME="")
        assert missing.returncode == 1
        last = missing.stderr.splitlines()[-1]
        assert last.endswith("SAGE_DEFAULT_LLM_MODEL_NAME: expected a value, since SAGE_DEFAULT_LLM_API_KEY is set.")
        assert KEY not in missing.stdout + missing.stderr
