"""The guide's lines for Django, added to a small project of each product's own virtual environment, and signed in to."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.clients.guide import EXAMPLES
from tests.clients.person import Person
from tests.clients.programs import HERE, Program, environment, own_folder, running
from tests.e2e.served import ROOT, Platform

pytestmark = [pytest.mark.programs, pytest.mark.served, pytest.mark.xdist_group("clients")]

# What stands before the guide's lines.
SETTINGS = "import os\nfrom tests.clients.django_settings import *\n"
URLS = "from django.urls import include, path\nfrom tests.clients.django_urls import urlpatterns\n"
ASKED = ["/sage/login", "/oauth2/authorize"]


@dataclass
class Project(Program):
    python: str
    env: dict[str, str]

    def django(self, *command: str) -> None:
        subprocess.run([self.python, "-m", "django", *command], cwd=self.folder, env=self.env, check=True, timeout=60)


@contextmanager
def project(name: str, site: Platform, more_settings: str = "") -> Iterator[Project]:
    with own_folder() as made:
        (made.folder / "settings.py").write_text(SETTINGS)
        (made.folder / "urls.py").write_text(URLS)
        EXAMPLES[name].write(made.folder, issuer=f"{site.base}/oauth2", base=made.base)
        with (made.folder / "settings.py").open("a") as settings:
            settings.write(more_settings)
        python = sys.executable if name == "authlib" else str(HERE / ".venvs" / name / "bin" / "python")
        paths = {"PYTHONPATH": f"{made.folder}:{ROOT}", "DJANGO_SETTINGS_MODULE": "settings"}
        env = environment(name, AUTHLIB_INSECURE_TRANSPORT="1", **paths)
        found = Project(made.folder, made.port, python, env)
        found.django("migrate", "--verbosity=0")
        with running(made, [python, "-m", "django", "runserver", "--noreload", f"127.0.0.1:{made.port}"], env):
            yield found


def test_authlib(site: Platform, lina: Person, lina_id: str, refuser: Person) -> None:
    with project("authlib", site) as made:
        page = refuser.open(f"{made.base}/login")
        assert (page.status_code, page.text) == (403, "Not signed in: access_denied")
        assert refuser.open(f"{made.base}/me").json() == {"person": None}

        page = lina.open(f"{made.base}/login")
        claims = page.json()["person"]
        assert (claims.pop("exp") - claims["iat"], claims.pop("iat") - claims.pop("auth_time") in range(60)) == (600, True)
        assert (len(claims.pop("nonce")), len(claims.pop("at_hash"))) == (20, 22)
        assert claims == {
            "iss": f"{site.base}/oauth2", "sub": lina_id, "aud": "authlib", "preferred_username": "lina",
            "name": "Lina Berg", "email": "lina@sage.example", "email_verified": False,
        }  # fmt: skip
        assert (page.url, lina.shown) == (f"{made.base}/me", ASKED)


def test_django_allauth(site: Platform, lina: Person, lina_id: str, refuser: Person) -> None:
    with project("django-allauth", site, "LOGIN_REDIRECT_URL = '/'\n") as made:
        page = refuser.submit(refuser.open(f"{made.base}/accounts/oidc/sage/login/"))
        assert page.url == f"{made.base}/accounts/3rdparty/login/cancelled/"
        assert "You decided to cancel logging in to our site" in page.text
        assert refuser.open(f"{made.base}/").json() == {"person": None}

        page = lina.submit(lina.open(f"{made.base}/accounts/oidc/sage/login/"))
        assert (page.url, page.json()) == (
            f"{made.base}/", {"person": {"username": "lina", "first_name": "Lina", "email": "lina@sage.example"}},
        )  # fmt: skip
        assert (refuser.shown, lina.shown) == (ASKED, ASKED)
        assert lina.submit(lina.open(f"{made.base}/accounts/logout/")).json() == {"person": None}
        # The same account again: it is known by the sub.
        lina.submit(lina.open(f"{made.base}/accounts/oidc/sage/login/"))
        with closing(sqlite3.connect(made.folder / "db.sqlite3")) as database:
            assert database.execute("SELECT uid FROM socialaccount_socialaccount").fetchall() == [(lina_id,)]


def test_mozilla_django_oidc(site: Platform, lina: Person, lina_id: str, refuser: Person) -> None:
    with project("mozilla-django-oidc", site) as made:
        page = refuser.open(f"{made.base}/oidc/authenticate/")
        assert (page.status_code, page.url, page.text) == (403, f"{made.base}/refused", "Not signed in")
        assert refuser.open(f"{made.base}/").json() == {"person": None}

        # Somebody there has her address: she is not that person.
        made.django(
            "shell", "-c", "from django.contrib.auth.models import User; User.objects.create_user('bob', 'lina@sage.example')"
        )
        page = lina.open(f"{made.base}/oidc/authenticate/")
        told = {"person": {"username": lina_id, "first_name": "Lina Berg", "email": "lina@sage.example"}}
        assert (page.url, page.json(), lina.shown) == (f"{made.base}/", told, ASKED)

        # A quarter of an hour later the library asks again, and she sees nothing of it.
        lina.open(f"{made.base}/time_passes")
        page = lina.open(f"{made.base}/")
        assert [parse_qs(urlsplit(step.url).query).get("prompt") for step in page.history] == [None, ["none"], None]
        assert (page.json(), lina.shown) == (told, ASKED)

        # Who has signed out with us is signed out there.
        lina.open(f"{made.base}/time_passes")
        sign_out(lina)
        page = lina.open(f"{made.base}/")
        assert (page.status_code, page.url) == (403, f"{made.base}/refused")
        assert lina.open(f"{made.base}/").json() == {"person": None}


def sign_out(person: Person) -> None:
    answer = person.browser.post(f"{person.platform}/api/auth/logout", json={}, timeout=20)
    assert answer.json()["code"] == 200


AS_IT_COMES = """
AUTHENTICATION_BACKENDS = ["mozilla_django_oidc.auth.OIDCAuthenticationBackend"]
del OIDC_RP_SCOPES, OIDC_USE_PKCE
"""


def test_mozilla_django_oidc_with_its_own_class(site: Platform, lina: Person) -> None:
    """Also by the library's own defaults, which know a person by the address."""
    with project("mozilla-django-oidc", site, AS_IT_COMES) as made:
        told = lina.open(f"{made.base}/oidc/authenticate/").json()["person"]
        assert (told["email"], told["first_name"]) == ("lina@sage.example", "")
