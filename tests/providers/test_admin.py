"""/admin/providers/provider/: keys go in and never come out, and the last probe is in clear view."""

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any, Protocol

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from providers.models import Probe, Provider
from sage_platform.accounts.models import User
from tests.answers import assert_not_for
from tests.people import Caller
from tests.provider_rows import KEY, MASKED, MODEL, OTHER_KEY, make_provider, stored
from tests.providers.sentences import AUTHENTICATION, NOT_ALLOWED, QUOTA
from tests.providers.test_limits import BUSY, all_slots_taken
from tests.vendor import Vendor, scripted_vendor

pytestmark = pytest.mark.django_db

LIST = "/admin/providers/provider/"
ADD = f"{LIST}add/"
NO_PROBES = {f"probes-{name}_FORMS": "0" for name in ("TOTAL", "INITIAL")}
SAYS = "The service says: Incorrect API key provided."
UNREADABLE = "The stored key can no longer be read. Enter the API key again."


def change(provider: Provider) -> str:
    return f"{LIST}{provider.pk}/change/"


def typed(vendor: Vendor, **changes: str) -> dict[str, str]:
    """The whole form, as a person has filled it in."""
    return {"owner": "alice", "name": "Acme", "base_url": vendor.base_url, "model": MODEL, "new_key": KEY} | NO_PROBES | changes


class Page(Protocol):
    """What a browser gets, be it from Django's test client or from ours."""

    @property
    def content(self) -> bytes: ...


def text_of(response: Page) -> str:
    """The page as it is read, without its marks."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def errors(response: Page) -> list[str]:
    lists = re.findall(r'<ul class="errorlist[^>]*>(.*?)</ul>', response.content.decode(), re.DOTALL)
    return [unescape(item).strip() for found in lists for item in re.findall(r"<li>(.*?)</li>", found, re.DOTALL)]


def told(response: Page) -> list[str]:
    """What the page says on top, with the kind of each."""
    found = re.findall(r'<li class="(success|info|warning|error)">(.*?)</li>', response.content.decode(), re.DOTALL)
    return [f"{kind}: {unescape(text).strip()}" for kind, text in found]


def value_of(page: str, name: str) -> str:
    (field,) = re.findall(rf'<input[^>]*name="{name}"[^>]*>', page)
    return "".join(re.findall(r'value="([^"]*)"', field))


def history() -> list[tuple[str, int, list[Any]]]:
    rows = LogEntry.objects.order_by("pk").values_list("object_id", "action_flag", "change_message")
    return [(str(identity), flag, json.loads(message or "[]")) for identity, flag, message in rows]


def probe_again(caller: Caller, *providers: Provider) -> Any:
    chosen = {"action": "probe_again", "_selected_action": [str(provider.pk) for provider in providers]}
    return caller.form(LIST, chosen, follow=True)


# -- Who ------------------------------------------------------------------------------------------------------------------


def test_nobody_but_administrators(vendor: Vendor, alice: User, as_alice: Caller, anyone: Caller) -> None:
    provider = make_provider(alice, vendor.base_url)
    before = stored()
    one = f"{LIST}{provider.pk}"
    for caller in (anyone, as_alice):
        for path in (LIST, ADD, f"{one}/change/", f"{one}/delete/", f"{one}/history/"):
            for response in (caller.client.get(path), caller.form(path, typed(vendor, name="Mine", post="yes"))):
                assert_not_for(caller, response, path)
        probe_again(caller, provider)
    assert (stored(), vendor.requests, history()) == (before, [], [])


# -- Adding ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("owner", ["alice", ""])
def test_one_that_works_is_stored(owner: str, vendor: Vendor, alice: User, as_admin: Caller) -> None:
    response = as_admin.form(ADD, typed(vendor, owner=owner, temperature="0.5", supports_multimodal="on", is_default="on"))
    assert (response.status_code, response.headers["Location"]) == (302, LIST)
    kept = Provider.objects.get()
    assert (kept.owner_id, kept.name, kept.base_url, kept.model) == (owner or None, "Acme", vendor.base_url, MODEL)
    assert (kept.key.reveal(), kept.key_hint) == (KEY, MASKED)
    assert (kept.temperature, kept.supports_multimodal, kept.supports_structured_output, kept.is_default) == (
        0.5,
        True,
        False,
        True,
    )
    assert (kept.probe_result, Probe.objects.count()) == ("works", 1)
    assert history() == [(str(kept.pk), ADDITION, [{"added": {}}])]
    assert [request.key for request in vendor.requests] == [KEY]


@pytest.mark.parametrize("owner", ["alice", ""])
def test_a_new_default_takes_it_from_the_other(owner: str, vendor: Vendor, alice: User, as_admin: Caller) -> None:
    whose = alice if owner else None
    old = make_provider(whose, vendor.base_url, key=OTHER_KEY, is_default=True)
    response = as_admin.form(ADD, typed(vendor, owner=owner, name="New", is_default="on"))
    assert (response.status_code, errors(response)) == (302, [])
    assert Provider.objects.get(owner=whose, is_default=True).name == "New"
    old.refresh_from_db()
    assert not old.is_default


def test_one_that_fails_says_why_and_the_form_keeps_what_was_typed(vendor: Vendor, alice: User, as_admin: Caller) -> None:
    vendor.behave("unauthorized_401")
    response = as_admin.form(ADD, typed(vendor, name="Typed name", temperature="0.5"))
    page = response.content.decode()
    assert response.status_code == 200
    assert errors(response) == [f"Cannot save provider. {AUTHENTICATION} {SAYS}"]
    assert (value_of(page, "name"), value_of(page, "base_url"), value_of(page, "model")) == ("Typed name", vendor.base_url, MODEL)
    assert value_of(page, "temperature") == "0.5"
    assert value_of(page, "new_key") == ""
    assert KEY not in page
    assert (stored(), history(), len(vendor.requests)) == ([[], []], [], 1)


@pytest.mark.parametrize(
    "refusal",
    [
        ("new_key", "", "Enter the key."),
        ("new_key", MASKED, "This is the masked key. Enter the key itself."),
        ("new_key", "two words", "The key must be a single line of printable ASCII characters without spaces."),
        ("base_url", "ftp://vendor.example", "Enter an address such as https://api.example.com/v1."),
        ("base_url", "https://me:secret@vendor.example/v1", "Enter an address such as https://api.example.com/v1."),
        ("model", "", "This field is required."),
        ("temperature", "2.5", "Ensure this value is less than or equal to 2."),
        ("max_tokens", "0", "Ensure this value is greater than or equal to 1."),
        ("owner", "nobody", "Select a valid choice. That choice is not one of the available choices."),
    ],
)
def test_what_is_refused_unasked(refusal: tuple[str, str, str], vendor: Vendor, alice: User, as_admin: Caller) -> None:
    field, value, error = refusal
    response = as_admin.form(ADD, typed(vendor, **{field: value}))
    assert (response.status_code, errors(response)[-1]) == (200, error)
    assert (stored(), vendor.requests, history()) == ([[], []], [], [])


def test_the_same_again_is_refused_by_its_name(vendor: Vendor, alice: User, as_admin: Caller) -> None:
    make_provider(alice, vendor.base_url, name="The first")
    before = stored()
    response = as_admin.form(ADD, typed(vendor))
    assert errors(response) == ["There is one with this address, model and key: The first"]
    assert (stored(), vendor.requests, history()) == (before, [], [])


def test_while_no_slot_is_free_nothing_is_asked(vendor: Vendor, alice: User, as_admin: Caller) -> None:
    with all_slots_taken():
        response = as_admin.form(ADD, typed(vendor))
    assert (response.status_code, errors(response)) == (429, [BUSY])
    assert (stored(), vendor.requests) == ([[], []], [])


# -- Changing -------------------------------------------------------------------------------------------------------------


def test_a_key_is_shown_nowhere(vendor: Vendor, alice: User, as_admin: Caller) -> None:
    as_admin.form(ADD, typed(vendor))
    provider = Provider.objects.get()
    as_admin.form(change(provider), typed(vendor, new_key=OTHER_KEY))
    provider.refresh_from_db()
    assert provider.key.reveal() == OTHER_KEY
    pages = [as_admin.client.get(path) for path in (LIST, change(provider), f"{LIST}{provider.pk}/history/", "/admin/")]
    pages.append(as_admin.client.get(f"{LIST}{provider.pk}/delete/"))
    for page in pages:
        assert page.status_code == 200
        for secret in (KEY, OTHER_KEY, provider.key.stored):
            assert secret not in page.content.decode()
    assert value_of(pages[1].content.decode(), "new_key") == ""
    assert "sk-o***s4Ka" in text_of(pages[1])
    assert history() == [
        (str(provider.pk), ADDITION, [{"added": {}}]),
        (str(provider.pk), CHANGE, [{"changed": {"fields": ["api_keys"]}}]),
    ]


def test_a_new_name_asks_nobody(vendor: Vendor, alice: User, as_admin: Caller) -> None:
    provider = make_provider(alice, vendor.base_url, temperature=0.5)
    response = as_admin.form(change(provider), typed(vendor, name="Renamed", new_key="", temperature=""))
    assert (response.status_code, vendor.requests) == (302, [])
    provider.refresh_from_db()
    assert (provider.name, provider.temperature, provider.key.reveal()) == ("Renamed", None, KEY)
    assert history() == [(str(provider.pk), CHANGE, [{"changed": {"fields": ["name", "temperature"]}}])]


def test_a_change_that_fails_says_why_and_changes_nothing(vendor: Vendor, alice: User, as_admin: Caller) -> None:
    provider = make_provider(alice, vendor.base_url)
    before = stored()
    vendor.behave("unauthorized_401")
    response = as_admin.form(change(provider), typed(vendor, name="Renamed", new_key=OTHER_KEY))
    assert errors(response) == [f"Cannot update provider. {AUTHENTICATION} {SAYS}"]
    assert value_of(response.content.decode(), "name") == "Renamed"
    assert OTHER_KEY not in response.content.decode()
    assert (stored(), history(), [request.key for request in vendor.requests]) == (before, [], [OTHER_KEY])


def test_the_system_s_is_changed_and_deleted_here(vendor: Vendor, as_admin: Caller) -> None:
    """Nowhere else; the API refuses it to everybody."""
    provider = make_provider(None, vendor.base_url, is_default=True)
    assert as_admin.form(change(provider), typed(vendor, name="Renamed", new_key="", is_default="on")).status_code == 302
    assert Provider.objects.get().name == "Renamed"
    response = as_admin.form(f"{LIST}{provider.pk}/delete/", {"post": "yes"})
    assert (response.status_code, response.headers["Location"]) == (302, LIST)
    assert not Provider.objects.exists()
    assert [(identity, flag) for identity, flag, _message in history()] == [
        (str(provider.pk), CHANGE),
        (str(provider.pk), DELETION),
    ]


def test_the_system_s_new_address_is_not_trusted_as_the_deployment_s_own(
    vendor: Vendor, as_admin: Caller, settings: Settings
) -> None:
    """What an administrator types in is no setting: the deployment's network stays closed to it."""
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = False
    settings.SAGE_DEFAULT_LLM_API_BASE_URL = vendor.base_url
    systems = make_provider(None, vendor.base_url)
    before = stored()
    with scripted_vendor() as inside:
        response = as_admin.form(change(systems), typed(vendor, owner="", base_url=inside.base_url))
        assert errors(response) == [f"Cannot update provider. {NOT_ALLOWED}"]
        assert (inside.requests, stored()) == ([], before)
    assert as_admin.form(change(systems), typed(vendor, owner="", model="scripted-small")).status_code == 302
    assert len(vendor.requests) == 1


def test_one_key_that_can_no_longer_be_read_is_told(vendor: Vendor, alice: User, as_admin: Caller, settings: Settings) -> None:
    provider = make_provider(alice, vendor.base_url)
    settings.SAGE_ENCRYPTION_KEYS = ["9bQ2mXr7LpZw4NcYb8Hd3Jf6Gs1Ae5Uo0RikT9vQ2m0="]
    assert f"{MASKED} – {UNREADABLE}" in text_of(as_admin.client.get(change(provider)))
    assert told(probe_again(as_admin, provider)) == [f"error: Acme: {UNREADABLE}"]
    assert vendor.requests == []
    assert as_admin.form(change(provider), typed(vendor)).status_code == 302
    provider.refresh_from_db()
    assert provider.key.reveal() == KEY


# -- Probes ---------------------------------------------------------------------------------------------------------------


def test_probing_again_tells_of_each_and_keeps_it(vendor: Vendor, alice: User, bob: User, as_admin: Caller) -> None:
    provider = make_provider(alice, vendor.base_url, name="Hers")
    others = make_provider(bob, vendor.base_url, name="His", key=OTHER_KEY)
    assert sorted(told(probe_again(as_admin, provider, others))) == ["success: Hers works.", "success: His works."]
    vendor.behave("quota_429")
    (line,) = told(probe_again(as_admin, provider))
    assert line.startswith(f"error: Hers: {QUOTA} The service says: You exceeded your current quota")
    provider.refresh_from_db()
    assert (provider.probe_result, provider.probe_category, others.probes.count()) == ("fails", "quota", 1)
    assert list(provider.probes.values_list("result", "category")) == [("fails", "quota"), ("works", "")]


def test_too_many_or_no_slot_asks_nobody(vendor: Vendor, alice: User, as_admin: Caller) -> None:
    providers = [make_provider(alice, vendor.base_url, model=f"model-{number}") for number in range(5)]
    before = stored()
    most = "error: Choose 4 at most. For all of them there is the command probe_providers."
    assert told(probe_again(as_admin, *providers)) == [most]
    with all_slots_taken():
        assert told(probe_again(as_admin, providers[0])) == [f"error: {BUSY}"]
    assert (vendor.requests, stored()) == ([], before)
    with all_slots_taken(but=1):
        assert len(told(probe_again(as_admin, *providers[:4]))) == 4
    assert len(vendor.requests) == 4
    assert vendor.most_at_once <= 2, "one after the other; the vendor sees an end a moment late"


def test_the_last_probe_and_the_newest_twenty_are_shown(vendor: Vendor, alice: User, as_admin: Caller) -> None:
    provider = make_provider(alice, vendor.base_url)
    page = text_of(as_admin.client.get(change(provider)))
    assert "Result: – never probed" in page
    then = timezone.now() - timedelta(days=1)
    Probe.objects.bulk_create(Probe(provider=provider, at=then, result="works", detail=f"old {n}") for n in range(25))
    vendor.behave("quota_429")
    probe_again(as_admin, provider)
    response = as_admin.client.get(change(provider))
    page = text_of(response)
    assert "Result: ✘ fails: quota used up" in page
    assert f"What to do: {QUOTA}" in page
    assert len(re.findall(r'id="probes-\d+"', response.content.decode())) == 20
    assert 0 < page.index("You exceeded your current quota") < page.index("old 24") < page.index("old 6")
    assert "old 5" not in page
    assert "probes-0-DELETE" not in response.content.decode()


@pytest.mark.parametrize("behaviour", ["streams_only", "streams_always"])
def test_that_a_model_only_streams_is_shown(behaviour: str, vendor: Vendor, alice: User, as_admin: Caller) -> None:
    provider = make_provider(alice, vendor.base_url)
    probe_again(as_admin, provider)
    assert "Result: ✔ works What to do: –" in text_of(as_admin.get(change(provider)))
    vendor.behave(behaviour)
    probe_again(as_admin, provider)
    assert "Result: ✔ works (only streams) What to do: –" in text_of(as_admin.get(change(provider)))
    assert "结果: ✔ 可用 (仅支持流式输出) 如何处理: –" in text_of(as_admin.get(change(provider), Accept_Language="zh-CN"))
    assert "Acme ✔ works (only streams)" in text_of(as_admin.get(LIST))
    # It is noted of the last probe alone.
    vendor.behave("unauthorized_401")
    probe_again(as_admin, provider)
    assert "Result: ✘ fails: authentication What to do: " in text_of(as_admin.get(change(provider)))


def test_a_probe_cannot_be_written_by_hand(vendor: Vendor, alice: User, as_admin: Caller) -> None:
    provider = make_provider(alice, vendor.base_url)
    forged = {"probes-TOTAL_FORMS": "1", "probes-0-result": "works", "probes-0-at_0": "2026-01-01", "probes-0-at_1": "00:00:00"}
    as_admin.form(change(provider), typed(vendor, new_key="", probe_result="works", key_hint="forged", **forged))
    provider.refresh_from_db()
    assert (provider.probe_result, provider.key_hint, Probe.objects.count()) == ("", MASKED, 0)


# -- The list -------------------------------------------------------------------------------------------------------------


def test_the_list_takes_as_many_queries_for_thirty_as_for_one(
    vendor: Vendor, alice: User, bob: User, as_admin: Caller, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    make_provider(alice, vendor.base_url)
    with django_assert_max_num_queries(100) as few:
        as_admin.client.get(LIST)
    for number in range(29):
        owner = (alice, bob, None)[number % 3]
        Probe.objects.create(
            provider=make_provider(owner, vendor.base_url, model=f"model-{number}"), at=timezone.now(), result="works"
        )
    with django_assert_max_num_queries(len(few.captured_queries)):
        assert "30 model providers" in text_of(as_admin.client.get(LIST))


def test_the_form_takes_as_many_queries_for_twenty_probes_as_for_one(
    vendor: Vendor, alice: User, as_admin: Caller, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    provider = make_provider(alice, vendor.base_url)
    Probe.objects.create(provider=provider, at=timezone.now(), result="works")
    with django_assert_max_num_queries(100) as few:
        as_admin.client.get(change(provider))
    Probe.objects.bulk_create(Probe(provider=provider, at=timezone.now(), result="works") for _ in range(19))
    with django_assert_max_num_queries(len(few.captured_queries)):
        assert as_admin.client.get(change(provider)).content.count(b'<tr id="probes-') == 20


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "bob"}, ["His"]),
        ({"q": "Hers"}, ["Hers"]),
        ({"q": "vendor-two"}, ["Ours"]),
        ({"probe_result__exact": "fails"}, ["His"]),
        ({"probe_category__exact": "quota"}, ["His"]),
        ({"is_default__exact": "1"}, ["Ours"]),
        ({"owner__isempty": "1"}, ["Ours"]),
        ({"q": "sk-proj-Qx7Lw2Zt9Vb4Nm6Rk8Hd3"}, []),
    ],
)
def test_search_and_filters(query: dict[str, str], found: list[str], alice: User, bob: User, as_admin: Caller) -> None:
    make_provider(alice, "https://vendor-one.example/v1", name="Hers")
    make_provider(bob, "https://vendor-one.example/v1", name="His", probe_result="fails", probe_category="quota")
    make_provider(None, "https://vendor-two.example/v1", name="Ours", is_default=True)
    page = as_admin.client.get(LIST, query).content.decode()
    assert re.findall(r'<th class="field-name"><a[^>]*>(\w+)</a>', page) == found
