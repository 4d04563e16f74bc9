"""What the routes of releases take and give. What the values have to be is a matter of `services.judging`."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from sage_platform.api.documentation import FieldErrorSchema
from sage_platform.api.fields import Form, QueryBoolean, Text
from versions.models import MOST_ARTIFACTS, Release
from versions.services.judging import OF_ARTIFACT, Candidate, CandidateArtifact

OTHERWISE = "Empty or null where there is none."


class ArtifactInput(serializers.Serializer[Any]):
    platform = Text(allow_blank=True, max_length=None, help_text="`<os>-<arch>` or `<os>-<arch>-<bundle>`.")
    installer_url = Text(required=False, allow_null=True, allow_blank=True, max_length=None, help_text=OTHERWISE)
    updater_url = Text(required=False, allow_null=True, allow_blank=True, max_length=None, help_text=OTHERWISE)
    updater_signature = Text(
        required=False, allow_null=True, allow_blank=True, max_length=None, help_text=f"The content of the .sig file. {OTHERWISE}"
    )


class ReleaseInput(Form):
    """Texts have no lengths here: what is too long is told in the form that people see, with all else that is wrong."""

    version = Text(allow_blank=True, max_length=None, help_text="Semantic Versioning 2.0; a leading `v` is dropped.")
    release_notes = Text(
        required=False, allow_null=True, allow_blank=True, trim_whitespace=False, max_length=None, help_text="Markdown."
    )
    # The length is judged before the first of them is looked at.
    artifacts: serializers.ListSerializer[Any] = serializers.ListSerializer(child=ArtifactInput(), max_length=MOST_ARTIFACTS)


def candidate_of(data: Mapping[str, Any]) -> Candidate:
    """Of what `ReleaseInput` has read. Clients send null for what there is none of, or leave it out."""
    artifacts = [CandidateArtifact(**{name: one.get(name) or "" for name in OF_ARTIFACT}) for one in data["artifacts"]]
    return Candidate.cleaned(data["version"], data.get("release_notes") or "", artifacts)


class PublishQuery(serializers.Serializer[Any]):
    dry_run = QueryBoolean(required=False, default=False, help_text="Judge the release, and store nothing.")


class ArtifactOutput(serializers.Serializer[Any]):
    platform = serializers.CharField()
    installer_url = serializers.CharField(help_text="Empty where there is none.")
    updater_url = serializers.CharField(help_text="Empty where there is none.")
    updater_signature = serializers.CharField(help_text="Empty where there is none.")


class ReleaseOutput(serializers.Serializer[Any]):
    version = serializers.CharField()
    release_notes = serializers.CharField(help_text="Markdown.")
    pub_date = serializers.DateTimeField(allow_null=True, help_text="When it was first published; null for a draft.")
    artifacts = ArtifactOutput(many=True)


class ListedReleaseOutput(ReleaseOutput):
    state = serializers.ChoiceField(Release.State.choices, required=False, help_text="For administrators.")
    withdrawn_because = serializers.CharField(required=False, help_text="For administrators; empty unless it was withdrawn.")


class PublishedReleaseOutput(ReleaseOutput):
    warnings = FieldErrorSchema(many=True, help_text="What may be meant, and is worth a look.")


class DeletedOutput(serializers.Serializer[Any]):
    success = serializers.BooleanField()
