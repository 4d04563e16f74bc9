"""What the routes of usage give. What they take is in `events`."""

from typing import Any

from rest_framework import serializers


class IngestedOutput(serializers.Serializer[Any]):
    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField(help_text="Of an id that counted before; nothing of them counts.")


class UsageDayOutput(serializers.Serializer[Any]):
    date = serializers.DateField(help_text="UTC.")
    calls = serializers.IntegerField()


class UsageOutput(serializers.Serializer[Any]):
    usage = serializers.DictField(child=serializers.IntegerField(), help_text="Calls by action, most first, 1,000 at most.")
    by_day = UsageDayOutput(many=True, help_text="Of all actions, oldest first, with days of no calls.")


class TokenSumsOutput(serializers.Serializer[Any]):
    session_count = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    total_tokens = serializers.IntegerField(help_text="Input and output.")
    model_call_count = serializers.IntegerField()


class TokenSummaryOutput(TokenSumsOutput):
    average_tokens_per_session = serializers.FloatField()


class TokenItemOutput(TokenSumsOutput):
    agent_id = serializers.CharField(allow_null=True, help_text="Null where it is not the dimension, like the next two.")
    user_id = serializers.CharField(allow_null=True)
    session_id = serializers.CharField(allow_null=True)
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField()


class TokensOutput(serializers.Serializer[Any]):
    summary = TokenSummaryOutput(help_text="Of all rows, also of those that are not among the items.")
    items = TokenItemOutput(many=True, help_text="Most tokens first, 1,000 at most.")
