"""Keys at rest: encrypted under a ring of keys, hidden from whoever prints them, and what happens when none opens them."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection, transaction
from pytest_django import Settings

from providers.keys import ApiKey
from providers.models import Probe, Provider
from providers.probing import ModelEndpoint
from providers.services.configs import digests_of
from sage_platform.accounts.models import User
from sage_platform.encryption import Sealed, UndecryptableError, decrypt, encrypt, key_id
from tests.answers import refused, success
from tests.people import Caller, envelope, signed_in
from tests.provider_rows import KEY, MASKED, MODEL, OTHER_KEY, fields, make_provider, stored
from tests.vendor import Vendor

FIRST, SECOND, THIRD = (Fernet.generate_key().decode() for _key in range(3))
UNREADABLE = "The stored key can no longer be read. Enter the API key again."
Ring = Callable[..., None]


@pytest.fixture
def ring(settings: Settings) -> Ring:
    """Sets the keys of the deployment, newest first."""

    def put(*keys: str) -> None:
        settings.SAGE_ENCRYPTION_KEYS = list(keys)

    put(FIRST)
    return put


@pytest.fixture
def lost(ring: Ring, alice: User, vendor: Vendor) -> Provider:
    """Alice's provider after the key that it was encrypted under was taken out of the ring."""
    provider = make_provider(alice, vendor.base_url)
    ring(SECOND)
    return provider


def stored_text(provider: Provider) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM providers_provider WHERE name = %s", [provider.name])
        return str(cursor.fetchone()[0])


# -- The ring -------------------------------------------------------------------------------------------------------------


def test_what_is_encrypted_is_read_again_and_never_looks_the_same_twice(ring: Ring) -> None:
    one, other = encrypt(KEY), encrypt(KEY)
    assert one != other
    assert [decrypt(one), decrypt(other)] == [KEY, KEY]
    assert not [part for part in (KEY, KEY[:8], KEY[-8:]) if part in one + other]


def test_the_newest_key_writes_and_every_key_reads(ring: Ring) -> None:
    ring(FIRST)
    old = encrypt("old")
    ring(SECOND, FIRST)
    new = encrypt("new")
    assert [old.partition(":")[0], new.partition(":")[0]] == [key_id(FIRST), key_id(SECOND)]
    assert [decrypt(old), decrypt(new)] == ["old", "new"]
    ring(SECOND)
    assert decrypt(new) == "new"
    with pytest.raises(UndecryptableError):
        decrypt(old)


def test_the_key_id_does_not_tell_the_key() -> None:
    assert len(key_id(FIRST)) == 8
    assert key_id(FIRST) not in FIRST
    assert key_id(FIRST) != key_id(SECOND)


def _flipped(text: str, at: int) -> str:
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: _flipped(text, 30),
        lambda text: _flipped(text, len(text) - 20),
        lambda text: text[:-8],
        lambda text: text.partition(":")[2],
        lambda text: f"{key_id(SECOND)}:{text.partition(':')[2]}",
        lambda text: f"{key_id(FIRST)}:",
        lambda text: f"{key_id(FIRST)}:ünreadable",
        lambda text: "",
        lambda text: KEY,
    ],
    ids=["iv", "mac", "cut", "no key id", "another key's id", "empty", "no base64", "nothing", "plain text"],
)
def test_what_was_changed_is_refused_and_nothing_of_it_is_told(ring: Ring, spoil: Callable[[str], str]) -> None:
    ring(FIRST, SECOND)
    spoilt = spoil(f"{key_id(FIRST)}:{Fernet(FIRST).encrypt(KEY.encode()).decode()}")
    with pytest.raises(UndecryptableError) as caught:
        decrypt(spoilt)
    assert str(caught.value) == "No key of SAGE_ENCRYPTION_KEYS opens this."
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


# -- What shows itself -----------------------------------------------------------------------------------------------------


def test_a_sealed_key_shows_itself_to_nobody(ring: Ring) -> None:
    sealed = Sealed.of(KEY)
    told = [repr(sealed), str(sealed), f"{sealed}", "{!r:>20}".format(sealed), "%s" % sealed, repr({"key": [sealed]})]  # noqa: UP031, UP032
    assert told == ["<Sealed>", "<Sealed>", "<Sealed>", "            <Sealed>", "<Sealed>", "{'key': [<Sealed>]}"]
    assert sealed.reveal() == KEY
    with pytest.raises(TypeError):
        json.dumps({"key": sealed})


def test_a_stored_provider_shows_neither_the_key_nor_what_is_stored_of_it(ring: Ring, alice: User, vendor: Vendor) -> None:
    provider = Provider.objects.get(pk=make_provider(alice, vendor.base_url).pk)
    row = Provider.objects.values().get()
    assert row["key"] == provider.key
    told = f"{provider!r} {provider} {provider.target()!r} {row} {vars(provider)}"
    shown = f"ModelEndpoint(base_url='{vendor.base_url}', api_key=<ApiKey>, model='scripted-large', trusted=False)"
    assert repr(provider.target()) == shown
    for hidden in (KEY, KEY[:8], KEY[-8:], provider.key.stored):
        assert hidden not in told


def test_the_column_takes_nothing_but_a_sealed_key(ring: Ring, alice: User, vendor: Vendor) -> None:
    provider = make_provider(alice, vendor.base_url)
    before = stored_text(provider)
    provider.key = KEY  # type: ignore[assignment]
    for write in (provider.save, lambda: Provider.objects.update(key=KEY)):
        with pytest.raises(TypeError, match=r"\Akey takes a Sealed\Z"), transaction.atomic():
            write()
    assert stored_text(provider) == before


def test_the_database_has_the_encrypted_key_alone(ring: Ring, as_alice: Caller, vendor: Vendor) -> None:
    assert envelope(as_alice.post("/api/llm-provider/create", fields(vendor)))["code"] == 200
    provider = Provider.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM providers_provider")
        row = str(cursor.fetchall())
    assert stored_text(provider).startswith(f"{key_id(FIRST)}:gAAAA")
    assert decrypt(stored_text(provider)) == KEY
    assert not [start for start in range(len(KEY) - 7) if KEY[start : start + 8] in row]


def test_a_dump_holds_the_encrypted_key_and_can_be_loaded_again(ring: Ring, alice: User, vendor: Vendor, tmp_path: Path) -> None:
    provider = make_provider(alice, vendor.base_url)
    told = StringIO()
    call_command("dumpdata", "providers", stdout=told)
    assert KEY not in told.getvalue()
    assert json.loads(told.getvalue())[0]["fields"]["key"] == provider.key.stored
    (tmp_path / "dump.json").write_text(told.getvalue())
    Provider.objects.all().delete()
    call_command("loaddata", tmp_path / "dump.json", verbosity=0)
    assert Provider.objects.get().key.reveal() == KEY


def test_the_same_again_is_found_after_the_secret_key_was_changed(
    ring: Ring, alice: User, vendor: Vendor, settings: Settings
) -> None:
    """The digest that finds it is keyed with the deployment's secret."""
    make_provider(alice, vendor.base_url, key=OTHER_KEY)
    provider = make_provider(alice, vendor.base_url)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another secret that is long enough", []
    # Sessions are signed with it too, so she signs in anew.
    again = signed_in(alice).post("/api/llm-provider/create", fields(vendor, name="again"))
    assert envelope(again) == success({"provider_id": str(provider.pk)})
    assert vendor.requests == []
    assert Provider.objects.count() == 2


# -- A key that nothing opens any more -------------------------------------------------------------------------------------


def test_an_unreadable_key_leaves_the_list_as_it_is(lost: Provider, as_alice: Caller) -> None:
    (listed,) = envelope(as_alice.get("/api/llm-provider/list"))["data"]
    assert (listed["id"], listed["api_keys"]) == (str(lost.pk), [MASKED])


@pytest.mark.parametrize(
    "call",
    [
        ("POST", "/api/llm-provider/verify-capabilities/{id}", {}),
        ("POST", "/api/llm-provider/verify-capabilities/{id}", {"api_keys": [MASKED]}),
        ("GET", "/api/llm-provider/models?provider_id={id}", {}),
        ("PUT", "/api/llm-provider/update/{id}", {"model": "scripted-small"}),
        ("PUT", "/api/llm-provider/update/{id}", {"model": "scripted-small", "api_keys": [MASKED]}),
    ],
)
def test_an_unreadable_key_is_a_refusal_that_says_what_to_do(
    lost: Provider, as_alice: Caller, vendor: Vendor, call: tuple[str, str, dict[str, Any]]
) -> None:
    before = stored()
    method, path, body = call
    response = as_alice.send(method, path.format(id=lost.pk), body)
    assert (response.status_code, envelope(response)) == (200, refused(500, UNREADABLE))
    assert vendor.requests == []
    assert stored() == before


def test_an_unreadable_key_does_not_hinder_what_needs_none(lost: Provider, as_alice: Caller, vendor: Vendor) -> None:
    path = f"/api/llm-provider/update/{lost.pk}"
    # As the web application sends it: whole, with the masked key.
    whole = {"name": "Renamed", "base_url": vendor.base_url + "/", "model": MODEL, "api_keys": [MASKED], "is_default": False}
    assert envelope(as_alice.send("PUT", path, whole)) == success({})
    kept = Provider.objects.get()
    assert (kept.name, kept.key, kept.config_digest) == ("Renamed", lost.key, lost.config_digest)
    assert vendor.requests == []
    assert envelope(as_alice.send("DELETE", f"/api/llm-provider/delete/{lost.pk}")) == success({})
    assert not Provider.objects.exists()


@pytest.mark.parametrize("key", [KEY, OTHER_KEY])
def test_entering_the_key_again_mends_it(lost: Provider, as_alice: Caller, vendor: Vendor, key: str) -> None:
    response = envelope(as_alice.send("PUT", f"/api/llm-provider/update/{lost.pk}", {"api_keys": [key]}))
    assert response == success({})
    kept = Provider.objects.get()
    assert (kept.pk, kept.key.reveal()) == (lost.pk, key)
    assert kept.config_digest == digests_of(ModelEndpoint(vendor.base_url, ApiKey(key), MODEL))[0]
    assert [request.key for request in vendor.requests] == [key]
    assert (kept.probe_result, Probe.objects.get().result) == ("works", "works")


def test_a_capability_check_with_the_key_entered_again_works(lost: Provider, as_alice: Caller, vendor: Vendor) -> None:
    """What is entered is only tried, so that nothing is stored of it."""
    path = f"/api/llm-provider/verify-capabilities/{lost.pk}"
    response = envelope(as_alice.post(path, {"api_keys": [OTHER_KEY]}))
    assert (response["code"], response["data"]["supports_multimodal"]) == (200, True)
    assert {request.key for request in vendor.requests} == {OTHER_KEY}
    assert Provider.objects.get().key == lost.key
    assert not Probe.objects.exists()
