"""The system's own provider, from the deployment's settings."""

from django.conf import settings

from providers.keys import ApiKey
from providers.models import Provider
from providers.probing import ModelEndpoint
from providers.services.configs import digests_of
from providers.services.records import only_default

NAME = "System default"


def ensure_system_provider() -> str:
    """Bring the record in line with SAGE_DEFAULT_LLM_*: "made", "changed", "unchanged", or "" when they are not set.

    It is not probed: a vendor that is down must not stop the start. What staff named or set beside the endpoint stays. When the
    settings are taken away the record stays, until staff delete it.
    """
    target = ModelEndpoint(
        base_url=settings.SAGE_DEFAULT_LLM_API_BASE_URL,
        api_key=ApiKey(settings.SAGE_DEFAULT_LLM_API_KEY),
        model=settings.SAGE_DEFAULT_LLM_MODEL_NAME,
        trusted=True,
    )
    if not target.api_key:
        return ""
    digests = digests_of(target)
    # A record of the same endpoint becomes the default. Without one, the present default gets the new endpoint.
    system = Provider.objects.of_system()
    provider = system.filter(config_digest__in=digests).first() or system.filter(is_default=True).first()
    # A key that can no longer be read is stored anew, though the digest says that it is the same one.
    is_same = provider is not None and provider.is_at(target)
    if provider and is_same and provider.is_default:
        return "unchanged"
    outcome = "changed" if provider else "made"
    provider = provider or Provider(owner=None, name=NAME)
    if not is_same:
        provider.base_url, provider.model, provider.config_digest = target.base_url, target.model, digests[0]
        provider.key, provider.key_hint = target.api_key.sealed(), target.api_key.hint
        # The results of earlier probes were about another endpoint.
        provider.probed_at, provider.probe_result, provider.probe_category, provider.probe_latency_ms = None, "", "", None
        provider.probe_streams_only = False
    provider.is_default = True
    with only_default(provider, becomes=True):
        provider.save()
    return outcome
