"""The forms of our pages and of the admin's login."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException

from sage_platform.accounts.fields import PASSWORD_MAX_LENGTH
from sage_platform.accounts.models import User
from sage_platform.accounts.services import passwords
from sage_platform.api.client import client_key


class SignInForm(forms.Form):
    """Name and password, judged by the one service that takes passwords."""

    username = forms.CharField(
        label=_("Username or email address"),
        max_length=255,
        widget=forms.TextInput(
            attrs={"autofocus": True, "autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=PASSWORD_MAX_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, request: HttpRequest | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self.user: User | None = None
        self.refusal: APIException | None = None

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if self.request is not None and given.get("username") and given.get("password"):
            try:
                self.user = self.allowed(
                    passwords.authenticate(given["username"], given["password"], client_key=client_key(self.request))
                )
            except APIException as error:
                self.refusal = error
                raise forms.ValidationError(str(error.detail)) from None
        return given

    def allowed(self, user: User) -> User:
        return user

    def get_user(self) -> User | None:
        return self.user


class AdminSignInForm(SignInForm):
    """Also asks for the role. The text is the one for a wrong password: a right one shall not show."""

    def allowed(self, user: User) -> User:
        if not user.is_admin:
            raise forms.ValidationError(str(passwords.WRONG))
        return user


class ChangePasswordForm(forms.Form):
    old_password = forms.CharField(
        label=_("Current password"),
        strip=False,
        max_length=PASSWORD_MAX_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new_password = forms.CharField(
        label=_("New password"),
        strip=False,
        max_length=PASSWORD_MAX_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 8 characters, not only digits, nothing common."),
    )
    repeated = forms.CharField(
        label=_("New password, again"),
        strip=False,
        max_length=PASSWORD_MAX_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given.get("new_password") != given.get("repeated"):
            self.add_error("repeated", _("The two passwords are not the same."))
        return given
