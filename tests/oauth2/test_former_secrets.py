"""A client's new secret: the former one opens for a day yet, unless somebody says that it ends at once."""

import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import call_command

from sage_platform.oauth2 import client_secrets, clients
from sage_platform.oauth2.models import Application, FormerSecret
from tests.clock import Clock
from tests.oauth2.test_admin_clients import FIELDS, LIST, act, secret_in
from tests.oauth2_clients import NO_SECRET_SENT, SECRET, Program, make_client
from tests.people import Caller

pytestmark = pytest.mark.django_db
ALIVE = {"active": False}  # What introspection says of an unknown token, once it knows the client.


def opens(secret: str) -> bool:
    """At the token endpoint's kin, by HTTP Basic and in the body."""
    answers = [
        Program("lage", secret).introspect("x"),
        Program("lage", "").post("/oauth2/introspect", {"token": "x", "client_secret": secret}),
    ]
    assert [answer.json() for answer in answers] in ([ALIVE] * 2, [{"error": "invalid_client"} if secret else NO_SECRET_SENT] * 2)
    return bool(answers[0].json() == ALIVE)


@pytest.fixture
def lage() -> Application:
    return make_client(token_endpoint_auth_method="either")


def test_the_former_one_opens_for_a_day(as_admin: Caller, lage: Application, clock: Clock) -> None:
    page = act(as_admin, "renew_secret", lage)
    new = secret_in(page)
    assert re.search(r"The former secret is good until \S", page.content.decode())
    assert [opens(new), opens(SECRET), opens("sage_cs_" + "x" * 43), opens("")] == [True, True, False, False]
    assert LogEntry.objects.get().get_change_message() == "Changed client_secret."
    clock.forward(hours=23, minutes=59)
    assert [opens(new), opens(SECRET)] == [True, True]
    clock.forward(minutes=1)
    assert [opens(new), opens(SECRET)] == [True, False]


def test_the_former_one_gets_tokens(as_alice: Caller, pair: dict[str, Any], lage: Application) -> None:
    clients.renew_secret(lage)
    assert Program().refresh(pair["refresh_token"]).status_code == 200


def test_it_ends_at_once_where_somebody_says_so(as_admin: Caller, lage: Application) -> None:
    between = secret_in(act(as_admin, "renew_secret", lage))
    page = act(as_admin, "renew_secret", lage, end_former="on")
    assert "The former secret has ended." in page.content.decode()
    assert [opens(secret_in(page)), opens(between), opens(SECRET)] == [True, False, False]
    assert not FormerSecret.objects.exists()
    latest = LogEntry.objects.first()
    assert latest is not None
    assert latest.get_change_message() == "Changed client_secret and former_secrets."


def test_that_of_a_disabled_client_has_ended(as_admin: Caller, lage: Application) -> None:
    clients.set_enabled(lage, enabled=False)
    page = act(as_admin, "renew_secret", lage)
    assert "The former secret has ended." in page.content.decode()
    assert not FormerSecret.objects.exists()
    lage.refresh_from_db()
    clients.set_enabled(lage, enabled=True)
    assert [opens(secret_in(page)), opens(SECRET)] == [True, False]


def test_it_is_ended_on_the_clients_page(as_admin: Caller, lage: Application) -> None:
    path = f"{LIST}{lage.pk}/change/"
    assert "end_former_secrets" not in as_admin.get(path).content.decode()
    new = secret_in(act(as_admin, "renew_secret", lage))
    page = as_admin.get(path).content.decode()
    assert "good until" in page
    assert 'value="end_former_secrets"' in page
    fields = {"action": "end_former_secrets", "_selected_action": lage.pk}
    assert "Do you want to end the former secrets of these clients?" in as_admin.form(LIST, fields).content.decode()
    assert opens(SECRET)
    assert "1 former secret ended." in act(as_admin, "end_former_secrets", lage).content.decode()
    assert [opens(new), opens(SECRET)] == [True, False]
    assert "good until" not in as_admin.get(path).content.decode()


@pytest.mark.parametrize("meanwhile", ["public", "gone", "off"])
def test_what_became_of_the_client_meanwhile_counts(meanwhile: str, as_admin: Caller, lage: Application) -> None:
    as_it_was = Application.objects.get()
    if meanwhile == "public":
        clients.change(lage, {"client_type": "public", "token_endpoint_auth_method": "none", "client_secret": ""})
    elif meanwhile == "gone":
        lage.delete()
    else:
        clients.set_enabled(lage, enabled=False)
    secret = clients.renew_secret(as_it_was)
    assert (secret is None) == (meanwhile != "off")
    assert not FormerSecret.objects.exists()
    assert (
        list(Application.objects.values_list("client_type", "enabled"))
        == {
            "public": [("public", True)],
            "gone": [],
            "off": [("confidential", False)],
        }[meanwhile]
    )


def test_asking_makes_no_secret(as_admin: Caller, lage: Application) -> None:
    before = Application.objects.values().get()
    asked = as_admin.form(LIST, {"action": "renew_secret", "_selected_action": lage.pk}).content.decode()
    assert "Do you want to give these clients a new secret?" in asked
    assert '<input type="checkbox" name="end_former" id="id_end_former">' in asked
    assert "sage_cs_" not in asked
    assert Application.objects.values().get() == before
    assert not FormerSecret.objects.exists()


@pytest.mark.parametrize(
    ("change", "form"),
    [
        ({"client_type": "public", "token_endpoint_auth_method": "none", "client_secret": ""}, {}),
        ({"token_endpoint_auth_method": "client_secret_post"}, {}),
        ({"enabled": False}, {"enabled": True}),
    ],
    ids=["public", "another method", "off and on"],
)
def test_what_ends_tokens_ends_it_too(change: dict[str, Any], form: dict[str, Any], lage: Application) -> None:
    clients.renew_secret(lage)
    clients.change(lage, change)
    if form:
        clients.change(lage, form)
    assert not FormerSecret.objects.exists()
    assert Program("lage", SECRET).post("/oauth2/introspect", {"token": "x"}).status_code == 401
    in_the_body = Program("lage", "").post("/oauth2/introspect", {"token": "x", "client_secret": SECRET})
    assert in_the_body.status_code == 401


def test_what_ends_nothing_keeps_it(as_admin: Caller, lage: Application) -> None:
    clients.renew_secret(lage)
    fields = FIELDS | {"name": "Other", "token_endpoint_auth_method": "either"}
    assert as_admin.form(f"{LIST}{lage.pk}/change/", fields).status_code == 302
    assert opens(SECRET)


def test_another_clients_former_secret_opens_nothing(lage: Application) -> None:
    other = make_client("other", client_secret=client_secrets.generate())
    clients.renew_secret(lage)
    clients.renew_secret(other)
    assert Program("other", SECRET).introspect("x").status_code == 401


def test_a_chosen_one_is_judged_slowly_and_counted(lage: Application) -> None:
    """It can be guessed, so the limit stands in front of it; whoever has the generated one passes all the same."""
    clients.change(lage, {"client_secret": client_secrets.hashed("Kaffee und Kuchen")})
    new = clients.renew_secret(lage)
    assert Program("lage", "Kaffee und Kuchen").introspect("x").status_code == 200
    answers = [Program("lage", f"guess {number}").introspect("x").status_code for number in range(31)]
    assert answers == [401] * 30 + [429]
    assert Program("lage", "Kaffee und Kuchen").introspect("x").status_code == 429
    assert new is not None
    assert opens(new)


def test_at_rest_it_is_hashed_and_prune_takes_it_away(lage: Application, clock: Clock) -> None:
    clients.renew_secret(lage)
    kept = FormerSecret.objects.get()
    assert client_secrets.STORED_FAST.match(kept.secret)
    assert kept.secret != Application.objects.get().client_secret
    call_command("prune", stdout=StringIO())
    assert FormerSecret.objects.exists()
    clock.forward(days=1, seconds=1)
    out = StringIO()
    call_command("prune", stdout=out)
    assert "OAuth2 former client secrets: 1 removed" in out.getvalue()
    assert not FormerSecret.objects.exists()


def test_the_environments_new_secret_stands_alone() -> None:
    from sage_platform.oauth2.registration import Registration

    def declared(secret: str) -> Registration:
        return Registration(client_id="lage", redirect_uris=["https://lage.example/callback"], client_secret=secret)

    clients.sync([declared(SECRET)])
    clients.sync([declared("a" * 64)])
    assert [opens("a" * 64), opens(SECRET)] == [True, False]
    assert timedelta(days=1) == clients.FORMER_SECRET_LIFE
