"""Rows of every kind that the administration shows, with the longest names that people give. For `manage.py shell`."""

import uuid
from datetime import timedelta

from django.contrib.admin.models import LogEntry
from django.utils import timezone

from providers.models import Probe
from sage_platform.accounts.models import SignIn, User
from sage_platform.accounts.services.history import record
from sage_platform.oauth2 import clients, keys, tokens
from sage_platform.oauth2.models import AccessToken, Consent, RefreshToken
from tests import usage_rows
from tests.oauth2_clients import make_client, make_public_client
from tests.provider_rows import make_provider
from tests.uploads.rows import without_object
from versions.models import RefusedRelease, Release

WORDLESS = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbe"  # 64 letters, and nowhere to break.
CHINESE = "一个很长的名称没有任何空格可以换行" * 8


def fill() -> None:
    assert len(WORDLESS) == 64
    now = timezone.now()
    admin = User.objects.get(username="admin")
    people = [
        User.objects.create(
            username=f"{WORDLESS[:-1]}{number}",
            email=f"{number}{WORDLESS[:60]}@{WORDLESS[:50]}.example",
            nickname=(WORDLESS * 2 if number else CHINESE)[:64],
            phonenum="+49 30 123456789",
        )
        for number in range(3)
    ]
    people.append(User.objects.create(username="alice", email="alice@sage.example"))
    client = make_client(
        WORDLESS, name=WORDLESS * 2, description=WORDLESS * 4, redirect_uris=f"https://{WORDLESS[:60]}.example/cb"
    )
    make_public_client("tool", name=CHINESE[:128])
    clients.renew_secret(client)
    keys.ensure()
    for person in people:
        sign_in = SignIn.objects.create(
            user=person, method="password", credentials_version=1, client_key="2001:db8:1234:5678::/64"
        )
        record(admin, person, fields=["username", "email"])
        record(admin, sign_in, deleted=True)
        Consent.objects.create(user=person, application=client, scopes="openid profile email", granted_at=now)
        approval = tokens.Approval(client, person, 1, token_family=uuid.uuid4())
        tokens.save_access_token(tokens.new(tokens.ACCESS_PREFIX), approval, scope="openid profile email")
        tokens.save_refresh_token(tokens.new(tokens.REFRESH_PREFIX), approval, scope="openid profile email")
    for person in people:
        without_object(person, f"{WORDLESS * 3}.png", content_type="image/png", source="import", came_from=f"{WORDLESS}.example")
    releases()
    usage_rows.fill(days=30)
    usage_rows.events()
    for owner in (*people, None):
        provider = make_provider(
            owner,
            f"https://{WORDLESS[:60]}.example/openai/v1",
            name=WORDLESS * 2,
            model=WORDLESS * 2,
            probe_result="fails",
            probe_category="authentication",
            probed_at=now,
        )
        for number in range(3):
            Probe.objects.create(
                provider=provider,
                at=now - timedelta(days=number),
                result="fails",
                category="authentication",
                detail=f"Incorrect API key provided: {WORDLESS * 3}",
            )
    assert LogEntry.objects.exists()
    assert AccessToken._default_manager.exists()
    assert RefreshToken._default_manager.exists()


def releases() -> None:
    now = timezone.now()
    for number, state in enumerate(("draft", "published", "withdrawn")):
        release = Release.objects.create(
            version=f"{number}.0.0-{WORDLESS}",
            state=state,
            release_notes=f"# {WORDLESS * 2}\n\n{CHINESE}",
            pub_date=now if number else None,
            withdrawn_because=(WORDLESS * 4)[:255] if state == "withdrawn" else "",
            source="api",
            made_by=WORDLESS,
        )
        for platform in ("darwin-aarch64", "linux-x86_64-appimage", "windows-x86_64-nsis"):
            release.artifacts.create(platform=platform, installer_url=f"https://{WORDLESS[:60]}.example/{WORDLESS * 3}.dmg")
    fault = {"kind": "missing_platform", "field": "artifacts", "details": {"version": f"1.0.0-{WORDLESS}", "platform": "a-b"}}
    for _number in range(3):
        RefusedRelease.objects.create(source="api", made_by=WORDLESS, version=f"1.0.0-{WORDLESS}", faults=[fault] * 3)
