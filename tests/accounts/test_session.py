"""GET /api/auth/session, also /api/user/check_login"""

import pytest
from pytest_django import DjangoAssertNumQueries

from sage_platform.accounts.models import User
from tests.answers import assert_logged_out, success
from tests.people import Caller, envelope, signed_in
from tests.provider_rows import make_provider

PATHS = ["/api/auth/session", "/api/user/check_login"]
every_path = pytest.mark.parametrize("path", PATHS)
ALICE = {
    "user": {
        "userid": "alice",
        "username": "alice",
        "nickname": "alice",
        "phonenum": "",
        "email": "alice@sage.example",
        "role": "user",
        "avatar": "",
        "avatar_url": "",
    },
    "has_provider": False,
    "has_agent": False,
}


@every_path
@pytest.mark.parametrize("token", [False, True], ids=["cookie", "bearer"])
def test_who_i_am(path: str, token: bool, alice: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """One query finds the caller, the user's data and the facts."""
    caller = signed_in(alice, token=token)
    with django_assert_num_queries(1):
        response = caller.get(path)
    assert response.status_code == 200
    assert envelope(response) == success(ALICE)


def test_all_of_user_are_strings_for_somebody_with_nothing_but_a_name(hashed: str, db: None) -> None:
    carol = User.objects.create(
        username="Carol", password=hashed, role="admin", nickname="Caro", avatar_url="https://x.example/a.png"
    )
    assert envelope(signed_in(carol).get(PATHS[0])) == success(
        {
            "user": {
                "userid": carol.pk,
                "username": "Carol",
                "nickname": "Caro",
                "phonenum": "",
                "email": "",
                "role": "admin",
                "avatar": "https://x.example/a.png",
                "avatar_url": "https://x.example/a.png",
            },
            "has_provider": False,
            "has_agent": False,
        }
    )


@every_path
def test_whether_one_owns_a_provider(path: str, alice: User, bob: User) -> None:
    """The answer follows the database at each call. Providers of others and of the system do not count."""
    caller = signed_in(alice)
    make_provider(bob, "https://api.example.com/v1")
    make_provider(None, "https://api.example.com/v1", is_default=True)
    assert envelope(caller.get(path)) == success(ALICE)
    provider = make_provider(alice, "https://api.example.com/v1")
    assert envelope(caller.get(path)) == success(ALICE | {"has_provider": True})
    provider.delete()
    assert envelope(caller.get(path)) == success(ALICE)


@every_path
def test_logged_out(path: str, anyone: Caller) -> None:
    assert_logged_out(anyone.get(path))


@every_path
def test_the_role_is_read_anew_each_time(path: str, as_alice: Caller) -> None:
    assert envelope(as_alice.get(path))["data"]["user"]["role"] == "user"
    User.objects.filter(pk="alice").update(role="admin")
    assert envelope(as_alice.get(path))["data"]["user"]["role"] == "admin"
    assert as_alice.get("/api/user/list").status_code == 200
    User.objects.filter(pk="alice").update(role="user")
    assert as_alice.get("/api/user/list").status_code == 403


def test_the_content_type_that_the_web_application_sends_on_get(as_alice: Caller) -> None:
    response = as_alice.get(PATHS[0], Content_Type="application/json;charset=UTF-8")
    assert response.status_code == 200


@every_path
def test_another_method(path: str, as_alice: Caller) -> None:
    response = as_alice.post(path)
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"
    assert envelope(response)["code"] == 405
