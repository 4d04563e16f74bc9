"""The keys that sign id_tokens: made when there is none, rotated, published.

There are at most three: the key that signs, the next one, which clients can fetch long before it signs, and the former one,
because clients may still have to verify an id_token that it has signed (OpenID Connect Core §10.1.1).
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from logging import getLogger
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from jwcrypto import jwk, jws, jwt
from jwcrypto.common import JWException

from sage_platform.encryption import Sealed, UndecryptableError
from sage_platform.oauth2.models import SigningKey

log = getLogger("sage.oauth2")

BITS = 2048
# For how long a key signs. `prune`, which runs daily, then rotates it.
LIFE = timedelta(days=90)
COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
KID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def make_key(*, activated_at: datetime | None = None) -> SigningKey:
    """A new key, not saved yet. Making it takes a tenth of a second or more."""
    pair = jwk.JWK.generate(kty="RSA", size=BITS, use="sig", alg="RS256")
    kid = pair.thumbprint()
    public = pair.export_public(as_dict=True) | {"kid": kid}
    private = Sealed.of(pair.export_to_pem(private_key=True, password=None).decode())
    return SigningKey(kid=kid, private_key=private, public_jwk=public, activated_at=activated_at)


def ensure() -> SigningKey:
    """The key that signs. Where there is none, it is made, and the next one too.

    Several processes may start at once. The database allows only one key that signs, so one process makes it, and the others fail
    to save theirs and find that one.
    """
    if (active := _active()) is not None:
        return active
    try:
        with transaction.atomic():
            if not _activate_next(timezone.now()):
                make_key(activated_at=timezone.now()).save(force_insert=True)
            _ensure_next()
    except IntegrityError:
        pass
    return SigningKey.objects.get(activated_at__isnull=False, retired_at=None)


def ensure_readable() -> bool:
    """Like `ensure`. Whether the key that signs could not be opened, and has been replaced."""
    found = ensure()
    return _signer()[0].pk != found.pk


def rotate() -> SigningKey:
    """Retire the key that signs, let the next one sign, and publish a new next one. Keys retired before are deleted."""
    _retire(ensure())
    return ensure()


def _retire(key: SigningKey) -> bool:
    """Whether this process has retired it; False when another one has done so at the same moment."""
    with transaction.atomic():
        now = timezone.now()
        if not SigningKey.objects.select_for_update().filter(pk=key.pk, retired_at=None).exists():
            return False
        SigningKey.objects.filter(retired_at__isnull=False).delete()
        # Nothing signs with the private half any more. Left under a lost key it would stop each `rotate_encryption_keys`.
        SigningKey.objects.filter(pk=key.pk).update(retired_at=now, private_key=Sealed.of(""))
        _ensure_next()
        _activate_next(now)
        _ensure_next()
    return True


def rotate_if_due(now: datetime | None = None) -> bool:
    """Whether the key that signs was due and has been rotated."""
    active = _active()
    if active is None or not is_due(active, now or timezone.now()):
        return False
    rotate()
    return True


def is_due(key: SigningKey, at: datetime) -> bool:
    return key.activated_at is not None and key.activated_at <= at - LIFE


def ages() -> Iterator[tuple[tuple[str, ...], float]]:
    """How long the key that signs has been doing so, in seconds; nothing where there is none yet."""
    signing = SigningKey.objects.filter(activated_at__isnull=False, retired_at=None)
    for activated_at in signing.values_list("activated_at", flat=True):
        if activated_at is not None:  # For the type alone.
            yield (), (timezone.now() - activated_at).total_seconds()


def _active() -> SigningKey | None:
    return SigningKey.objects.filter(activated_at__isnull=False, retired_at=None).first()


def _activate_next(now: datetime) -> int:
    found = SigningKey.objects.filter(activated_at=None, retired_at=None).order_by("created_at").first()
    return SigningKey.objects.filter(pk=found.pk).update(activated_at=now) if found is not None else 0


def _ensure_next() -> None:
    """One that cannot be opened is replaced: it has signed nothing yet, so nobody needs its public half."""
    found = SigningKey.objects.filter(activated_at=None, retired_at=None).first()
    if found is not None and _opened(found) is None:
        found.delete()
        found = None
    if found is None:
        make_key().save(force_insert=True)


def key_set() -> dict[str, list[dict[str, Any]]]:
    """RFC 7517 §5: the public halves; that of the key that signs comes first."""
    ensure()
    rows = SigningKey.objects.order_by(F("retired_at").asc(nulls_first=True), F("activated_at").asc(nulls_last=True))
    return {"keys": [row.public_jwk for row in rows]}


def sign(claims: dict[str, Any]) -> str:
    """An RS256 JWT (RFC 7519) that names its key."""
    row, private = _signer()
    token = jwt.JWT(header=json.dumps({"alg": "RS256", "typ": "JWT", "kid": row.kid}), claims=json.dumps(claims))
    token.make_signed_token(private)
    return str(token.serialize())


def _signer() -> tuple[SigningKey, jwk.JWK]:
    """The key that signs, opened. One that cannot be opened is retired, and the next one or a new one signs from now on.

    Its encryption key was lost, or taken out of the setting too early. Clients go on verifying what it has signed, because its
    public half stays published. Raises UndecryptableError where the new one cannot be opened either, which happens when a process
    with another encryption key replaces it at the same moment.
    """
    row = ensure()
    private = _opened(row)
    if private is None:
        if _retire(row):
            log.error(
                "signing key replaced", extra={"facts": {"kid": row.kid, "cause": "no key of SAGE_ENCRYPTION_KEYS opens it"}}
            )
        row = ensure()
        private = _private(row.private_key)
    return row, private


def _opened(key: SigningKey) -> jwk.JWK | None:
    try:
        return _private(key.private_key)
    except UndecryptableError:
        return None


@lru_cache(maxsize=4)
def _private(sealed: Sealed) -> jwk.JWK:
    """Kept in the process, because decrypting and parsing a key takes as long as signing does."""
    return jwk.JWK.from_pem(sealed.reveal().encode())


def read(token: str) -> dict[str, Any] | None:
    """The claims of a JWT that one of our keys has signed, however old; None for any other text."""
    # The library also reads the JSON forms of RFC 7515 §7.2. We never sign in these, so such a text is none of ours.
    if not COMPACT.fullmatch(token):
        return None
    try:
        parsed = jws.JWS()
        parsed.allowed_algs = ["RS256"]
        parsed.deserialize(token)
        kid = str(parsed.jose_header.get("kid", ""))
        row = SigningKey.objects.filter(kid=kid).first() if KID.fullmatch(kid) else None
        if row is None:
            return None
        parsed.verify(jwk.JWK(**row.public_jwk))
        claims = json.loads(parsed.payload)
    except (JWException, ValueError, TypeError, KeyError):
        return None
    return claims if isinstance(claims, dict) else None
