import hashlib
import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password
from django.db import IntegrityError, connection, models, transaction
from django.utils import timezone
from oauth2_provider.models import set_token_value

from sage_platform.accounts.models import User
from sage_platform.encryption import Sealed
from sage_platform.oauth2.fields import Digest
from sage_platform.oauth2.models import (
    AccessToken,
    Application,
    Consent,
    DeviceGrant,
    Grant,
    IDToken,
    RefreshToken,
    SigningKey,
)

pytestmark = pytest.mark.django_db

MakeToken = Callable[..., AccessToken | RefreshToken]
CODE = "a-code-that-only-the-client-knows"
TOKEN = "a-token-that-only-the-client-knows"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.fixture
def alice() -> Any:
    return get_user_model()._default_manager.create(pk="alice", username="alice")


@pytest.fixture
def bob() -> Any:
    return get_user_model()._default_manager.create(pk="bob", username="bob")


@pytest.fixture
def application() -> Application:
    client: Application = Application.objects.create(name="Lage", client_id="lage", **confidential())
    return client


def confidential(**changes: object) -> dict[str, Any]:
    return {"client_type": "confidential", "client_secret": "correct horse battery", **changes}


def in_a_minute() -> Any:
    return timezone.now() + timedelta(minutes=1)


def make_grant(user: object, application: Application, **changes: object) -> Grant:
    values: dict[str, Any] = {"code": CODE, "expires": in_a_minute(), "redirect_uri": "https://lage.example/callback"}
    values |= {"credentials_version": 0, "user": user, "application": application}
    row: Grant = Grant.objects.create(**values | changes)
    return row


def make_access_token(user: object, application: Application, token: str = TOKEN, **changes: object) -> AccessToken:
    values: dict[str, Any] = {"expires": in_a_minute(), "credentials_version": 0, "token_family": uuid.uuid4()}
    row = AccessToken(user=user, application=application, **values | changes)
    set_token_value(row, token)
    row.save()
    return row


def make_refresh_token(user: object, application: Application, token: str = TOKEN, **changes: object) -> RefreshToken:
    values: dict[str, Any] = {"expires": in_a_minute(), "credentials_version": 0, "token_family": uuid.uuid4()}
    row = RefreshToken(user=user, application=application, **values | {"scope": "openid profile"} | changes)
    set_token_value(row, token)
    row.save()
    return row


def make_device_grant(**changes: object) -> DeviceGrant:
    values: dict[str, Any] = {
        "client_id": "lage",
        "device_code": CODE,
        "user_code": "BCDF-GHJK",
        "expires": in_a_minute(),
    }
    row: DeviceGrant = DeviceGrant.objects.create(**values | changes)
    return row


def stored(row: models.Model) -> str:
    """The whole row as the database has it, past the fields."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {row._meta.db_table} WHERE id = %s", [row.pk])
        return repr(cursor.fetchall())


def refused(constraint: str) -> Any:
    """SQLite names a unique constraint by its columns, so only a check is told by its name on both databases."""
    return pytest.raises(IntegrityError, match=constraint)


# -- Clients -----------------------------------------------------------------------------------------------------------


def test_client_secret_is_stored_hashed(application: Application) -> None:
    assert "correct horse battery" not in stored(application)
    assert check_password("correct horse battery", application.client_secret)

    before = application.client_secret
    application.save()

    assert application.client_secret == before


def test_public_client_has_no_secret_at_all() -> None:
    """RFC 6749 §2.1. The toolkit would store a hash of the empty secret, which an empty secret then opens."""
    public = Application.objects.create(client_type="public", token_endpoint_auth_method="none")

    assert public.client_secret == ""
    assert not check_password("", public.client_secret)


@pytest.mark.parametrize(
    "values",
    [
        {"client_type": "public", "token_endpoint_auth_method": "none", "client_secret": "correct horse battery"},
        {"client_type": "public", "token_endpoint_auth_method": "client_secret_basic"},
        {"client_type": "confidential", "token_endpoint_auth_method": "none", "client_secret": "correct horse battery"},
        {"client_type": "confidential", "client_secret": ""},
        {"client_type": "", "client_secret": "correct horse battery"},
    ],
)
def test_client_type_authentication_and_secret_agree(values: dict[str, str]) -> None:
    with refused("oauth2_application_secret_fits_type"):
        Application.objects.create(**values)


@pytest.mark.parametrize(
    ("source", "registration_source"), [("registration", "manual"), ("admin", "dcr"), ("environment", "cimd")]
)
def test_both_columns_of_a_clients_origin_agree(source: str, registration_source: str) -> None:
    with refused("oauth2_application_source_agrees"):
        Application.objects.create(**confidential(source=source, registration_source=registration_source))


def test_client_defaults_are_the_narrow_ones(application: Application) -> None:
    row = Application.objects.get(client_id="lage")

    assert row.grant_types == ["authorization_code"]
    assert (row.enabled, row.scope, row.source, row.skip_authorization) == (True, "", "admin", False)
    assert not row.allows_grant_type("authorization-code", "client-credentials", "password", "implicit")


# -- Codes -------------------------------------------------------------------------------------------------------------


def test_authorization_code_is_stored_as_a_digest_and_found_by_the_code(alice: User, application: Application) -> None:
    grant = make_grant(alice, application)

    assert CODE not in stored(grant)
    assert isinstance(grant.code, Digest)
    assert re.fullmatch("[0-9a-f]{64}", grant.code)
    assert Grant.objects.get(code=CODE) == grant
    assert Grant.objects.get(code__in=[CODE, "another"]) == grant


def test_saving_a_grant_again_does_not_hash_twice(alice: User, application: Application) -> None:
    make_grant(alice, application).save()
    Grant.objects.get(code=CODE).save()

    assert Grant.objects.filter(code=CODE).count() == 1


def test_a_stolen_digest_is_not_a_code(alice: User, application: Application) -> None:
    digest = str(make_grant(alice, application).code)

    assert type(digest) is str
    assert not Grant.objects.filter(code=digest).exists()


def test_update_and_bulk_create_hash_as_well(alice: User, application: Application) -> None:
    grant = make_grant(alice, application)
    Grant.objects.filter(pk=grant.pk).update(code="another-code")
    more = {"application": application, "user": alice, "credentials_version": 0, "expires": in_a_minute()}
    Grant.objects.bulk_create([Grant(code=CODE, redirect_uri="https://lage.example/callback", **more)])

    assert "another-code" not in stored(grant)
    assert Grant.objects.get(code="another-code") == grant
    assert Grant.objects.exclude(pk=grant.pk).get(code=CODE).user == alice


def test_digests_of_two_columns_differ() -> None:
    row = make_device_grant(device_code="BCDF-GHJK", user_code="BCDF-GHJK")

    assert row.device_code != row.user_code
    assert "BCDF-GHJK" not in stored(row)
    assert DeviceGrant.objects.get(user_code="BCDF-GHJK") == row


def test_a_code_is_unique(alice: User, bob: User, application: Application) -> None:
    make_grant(alice, application)
    with refused("code"):
        make_grant(bob, application)


def test_a_family_begins_with_one_code(alice: User, application: Application) -> None:
    grant = make_grant(alice, application)
    with refused("family"):
        make_grant(alice, application, code="another-code", token_family=grant.token_family)


@pytest.mark.parametrize(("challenge", "method"), [(CHALLENGE, "plain"), (CHALLENGE, ""), ("", "S256"), ("", "plain")])
def test_only_s256_challenges_are_stored(alice: User, application: Application, challenge: str, method: str) -> None:
    """RFC 7636 §4.2, RFC 9700 §2.1.1."""
    with refused("oauth2_grant_s256_only"):
        make_grant(alice, application, code_challenge=challenge, code_challenge_method=method)


def test_s256_challenge_is_stored(alice: User, application: Application) -> None:
    grant = make_grant(alice, application, code_challenge=CHALLENGE, code_challenge_method="S256")

    assert grant.used_at is None


def test_two_waiting_devices_have_two_user_codes() -> None:
    """RFC 8628 §5.1: a person must never approve somebody else's device."""
    first = make_device_grant()
    with refused("user_code|one_pending"), transaction.atomic():
        make_device_grant(device_code="another-code")

    first.status = DeviceGrant.DENIED
    first.save()

    assert make_device_grant(device_code="another-code").pk


def test_device_grant_gets_user_and_version_together(alice: User) -> None:
    with refused("oauth2_devicegrant_version_with_user"):
        make_device_grant(user=alice)


# -- Tokens ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [make_access_token, make_refresh_token])
def test_tokens_are_stored_as_a_checksum_alone(make: MakeToken, alice: User, application: Application) -> None:
    row = make(alice, application)

    assert TOKEN not in stored(row)
    assert type(row).objects.get(token_checksum=hashlib.sha256(TOKEN.encode()).hexdigest()) == row
    assert row.token == ""


@pytest.mark.parametrize("make", [make_access_token, make_refresh_token])
def test_a_token_in_the_clear_is_refused(make: MakeToken, alice: User, application: Application) -> None:
    row = make(alice, application)
    row.token = TOKEN
    with refused("hashed_only"):
        row.save()


@pytest.mark.parametrize("make", [make_access_token, make_refresh_token])
def test_a_token_is_unique(make: MakeToken, alice: User, bob: User, application: Application) -> None:
    make(alice, application)
    with refused("checksum"):
        make(bob, application)


@pytest.mark.parametrize("make", [make_access_token, make_refresh_token])
@pytest.mark.parametrize("column", ["token_family", "expires", "application", "credentials_version"])
def test_a_token_that_nothing_ends_is_refused(make: MakeToken, column: str, alice: User, application: Application) -> None:
    values: dict[str, Any] = {"user": alice, "application": application, column: None}
    with refused("(?i)null|version_with_user"):
        make(**values)


def test_a_token_without_user_has_no_credentials_version(application: Application) -> None:
    assert make_access_token(None, application, credentials_version=None).pk
    with refused("oauth2_accesstoken_version_with_user"):
        make_access_token(None, application, token="another-token")


def test_a_refresh_token_must_say_what_was_granted(alice: User, application: Application) -> None:
    """RFC 6749 §6: the scope of the grant is remembered; forgetting it must not widen or empty it in silence."""
    row = RefreshToken(user=alice, application=application, expires=in_a_minute(), credentials_version=0)
    row.token_family = uuid.uuid4()
    set_token_value(row, TOKEN)
    with refused("(?i)null"):
        row.save()


def test_a_family_has_one_living_refresh_token(alice: User, application: Application) -> None:
    """RFC 9700 §4.14.2: what two racing refreshes would make."""
    first = make_refresh_token(alice, application)
    with refused("family|one_living"), transaction.atomic():
        make_refresh_token(alice, application, token="another-token", token_family=first.token_family)

    RefreshToken.objects.filter(pk=first.pk).update(revoked=timezone.now())

    assert make_refresh_token(alice, application, token="another-token", token_family=first.token_family).pk


def test_deleting_the_client_deletes_all_it_has(alice: User, application: Application) -> None:
    make_grant(alice, application)
    make_access_token(alice, application)
    make_refresh_token(alice, application)
    Consent.objects.create(user=alice, application=application, scopes="openid", granted_at=timezone.now())
    IDToken.objects.create(user=alice, application=application, expires=in_a_minute())

    application.delete()

    kept = {model.__name__: model._default_manager.count() for model in (Grant, AccessToken, RefreshToken, Consent, IDToken)}
    assert kept == {"Grant": 0, "AccessToken": 0, "RefreshToken": 0, "Consent": 0, "IDToken": 0}


# -- Consents and keys -------------------------------------------------------------------------------------------------


def test_one_consent_for_one_person_and_client(alice: User, bob: User, application: Application) -> None:
    values: dict[str, Any] = {"application": application, "scopes": "openid", "granted_at": timezone.now()}
    Consent.objects.create(user=alice, **values)
    Consent.objects.create(user=bob, **values)
    with refused("(?i)unique"):
        Consent.objects.create(user=alice, **values)


def make_key(kid: str, **changes: object) -> SigningKey:
    values: dict[str, Any] = {"kid": kid, "private_key": Sealed.of("private"), "public_jwk": {"kty": "RSA", "kid": kid}}
    return SigningKey.objects.create(**values | changes)


def test_one_key_signs_at_a_time() -> None:
    last, now = make_key("last", activated_at=timezone.now()), timezone.now()
    make_key("next")
    with refused("(?i)unique"), transaction.atomic():
        make_key("another", activated_at=now)

    last.retired_at = now
    last.save()

    assert SigningKey.objects.filter(kid="next").update(activated_at=now) == 1


def test_a_key_id_is_unique() -> None:
    make_key("one")
    with refused("kid"):
        make_key("one")


def test_a_key_is_not_retired_before_it_was_activated() -> None:
    now = timezone.now()
    with refused("oauth2_signingkey_retired_after_activated"):
        make_key("one", activated_at=now, retired_at=now - timedelta(seconds=1))


# -- Around the models -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [AccessToken, RefreshToken, Grant, IDToken, DeviceGrant])
def test_pruning_by_expiry_has_an_index(model: type[models.Model]) -> None:
    assert ["expires"] in [index.fields for index in model._meta.indexes]


@pytest.mark.parametrize("model", [Grant, IDToken, DeviceGrant])
def test_the_admin_does_not_show_what_is_gone_in_a_minute(model: type[models.Model]) -> None:
    admin.autodiscover()

    assert not admin.site.is_registered(model)
