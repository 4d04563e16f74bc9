"""Making, changing and deleting providers from many threads at the same moment."""

from collections import Counter
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from pytest_django import Settings

from providers.models import Probe, Provider
from sage_platform.accounts.models import User
from sage_platform.accounts.services import outbound_calls
from sage_platform.accounts.services.slots import Slots
from tests.answers import refused, success
from tests.people import Caller, envelope
from tests.provider_rows import KEY, MODEL, fields, make_provider
from tests.racing import at_once
from tests.vendor import Vendor
from tests.vendor.behaviours import good
from tests.vendor.exchange import Exchange

pytestmark = pytest.mark.django_db(transaction=True)

CREATE = "/api/llm-provider/create"
GONE = refused(500, "Provider not found")
IS_DEFAULT = refused(500, "Cannot delete default provider")


@pytest.fixture(autouse=True)
def _room(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """The limits stand aside, so that all ten come through to the database."""
    monkeypatch.setattr(outbound_calls, "slots", Slots(128, busy="", share_taken=""))
    settings.SAGE_PROBE_RATE = (1000, settings.SAGE_PROBE_RATE[1])


def again(caller: Caller) -> Caller:
    """The same person at another browser."""
    other = Caller()
    other.client.cookies["sage_session"] = caller.client.cookies["sage_session"].value
    return other


def update(caller: Caller, provider: Provider, changes: dict[str, Any]) -> dict[str, Any]:
    return envelope(again(caller).send("PUT", f"/api/llm-provider/update/{provider.pk}", changes))


def delete(caller: Caller, provider: Provider) -> dict[str, Any]:
    return envelope(again(caller).send("DELETE", f"/api/llm-provider/delete/{provider.pk}"))


def defaults(owner: User | None) -> int:
    return Provider.objects.filter(owner=owner, is_default=True).count()


def test_ten_creates_of_one_configuration_make_one_record(as_alice: Caller, vendor: Vendor) -> None:
    responses = at_once(10, lambda n: envelope(again(as_alice).post(CREATE, fields(vendor, name=f"number {n}"))))
    kept = Provider.objects.get()
    assert responses == [success({"provider_id": str(kept.pk)})] * 10
    assert kept.key.reveal() == KEY
    assert Probe.objects.count() == 1


def test_ten_creates_of_a_default_leave_one_default(as_alice: Caller, alice: User, vendor: Vendor) -> None:
    bodies = [fields(vendor, model=f"model-{n}", is_default=True) for n in range(10)]
    responses = at_once(10, lambda n: envelope(again(as_alice).post(CREATE, bodies[n])))
    assert [response["code"] for response in responses] == [200] * 10
    assert (Provider.objects.for_user(alice).count(), defaults(alice)) == (10, 1)


def test_ten_make_default_leave_exactly_one(as_alice: Caller, alice: User, bob: User, vendor: Vendor) -> None:
    others = make_provider(bob, vendor.base_url, is_default=True)
    providers = [make_provider(alice, vendor.base_url, model=f"model-{n}", is_default=n == 0) for n in range(10)]
    for _round in range(3):
        responses = at_once(10, lambda n: update(as_alice, providers[n], {"is_default": True}))
        assert responses == [success({})] * 10
        assert defaults(alice) == 1
    others.refresh_from_db()
    assert others.is_default
    assert vendor.requests == []


def test_make_default_against_take_it_away_leaves_one_at_most(as_alice: Caller, alice: User, vendor: Vendor) -> None:
    providers = [make_provider(alice, vendor.base_url, model=f"model-{n}", is_default=n == 0) for n in range(2)]
    for _round in range(5):
        responses = at_once(10, lambda n: update(as_alice, providers[n % 2], {"is_default": n < 5}))
        assert responses == [success({})] * 10
        assert defaults(alice) <= 1


def test_ten_different_updates_all_arrive(as_alice: Caller, alice: User, vendor: Vendor) -> None:
    """None writes back what it read of the others' columns before it waited."""
    provider = make_provider(alice, vendor.base_url)
    changes: list[dict[str, Any]] = [
        {"name": "Renamed"}, {"max_tokens": 7}, {"max_model_len": 8}, {"temperature": 0.5}, {"top_p": 0.25},
        {"presence_penalty": -1}, {"supports_multimodal": True}, {"supports_structured_output": True}, {"is_default": True}, {},
    ]  # fmt: skip
    assert at_once(10, lambda n: update(as_alice, provider, changes[n])) == [success({})] * 10
    provider.refresh_from_db()
    kept = {name: getattr(provider, name) for change in changes for name in change}
    assert kept == {name: value for change in changes for name, value in change.items()}


def test_ten_deletes_delete_once(as_alice: Caller, alice: User, vendor: Vendor) -> None:
    provider = make_provider(alice, vendor.base_url)
    responses = at_once(10, lambda _n: delete(as_alice, provider))
    assert Counter(response["message"] for response in responses) == {"success": 1, "Provider not found": 9}
    assert not Provider.objects.exists()


def test_many_creates_do_not_pass_the_limit_together(as_alice: Caller, alice: User, vendor: Vendor) -> None:
    """Two hundred are enough for anybody. The same configuration as another call's is that one, also when it was the last."""
    for number in range(197):
        make_provider(alice, vendor.base_url, model=f"kept-{number}")
    bodies = [fields(vendor, model=f"model-{n % 5}") for n in range(10)]
    responses = at_once(10, lambda n: envelope(again(as_alice).post(CREATE, bodies[n])))
    assert Provider.objects.for_user(alice).count() == 200
    full = refused(400, "You have too many providers. Delete one that you no longer need.")
    assert sum(response == full for response in responses) in range(4, 8)
    kept = {str(key) for key in Provider.objects.values_list("pk", flat=True)}
    assert all(response == full or response["data"]["provider_id"] in kept for response in responses)


def test_delete_against_update(as_alice: Caller, alice: User, vendor: Vendor) -> None:
    """Whoever comes second finds it gone; it never comes back, and no answer is a crash."""
    for _round in range(5):
        provider = make_provider(alice, vendor.base_url)

        def act(number: int, provider: Provider = provider) -> dict[str, Any]:
            return delete(as_alice, provider) if number == 3 else update(as_alice, provider, {"name": f"number {number}"})

        responses = at_once(6, act)
        assert responses.pop(3) == success({})
        assert all(response in (success({}), GONE) for response in responses)
        assert not Provider.objects.exists()


def test_delete_against_make_default(as_alice: Caller, alice: User, vendor: Vendor) -> None:
    """Either it is gone, and what was the default stays that; or it is the default, and is not deleted."""
    for _round in range(5):
        Provider.objects.all().delete()
        first = make_provider(alice, vendor.base_url, model="first", is_default=True)
        second = make_provider(alice, vendor.base_url, model="second")

        def act(number: int, second: Provider = second) -> dict[str, Any]:
            return delete(as_alice, second) if number else update(as_alice, second, {"is_default": True})

        made, deleted = at_once(2, act)
        assert (made, deleted) in ((success({}), IS_DEFAULT), (GONE, success({})))
        first.refresh_from_db()
        assert first.is_default is (deleted == success({}))
        assert defaults(alice) == 1


def while_probing(vendor: Vendor, act: Callable[[], Any], meanwhile: Callable[[], Any]) -> tuple[Any, Any]:
    """What `act` answers when the other thing is done while the vendor takes its time, and what that answers."""
    asked, done = Event(), Event()

    def slow(exchange: Exchange) -> None:
        asked.set()
        assert done.wait(30)
        good(exchange)

    vendor.behave(slow)

    def run(number: int) -> Any:
        if number == 0:
            return act()
        assert asked.wait(30)
        try:
            return meanwhile()
        finally:
            done.set()

    first, second = at_once(2, run)
    return first, second


def test_deleted_while_an_update_asks_the_vendor(as_alice: Caller, alice: User, vendor: Vendor) -> None:
    provider = make_provider(alice, vendor.base_url)
    updated, deleted = while_probing(
        vendor, lambda: update(as_alice, provider, {"model": "scripted-small"}), lambda: delete(as_alice, provider)
    )
    assert (updated, deleted) == (GONE, success({}))
    assert not Provider.objects.exists()
    assert not Probe.objects.exists()


def move(provider: Provider) -> int:
    moved: int = Provider.objects.filter(pk=provider.pk).update(config_digest="f" * 64, base_url="https://moved.example/v1")
    return moved


def test_changed_elsewhere_while_an_update_asks_the_vendor(as_alice: Caller, alice: User, vendor: Vendor) -> None:
    """What was tried is not what would be stored: the new model with a key and an address that nobody tried it with."""
    provider = make_provider(alice, vendor.base_url)
    changes = {"model": "scripted-small"}
    updated, moved = while_probing(vendor, lambda: update(as_alice, provider, changes), lambda: move(provider))
    assert moved == 1
    assert updated == refused(500, "Cannot update provider. It was changed by somebody else; look at it again.")
    provider.refresh_from_db()
    assert (provider.base_url, provider.model) == ("https://moved.example/v1", MODEL)
    assert not Probe.objects.exists()


def test_a_name_given_while_an_update_asks_the_vendor_stays(as_alice: Caller, alice: User, vendor: Vendor) -> None:
    provider = make_provider(alice, vendor.base_url)
    updated, renamed = while_probing(
        vendor,
        lambda: update(as_alice, provider, {"model": "scripted-small"}),
        lambda: update(as_alice, provider, {"name": "Renamed"}),
    )
    assert (updated, renamed) == (success({}), success({}))
    provider.refresh_from_db()
    assert (provider.name, provider.model) == ("Renamed", "scripted-small")


def test_deleted_while_its_capabilities_are_checked(as_alice: Caller, alice: User, vendor: Vendor) -> None:
    provider = make_provider(alice, vendor.base_url)
    path = f"/api/llm-provider/verify-capabilities/{provider.pk}"
    checked, deleted = while_probing(vendor, lambda: envelope(again(as_alice).post(path)), lambda: delete(as_alice, provider))
    assert (checked["code"], deleted) == (200, success({}))
    assert not Provider.objects.exists()
    assert not Probe.objects.exists()


def test_changed_elsewhere_while_its_capabilities_are_checked(as_alice: Caller, alice: User, vendor: Vendor) -> None:
    """The person hears what was found. It is not kept, since nobody has asked the endpoint that is stored now."""
    provider = make_provider(alice, vendor.base_url)
    path = f"/api/llm-provider/verify-capabilities/{provider.pk}"
    checked, moved = while_probing(vendor, lambda: envelope(again(as_alice).post(path)), lambda: move(provider))
    assert (checked["code"], checked["data"]["base_url"], moved) == (200, vendor.base_url, 1)
    provider.refresh_from_db()
    assert (provider.base_url, provider.probed_at, provider.probe_result) == ("https://moved.example/v1", None, "")
    assert not Probe.objects.exists()


def test_a_user_deleted_while_a_provider_of_theirs_is_made(as_alice: Caller, alice: User, vendor: Vendor) -> None:
    made, _deleted = while_probing(
        vendor,
        lambda: envelope(again(as_alice).post(CREATE, fields(vendor, is_default=True))),
        lambda: User.objects.filter(pk="alice").delete(),
    )
    assert made == refused(500, "Somebody else changed this at the same moment. Please try again.")
    assert not Provider.objects.exists()


def test_ten_updates_to_one_configuration_leave_it_to_one_record(as_alice: Caller, alice: User, vendor: Vendor) -> None:
    providers = [make_provider(alice, vendor.base_url, model=f"model-{n}") for n in range(10)]
    responses = at_once(10, lambda n: update(as_alice, providers[n], {"model": MODEL}))
    taken = "Cannot update provider. You have another one with the same address, model and key."
    assert Counter(response["message"] for response in responses) == {"success": 1, taken: 9}
    assert Provider.objects.for_user(alice).filter(model=MODEL).count() == 1


def test_one_configuration_of_two_people_is_two_records(as_alice: Caller, as_bob: Caller, vendor: Vendor) -> None:
    responses = at_once(10, lambda n: envelope(again((as_alice, as_bob)[n % 2]).post(CREATE, fields(vendor))))
    assert [response["code"] for response in responses] == [200] * 10
    assert sorted(Provider.objects.values_list("owner_id", flat=True)) == ["alice", "bob"]


def test_two_defaults_of_the_system_at_once_leave_one(as_admin: Caller, vendor: Vendor) -> None:
    """Nobody owns the system's, so that there is no owner to wait for; the database lets one through."""
    providers = [make_provider(None, vendor.base_url, model=f"model-{n}") for n in range(4)]
    for _round in range(3):

        def make(number: int) -> int:
            path = f"/admin/providers/provider/{providers[number].pk}/change/"
            form = {"name": "Acme", "base_url": vendor.base_url, "model": f"model-{number}", "is_default": "on"}
            extra = {f"probes-{name}_FORMS": "0" for name in ("TOTAL", "INITIAL")}
            status: int = again(as_admin).form(path, form | extra).status_code
            return status

        assert set(at_once(4, make)) <= {200, 302}
        assert defaults(None) == 1
