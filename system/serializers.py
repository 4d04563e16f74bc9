"""What the system routes take and give."""

from typing import Any

from rest_framework import serializers

from sage_platform.accounts.serializers import SignInProviderOutput
from sage_platform.api.fields import Boolean


class InfoOutput(serializers.Serializer[Any]):
    allow_registration = serializers.BooleanField()
    auth_mode = serializers.ChoiceField(["native", "trusted_proxy", "oauth"])
    auth_providers = SignInProviderOutput(many=True)
    default_auth_provider = serializers.CharField(allow_null=True)
    has_local_auth = serializers.BooleanField()
    has_oauth_auth = serializers.BooleanField()
    native_login_admin_only = serializers.BooleanField()
    oauth_enabled = serializers.BooleanField()
    oauth_provider_name = serializers.CharField(allow_null=True)
    version = serializers.CharField()


class UpdateSettingsInput(serializers.Serializer[Any]):
    allow_registration = Boolean()


class CheckOutput(serializers.Serializer[Any]):
    status = serializers.ChoiceField(["healthy", "unhealthy"])
    latency_ms = serializers.FloatField(allow_null=True)


class HealthOutput(serializers.Serializer[Any]):
    status = serializers.ChoiceField(["healthy", "unhealthy"])
    timestamp = serializers.FloatField(help_text="Unix seconds.")
    service = serializers.CharField()
    checks = serializers.DictField(child=CheckOutput(), help_text="By dependency: database, cache, storage.")
