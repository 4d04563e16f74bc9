"""Stored providers, what a caller sends of one, and all that is stored, for "nothing changed"."""

from typing import Any

from django.utils import timezone

from providers.keys import ApiKey
from providers.models import Probe, Provider
from providers.probing import ModelEndpoint
from providers.services.configs import digests_of
from sage_platform.accounts.models import LimitedAct, User
from sage_platform.accounts.services.limits import keyed_digest
from tests.vendor import Vendor

KEY = "sk-proj-Qx7Lw2Zt9Vb4Nm6Rk8Hd3"
MASKED = "sk-p***8Hd3"
OTHER_KEY = "sk-other-Jb5Tn8Wc3Yf6Pv1Gs4Ka"
MODEL = "scripted-large"
# Well formed, and nobody's.
UNKNOWN = "0b7f7f0e-6a53-4b7e-9f0c-2d1c5a1e9a11"
NO_IDS = [UNKNOWN, "1", "not-a-uuid", "%00", "0b7f7f0e-6a53-4b7e-9f0c-2d1c5a1e9a1", "%E2%91%A0" * 32, "None"]


def fields(vendor: Vendor, **changes: object) -> dict[str, Any]:
    """A provider's fields as a caller sends them."""
    return {"base_url": vendor.base_url, "api_keys": [KEY], "model": MODEL} | changes


def make_provider(owner: User | None, base_url: str, *, key: str = KEY, model: str = MODEL, **values: Any) -> Provider:
    target = ModelEndpoint(base_url, ApiKey(key), model)
    made: Provider = Provider.objects.create(
        owner=owner,
        name=values.pop("name", "Acme"),
        base_url=base_url,
        model=model,
        key=target.api_key.sealed(),
        key_hint=target.api_key.hint,
        config_digest=digests_of(target)[0],
        **values,
    )
    return made


def stored() -> list[list[dict[str, Any]]]:
    """Each provider and each probe, whole, the sealed keys too."""
    providers, probes = Provider.objects.order_by("pk").values(), Probe.objects.order_by("pk").values()
    return [[dict(row) for row in providers], [dict(row) for row in probes]]


def started() -> int:
    """How many calls have counted towards anybody's rate."""
    return LimitedAct.objects.filter(limit="outbound-call").count()


def exhaust_rate(user: User) -> None:
    """As if this user had just started as many probes as the deployment's default allows in a minute."""
    now = timezone.now()
    LimitedAct.objects.bulk_create(LimitedAct(limit="outbound-call", subject=keyed_digest(user.pk), at=now) for _ in range(10))
