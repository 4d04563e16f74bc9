"""Every page of ours, in each state in which people meet it."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.contrib.auth.hashers import make_password
from django.db import OperationalError
from django.utils import timezone
from pytest_django import Settings

from sage_platform.accounts.models import User
from sage_platform.accounts.services import sign_ins
from sage_platform.oauth2.models import Application
from sage_platform.pages.directions import isolated
from system.usage.models import DailyUsage
from tests.conftest import make_user
from tests.oauth2_clients import allow, make_client, make_public_client, request_of
from tests.people import PASSWORD, Response, signed_in
from tests.uploads.rows import without_object
from tests.visitor import Visitor, of
from uploads.names import clean_name

# Names that people have, and that try a page: as long as may be, without a place to break; emoji; from right to left.
LONGEST = "w" * 64
NICKNAME = "👩‍👩‍👧‍👦 زينب \u202eevil " + "m" * 40
OFFICE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PRODUCT = "Ein-Produkt-mit-einem-Namen-ohne-Ende-" * 2
# What is in a page of a person's, or of an address's, and not of ours.
SHOWN = isolated(NICKNAME).strip("\u2068\u2069")
ADDRESS = "testserver/oauth2/consents"
OF_PEOPLE = [LONGEST, NICKNAME, SHOWN, "@sage.example", "alice", "admin"]
OF_CLIENTS = [PRODUCT, ADDRESS, "lage.example", "Lage", "Tool"]
OF_FILES = [clean_name(NICKNAME), "application/pdf", OFFICE, "report", ".pdf"]
OF_USAGE = ["writer", "writing-2", "search"]
GIVEN = OF_PEOPLE + OF_CLIENTS + OF_FILES + OF_USAGE

JAEGER = "/api/observability/jaeger/login?next=%2Fjaeger%2Fs%3Fa%3D1%26limit%3D20"

Shown = dict[str, Response]
Show = Callable[[str], Shown]


def authorize(client_id: str = "lage", /, **changes: object) -> str:
    return f"/oauth2/authorize?{urlencode(request_of(client_id, **changes))}"


def used(user: User, day: date, **fields: object) -> None:
    numbers = {"calls": 3, "input_tokens": 219_921, "output_tokens": 3_562, "cached_tokens": 170_496, "model": "writing-2"}
    DailyUsage.objects.create(user_id=user.pk, day=day, **numbers | fields)


class Rooms:
    """Opens pages in one language."""

    def __init__(self, language: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        self.language, self.settings, self.monkeypatch = language, settings, monkeypatch

    def guest(self, user: User | None = None) -> Visitor:
        visitor = Visitor() if user is None else of(signed_in(user))
        visitor.client.defaults["HTTP_ACCEPT_LANGUAGE"] = self.language
        return visitor

    def in_mode(self, mode: str, path: str, **headers: str) -> Response:
        before = self.settings.SAGE_AUTH_MODE
        self.settings.SAGE_AUTH_MODE = mode
        response = self.guest().open(path, **headers)
        self.settings.SAGE_AUTH_MODE = before
        return response

    def broken(self, error: Exception) -> Response:
        """The account page while something behind it is broken."""

        def fail(_request: object, *, at: object) -> None:
            raise error

        with self.monkeypatch.context() as patch:
            patch.setattr(sign_ins, "of_session", fail)
            return self.guest().open("/sage/")

    def sign_in(self) -> Iterator[tuple[str, Response]]:
        guest = self.guest()
        yield "login", guest.open("/sage/login")
        yield "login-for-a-client", guest.open(f"/sage/login?next={quote(authorize(), safe='')}")
        yield "login-nothing-typed", guest.submit("/sage/login", username="", password="")
        yield "login-wrong", guest.sign_in("alice", "wrong")
        for _time in range(9):
            guest.sign_in("alice", "wrong")
        yield "login-locked", guest.sign_in("alice", "wrong")
        yield "login-upstream-alone", self.in_mode("oauth", "/sage/login")
        yield "login-behind-a-proxy", self.in_mode("trusted_proxy", "/sage/login")

    def account(self, alice: User, admin: User, longest: User) -> Iterator[tuple[str, Response]]:
        here = self.guest(alice)
        yield "account", here.open("/sage/")
        yield "account-of-an-administrator", self.guest(admin).open("/sage/")
        yield "account-with-long-names", self.guest(longest).open("/sage/")
        yield "password", here.open("/sage/password")
        yield "password-wrong", here.submit("/sage/password", old_password="", new_password="1234", repeated="123")
        fields = {"old_password": PASSWORD, "new_password": "12345678", "repeated": "12345678"}
        yield "password-weak", here.submit("/sage/password", **fields)
        new = "another uncommon phrase"
        here.submit("/sage/password", old_password=PASSWORD, new_password=new, repeated=new)
        yield "account-password-changed", here.open("/sage/")
        User.objects.filter(pk=alice.pk).update(password=make_password(None))
        yield "password-none", here.open("/sage/password")

    def connect(self, alice: User, longest: User, lage: Application, product: Application) -> Iterator[tuple[str, Response]]:
        here = self.guest(alice)
        yield "consent", here.open(authorize())
        yield "consent-with-long-names", self.guest(longest).open(authorize("product"))
        yield "consent-each-time", here.open(authorize("tool", redirect_uri="http://127.0.0.1:7777/callback"))
        yield "sign-in-again", here.open(authorize(prompt="login"))
        yield "sign-in-again-wrong", here.submit(authorize(prompt="login"), username="alice", password="wrong")
        yield "consents-none", here.open("/oauth2/consents")
        consent = allow(alice, lage)
        allow(alice, product)
        yield "consents", here.open("/oauth2/consents")
        here.submit("/oauth2/consents", consent=str(consent.pk))
        yield "consents-withdrawn", here.open("/oauth2/consents")
        yield "unknown-client", here.open(authorize("nobody"))
        yield "unknown-address", here.open(authorize(redirect_uri="https://evil.example/"))
        yield "malformed-request", here.send("/oauth2/authorize", {"scope": "x" * 9000})

    def files(self, alice: User, longest: User) -> Iterator[tuple[str, Response]]:
        here = self.guest(alice)
        yield "error-403-jaeger", here.open(JAEGER, Accept="text/html")
        yield "files-none", here.open("/files")
        deleted = [without_object(alice, f"report {number}.pdf", content_type="application/pdf") for number in range(51)][-1]
        yield "files", here.open("/files")
        yield "files-older", here.open("/files?page=2")
        here.submit("/files", upload=deleted.public_id)
        yield "files-deleted", here.open("/files")
        for name in (PRODUCT * 3, NICKNAME):
            without_object(longest, clean_name(name), content_type=OFFICE)
        yield "files-with-long-names", self.guest(longest).open("/files")

    def usage(self, alice: User, longest: User) -> Iterator[tuple[str, Response]]:
        here = self.guest(alice)
        yield "usage-none", here.open("/sage/usage")
        last = timezone.now().date()
        used(alice, last, agent_id="writer", action="search")
        yield "usage-one-day", here.open("/sage/usage")
        for back in range(1, 365):
            used(alice, last - timedelta(days=back), agent_id=f"writer-{back % 12}", action=f"search-{back % 12}", calls=back)
        yield "usage", here.open("/sage/usage")
        yield "usage-of-a-year", here.open("/sage/usage?days=365")
        yield "account-with-usage", here.open("/sage/")
        for name in (PRODUCT, NICKNAME):
            used(longest, last, agent_id=name, action=name, model=name, input_tokens=10**12)
        yield "usage-with-long-names", self.guest(longest).open("/sage/usage")

    def errors(self) -> Iterator[tuple[str, Response]]:
        guest = self.guest()
        yield "error-400", guest.open("/sage/login", Host="evil.example")
        yield "error-403", guest.send("/sage/login", {"username": "alice"})
        yield "error-404", guest.open("/nowhere")
        yield "error-404-upstream", guest.open("/api/auth/upstream/login/nobody", Accept="text/html")
        yield "error-405", guest.send("/sage/", b"")
        yield "error-411", guest.send("/sage/login", b"x", Transfer_Encoding="chunked")
        yield "error-413", guest.send("/sage/login", b"x" * (2 * 1024 * 1024 + 1))
        yield "error-415", guest.send("/sage/login", b"{}", "application/json")
        yield "error-500", self.broken(RuntimeError("broken"))
        yield "error-503-jaeger", self.in_mode("oauth", JAEGER, Accept="text/html")
        yield "error-503", self.broken(OperationalError("away"))


@pytest.fixture
def show(db: None, hashed: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Show:
    """Shows every page in a language; once in a test, since it leaves something behind."""

    def shown(language: str) -> Shown:
        rooms = Rooms(language, settings, monkeypatch)
        alice, admin = make_user("alice", hashed), make_user("admin", hashed, role=User.Role.ADMIN)
        longest = make_user(LONGEST, hashed, nickname=NICKNAME, phonenum="+49 30 123456")
        lage = make_client(description="")
        product: Any = make_client("product", name=PRODUCT, description=NICKNAME * 3)
        make_public_client("tool", redirect_uris="http://127.0.0.1/callback")
        with caplog.at_level("CRITICAL"):
            return {
                **dict(rooms.errors()),
                **dict(rooms.files(alice, longest)),
                **dict(rooms.usage(alice, longest)),
                **dict(rooms.connect(alice, longest, lage, product)),
                **dict(rooms.account(alice, admin, longest)),
                **dict(rooms.sign_in()),
            }

    return shown
