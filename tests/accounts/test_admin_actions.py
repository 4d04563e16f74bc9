"""Actions of the administration: they ask before they end something, say what they did, and stand on each row's page too."""

import html
import re

import pytest
from django.contrib.admin.models import LogEntry

from sage_platform.accounts.models import SignIn, User
from sage_platform.pages import model_admin
from tests.people import Caller, signed_in
from tests.rows import rows

pytestmark = pytest.mark.django_db
USERS = "/admin/accounts/user/"
SIGN_INS = "/admin/accounts/signin/"


def hidden(page: str) -> dict[str, list[str]]:
    """What the form of the page that asks sends, but for Django's own token."""
    form = re.findall(r'<form method="post">.*?</form>', page, re.DOTALL)[-1]
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form):
        fields.setdefault(name, []).append(html.unescape(value))
    fields.pop("csrfmiddlewaretoken", None)
    return fields


def told(page: str) -> list[str]:
    """The messages on top of a page."""
    return [html.unescape(text) for text in re.findall(r'<li class="(?:success|error|warning)">(.*?)</li>', page)]


def buttons(page: str) -> list[tuple[str, str]]:
    """The actions that the page of a row offers."""
    return re.findall(r'name="action" value="(\w+)".*?<button type="submit">([^<]+)</button>', page)


def test_deactivating_asks_first_and_then_says_what_it_did(as_admin: Caller, as_alice: Caller, bob: User) -> None:
    signed_in(as_alice.user)
    before = rows()
    asked = as_admin.form(USERS, {"action": "deactivate", "_selected_action": ["alice", "bob"]}).content.decode()
    assert "<h1>Deactivate</h1>" in asked
    assert "Do you want to deactivate these users?" in asked
    assert "<strong>2 sign-ins will end.</strong>" in asked
    assert rows() == before
    fields = hidden(asked)
    assert fields == {"_selected_action": ["bob", "alice"], "action": ["deactivate"], "confirmed": ["yes"]}
    done = as_admin.form(USERS, fields, follow=True)
    assert done.redirect_chain == [(USERS, 302)]
    assert told(done.content.decode()) == ["2 users deactivated. 2 sign-ins ended."]
    assert as_alice.get("/api/auth/session").status_code == 401
    assert [user.is_active for user in User.objects.order_by("pk")] == [True, False, False]
    assert {entry.object_id for entry in LogEntry.objects.all()} == {"alice", "bob"}


def test_what_ends_nothing_is_not_asked(as_admin: Caller, alice: User) -> None:
    User.objects.filter(pk="alice").update(is_active=False)
    done = as_admin.form(USERS, {"action": "activate", "_selected_action": ["alice"]}, follow=True)
    assert told(done.content.decode()) == ["1 user activated."]
    assert User.objects.get(pk="alice").is_active


def test_what_did_nothing_does_not_say_that_it_did(as_admin: Caller, alice: User) -> None:
    """Neither where it was refused, nor where it was so already."""
    before = rows()
    mine = as_admin.form(USERS, {"action": "deactivate", "_selected_action": ["admin"], "confirmed": "yes"}, follow=True)
    assert told(mine.content.decode()) == ["Admin: You cannot take your own administrator's rights away.", "Nothing was changed."]
    for action in ("activate", "unlock"):
        again = as_admin.form(USERS, {"action": action, "_selected_action": ["alice"]}, follow=True)
        assert told(again.content.decode()) == ["Nothing was changed."]
        assert '<li class="warning">' in again.content.decode()
    assert rows() == before


def test_a_deed_at_an_address_that_is_too_long_is_not_done(as_admin: Caller, alice: User) -> None:
    """Django refuses to lead back to such an address, after the deed."""
    User.objects.filter(pk="alice").update(is_active=False)
    before = rows()
    assert as_admin.form(f"{USERS}?o=1{'.' * 20_000}", {"action": "activate", "_selected_action": ["alice"]}).status_code == 400
    assert rows() == before


def test_ending_sign_ins(as_admin: Caller, as_alice: Caller, as_bob: Caller) -> None:
    chosen = [str(as_alice.sign_in.pk), str(as_bob.sign_in.pk)]
    before = rows()
    asked = as_admin.form(SIGN_INS, {"action": "end", "_selected_action": chosen}).content.decode()
    assert "<strong>2 sign-ins will end.</strong>" in asked
    assert rows() == before
    assert told(as_admin.form(SIGN_INS, hidden(asked), follow=True).content.decode()) == ["2 sign-ins ended."]
    assert [as_alice.get("/api/auth/session").status_code, as_bob.get("/api/auth/session").status_code] == [401, 401]


def test_all_rows_of_a_filter(as_admin: Caller, as_alice: Caller, bob: User) -> None:
    """The page that asks keeps the filter, names twenty rows and counts the rest; nobody else's sign-in ends."""
    for _ in range(24):
        signed_in(as_alice.user)
    elsewhere = signed_in(bob)
    path = f"{SIGN_INS}?user__exact=alice"
    key = [str(as_alice.sign_in.pk)]
    asked = as_admin.form(path, {"action": "end", "_selected_action": key, "select_across": "1"}).content.decode()
    assert "<strong>25 sign-ins will end.</strong>" in asked
    assert asked.count("<li>alice, 127.0.0.1, ") == 20
    assert "<li>and 5 more</li>" in asked
    fields = hidden(asked)
    assert (len(fields["_selected_action"]), "select_across" in fields) == (25, False)
    later = signed_in(as_alice.user)
    done = as_admin.form(path, fields, follow=True)
    assert done.redirect_chain == [(path, 302)]
    assert told(done.content.decode()) == ["25 sign-ins ended."]
    assert list(SignIn.objects.filter(user="alice", ended_at=None)) == [later.sign_in]
    assert elsewhere.get("/api/auth/session").status_code == 200


def test_of_very_many_rows_nobody_is_acted_on_unseen(as_admin: Caller, as_alice: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many for their keys to be listed: the filter finds them again, and whoever confirms is asked anew if others came."""
    monkeypatch.setattr(model_admin, "LISTED", 1)
    signed_in(as_alice.user)
    path = f"{SIGN_INS}?user__exact=alice"
    choice = {"action": "end", "_selected_action": [str(as_alice.sign_in.pk)], "select_across": "1"}
    fields = hidden(as_admin.form(path, choice).content.decode())
    assert (len(fields["_selected_action"]), fields["amount"]) == (1, ["2"])
    signed_in(as_alice.user)
    before = rows()
    asked = as_admin.form(path, fields).content.decode()
    assert "<strong>3 sign-ins will end.</strong>" in asked
    assert rows() == before
    assert told(as_admin.form(path, hidden(asked), follow=True).content.decode()) == ["3 sign-ins ended."]


@pytest.mark.parametrize(("key", "status"), [("abc", 302), ("9" * 30, 200)])
def test_a_key_that_no_row_can_have(key: str, status: int, as_admin: Caller) -> None:
    clients = "/admin/oauth2/application/"
    before = rows()
    for choice in ({"action": "disable"}, {"action": "disable", "confirmed": "yes"}):
        response = as_admin.form(clients, {**choice, "_selected_action": key}, follow=True)
        assert response.status_code == 200
    for wanted in ("accesstoken", "refreshtoken", "consent"):
        response = as_admin.get(f"/admin/oauth2/{wanted}/", {"application__exact": key})
        led_to = f"/admin/oauth2/{wanted}/?e=1" if status == 302 else None
        assert (response.status_code, response.headers.get("Location")) == (status, led_to)
    assert rows() == before


def test_a_users_page_has_the_actions_that_fit(as_admin: Caller, as_alice: Caller) -> None:
    page = as_admin.get(f"{USERS}alice/change/").content.decode()
    assert buttons(page) == [("deactivate", "Deactivate")]
    fields = {"action": "deactivate", "_selected_action": "alice", "from_row": "1"}
    asked = as_admin.form(USERS, fields).content.decode()
    assert f'<a href="{USERS}alice/change/" class="button cancel-link">No, take me back</a>' in asked
    done = as_admin.form(USERS, hidden(asked), follow=True)
    assert done.redirect_chain == [(f"{USERS}alice/change/", 302)]
    assert told(done.content.decode()) == ["1 user deactivated. 1 sign-in ended."]
    assert buttons(done.content.decode()) == [("activate", "Activate")]


def test_a_page_links_to_what_belongs_to_it(as_admin: Caller, as_alice: Caller, as_bob: Caller) -> None:
    page = as_admin.get(f"{USERS}alice/change/").content.decode()
    links = re.findall(r'<li><a href="([^"]+__exact=alice)">([^<]+)</a></li>', page)
    assert sorted(links) == [
        ("/admin/accounts/signin/?user__exact=alice", "Sign-ins"),
        ("/admin/admin/logentry/?user__exact=alice", "What this user changed"),
        ("/admin/oauth2/accesstoken/?user__exact=alice", "Access tokens"),
        ("/admin/oauth2/consent/?user__exact=alice", "Consents"),
        ("/admin/oauth2/refreshtoken/?user__exact=alice", "Refresh tokens"),
        ("/admin/providers/provider/?owner__exact=alice", "Model providers"),
        ("/admin/uploads/upload/?owner__exact=alice", "Uploads"),
    ]
    for address, _name in links:
        assert as_admin.get(address).status_code == 200
    found = as_admin.get("/admin/accounts/signin/", {"user__exact": "alice"})
    assert [row.user_id for row in found.context["cl"].result_list] == ["alice"]
    assert '<a href="?">All</a>' in found.content.decode()


def test_a_filter_for_nobody_finds_nothing(as_admin: Caller, as_alice: Caller) -> None:
    found = as_admin.get("/admin/accounts/signin/", {"user__exact": "nobody"})
    assert list(found.context["cl"].result_list) == []
    wrong = as_admin.get("/admin/oauth2/accesstoken/", {"application__exact": "x"})
    assert wrong.headers["Location"] == "/admin/oauth2/accesstoken/?e=1"


@pytest.mark.parametrize("path", [USERS, SIGN_INS])
def test_a_stranger_confirms_nothing(path: str, as_alice: Caller, bob: User) -> None:
    theirs = signed_in(bob)
    key, action = ("bob", "deactivate") if path == USERS else (str(theirs.sign_in.pk), "end")
    before = rows()
    response = as_alice.form(path, {"action": action, "_selected_action": [key], "confirmed": "yes", "from_row": "1"})
    assert response.status_code == 403
    assert rows() == before
