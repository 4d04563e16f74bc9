"""A key is an `ApiKey` from the request to the outbound call: no variable of ours on the way holds its text."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import providers
from providers.keys import ApiKey
from providers.probing import ModelEndpoint, complaints, pictures, vendor_text
from providers.services import records
from sage_platform.outbound.connection import OneHop
from tests.people import Caller, envelope
from tests.provider_rows import KEY, OTHER_KEY, fields, make_provider
from tests.providers.searching import Gathered, texts_within, variables_of_the_callers
from tests.vendor import Vendor


class Place(NamedTuple):
    """Where a look around is taken, and a function that must be among the callers."""

    owner: object
    name: str
    caller: str


PLACES = [
    Place(OneHop, "open", "providers.probing.calls._send"),
    Place(complaints, "parse", "providers.probing.chat.read_answer"),
    Place(vendor_text, "_cut", "providers.probing.vendor_text.answer"),
    Place(pictures, "colours_in", "providers.probing.pictures.names_colour"),
    Place(records, "record", "providers.services.records.create_provider"),
]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_no_variable_between_the_request_and_the_door_holds_it(
    request: pytest.FixtureRequest, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor: Vendor = request.getfixturevalue("vendor")
    as_alice: Caller = request.getfixturevalue("as_alice")
    provider = make_provider(request.getfixturevalue("alice"), vendor.base_url)
    gathered = Gathered()
    original: Callable[..., object] = getattr(place.owner, place.name)

    def look_around(*arguments: object, **options: object) -> object:
        for where, texts in variables_of_the_callers():
            gathered.take(where, texts)
        return original(*arguments, **options)

    monkeypatch.setattr(place.owner, place.name, look_around)
    for method, path, body in (
        ("POST", "verify", fields(vendor)),
        ("POST", "verify-capabilities", fields(vendor)),
        ("POST", f"verify-capabilities/{provider.pk}", {"model": "scripted-small"}),
        ("POST", "models", fields(vendor)),
        ("POST", "create", fields(vendor, model="other")),
        ("PUT", f"update/{provider.pk}", {"api_keys": [OTHER_KEY]}),
    ):
        assert envelope(as_alice.send(method, f"/api/llm-provider/{path}", body))["code"] == 200
    assert place.caller in {where for where, _texts in gathered.texts}
    assert gathered.leaks() == {}


def test_the_search_in_variables_finds_what_it_looks_for() -> None:
    class Holder:
        def __init__(self) -> None:
            self.held = {"a": [(KEY,)]}

    Holder.__module__ = "providers.somewhere"
    assert KEY in list(texts_within([Holder()]))
    assert [text for text in texts_within([ApiKey(KEY), ModelEndpoint("x", ApiKey(KEY), "m")]) if KEY in text] == []


def test_a_key_becomes_a_text_in_few_places() -> None:
    """Whoever adds one states it here: sent, digested, looked for in a vendor's words, or opened from the database."""
    source = Path(providers.__file__).parent
    calls = {str(path.relative_to(source)): path.read_text().count(".reveal()") for path in source.rglob("*.py")}
    assert {path: amount for path, amount in calls.items() if amount} == {
        "keys.py": 1,
        "probing/calls.py": 1,
        "probing/vendor_text.py": 7,
        "services/configs.py": 1,
    }


def test_two_keys_are_equal_by_their_texts() -> None:
    assert ApiKey(KEY) == ApiKey(KEY)
    assert hash(ApiKey(KEY)) == hash(ApiKey(KEY))
    assert ApiKey(KEY) != ApiKey(OTHER_KEY)
    assert ApiKey(KEY) != KEY
    assert ApiKey("sk-\ud800") == ApiKey("sk-\ud800")
    assert (bool(ApiKey("")), bool(ApiKey("x"))) == (False, True)
