"""manage.py rotate_encryption_keys"""

import tracemalloc
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from pytest_django import Settings

from providers.models import Provider
from sage_platform.accounts.models import User
from sage_platform.encryption import Sealed, key_id
from sage_platform.management.commands import rotate_encryption_keys
from sage_platform.oauth2.models import SigningKey
from tests.e2e.served import prepared

pytestmark = pytest.mark.django_db

OLD, NEW, LOST = (Fernet.generate_key().decode() for _key in range(3))
ADDRESS = "https://vendor.example/v1"
KEYS, SIGNING = "providers.Provider.key", "oauth2.SigningKey.private_key"
Run = Callable[..., str]


@pytest.fixture
def keys(settings: Settings) -> Callable[..., None]:
    """Sets the ring of the deployment, newest first."""

    def put(*ring: str) -> None:
        settings.SAGE_ENCRYPTION_KEYS = list(ring)

    put(OLD)
    return put


@pytest.fixture
def rotate(keys: Callable[..., None]) -> Run:
    """Runs the command and gives what it told."""

    def run(*arguments: str) -> str:
        told = StringIO()
        call_command("rotate_encryption_keys", *arguments, stdout=told)
        return told.getvalue()

    return run


def fill(owner: User, amount: int, *, first: int = 0) -> None:
    """So many providers, each with a key of its own: `key-7` and so on."""
    Provider.objects.bulk_create(
        Provider(
            owner=owner,
            name=f"{number}",
            base_url=ADDRESS,
            model="one",
            key=Sealed.of(f"key-{number}"),
            key_hint="***",
            config_digest=f"{number:064x}",
        )
        for number in range(first, first + amount)
    )


def readable() -> list[str]:
    """The keys as the ring of the moment reads them, in the order of their making."""
    return [provider.key.reveal() for provider in sorted(Provider.objects.all(), key=lambda each: int(each.name))]


def under(key: str) -> int:
    return Provider.objects.filter(key__startswith=f"{key_id(key)}:").count()


def expected(amount: int) -> list[str]:
    return [f"key-{number}" for number in range(amount)]


def test_everything_is_encrypted_anew_and_read_by_the_new_key_alone(rotate: Run, keys: Callable[..., None], alice: User) -> None:
    fill(alice, 5)
    signing = SigningKey.objects.create(kid="one", private_key=Sealed.of("a private half"), public_jwk={})
    before = list(Provider.objects.order_by("pk").values().values_list())
    keys(NEW, OLD)
    assert rotate() == f"{SIGNING}: 1 encrypted anew\n{KEYS}: 5 encrypted anew\n"
    keys(NEW)
    assert readable() == expected(5)
    signing.refresh_from_db()
    assert signing.private_key.reveal() == "a private half"
    after = list(Provider.objects.order_by("pk").values().values_list())
    changed = {
        name for old, new in zip(before, after, strict=True) for name, a, b in zip(COLUMNS, old, new, strict=True) if a != b
    }
    assert changed == {"key"}  # Not even the time of the last change.


COLUMNS = [field.attname for field in Provider._meta.concrete_fields]


def test_running_it_again_changes_nothing(rotate: Run, keys: Callable[..., None], alice: User) -> None:
    fill(alice, 3)
    keys(NEW, OLD)
    rotate()
    before = list(Provider.objects.order_by("pk").values_list("key", flat=True))
    assert rotate() == f"{SIGNING}: 0 encrypted anew\n{KEYS}: 0 encrypted anew\n"
    assert list(Provider.objects.order_by("pk").values_list("key", flat=True)) == before


def test_a_dry_run_counts_and_changes_nothing(rotate: Run, keys: Callable[..., None], alice: User) -> None:
    fill(alice, 3)
    keys(NEW, OLD)
    fill(alice, 2, first=3)
    before = list(Provider.objects.order_by("pk").values_list("key", flat=True))
    assert rotate("--dry-run") == f"{SIGNING}: 0 to encrypt anew\n{KEYS}: 3 to encrypt anew\n"
    assert list(Provider.objects.order_by("pk").values_list("key", flat=True)) == before


def test_a_dry_run_says_what_cannot_be_read(rotate: Run, keys: Callable[..., None], alice: User) -> None:
    keys(LOST)
    fill(alice, 2)
    keys(OLD)
    fill(alice, 1, first=2)
    damaged = Provider.objects.get(name="2")
    Provider.objects.filter(pk=damaged.pk).update(key=Sealed(damaged.key.stored[:-4]))
    assert rotate("--dry-run") == (
        f"{SIGNING}: 0 to encrypt anew\n{KEYS}: 2 to encrypt anew, 3 cannot be read by any key of SAGE_ENCRYPTION_KEYS\n"
    )


def test_what_no_key_opens_is_left_alone_and_said_and_the_others_are_done(
    rotate: Run, keys: Callable[..., None], alice: User
) -> None:
    keys(LOST)
    fill(alice, 2)
    keys(OLD)
    fill(alice, 4, first=2)
    unreadable = set(Provider.objects.filter(name__in=["0", "1"]).values_list("key", flat=True))
    keys(NEW, OLD)
    with pytest.raises(CommandError) as refused:
        rotate()
    assert (
        str(refused.value) == "2 cannot be read: their key is not in SAGE_ENCRYPTION_KEYS. Add it at the end, and run this again."
    )
    assert (under(NEW), under(OLD), under(LOST)) == (4, 0, 2)
    assert set(Provider.objects.filter(name__in=["0", "1"]).values_list("key", flat=True)) == unreadable
    keys(NEW, OLD, LOST)
    assert rotate() == f"{SIGNING}: 0 encrypted anew\n{KEYS}: 2 encrypted anew\n"
    keys(NEW)
    assert readable() == expected(6)


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Do this once, after the command has read its first batch and before it writes it."""
    real = rotate_encryption_keys.replace
    waiting = [act]

    def replace(*arguments: Any) -> None:
        while waiting:
            waiting.pop()()
        real(*arguments)

    monkeypatch.setattr(rotate_encryption_keys, "replace", replace)


def test_a_key_that_a_person_changes_meanwhile_is_theirs(
    rotate: Run, keys: Callable[..., None], alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(alice, 3)
    keys(NEW, OLD)
    meanwhile(monkeypatch, lambda: Provider.objects.filter(name="1").update(key=Sealed.of("mine")))
    rotate()
    keys(NEW)
    assert readable() == ["key-0", "mine", "key-2"]


def test_a_process_that_still_writes_under_the_former_key_is_noticed(
    rotate: Run, keys: Callable[..., None], alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else somebody would take the former key away, and what that process wrote could never be read again."""
    fill(alice, 3)
    late = Sealed.of("late")
    keys(NEW, OLD)
    meanwhile(monkeypatch, lambda: Provider.objects.filter(name="1").update(key=late))
    with pytest.raises(CommandError) as refused:
        rotate()
    assert str(refused.value) == (
        "1 were written under a former key meanwhile. Restart every process with the new setting, and run this again."
    )
    assert rotate() == f"{SIGNING}: 0 encrypted anew\n{KEYS}: 1 encrypted anew\n"
    keys(NEW)
    assert readable() == ["key-0", "late", "key-2"]


def test_progress_is_shown_beside_the_result(
    rotate: Run, keys: Callable[..., None], alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(alice, 3)
    keys(NEW, OLD)
    rotate()
    shown = capsys.readouterr()
    assert KEYS in shown.err
    assert "100%" in shown.err
    assert shown.out == ""
    assert "key-" not in shown.err


def test_its_memory_does_not_grow_with_the_rows(rotate: Run, keys: Callable[..., None], alice: User) -> None:
    """Eight times the rows would take about eight times the memory, were they kept; four times leaves room for the rest."""

    def peak(first: int, amount: int) -> int:
        keys(OLD)
        fill(alice, amount, first=first)
        keys(NEW, OLD)
        tracemalloc.start()
        try:
            rotate()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(0, 600)  # What is loaded once is loaded now.
    few, many = peak(600, 600), peak(1200, 4800)
    assert many < 4 * few
    keys(NEW)
    assert readable() == expected(6000)


# -- Killed with -9 -------------------------------------------------------------------------------------------------------

# One process that starts others as copies of itself, because each start of Django takes seconds on a busy machine.
KILLING = """
import os, signal
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from sage_platform.accounts.models import User
from sage_platform.management.commands import rotate_encryption_keys as command
from tests.commands.test_rotate_encryption_keys import expected, fill, readable, under

def killed(act):
    # A connection belongs to one process, and so does a pool of them.
    connections.close_all()
    getattr(connection, "close_pool", lambda: None)()
    child = os.fork()
    if not child:
        act()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

# The process ends itself by the signal that nothing can catch, in the middle of its second batch.
def while_encrypting():
    real, calls = command.encrypt, iter(range(749))
    command.encrypt = lambda text: real(text) if next(calls, None) is not None else os.kill(os.getpid(), signal.SIGKILL)
    call_command("rotate_encryption_keys")

# When everything of a batch is written and nothing of it committed.
def before_the_commit():
    def wrap(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        return os.kill(os.getpid(), signal.SIGKILL) if many else result
    with connection.execute_wrapper(wrap):
        call_command("rotate_encryption_keys")

call_command("migrate", verbosity=0)
old, new = settings.SAGE_ENCRYPTION_KEYS
settings.SAGE_ENCRYPTION_KEYS = [old]
fill(User.objects.create(id="alice", username="alice"), 1500)
settings.SAGE_ENCRYPTION_KEYS = [new, old]
for act in (while_encrypting, before_the_commit):
    print(killed(act), readable() == expected(1500), under(new), flush=True)
call_command("rotate_encryption_keys")
settings.SAGE_ENCRYPTION_KEYS = [new]
print(readable() == expected(1500), under(new))
"""


def test_killed_at_any_moment_and_started_again_it_ends_with_everything_readable() -> None:
    none = f"{SIGNING}: 0 encrypted anew\n"
    with prepared() as platform:
        done = platform.manage("shell", "--no-imports", "-c", KILLING, SAGE_ENCRYPTION_KEYS=f"{OLD},{NEW}")
    after_each = f"{none}-9 True 500\n" * 2
    assert done.returncode == 0, done.stderr
    assert done.stdout == after_each + none + f"{KEYS}: 1000 encrypted anew\nTrue 1500\n"
