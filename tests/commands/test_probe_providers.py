"""manage.py probe_providers"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from providers import probing
from providers.models import Probe, Provider
from providers.probing import ModelEndpoint
from providers.services.probes import probe_all
from sage_platform.accounts.models import LimitedAct, User
from tests.e2e.served import lay_database, prepared
from tests.provider_rows import KEY, MODEL, make_provider, stored
from tests.vendor import Exchange, Vendor, after, scripted_vendor

pytestmark = pytest.mark.django_db

Run = Callable[..., list[list[str]]]
HEAD = ["owner", "provider", "address", "model", "before", "now", "took"]


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parallel test run tells its processes of a narrow one, in which cells are cut."""
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture
def vendor(settings: Settings) -> Iterator[Vendor]:
    settings.SAGE_OUTBOUND_ALLOW_PRIVATE = True
    with scripted_vendor() as made:
        yield made


def rows_of(table: str) -> list[list[str]]:
    """The cells of a printed table; how long each took is left out."""
    rows = [[cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")] for line in table.splitlines()]
    rows = [row for row in rows if len(row) == len(HEAD)]
    return [[*row[:-1], "some ms" if row[-1].removesuffix(" ms").isdigit() else row[-1]] for row in rows]


def probe(*arguments: str) -> list[list[str]]:
    """Runs the command and gives the rows of its table."""
    told = StringIO()
    call_command("probe_providers", *arguments, stdout=told)
    head, *rows = rows_of(told.getvalue())
    assert head == HEAD
    return rows


def worked(owner: User | None, base_url: str, **values: Any) -> Provider:
    """One that worked when it was last asked, a while ago."""
    return make_provider(owner, base_url, probe_result="works", probed_at=timezone.now(), probe_latency_ms=1, **values)


def test_every_provider_is_asked_once_and_told_in_a_table(alice: User, bob: User, vendor: Vendor) -> None:
    make_provider(None, vendor.base_url, name="Ours")
    worked(alice, vendor.base_url, name="First")
    make_provider(alice, vendor.base_url, name="Second", model="other")
    make_provider(bob, vendor.base_url, name="Bob's", probe_result="fails", probe_category="timeout")
    address = vendor.base_url
    assert sorted(probe()) == [
        ["(system)", "Ours", address, MODEL, "-", "works", "some ms"],
        ["alice", "First", address, MODEL, "works", "works", "some ms"],
        ["alice", "Second", address, "other", "-", "works", "some ms"],
        ["bob", "Bob's", address, MODEL, "fails", "works", "some ms"],
    ]
    assert [received.key for received in vendor.requests] == [KEY] * 4
    assert sorted(received.body["model"] for received in vendor.requests if received.body) == sorted([MODEL] * 3 + ["other"])


def test_the_results_are_kept(alice: User, vendor: Vendor) -> None:
    provider = make_provider(alice, vendor.base_url)
    changed = provider.updated_at
    before = timezone.now()
    probe()
    provider.refresh_from_db()
    assert provider.probed_at
    assert before < provider.probed_at < timezone.now()
    assert (provider.probe_result, provider.probe_category, provider.updated_at) == ("works", "", changed)
    kept = Probe.objects.get()
    assert (kept.provider_id, kept.at, kept.result, kept.latency_ms) == (
        provider.pk, provider.probed_at, "works", provider.probe_latency_ms,
    )  # fmt: skip
    assert (kept.category, kept.detail, kept.sees_images, kept.speaks_json) == ("", "", "", "")


def test_one_that_worked_and_no_longer_does_is_a_failure(alice: User, vendor: Vendor) -> None:
    provider = worked(alice, vendor.base_url)
    vendor.behave("quota_429")
    told = StringIO()
    with pytest.raises(CommandError) as failed:
        call_command("probe_providers", stdout=told)
    assert str(failed.value) == "1 that worked no longer does."
    assert rows_of(told.getvalue())[1:] == [["alice", "Acme", vendor.base_url, MODEL, "works", "fails: quota", "-"]]
    provider.refresh_from_db()
    assert (provider.probe_result, provider.probe_category, provider.probe_latency_ms) == ("fails", "quota", None)
    assert Probe.objects.get().detail == "You exceeded your current quota, please check your plan and billing details."


def test_several_are_counted_and_the_next_time_it_is_no_news(alice: User, vendor: Vendor) -> None:
    for number in range(3):
        worked(alice, vendor.base_url, model=f"model-{number}")
    vendor.behave("unauthorized_401")
    with pytest.raises(CommandError, match=r"\A3 that worked no longer do\.\Z"):
        probe()
    assert [row[4:6] for row in probe()] == [["fails", "fails: authentication"]] * 3


def test_one_that_never_worked_is_no_failure(alice: User, vendor: Vendor) -> None:
    make_provider(alice, vendor.base_url, model="never asked")
    make_provider(alice, vendor.base_url, model="failed", probe_result="fails", probe_category="service")
    vendor.behave("error_500")
    assert sorted(row[3:6] for row in probe()) == [["failed", "fails", "fails: service"], ["never asked", "-", "fails: service"]]


def test_a_key_that_can_no_longer_be_read_is_told_and_the_others_are_asked(
    alice: User, vendor: Vendor, settings: Settings
) -> None:
    lost = worked(alice, vendor.base_url, name="Lost")
    settings.SAGE_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    make_provider(alice, vendor.base_url, name="Good", model="other")
    told = StringIO()
    with pytest.raises(CommandError, match=r"\A1 that worked no longer does\.\Z"):
        call_command("probe_providers", stdout=told)
    assert sorted(row[1:2] + row[5:6] for row in rows_of(told.getvalue())[1:]) == [
        ["Good", "works"], ["Lost", "fails: authentication"],
    ]  # fmt: skip
    assert len(vendor.requests) == 1
    lost.refresh_from_db()
    assert lost.probe_result == "fails"


def test_one_whose_check_crashes_is_told_and_the_others_are_asked(
    alice: User, bob: User, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One person's vendor must not stop the check of everybody's."""
    hostile, good = (
        worked(alice, vendor.base_url, name="Hostile", model="hostile"),
        make_provider(bob, vendor.base_url, name="Good"),
    )
    before = stored()[0]
    check = probing.check_connection

    def crashing(target: ModelEndpoint, *, timeout: float) -> Any:
        if target.model == "hostile":
            raise ValueError("what the vendor said")
        return check(target, timeout=timeout)

    monkeypatch.setattr(probing, "check_connection", crashing)
    told = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("probe_providers", stdout=told)
    assert str(caught.value) == "1 could not be checked: the check itself crashed, see the log."
    assert sorted(row[1:2] + row[5:6] for row in rows_of(told.getvalue())[1:]) == [["Good", "works"], ["Hostile", "crashed"]]
    good.refresh_from_db()
    assert good.probe_result == "works"
    assert [row for row in stored()[0] if row["id"] == hostile.pk] == [row for row in before if row["id"] == hostile.pk]


def test_only_those_of_one_person(alice: User, bob: User, vendor: Vendor) -> None:
    mine = make_provider(alice, vendor.base_url)
    for other in (bob, None):
        make_provider(other, vendor.base_url)
    assert [row[0] for row in probe("--owner", "ALICE")] == ["alice"]
    assert [row[0] for row in probe("--owner", "alice@sage.example")] == ["alice"]
    assert set(Probe.objects.values_list("provider", flat=True)) == {mine.pk}


def test_only_the_system_s_own(alice: User, vendor: Vendor) -> None:
    ours = make_provider(None, vendor.base_url)
    make_provider(alice, vendor.base_url)
    assert [row[0] for row in probe("--system")] == ["(system)"]
    assert set(Probe.objects.values_list("provider", flat=True)) == {ours.pk}


def test_a_name_that_nobody_has_is_refused(alice: User, vendor: Vendor) -> None:
    make_provider(alice, vendor.base_url)
    with pytest.raises(CommandError, match=r"\AThere is no user named carol\.\Z"):
        probe("--owner", "carol")
    with pytest.raises(CommandError, match="not allowed with argument"):
        probe("--owner", "alice", "--system")
    assert vendor.requests == []


def test_a_dry_run_asks_nothing_and_changes_nothing(alice: User, vendor: Vendor) -> None:
    worked(alice, vendor.base_url)
    make_provider(alice, vendor.base_url, model="other")
    before = stored()
    assert sorted(probe("--dry-run")) == [
        ["alice", "Acme", vendor.base_url, "other", "-", "-", "-"],
        ["alice", "Acme", vendor.base_url, MODEL, "works", "-", "-"],
    ]
    assert vendor.requests == []
    assert stored() == before


def last_line(*arguments: str) -> str:
    told = StringIO()
    call_command("probe_providers", *arguments, stdout=told)
    return told.getvalue().splitlines()[-1]


def test_nobody_has_one(vendor: Vendor) -> None:
    assert probe() == []
    assert last_line() == "0 checked, 0 connected, 0 failed."


def test_the_sum_is_the_last_line(alice: User, vendor: Vendor) -> None:
    make_provider(alice, vendor.base_url)
    make_provider(alice, vendor.base_url, model="other")
    assert last_line("--dry-run") == "2 would be checked."
    with scripted_vendor() as broken:
        broken.behave("error_500")
        make_provider(alice, broken.base_url, model="broken")
        assert last_line() == "3 checked, 2 connected, 1 failed."


@pytest.mark.parametrize(("columns", "width"), [("100", 100), ("", 160)])
def test_the_table_is_as_wide_as_the_terminal(
    columns: str, width: int, alice: User, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is none, it is wide enough for addresses."""
    monkeypatch.setenv("COLUMNS", columns)
    make_provider(alice, f"{vendor.base_url}/{'v1/' * 70}")
    told = StringIO()
    call_command("probe_providers", "--dry-run", stdout=told)
    assert {len(line) for line in told.getvalue().splitlines()[1:-2]} == {width}


def test_progress_is_shown_beside_the_table(alice: User, vendor: Vendor, capsys: pytest.CaptureFixture[str]) -> None:
    make_provider(alice, vendor.base_url)
    probe()
    shown = capsys.readouterr()
    assert "Probing" in shown.err
    assert "100%" in shown.err
    assert shown.out == ""


def test_it_counts_towards_nobody_s_rate(alice: User, vendor: Vendor) -> None:
    for number in range(12):
        make_provider(alice, vendor.base_url, model=f"model-{number}")
    assert [row[5] for row in probe()] == ["works"] * 12
    assert not LimitedAct.objects.exists()


def test_slow_vendors_are_asked_side_by_side(alice: User, vendor: Vendor) -> None:
    for number in range(8):
        make_provider(alice, vendor.base_url, model=f"model-{number}")
    everybody = threading.Barrier(8)

    def together(exchange: Exchange) -> None:
        everybody.wait(timeout=20)  # Nobody is answered until all of them have asked.
        after(0)(exchange)

    vendor.behave(together)
    assert [row[5] for row in probe()] == ["works"] * 8
    assert vendor.most_at_once == 8


def test_a_dead_vendor_takes_its_time_once_and_the_rest_is_asked(alice: User, vendor: Vendor, settings: Settings) -> None:
    settings.SAGE_PROBE_TIMEOUT = 2
    with ExitStack() as stack:
        dead = stack.enter_context(scripted_vendor())
        dead.behave("hang")
        for number in range(8):
            make_provider(alice, dead.base_url, model=f"model-{number}")
        make_provider(alice, vendor.base_url)
        began = time.monotonic()
        assert sorted(row[5] for row in probe()) == ["fails: timeout"] * 8 + ["works"]
        assert time.monotonic() - began < 8


def test_one_that_is_deleted_before_its_turn_stays_gone(alice: User, vendor: Vendor) -> None:
    provider = make_provider(alice, vendor.base_url)
    Provider.objects.all().delete()
    assert [finding.works for _provider, finding in probe_all([provider], at_once=1)] == [True]
    assert not Provider.objects.exists()
    assert not Probe.objects.exists()


def test_a_stranger_s_words_do_not_break_the_table(alice: User, vendor: Vendor) -> None:
    """Names may hold what the table's library takes for markup, or what steers a terminal."""
    make_provider(alice, vendor.base_url, name="[red]Acme[/red] [/] :smile:")
    make_provider(alice, vendor.base_url, name="\x1b[2JAcme\nInc.", model="other")
    assert [row[1] for row in probe()] == ["[red]Acme[/red] [/] :smile:", "[2JAcme Inc."]


def test_the_exit_codes_of_the_process(vendor: Vendor) -> None:
    """0, and 1 with one line on stderr after the progress."""
    settings = {
        "SAGE_DEFAULT_LLM_API_KEY": KEY,
        "SAGE_DEFAULT_LLM_API_BASE_URL": vendor.base_url,
        "SAGE_DEFAULT_LLM_MODEL_NAME": MODEL,
    }
    with prepared(**settings) as platform:
        lay_database(platform)
        assert platform.manage("bootstrap").returncode == 0
        good = platform.manage("probe_providers")
        assert (good.returncode, rows_of(good.stdout)[1][:2]) == (0, ["(system)", "System default"])
        vendor.behave("error_500")
        bad = platform.manage("probe_providers")
        assert (bad.returncode, bad.stderr.splitlines()[-1]) == (1, "CommandError: 1 that worked no longer does.")
        assert rows_of(bad.stdout)[1][4:6] == ["works", "fails: service"]
