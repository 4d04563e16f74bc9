"""What the identity routes take and give."""

from typing import Any

from rest_framework import serializers

from sage_platform.accounts.fields import Code, Email, NewPassword, Phone, Username
from sage_platform.accounts.models import User
from sage_platform.api.fields import Choice, Form, JSONObject, Secret, Text


class SendCodeInput(Form):
    email = Email()


class SendCodeOutput(serializers.Serializer[Any]):
    expires_in = serializers.IntegerField(help_text="Seconds until the code is stale.")
    retry_after = serializers.IntegerField(help_text="Seconds until another code can be asked for.")


class RegisterInput(Form):
    username = Username()
    password = NewPassword()
    email = Email()
    phonenum = Phone()
    verification_code = Code()


class UserIdOutput(serializers.Serializer[Any]):
    user_id = serializers.CharField()


class LoginInput(serializers.Serializer[Any]):
    username_or_email = Text()
    password = Secret()


class TokenPairOutput(serializers.Serializer[Any]):
    access_token = serializers.CharField(help_text="Opaque; for `Authorization: Bearer`.")
    refresh_token = serializers.CharField(help_text="Opaque; good for one use.")
    expires_in = serializers.IntegerField(help_text="Seconds that the access token lives.")


class RefreshInput(serializers.Serializer[Any]):
    refresh_token = Secret()


class ProfileOutput(serializers.Serializer[Any]):
    userid = serializers.CharField()
    username = serializers.CharField()
    nickname = serializers.CharField()
    phonenum = serializers.CharField()
    email = serializers.CharField()
    role = serializers.ChoiceField(User.Role.choices)
    avatar = serializers.CharField()
    avatar_url = serializers.CharField()


class SessionOutput(serializers.Serializer[Any]):
    user = ProfileOutput()
    has_provider = serializers.BooleanField(help_text="Owns a model provider.")
    has_agent = serializers.BooleanField()


class SignInProviderOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    type = serializers.ChoiceField(["native", "oidc"])
    name = serializers.CharField()
    button_text = serializers.CharField()
    description = serializers.CharField()
    icon = serializers.CharField()


class OptionOutput(serializers.Serializer[Any]):
    label = serializers.CharField(help_text="The username.")  # type: ignore[assignment]
    value = serializers.CharField(help_text="The user id.")


class ChangePasswordInput(serializers.Serializer[Any]):
    old_password = Secret()
    new_password = Secret()


class UserRowOutput(serializers.Serializer[Any]):
    user_id = serializers.CharField(source="pk")
    username = serializers.CharField()
    email = serializers.CharField()
    phonenum = serializers.CharField()
    role = serializers.ChoiceField(User.Role.choices)
    created_at = serializers.DateTimeField()


class UserListOutput(serializers.Serializer[Any]):
    items = UserRowOutput(many=True)
    total = serializers.IntegerField()


class AddUserInput(Form):
    username = Username()
    password = NewPassword()
    role = Choice(User.Role.choices, default=User.Role.USER)
    email = Email(required=False, allow_blank=True, default="")
    phonenum = Phone()


class DeleteUserInput(serializers.Serializer[Any]):
    user_id = Text(max_length=64)


class ConfigSchema(serializers.Serializer[Any]):
    """Both what is taken and what is given."""

    config = JSONObject(help_text="Laid over what is kept, key by key, one level deep; 64 KiB at most.")
