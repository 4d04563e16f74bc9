"""A vendor that answers so as to hold or to crash us: texts made for slow patterns, bodies made for long walks."""

import json
import re
import time
from collections.abc import Callable
from functools import partial
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.keys import ApiKey
from providers.models import Provider
from providers.probing import complaints, vocabulary
from providers.probing.categories import category_of
from providers.probing.vendor_text import Cleaner
from sage_platform.accounts.models import User
from tests.answers import refused
from tests.people import Caller, envelope
from tests.provider_rows import KEY, fields, make_provider, stored
from tests.vendor import Vendor, answering, saying
from tests.vendor.behaviours import openai_error

pytestmark = pytest.mark.django_db

SERVICE = "The service answered with an error. Try again later, or ask the service."
# As much as an answer may be: the body of a completion has a mebibyte.
LONG = 300_000
SEEDS = [
    f"not found{' ' * LONG}x",
    *(
        seed * (LONG // len(seed))
        for seed in (
            "404", "<title", "model ", "<!--", "https://", "access ", "max tokens ", "*a", "a…", "sk-", "bearer ", "key=", "xxx",
            "&#9", "<script ", "\\u0073", "115 ", "%73", "invalid ", "does not exist ",
        )
    ),
]  # fmt: skip
SQUARES = [str(number * number) for number in range(20)]
WALKS = [
    {"error": [[[SQUARES] * 20] * 20] * 20},
    {"errors": [{"message": f"{n}", "details": [{"message": f"{n}-{inner}"} for inner in range(20)]} for n in range(900)]},
    {"error": {"message": json.dumps([[json.dumps(SQUARES)] * 20] * 20), "code": "c" * LONG, "param": "p" * LONG}},
]
PATTERNS = [vocabulary.WRONG_PATH, vocabulary.BUSY, vocabulary.ABOUT_A_MODEL, *vocabulary.WORDS.values()]


def texts(seed: str) -> list[bytes]:
    return [seed.encode(), json.dumps(openai_error(seed)).encode(), json.dumps({"error": seed, "choices": []}).encode()]


def took(act: Callable[[], object]) -> float:
    """CPU time of this thread, so that a busy machine makes no difference."""
    began = time.thread_time()
    act()
    return time.thread_time() - began


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed[:12].strip())
def test_no_text_holds_the_process(seed: str) -> None:
    """A pattern holds all threads while it looks, and no deadline ends it."""

    def read() -> None:
        for body in texts(seed):
            for status in (200, 400, 404, 500):
                complaint = complaints.read(body)
                category_of(status, complaint, model="scripted")
                Cleaner(ApiKey(KEY)).detail(complaint.words)
        complaint = complaints.read_value(openai_error(seed))
        assert len(complaint.words) <= 2000
        category_of(200, complaint)
        Cleaner(ApiKey(KEY)).answer(seed)
        Cleaner(ApiKey(KEY)).value({"a": [seed] * 20})

    assert took(read) < 1.5


@pytest.mark.parametrize("body", WALKS, ids=["nested lists", "many errors", "texts in texts"])
def test_no_body_holds_the_process(body: object) -> None:
    def read() -> None:
        complaint = complaints.read_value(body)
        category_of(200, complaint)
        assert len(complaint.words) <= 2000

    assert took(read) < 0.5


@pytest.mark.parametrize("pattern", PATTERNS)
def test_each_pattern_alone_is_quick_on_the_longest_words(pattern: "re.Pattern[str]") -> None:
    for seed in SEEDS:
        for words in (seed[:2000], seed[:1000] + "x" * 1000, "x" + seed[-1999:]):
            assert took(partial(pattern.search, words.lower())) < 0.2


ODD = st.text(alphabet=st.sampled_from("&#xX0123456789abcdefg;<>%\\u *…a\0\ud800"), max_size=100)
ECHOED = st.sampled_from([KEY, KEY.upper(), KEY[:9], KEY[-9:], quote(KEY), "".join(f"&#{ord(letter)};" for letter in KEY)])


@given(st.lists(st.one_of(ODD, ECHOED), max_size=5).map("".join))
def test_cleaning_fails_on_no_text_and_leaves_no_key_in_it(text: str) -> None:
    cleaner = Cleaner(ApiKey(KEY))
    for longer in (text, text * 40, f"&#{text.strip('#&;')}{'9' * 7000};{text}"):
        shown = f"{cleaner.detail(longer)} {cleaner.answer(longer)}".lower()
        assert [KEY[at : at + 8] for at in range(len(KEY) - 7) if KEY[at : at + 8].lower() in shown] == []


@pytest.mark.parametrize(
    ("entity", "shown"),
    [
        ("&#" + "9" * 1500 + ";", "Broken down"),
        ("&#x" + "f" * 1500 + ";", "Broken down"),
        ("&#1234567890", "Broken down"),
        ("&#" + "9" * 7000 + ";", "Broken"),
    ],
    ids=["decimal", "hexadecimal", "open", "endless"],
)
def test_a_number_that_is_no_character(entity: str, shown: str, vendor: Vendor, as_alice: Caller, alice: User) -> None:
    vendor.behave(answering(openai_error(f"Broken {entity} down"), status=400))
    expected = f"{SERVICE} The service says: {shown}"
    assert envelope(as_alice.post("/api/llm-provider/verify", fields(vendor))) == refused(500, expected)
    saved = as_alice.post("/api/llm-provider/create", fields(vendor))
    assert envelope(saved) == refused(500, f"Cannot save provider. {expected}")
    assert stored() == [[], []]


@pytest.mark.parametrize(
    "spread",
    [
        " ".join(KEY),
        "-".join(KEY),
        KEY[::-1],
        "".join(f"%{ord(letter):02x}" for letter in KEY),
        "".join(f"\\u00{ord(letter):02x}" for letter in KEY),
        "".join(f"\\x{ord(letter):02x}" for letter in KEY),
        " ".join(str(ord(letter)) for letter in KEY),
    ],
)
def test_a_key_with_something_between_its_letters(spread: str, vendor: Vendor, as_alice: Caller, alice: User) -> None:
    """Staff read what is kept of a probe."""
    provider = make_provider(alice, vendor.base_url)
    vendor.behave(answering(openai_error(f"This is no key of ours: {spread}"), status=400))
    body = envelope(as_alice.post(f"/api/llm-provider/verify-capabilities/{provider.pk}", {}))
    assert body["message"].endswith("The service says: ***")
    provider.refresh_from_db()
    assert provider.probes.get().detail == "***"
    vendor.behave(saying(f"Your key is {spread}"))
    body = envelope(as_alice.post("/api/llm-provider/verify-capabilities", fields(vendor)))
    assert body["data"]["connection"]["response"] == "***"
    assert Provider.objects.count() == 1
