"""GET /api/user/options"""

from pytest_django import DjangoAssertNumQueries

from sage_platform.accounts.models import User
from tests.answers import assert_logged_out, success
from tests.conftest import make_user
from tests.people import Caller, envelope, signed_in

PATH = "/api/user/options"


def test_logged_out(anyone: Caller) -> None:
    assert_logged_out(anyone.get(PATH))


def test_a_plain_user_sees_themselves(as_alice: Caller, bob: User, admin: User) -> None:
    response = as_alice.get(PATH)
    assert response.status_code == 200
    assert envelope(response) == success([{"label": "alice", "value": "alice"}])


def test_an_administrator_sees_all(admin: User, hashed: str, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    desktop = signed_in(admin, token=True)
    with django_assert_num_queries(2):
        assert envelope(desktop.get(PATH)) == success([{"label": "admin", "value": "admin"}])
    User.objects.create(id="7", username="Carol", password=hashed)
    make_user("bob", hashed, is_active=False)
    with django_assert_num_queries(2):
        assert envelope(desktop.get(PATH)) == success(
            [
                {"label": "admin", "value": "admin"},
                {"label": "bob", "value": "bob"},
                {"label": "Carol", "value": "7"},
            ]
        )
