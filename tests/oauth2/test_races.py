"""Two at the same moment: a code, a refresh token, an end that must not be missed. On PostgreSQL they really overlap."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection, transaction

from sage_platform.accounts.models import User
from sage_platform.accounts.services import users
from sage_platform.oauth2 import client_secrets, clients, consents, keys, tokens
from sage_platform.oauth2.models import AccessToken, Application, Consent, FormerSecret, RefreshToken, SigningKey
from sage_platform.oauth2.registration import Registration
from tests.oauth2_clients import CALLBACK, SECRET, Program, allow, answer_in, code_for, request_of
from tests.people import Caller
from tests.racing import SECONDS, all_at_once, begin, where_rows_are_locked

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = range(8)


def living() -> tuple[int, int]:
    return AccessToken._default_manager.count(), RefreshToken._default_manager.filter(revoked=None).count()


@pytest.fixture
def ready(as_alice: Caller, lage: Application) -> Caller:
    allow(as_alice.user, lage)
    return as_alice


@pytest.mark.parametrize("_round", ROUNDS)
def test_a_code_exchanged_twice_leaves_nothing(_round: int, ready: Caller) -> None:
    """RFC 6749 §4.1.2: one of the two gets tokens, and the other's try ends them."""
    code = code_for(ready)
    answers = all_at_once(*[lambda: Program().exchange(code)] * 2)
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    assert [answer.json()["error"] for answer in answers if answer.status_code == 400] == ["invalid_grant"]
    assert living() == (0, 0)


@pytest.mark.parametrize("_round", ROUNDS)
def test_a_refresh_token_used_twice_leaves_nothing(_round: int, ready: Caller) -> None:
    """RFC 9700 §4.14.2: one of the two wins, and then the whole family is over."""
    pair = Program().exchange(code_for(ready)).json()
    answers = all_at_once(*[lambda: Program().refresh(pair["refresh_token"])] * 2)
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    assert living() == (0, 0)


@pytest.mark.parametrize("_round", ROUNDS)
def test_revoking_while_it_is_refreshed(_round: int, ready: Caller) -> None:
    pair = Program().exchange(code_for(ready)).json()
    refreshed, revoked = all_at_once(
        lambda: Program().refresh(pair["refresh_token"]), lambda: Program().revoke(pair["refresh_token"])
    )
    assert (refreshed.status_code in {200, 400}, revoked.status_code) == (True, 200)
    assert living() == (0, 0)


@pytest.mark.parametrize("_round", ROUNDS)
def test_withdrawing_while_it_is_refreshed(_round: int, ready: Caller) -> None:
    pair = Program().exchange(code_for(ready)).json()
    refreshed, _done = all_at_once(
        lambda: Program().refresh(pair["refresh_token"]), lambda: consents.withdraw(Consent.objects.get())
    )
    assert refreshed.status_code in {200, 400}
    assert living() == (0, 0)


@pytest.mark.parametrize("_round", ROUNDS)
def test_withdrawing_while_a_code_is_exchanged(_round: int, ready: Caller) -> None:
    code = code_for(ready)
    exchanged, _done = all_at_once(lambda: Program().exchange(code), lambda: consents.withdraw(Consent.objects.get()))
    assert exchanged.status_code in {200, 400}
    assert living() == (0, 0)


# -- In an order of our own -----------------------------------------------------------------------------------------------


@contextmanager
def all_written_and_nothing_committed(user: User) -> Iterator[None]:
    """Whoever issues for this user meanwhile waits at the very end, where PostgreSQL asks whether the user of the new rows is
    there.
    """
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        yield


@where_rows_are_locked
def test_a_code_that_is_given_out_while_the_consent_is_withdrawn(ready: Caller) -> None:
    """The approval still sees the consent, and the withdrawal does not see the code. So the exchange has to wait and look."""
    with transaction.atomic():
        consents.withdraw(Consent.objects.get())
        [code] = all_at_once(lambda: code_for(ready))
        exchanging = begin(lambda: Program().exchange(code))
    answer = exchanging.result(SECONDS)
    assert (answer.status_code, answer.json().get("error")) == (400, "invalid_grant")
    assert living() == (0, 0)
    assert not Consent.objects.exists()


@where_rows_are_locked
def test_revoking_while_a_refresh_is_about_to_be_committed(ready: Caller) -> None:
    pair = Program().exchange(code_for(ready)).json()
    with all_written_and_nothing_committed(ready.user):
        refreshing = begin(lambda: Program().refresh(pair["refresh_token"]))
        revoking = begin(lambda: Program().revoke(pair["refresh_token"]))
    refreshed, revoked = refreshing.result(SECONDS), revoking.result(SECONDS)
    assert (refreshed.status_code, revoked.status_code) == (200, 200)
    assert Program().userinfo(refreshed.json()["access_token"]).status_code == 401
    assert living() == (0, 0)


@where_rows_are_locked
def test_a_withdrawal_first_waits_for_whoever_is_issuing(ready: Caller) -> None:
    """Had it looked for tokens before it waits, it would have missed those of this exchange."""
    with transaction.atomic():
        Consent.objects.select_for_update().get()  # As the exchange does.
        withdrawing = begin(lambda: consents.withdraw(Consent.objects.get()))
        [code] = all_at_once(lambda: code_for(ready))
        exchanged = Program().exchange(code)
    assert (exchanged.status_code, withdrawing.result(SECONDS)) == (200, 2)
    assert Program().userinfo(exchanged.json()["access_token"]).status_code == 401
    assert living() == (0, 0)


@where_rows_are_locked
def test_a_code_exchanged_again_while_the_first_is_about_to_be_committed(ready: Caller) -> None:
    code = code_for(ready)
    with all_written_and_nothing_committed(ready.user):
        first, second = (begin(lambda: Program().exchange(code)) for _ in range(2))
    answers = [first.result(SECONDS), second.result(SECONDS)]
    assert [answer.status_code for answer in answers] == [200, 400]
    assert living() == (0, 0)


@where_rows_are_locked
def test_a_start_that_switches_a_client_off_while_a_code_is_exchanged(
    ready: Caller, lage: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has locked the clients, and then ends what they have. Neither may wait for the other, or the database ends one."""
    Application.objects.update(source=Application.Source.ENVIRONMENT)
    code, switch, exchanging = code_for(ready), clients.set_enabled, []

    def exchanged_before(row: Application, *, enabled: bool) -> int:
        exchanging.append(begin(lambda: Program().exchange(code)))
        return switch(row, enabled=enabled)

    monkeypatch.setattr(clients, "set_enabled", exchanged_before)
    assert clients.sync([]).disabled == ["lage"]
    assert exchanging[0].result(SECONDS).status_code == 200
    assert living() == (0, 0)


@where_rows_are_locked
def test_a_user_is_deleted_while_a_code_is_exchanged(ready: Caller, admin: User) -> None:
    """The exchange holds the consent and then asks for the user. Nobody may hold the user and then ask for the consent."""
    code = code_for(ready)
    with transaction.atomic():
        Consent.objects.select_for_update().get()  # As the exchange does.
        deleting = begin(lambda: users.delete_user(ready.user.pk, actor=admin))
        exchanged = Program().exchange(code)
    assert (exchanged.status_code, deleting.result(SECONDS)) == (200, None)
    assert Program().userinfo(exchanged.json()["access_token"]).status_code == 401
    assert not User.objects.filter(pk=ready.user.pk).exists()
    assert living() == (0, 0)


@where_rows_are_locked
def test_a_client_is_deleted_while_a_code_is_exchanged(ready: Caller, as_admin: Caller, lage: Application) -> None:
    code, address = code_for(ready), f"/admin/oauth2/application/{lage.pk}/delete/"
    with transaction.atomic():
        Consent.objects.select_for_update().get()  # As the exchange does.
        deleting = begin(lambda: as_admin.form(address, {"post": "yes"}))
        exchanged = Program().exchange(code)
    assert (exchanged.status_code, deleting.result(SECONDS).status_code) == (200, 302)
    assert Program().userinfo(exchanged.json()["access_token"]).status_code == 401
    assert not Application.objects.exists()
    assert living() == (0, 0)


@where_rows_are_locked
def test_a_consent_that_is_given_while_the_former_one_is_withdrawn(ready: Caller) -> None:
    """The withdrawal ends what was, and the person's new word counts."""
    address = "/oauth2/authorize?" + urlencode(request_of(scope="openid"))
    with transaction.atomic():
        Consent.objects.update(scopes="profile")
        consents.withdraw(Consent.objects.get())
        allowing = begin(lambda: ready.form(address, {"decision": "allow"}))
    assert Program().exchange(answer_in(allowing.result(SECONDS))["code"]).status_code == 200
    assert Consent.objects.get().scopes == "openid"


@where_rows_are_locked
def test_of_two_consents_at_the_same_moment_neither_is_forgotten(ready: Caller, lage: Application) -> None:
    with transaction.atomic():
        Consent.objects.update(scopes="openid profile")
        remembering = begin(lambda: consents.remember(ready.user, lage, ["email"]))
        Consent.objects.update(scopes="openid profile usage:write")
    remembering.result(SECONDS)
    assert Consent.objects.get().scopes == "openid profile usage:write email"


def test_a_withdrawal_stays_though_somebody_is_being_let_through(ready: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """The consent was still there when it was asked for, and nobody has given it anew."""

    def withdrawn_after(*asked: Any) -> bool:
        found = covers(*asked)
        consents.withdraw(Consent.objects.get())
        return found

    covers = consents.covers
    monkeypatch.setattr(consents, "covers", withdrawn_after)
    answer = Program().exchange(code_for(ready))
    assert (answer.status_code, answer.json().get("error")) == (400, "invalid_grant")
    assert not Consent.objects.exists()


def test_a_start_hashes_before_it_locks(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chosen secret is hashed slowly, and nobody else could write meanwhile."""
    within: list[bool] = []

    def noted(real: Any) -> Any:
        def judged(*given: str) -> Any:
            within.append(connection.in_atomic_block)
            return real(*given)

        return judged

    for name in ("hashed", "matches"):
        monkeypatch.setattr(client_secrets, name, noted(getattr(client_secrets, name)))
    for secret in ("the first that was chosen", "the first that was chosen", "another one"):
        clients.sync([Registration("lage", client_secret=secret, redirect_uris=[CALLBACK])])
        assert client_secrets.matches(secret, Application.objects.get().client_secret)
    assert set(within) == {False}


def test_a_start_and_a_new_secret_at_the_same_moment(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret that was looked at is no longer the stored one: it is judged anew, and the environment's counts."""
    declared = Registration("lage", client_secret=SECRET, redirect_uris=[CALLBACK])
    clients.sync([declared])
    real = client_secrets.matches

    def renewed_after(secret: str, stored: str) -> bool:
        monkeypatch.setattr(client_secrets, "matches", real)
        assert clients.renew_secret(Application.objects.get())
        return real(secret, stored)

    monkeypatch.setattr(client_secrets, "matches", renewed_after)
    clients.sync([declared])
    assert client_secrets.matches(SECRET, Application.objects.get().client_secret)
    assert not FormerSecret.objects.exists()


# -- One row of each ------------------------------------------------------------------------------------------------------


def test_two_approvals_remember_one_consent(as_alice: Caller, lage: Application) -> None:
    all_at_once(*[lambda: consents.remember(as_alice.user, lage, ["openid"])] * 4)
    assert Consent.objects.get().scopes == "openid"


def test_machines_that_sync_at_once_make_one_client(db: None) -> None:
    client = Registration("lage", client_secret=SECRET, redirect_uris=[CALLBACK])
    done: list[Any] = all_at_once(*[lambda: clients.sync([client])] * 4)
    assert sorted(len(one.created) for one in done) == [0, 0, 0, 1]
    assert Application.objects.count() == 1


@pytest.fixture
def quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "BITS", 1024)


def test_several_first_starts_make_one_key(quick_keys: None) -> None:
    found = all_at_once(*[lambda: keys.ensure().kid] * 4)
    assert len(set(found)) == 1
    assert SigningKey.objects.count() == 2


def test_two_rotations_leave_one_key_that_signs(quick_keys: None) -> None:
    keys.ensure()
    all_at_once(*[keys.rotate] * 2)
    assert SigningKey.objects.filter(activated_at__isnull=False, retired_at=None).count() == 1
    assert SigningKey.objects.filter(activated_at=None).count() == 1


def test_ending_a_family_twice(ready: Caller, alice: User) -> None:
    Program().exchange(code_for(ready))
    family = AccessToken._default_manager.get().token_family
    all_at_once(*[lambda: tokens.end_family(family)] * 4)
    assert living() == (0, 0)
