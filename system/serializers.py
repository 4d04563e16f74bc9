"""What the system routes take and give."""

from typing import Any

from rest_framework import serializers

from sage_platform.accounts.serializers import SignInProviderOutput
from sage_platform.api.fields import Boolean
from system.models import SystemSettings

Fields = dict[str, serializers.Field[Any, Any, Any, Any]]


# Clients have always had to send this one. A flag that came later may be left out and then stays as it is, so that they go on
# working.
ALWAYS_SENT = "allow_registration"


class InfoOutput(serializers.Serializer[Any]):
    """What a login page is built from, the deployment's flags among it."""

    auth_mode = serializers.ChoiceField(["native", "trusted_proxy", "oauth"])
    auth_providers = SignInProviderOutput(many=True)
    default_auth_provider = serializers.CharField(allow_null=True)
    has_local_auth = serializers.BooleanField()
    has_oauth_auth = serializers.BooleanField()
    native_login_admin_only = serializers.BooleanField()
    oauth_enabled = serializers.BooleanField()
    oauth_provider_name = serializers.CharField(allow_null=True)
    version = serializers.CharField()

    def get_fields(self) -> Fields:
        return {**{name: serializers.BooleanField() for name in SystemSettings.flag_names()}, **super().get_fields()}


class UpdateSettingsInput(serializers.Serializer[Any]):
    """The deployment's flags."""

    def get_fields(self) -> Fields:
        return {name: Boolean(required=name == ALWAYS_SENT) for name in SystemSettings.flag_names()}


class CheckOutput(serializers.Serializer[Any]):
    status = serializers.ChoiceField(["healthy", "unhealthy"])
    latency_ms = serializers.FloatField(allow_null=True)


class HealthOutput(serializers.Serializer[Any]):
    status = serializers.ChoiceField(["healthy", "unhealthy"])
    timestamp = serializers.FloatField(help_text="Unix seconds.")
    service = serializers.CharField()
    checks = serializers.DictField(child=CheckOutput(), help_text="By dependency: database, cache, storage.")
