"""No page of the administration is half in English where Chinese was asked for."""

import re

import pytest
from django.contrib import admin

from sage_platform.accounts.models import User
from sage_platform.oauth2.models import Application
from tests.oauth2_clients import allow, make_client
from tests.pages.test_every_page import words
from tests.people import Caller
from tests.provider_rows import make_provider

pytestmark = pytest.mark.django_db

# "Search" is fixed in a template of Django's, as the name of the search field. The others are names of products and protocols,
# and what is written to programs: scopes, actions of the log, names of parameters.
LATIN = {
    "OAuth", "OpenAI", "HTTP", "Basic", "https", "api", "example", "com", "Acme", "scripted-large", "sk-p", "Hd", "callback",
    "openid", "profile", "email", "usage", "write", "lage", "Temperature", "Top", "Presence", "penalty", "token", "access",
    "Id", "Search", "UTC", "refresh", "code", "act", "limited", "registration", "session", "True", "False",
    "GitHub", "release", "Markdown", "darwin-aarch", "linux-x", "deb", "rc",
}  # fmt: skip


@pytest.fixture
def _rows(alice: User) -> None:
    client: Application = make_client()
    allow(alice, client)
    make_provider(alice, "https://api.example.com/v1")


def addresses() -> list[str]:
    """Of each model the list, the form for a new one, and the pages of one row."""
    found = ["/admin/", "/admin/login/"]
    for model in admin.site._registry:
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        row = model._base_manager.first()
        found += [base, f"{base}add/"] + ([f"{base}{row.pk}/{page}/" for page in ("change", "delete", "history")] if row else [])
    return found


@pytest.mark.usefixtures("_rows")
def test_no_english_is_left_in_the_administration(as_admin: Caller) -> None:
    left = {}
    shown = 0
    for address in addresses():
        page = as_admin.get(address, Accept_Language="zh-CN")
        shown += page.status_code == 200
        text = re.sub(r"(?s)<script.*?</script>", " ", page.content.decode())
        text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\\b[a-z]+_[a-z_]+\\b", " ", text)  # Ids, and names in code.
        if found := set(words(text)) - LATIN:
            left[address] = sorted(found)
    assert left == {}
    assert shown >= 25
