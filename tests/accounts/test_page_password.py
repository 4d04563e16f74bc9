"""/sage/password: change one's own password."""

import re

import pytest
from pytest_django import Settings

from sage_platform.accounts.models import User
from tests import visitor
from tests.people import PASSWORD, Caller, signed_in
from tests.rows import rows
from tests.visitor import Visitor, focused, text_of, title_of

pytestmark = pytest.mark.django_db
NEW = "a bird in the hand"
CHANGED = "Your password is changed. You are signed out everywhere else."


def given(**other: str) -> dict[str, str]:
    return {"old_password": PASSWORD, "new_password": NEW, "repeated": NEW} | other


def test_this_session_stays_and_all_else_ends(as_alice: Caller, alice: User, as_bob: Caller) -> None:
    here = visitor.of(as_alice)
    elsewhere, by_token = signed_in(alice), signed_in(alice, token=True)
    assert elsewhere.get("/api/auth/session").status_code == 200
    assert by_token.get("/api/auth/session").status_code == 200

    response = here.submit("/sage/password", **given())

    assert (response.status_code, response.headers["Location"]) == (302, "/sage/")
    assert CHANGED in text_of(here.open("/sage/"))
    assert CHANGED not in text_of(here.open("/sage/"))
    assert here.is_signed_in()
    assert elsewhere.get("/api/auth/session").status_code == 401
    assert by_token.get("/api/auth/session").status_code == 401
    assert as_bob.get("/api/auth/session").status_code == 200
    assert "Invalid username or password" in text_of(Visitor().sign_in("alice", PASSWORD))
    assert Visitor().sign_in("alice", NEW).headers["Location"] == "/sage/"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"old_password": "wrong"}, "The current password is wrong."),
        ({"repeated": "another"}, "The two passwords are not the same."),
        ({"new_password": "12345678", "repeated": "12345678"}, "This password is entirely numeric."),
        ({"new_password": "short", "repeated": "short"}, "This password is too short."),
        ({"new_password": "alice", "repeated": "alice"}, "The password is too similar to the username."),
        ({"old_password": ""}, "This field is required."),
        ({"new_password": "a" * 1025, "repeated": "a" * 1025}, "Ensure this value has at most 1024 characters (it has 1025)."),
        ({"new_password": "a\x00" * 8, "repeated": "a\x00" * 8}, "Null characters are not allowed."),
    ],
)
def test_refused_changes(change: dict[str, str], reason: str, as_alice: Caller, alice: User) -> None:
    elsewhere = signed_in(alice)
    before = rows()
    response = visitor.of(as_alice).submit("/sage/password", **given(**change))
    assert response.status_code == 200
    assert reason in text_of(response)
    page = response.content.decode()
    assert 'id="errors" role="alert"' in page
    assert PASSWORD not in page
    assert NEW not in page
    assert rows() == before
    assert elsewhere.get("/api/auth/session").status_code == 200


def test_a_field_names_its_reason_and_the_summary_leads_to_it(as_alice: Caller) -> None:
    page = visitor.of(as_alice).submit("/sage/password", **given(repeated="another")).content.decode()
    assert '<a href="#id_repeated">New password, again</a>' in page
    assert 'aria-describedby="id_repeated_error"' in page
    assert '<p class="error" id="id_repeated_error">The two passwords are not the same.</p>' in page
    assert 'aria-describedby="id_new_password_helptext"' in page
    assert page.count(' aria-invalid="true"') == 1


@pytest.mark.parametrize(
    ("field", "change", "reason"),
    [
        ("old_password", {"old_password": "wrong"}, "The current password is wrong."),
        ("new_password", {"new_password": "12345678", "repeated": "12345678"}, "This password is too common."),
        ("repeated", {"repeated": "another"}, "The two passwords are not the same."),
        ("old_password", {"old_password": "", "repeated": "another"}, "This field is required."),
    ],
)
def test_what_is_wrong_stands_at_its_field_where_one_types_next(
    field: str, change: dict[str, str], reason: str, as_alice: Caller
) -> None:
    response = visitor.of(as_alice).submit("/sage/password", **given(**change))
    told = re.findall(f'<p class="error" id="id_{field}_error">([^<]*)</p>', response.content.decode())
    assert [text.startswith(reason) for text in told] == [True]
    assert f'<a href="#id_{field}">' in response.content.decode()
    assert focused(response) == [f"id_{field}"]
    assert title_of(response) == "Error · Change password · Sage"


def test_before_anything_is_typed_the_page_begins_at_its_top(as_alice: Caller) -> None:
    response = visitor.of(as_alice).open("/sage/password")
    assert focused(response) == []
    assert title_of(response) == "Change password · Sage"


def test_what_a_password_manager_needs(as_alice: Caller) -> None:
    """Whose password it is, in a field of text, since browsers heed no other. And a password is not cut where it is pasted."""
    page = visitor.of(as_alice).open("/sage/password").content.decode()
    assert '<input type="text" name="username" value="alice" autocomplete="username" readonly hidden>' in page
    assert re.findall(r'type="password" name="(\w+)" autocomplete="([a-z-]+)"', page) == [
        ("old_password", "current-password"),
        ("new_password", "new-password"),
        ("repeated", "new-password"),
    ]
    assert "maxlength" not in page


def test_refusals_in_chinese(as_alice: Caller) -> None:
    here = visitor.of(as_alice)
    here.open("/sage/password?lang=zh-CN")
    assert "当前密码错误。" in text_of(here.submit("/sage/password", **given(old_password="wrong")))
    assert "两次输入的密码不一致。" in text_of(here.submit("/sage/password", **given(repeated="x")))


def test_guesses_at_the_old_password_lock_as_a_sign_in_does(as_alice: Caller, alice: User) -> None:
    here = visitor.of(as_alice)
    for number in range(10):
        assert here.submit("/sage/password", **given(old_password=f"guess {number}")).status_code == 200
    before = rows()
    response = here.submit("/sage/password", **given())
    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= 900
    assert re.search(r"Too many failed sign-ins\. Please try again in 1[45] minutes\.", text_of(response))
    assert focused(response) == ["id_old_password"]
    assert Visitor().sign_in("alice").status_code == 429
    assert rows() == before


def test_a_form_from_elsewhere_is_refused(as_alice: Caller) -> None:
    before = rows()
    response = visitor.of(as_alice).send("/sage/password", given())
    assert response.status_code == 403
    assert rows() == before


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_logged_out_it_leads_to_the_login_page(method: str, alice: User) -> None:
    before = rows()
    response = Visitor().client.generic(method, "/sage/password")
    assert (response.status_code, response.headers["Location"]) == (302, "/sage/login?next=%2Fsage%2Fpassword")
    assert rows() == before


def test_another_method_is_405(as_alice: Caller) -> None:
    response = as_alice.client.put("/sage/password")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD, POST")


@pytest.mark.parametrize("mode", ["oauth", "trusted_proxy"])
def test_modes_without_passwords_take_none_here(mode: str, as_alice: Caller, settings: Settings) -> None:
    here = visitor.of(as_alice)
    token = visitor.token_in(here.open("/sage/password"))
    settings.SAGE_AUTH_MODE = mode
    before = rows()
    shown = here.open("/sage/password")
    assert 'type="password"' not in shown.content.decode()
    assert "You sign in without a password of this platform, so there is none to change." in text_of(shown)
    assert "Change password" not in text_of(here.open("/sage/"))
    assert here.send("/sage/password", given(csrfmiddlewaretoken=token)).status_code == 200
    assert rows() == before


def test_who_has_no_password_has_none_to_change(as_alice: Caller, alice: User) -> None:
    alice.set_unusable_password()
    User.objects.filter(pk="alice").update(password=alice.password)
    here = visitor.of(as_alice)
    assert "Change password" not in text_of(here.open("/sage/"))
    assert 'type="password"' not in here.open("/sage/password").content.decode()


def test_never_cached_and_never_framed(as_alice: Caller) -> None:
    response = visitor.of(as_alice).open("/sage/password")
    assert response.headers["Cache-Control"] == "no-store, private"
    assert response.headers["X-Frame-Options"] == "DENY"
