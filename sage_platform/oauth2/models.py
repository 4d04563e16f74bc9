"""The toolkit's models, swapped for ours before the first migration, and two of our own.

What a stolen copy of the database gives away is decided here, by columns and constraints rather than by a setting:

- Access and refresh tokens use the toolkit's checksum machinery: `token_checksum` holds SHA-256 of the token, and the
  stock `token` column is held empty by a constraint, so that a wrong `COMPLIANT_BCP_RFC9700_TOKEN_STORAGE` fails
  instead of storing tokens. Tokens are long and random (RFC 6749 §10.10), so a fast hash without salt is enough and one
  indexed look-up finds them.
- Authorization, device and user codes are `DigestField`s: the toolkit stores these in the clear and has no setting for
  it.
- Client secrets are always hashed, and the private halves of signing keys are ciphertext.

Some events end tokens without having to find them. Each token holds the `credentials_version` that its user had when it was
issued. A changed password or a deactivation raises the user's number, and a token with another one is refused.
The client's registration is read together with the token, too: what was taken from the client is taken from its tokens.

Several columns have no default on purpose (`credentials_version`, `token_family`, `expires`, `scope`): code that issues
a token and forgets one of them gets an IntegrityError, not a token that nothing ends.
"""

import uuid
from datetime import datetime
from typing import ClassVar, NoReturn

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import (
    AbstractAccessToken,
    AbstractApplication,
    AbstractDeviceGrant,
    AbstractGrant,
    AbstractIDToken,
    AbstractRefreshToken,
    TokenChecksumField,
)

from sage_platform.encryption import SealedField
from sage_platform.oauth2.fields import DigestField, SecretField
from sage_platform.oauth2.redirects import is_native
from sage_platform.oauth2.registration import BASIC, CODE, CREDENTIALS, DEVICE, EITHER, METHODS_WITH_SECRET, NONE, POST, REFRESH


class GrantType(models.TextChoices):
    """By their registered names (RFC 7591 §2), as in `SAGE_OAUTH2_CLIENTS`; the toolkit has names of its own."""

    AUTHORIZATION_CODE = CODE, _("Authorization code")
    REFRESH_TOKEN = REFRESH, _("Refresh token")
    CLIENT_CREDENTIALS = CREDENTIALS, _("Client credentials")
    DEVICE_CODE = DEVICE, _("Device code")


def default_grant_types() -> list[str]:
    return [GrantType.AUTHORIZATION_CODE.value]


class Application(AbstractApplication):
    """A client. The column `skip_authorization` is called `skip_consent` in a declaration (SAGE_OAUTH2_CLIENTS)."""

    class AuthMethod(models.TextChoices):
        EITHER = EITHER, _("HTTP Basic or in the body")
        BASIC = BASIC, _("HTTP Basic")
        POST = POST, _("In the body")
        NONE = NONE, _("None (public client)")

    class Source(models.TextChoices):
        ADMIN = "admin", _("Admin")
        ENVIRONMENT = "environment", _("Environment")
        REGISTRATION = "registration", _("Dynamic registration")

    # Naming them here takes two columns of the toolkit's model out. Its single grant type would contradict our `grant_types`;
    # as it is empty, the toolkit's own check allows no grant. A secret has to be kept in the clear for HS256 alone, and our
    # id_tokens are signed with RS256.
    authorization_grant_type: ClassVar[str] = ""
    hash_client_secret: ClassVar[bool] = True

    client_secret = SecretField(_("client secret"), max_length=255, blank=True, default="")
    enabled = models.BooleanField(_("enabled"), default=True)
    token_endpoint_auth_method = models.CharField(
        _("client authentication"), max_length=32, choices=AuthMethod.choices, default=AuthMethod.EITHER
    )
    grant_types = models.JSONField(_("grant types"), default=default_grant_types)
    scope = models.TextField(_("scope"), blank=True, default="", help_text=_("What the client may ask for, separated by spaces."))
    description = models.TextField(_("description"), blank=True, default="")
    source = models.CharField(_("source"), max_length=16, choices=Source.choices, default=Source.ADMIN)

    class Meta(AbstractApplication.Meta):
        verbose_name = _("OAuth2 client")
        verbose_name_plural = _("OAuth2 clients")
        constraints = [
            # RFC 6749 §2.1: a public client cannot keep a secret, so it has none; a confidential one never goes
            # without.
            models.CheckConstraint(
                name="oauth2_application_secret_fits_type",
                condition=Q(client_type="public", token_endpoint_auth_method__in=[NONE], client_secret="")
                | Q(client_type="confidential", token_endpoint_auth_method__in=[*METHODS_WITH_SECRET, EITHER])
                & ~Q(client_secret=""),
            ),
            # The toolkit's registration views (RFC 7591) read `registration_source`, so it must never contradict `source`.
            models.CheckConstraint(
                name="oauth2_application_source_agrees",
                condition=Q(source="registration", registration_source="dcr")
                | Q(source__in=["admin", "environment"], registration_source="manual"),
            ),
        ]

    def clean(self) -> None:
        """Leave out the toolkit's rules, which read its own settings. Ours are in `registration`, for admin and environment."""

    @property
    def get_absolute_url(self) -> NoReturn:
        """A client has no page of its own. The toolkit's method names a page that is not mounted here, and so would end in a
        crash wherever the admin offers "View on site".
        """
        raise AttributeError("get_absolute_url")

    @property
    def is_public(self) -> bool:
        return bool(self.client_type == self.CLIENT_PUBLIC)

    @property
    def auth_methods(self) -> list[str]:
        """The methods by which the client may authenticate (RFC 7591 §2)."""
        chosen = str(self.token_endpoint_auth_method)
        return METHODS_WITH_SECRET if chosen == EITHER else [chosen]

    @property
    def scopes(self) -> list[str]:
        return [str(name) for name in self.scope.split()]

    @property
    def skips_consent(self) -> bool:
        """What counts of `skip_authorization`: rows from before the rule of `registration` may have it and must not."""
        native = self.is_public and any(is_native(address) for address in self.redirect_uris.split())
        return bool(self.skip_authorization) and not native


class FormerSecret(models.Model):
    """A secret that a new one has replaced, and that opens for a while yet, so that the client need not stop meanwhile."""

    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="former_secrets", verbose_name=_("OAuth2 client")
    )
    secret = SecretField(_("client secret"), max_length=255)
    expires = models.DateTimeField(_("expires"))

    class Meta:
        verbose_name = _("former client secret")
        verbose_name_plural = _("former client secrets")
        indexes = [models.Index(fields=["expires"], name="oauth2_formersecret_expires")]
        constraints = [models.CheckConstraint(name="oauth2_formersecret_never_empty", condition=~Q(secret=""))]

    def __str__(self) -> str:
        return f"Former secret #{self.pk}"


class Grant(AbstractGrant):
    """An authorization code. It is kept after its use (see `pruning`), so that a second use is noticed (RFC 6749 §4.1.2)."""

    code = DigestField(_("code"), max_length=64)
    credentials_version = models.IntegerField(_("credentials version"))
    # When the person signed in, for `auth_time` (OpenID Connect Core §2). The user's last_login may be of another session.
    auth_time = models.DateTimeField(_("signed in at"), null=True, blank=True)
    used_at = models.DateTimeField(_("used at"), null=True, blank=True, editable=False)
    # Where the code was sent. `redirect_uri` is empty where the request left it out; this never is.
    return_address = models.TextField(_("return address"), blank=True, default="", editable=False)
    # Every token that comes of this code carries the same family, so that a second use ends them by one indexed
    # statement.
    token_family = models.UUIDField(_("token family"), default=uuid.uuid4, editable=False, unique=True)

    class Meta(AbstractGrant.Meta):
        verbose_name = _("authorization code")
        verbose_name_plural = _("authorization codes")
        indexes = [models.Index(fields=["expires"], name="oauth2_grant_expires")]
        constraints = [
            models.UniqueConstraint(fields=["code"], name="oauth2_grant_unique_code"),
            # RFC 7636 §4.2, RFC 9700 §2.1.1: S256 or no challenge at all, never `plain`.
            models.CheckConstraint(
                name="oauth2_grant_s256_only",
                condition=Q(code_challenge="", code_challenge_method="")
                | Q(code_challenge_method="S256") & ~Q(code_challenge=""),
            ),
        ]


def name_of(row: models.Model, when: datetime) -> str:
    """What staff read of a row: client and user, where they are loaded anyway, since a page of many must not ask for each."""
    links = [getattr(row, name) for name in ("application", "user") if name in row._state.fields_cache]
    return ", ".join([*(str(link) for link in links if link), f"{when:%Y-%m-%d %H:%M %Z}"])


class AccessToken(AbstractAccessToken):
    # Two links of the toolkit's are taken out. `token_family` replaces them, and each would be one more index to write.
    source_refresh_token = None
    id_token = None

    token_checksum = TokenChecksumField(_("token checksum"), max_length=64)
    # The toolkit's may be empty, for tokens that another server issued. Ours always have a client, and go with it.
    application = models.ForeignKey(Application, on_delete=models.CASCADE, verbose_name=_("OAuth2 client"))
    # Empty for client_credentials, where there is no user whose password could change.
    credentials_version = models.IntegerField(_("credentials version"), null=True, blank=True)
    token_family = models.UUIDField(_("token family"), editable=False)
    # Where the code was sent that the token came of. When the client loses that address, the token ends. Empty where there was
    # no code.
    return_address = models.TextField(_("return address"), blank=True, default="", editable=False)

    class Meta(AbstractAccessToken.Meta):
        verbose_name = _("access token")
        verbose_name_plural = _("access tokens")
        indexes = [
            models.Index(fields=["expires"], name="oauth2_accesstoken_expires"),
            models.Index(fields=["token_family"], name="oauth2_accesstoken_family"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["token_checksum"], name="oauth2_accesstoken_unique_checksum"),
            models.CheckConstraint(name="oauth2_accesstoken_hashed_only", condition=Q(token="")),
            models.CheckConstraint(
                name="oauth2_accesstoken_version_with_user",
                condition=Q(user__isnull=True, credentials_version__isnull=True)
                | Q(user__isnull=False, credentials_version__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return name_of(self, self.created)


class RefreshToken(AbstractRefreshToken):
    """`revoked` is set when it is used or withdrawn. The row stays until `expires`, so that reuse shows (RFC 9700 §4.14.2)."""

    access_token = None  # A link of the toolkit's that `token_family` replaces, as in AccessToken.
    # These two are the toolkit's, with names that staff read in their language.
    application = models.ForeignKey(Application, on_delete=models.CASCADE, verbose_name=_("OAuth2 client"))
    revoked = models.DateTimeField(_("revoked"), null=True)
    token_checksum = TokenChecksumField(_("token checksum"), max_length=64)
    credentials_version = models.IntegerField(_("credentials version"))
    token_family = models.UUIDField(_("token family"), editable=False)
    return_address = models.TextField(_("return address"), blank=True, default="", editable=False)  # As in AccessToken.
    # What the person granted; it has no default on purpose (see the top). The toolkit would read it from the last access token,
    # which has less after a refresh that asked for less (RFC 6749 §6).
    scope = models.TextField(_("scope"), blank=True, default=None)
    # OpenID Connect Core §12.2: an id_token that comes of a refresh carries the time of the original sign-in.
    auth_time = models.DateTimeField(_("signed in at"), null=True, blank=True)
    # The toolkit computes it from the access token's. That would need a join in `prune`, and is lost when that row goes.
    expires = models.DateTimeField(_("expires"))

    class Meta(AbstractRefreshToken.Meta):
        verbose_name = _("refresh token")
        verbose_name_plural = _("refresh tokens")
        # The toolkit's (checksum, revoked) lets two live rows share a checksum, because NULLs are distinct.
        unique_together = ()
        indexes = [models.Index(fields=["expires"], name="oauth2_refreshtoken_expires")]
        constraints = [
            models.UniqueConstraint(fields=["token_checksum"], name="oauth2_refreshtoken_unique_checksum"),
            # Rotation leaves one living token in a family, so a second one could only come of a race or a theft (RFC 9700
            # §4.14.2). The index of this constraint also finds the token to end.
            models.UniqueConstraint(
                fields=["token_family"], condition=Q(revoked__isnull=True), name="oauth2_refreshtoken_one_living"
            ),
            models.CheckConstraint(name="oauth2_refreshtoken_hashed_only", condition=Q(token="")),
        ]

    def __str__(self) -> str:
        return name_of(self, self.created)


class IDToken(AbstractIDToken):
    """A record that an id_token was issued. Nobody is let in by it, so it needs no `credentials_version`."""

    class Meta(AbstractIDToken.Meta):
        verbose_name = _("ID token")
        verbose_name_plural = _("ID tokens")
        indexes = [models.Index(fields=["expires"], name="oauth2_idtoken_expires")]


class DeviceGrant(AbstractDeviceGrant):
    """A device that waits for a person (RFC 8628). The user and their `credentials_version` come with the approval."""

    device_code = DigestField(_("device code"), max_length=64)
    user_code = DigestField(_("user code"), max_length=64)
    # As long as `Application.client_id`; the toolkit's 100 would be an error on PostgreSQL for a longer one.
    client_id = models.CharField(_("client ID"), max_length=255, db_index=True)
    credentials_version = models.IntegerField(_("credentials version"), null=True, blank=True)

    class Meta(AbstractDeviceGrant.Meta):
        verbose_name = _("device code")
        verbose_name_plural = _("device codes")
        indexes = [models.Index(fields=["expires"], name="oauth2_devicegrant_expires")]
        constraints = [
            models.UniqueConstraint(fields=["device_code"], name="oauth2_devicegrant_unique_device_code"),
            # A user code is short: two that wait at the same time must differ, or a person approves another's device.
            models.UniqueConstraint(
                fields=["user_code"], condition=Q(status="authorization-pending"), name="oauth2_devicegrant_one_pending"
            ),
            models.CheckConstraint(
                name="oauth2_devicegrant_version_with_user",
                condition=Q(user__isnull=True, credentials_version__isnull=True)
                | Q(user__isnull=False, credentials_version__isnull=False),
            ),
        ]


class Consent(models.Model):
    """What a person has allowed a client; there is none before the first time, and withdrawing deletes it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="oauth2_consents", verbose_name=_("user")
    )
    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="consents", verbose_name=_("OAuth2 client")
    )
    scopes = models.TextField(_("scopes"), blank=True, help_text=_("Separated by spaces."))
    granted_at = models.DateTimeField(_("granted at"))

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints = [models.UniqueConstraint(fields=["user", "application"], name="oauth2_consent_unique_user_application")]

    def __str__(self) -> str:
        return name_of(self, self.granted_at)


class SigningKey(models.Model):
    """A key for id_tokens: published before it is activated and after it is retired (OpenID Connect Core §10.1.1)."""

    kid = models.CharField(_("key ID"), max_length=64, unique=True)
    algorithm = models.CharField(_("algorithm"), max_length=8, choices=[("RS256", "RS256")], default="RS256")
    private_key = SealedField(_("private key (encrypted)"), editable=False)
    # The public half as a JWK (RFC 7517 §4), so that the public `jwks` route decrypts nothing.
    public_jwk = models.JSONField(_("public key"), editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    activated_at = models.DateTimeField(_("activated at"), null=True, blank=True)
    retired_at = models.DateTimeField(_("retired at"), null=True, blank=True)

    class Meta:
        verbose_name = _("signing key")
        verbose_name_plural = _("signing keys")
        constraints = [
            # Two rotations at once must not leave two keys that both sign.
            models.UniqueConstraint(
                fields=["algorithm"],
                condition=Q(activated_at__isnull=False, retired_at__isnull=True),
                name="oauth2_signingkey_one_active",
            ),
            models.CheckConstraint(
                name="oauth2_signingkey_retired_after_activated",
                condition=Q(retired_at__isnull=True) | Q(retired_at__gte=F("activated_at")),
            ),
        ]

    def __str__(self) -> str:
        return self.kid
