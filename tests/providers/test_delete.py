"""DELETE /api/llm-provider/delete/{provider_id}"""

from typing import Any

import pytest

from providers.models import Probe, Provider
from sage_platform.accounts.models import User
from tests.answers import assert_refused, success
from tests.people import Caller, envelope, signed_in
from tests.provider_rows import NO_IDS, make_provider, stored

PATH = "/api/llm-provider/delete/{}"
ADDRESS = "https://api.example.com/v1"


def delete(caller: Caller, provider: Provider | str, body: bytes = b"") -> Any:
    return caller.send("DELETE", PATH.format(getattr(provider, "pk", provider)), body)


@pytest.fixture
def provider(alice: User) -> Provider:
    made = make_provider(alice, ADDRESS)
    Probe.objects.create(provider=made, at=made.created_at, result="works", latency_ms=1)
    return made


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_ones_own(body: bytes, provider: Provider, alice: User, bob: User, as_alice: Caller) -> None:
    rest = [make_provider(alice, ADDRESS, model="m"), make_provider(bob, ADDRESS), make_provider(None, ADDRESS)]
    response = delete(as_alice, provider, body)
    assert (response.status_code, envelope(response)) == (200, success({}))
    assert set(Provider.objects.values_list("pk", flat=True)) == {row.pk for row in rest}
    assert not Probe.objects.exists(), "its history goes with it"
    assert_refused(delete(as_alice, provider), 500, "Provider not found")


def test_the_same_may_be_made_again(provider: Provider, alice: User, as_alice: Caller) -> None:
    delete(as_alice, provider)
    make_provider(alice, ADDRESS)


def test_a_default_one(provider: Provider, as_alice: Caller) -> None:
    Provider.objects.filter(pk=provider.pk).update(is_default=True)
    before = stored()
    assert_refused(delete(as_alice, provider), 500, "Cannot delete default provider")
    assert stored() == before
    as_alice.send("PUT", f"/api/llm-provider/update/{provider.pk}", {"is_default": False})
    assert envelope(delete(as_alice, provider)) == success({})


@pytest.mark.parametrize("role", ["user", "admin"])
@pytest.mark.parametrize("is_default", [False, True])
def test_anothers_is_not_found(role: str, is_default: bool, provider: Provider, bob: User) -> None:
    """In the same words as one that does not exist, also of a default one."""
    Provider.objects.filter(pk=provider.pk).update(is_default=is_default)
    bob.role = role
    bob.save()
    before = stored()
    assert_refused(delete(signed_in(bob), provider), 500, "Provider not found")
    assert stored() == before


@pytest.mark.parametrize("role", ["user", "admin"])
@pytest.mark.parametrize("is_default", [False, True])
def test_the_systems(role: str, is_default: bool, bob: User) -> None:
    systems = make_provider(None, ADDRESS, is_default=is_default)
    bob.role = role
    bob.save()
    before = stored()
    assert_refused(delete(signed_in(bob), systems), 500, "Cannot modify system default provider")
    assert stored() == before


@pytest.mark.parametrize("provider_id", NO_IDS)
def test_there_is_no_such_provider(provider_id: str, provider: Provider, as_alice: Caller) -> None:
    before = stored()
    assert_refused(delete(as_alice, provider_id), 500, "Provider not found")
    assert stored() == before
