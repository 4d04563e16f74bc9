"""Each paragraph of docs/oauth2-clients.md#with-your-library has a program, and each program a sign-in among the tests here."""

import re

from tests.clients.guide import EXAMPLES
from tests.clients.programs import HERE


def test_the_programs_that_are_found() -> None:
    assert {name: (example.redirect, sorted(example.files)) for name, example in EXAMPLES.items()} == {
        "authlib": ("/callback", ["authlib/urls.py", "authlib/views.py"]),
        "django-allauth": (
            "/accounts/oidc/sage/login/callback/", ["django-allauth/settings.py", "django-allauth/urls.py"],
        ),
        "mozilla-django-oidc": (
            "/oidc/callback/",
            ["mozilla-django-oidc/people.py", "mozilla-django-oidc/settings.py", "mozilla-django-oidc/urls.py"],
        ),
        "passport-openidconnect": ("/callback", ["passport-openidconnect.mjs"]),
        "openid-client": ("/callback", ["openid-client.mjs"]),
        "auth-js": ("/auth/callback/sage", ["auth-js.mjs"]),
        "express-openid-connect": ("/callback", ["express-openid-connect.mjs"]),
        "apache": ("/oidc", ["apache.conf"]),
    }  # fmt: skip


def test_each_is_signed_in_to() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_guide_*.py"))
    assert {name.replace("-", "_") for name in EXAMPLES} - set(re.findall(r"^def test_(\w+)\(", text, re.MULTILINE)) == set()
