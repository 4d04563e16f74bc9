"""What the upload routes take and give."""

from typing import Any

from rest_framework import serializers

from sage_platform.api.fields import Text


class UploadInput(serializers.Serializer[Any]):
    """For the OpenAPI document: the form is read as it comes (`uploads.forms`)."""

    file = serializers.FileField(help_text="Exactly one, and not empty.")
    path = Text(
        required=False,
        allow_blank=True,
        max_length=600,
        help_text="A folder for the file. An administrator's `bundle/<version>/<name>` is the exact key of a release bundle.",
    )


class UploadOutput(serializers.Serializer[Any]):
    url = serializers.CharField(help_text="Whoever has it can read the file. A path where SAGE_UPLOAD_URL_STYLE says so.")
    id = serializers.CharField()
    filename = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes.")
    content_type = serializers.CharField(help_text="By the file's content.")
    sha256 = serializers.CharField(help_text="In hexadecimal digits.")


class ImportInput(serializers.Serializer[Any]):
    url = Text(
        max_length=2048, help_text="An absolute http or https address. It is asked as the limits of outbound requests say."
    )


class ImportOutput(serializers.Serializer[Any]):
    url = serializers.CharField(help_text="Whoever has it can read the file. A path where SAGE_UPLOAD_URL_STYLE says so.")
    filename = serializers.CharField()
