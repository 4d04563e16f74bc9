"""The guide's programs for Node, signed in to as they stand there, with no more in the registration than the guide says."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.clients.guide import EXAMPLES
from tests.clients.node import major_version, node
from tests.clients.person import Person
from tests.clients.programs import HERE, Program, environment, own_folder, running
from tests.e2e.served import Platform

pytestmark = [pytest.mark.programs, pytest.mark.served, pytest.mark.xdist_group("clients")]

ASKED = ["/sage/login", "/oauth2/authorize"]


@contextmanager
def program(name: str, site: Platform, *, package: str = "") -> Iterator[Program]:
    """`package` is another one to load in the library's place, as another client."""
    with own_folder() as made:
        EXAMPLES[name].write(made.folder, issuer=f"{site.base}/oauth2", base=made.base)
        (made.folder / "node_modules").symlink_to(HERE / "node_modules")
        file = made.folder / f"{name}.mjs"
        file.write_text(file.read_text().replace(f"from '{name}'", f"from '{package or name}'"))
        command = [*node(), "--no-warnings", str(HERE / "serve.mjs"), str(file), str(made.port)]
        with running(made, command, environment(package or name, AUTH_SECRET="s" * 64)):
            yield made


def shown(person: Person, made: Program) -> Any:
    """What the program's first page says of who is signed in."""
    return person.open(f"{made.base}/").json()


def test_passport_openidconnect(site: Platform, lina: Person, lina_id: str, refuser: Person) -> None:
    with program("passport-openidconnect", site) as made:
        page = refuser.open(f"{made.base}/login")
        assert (page.status_code, page.url, page.text) == (403, f"{made.base}/refused", "Not signed in")
        assert shown(refuser, made) == {"person": None}

        page = lina.open(f"{made.base}/login")
        # From the id_token alone: by itself the library does not ask userinfo.
        assert (page.url, page.json()) == (f"{made.base}/", {
            "person": {
                "id": lina_id, "displayName": "Lina Berg", "username": "lina", "emails": [{"value": "lina@sage.example"}],
            }
        })  # fmt: skip
        assert (refuser.shown, lina.shown) == (ASKED, ASKED)
        assert lina.open(f"{made.base}/logout").json() == {"person": None}
        # She is still signed in with us, and has allowed it before.
        assert lina.open(f"{made.base}/login").json()["person"]["id"] == lina_id
        assert lina.shown == ASKED


def test_openid_client(site: Platform, lina: Person, lina_id: str, refuser: Person) -> None:
    with program("openid-client", site) as made:
        page = refuser.open(f"{made.base}/login")
        assert (page.status_code, page.text) == (403, "Not signed in: access_denied")
        assert shown(refuser, made) == {"person": None}

        claims = lina.open(f"{made.base}/login").json()["person"]
        assert (claims.pop("exp") - claims["iat"], claims.pop("iat") - claims.pop("auth_time") in range(60)) == (600, True)
        assert (len(claims.pop("nonce")), len(claims.pop("at_hash"))) == (43, 22)
        assert claims == {
            "iss": f"{site.base}/oauth2", "sub": lina_id, "aud": "openid-client", "preferred_username": "lina",
            "name": "Lina Berg", "email": "lina@sage.example", "email_verified": False,
        }  # fmt: skip


def test_auth_js(site: Platform, lina: Person, lina_id: str, refuser: Person) -> None:
    with program("auth-js", site) as made:
        page = refuser.submit(refuser.open(f"{made.base}/auth/signin"))
        assert (page.url, "Try signing in with a different account." in page.text) == (
            f"{made.base}/auth/signin?error=OAuthCallbackError", True,
        )  # fmt: skip
        assert shown(refuser, made) is None

        lina.submit(lina.open(f"{made.base}/auth/signin"))
        assert shown(lina, made)["user"] == {"id": lina_id, "name": "Lina Berg", "email": "lina@sage.example"}
        assert (refuser.shown, lina.shown) == (ASKED, ASKED)
        lina.submit(lina.open(f"{made.base}/auth/signout"))
        assert shown(lina, made) is None


# Version 3 needs Node 20, and Debian 12 has 18.
VERSIONS = [
    "express-openid-connect-2",
    pytest.param("express-openid-connect", marks=pytest.mark.skipif(major_version() < 20, reason="it needs Node 20")),
]


@pytest.mark.parametrize("package", VERSIONS)
def test_express_openid_connect(package: str, site: Platform, lina: Person, lina_id: str, refuser: Person) -> None:
    with program("express-openid-connect", site, package=package) as made:
        page = refuser.open(f"{made.base}/login")
        assert (page.status_code, page.text) == (403, "Not signed in: access_denied")
        assert shown(refuser, made) == {"person": None}

        told = {
            "sub": lina_id,
            "preferred_username": "lina",
            "name": "Lina Berg",
            "email": "lina@sage.example",
            "email_verified": False,
        }
        assert lina.open(f"{made.base}/login").json() == {"person": told}
        assert lina.open(f"{made.base}/refresh").json() == {
            "fresh": True, "person": told | {"iss": f"{site.base}/oauth2", "role": "user"},
        }  # fmt: skip
        assert lina.open(f"{made.base}/logout").json() == {"person": None}
