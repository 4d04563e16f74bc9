"""The forms of our pages and of the admin's login."""

from collections.abc import MutableMapping
from typing import Any, TypedDict, Unpack

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.forms.boundfield import BoundField
from django.http import HttpRequest, QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException

from sage_platform.accounts.fields import PASSWORD_MAX_LENGTH
from sage_platform.accounts.services import sign_ins
from sage_platform.api.errors import Message, Refusal


class FormOptions(TypedDict, total=False):
    """What Django's own login view passes to its form, besides the request and the data."""

    files: "MultiValueDict[str, UploadedFile[bytes]]"
    initial: MutableMapping[str, object]
    prefix: str | None


class PageField(BoundField):
    """Refers each field to the list of errors above the form (the element `errors`), so that a screen reader reads it too."""

    form: "PageForm"

    def build_widget_attrs(self, attrs: dict[str, Any], widget: forms.Widget | None = None) -> dict[str, Any]:
        attrs = super().build_widget_attrs(attrs, widget)
        return attrs | {"autofocus": True} if self.form.name_to_focus() == self.name else attrs

    @property
    def aria_describedby(self) -> str | None:
        own: str = super().aria_describedby or ""
        return f"errors {own}".strip() if self.form.non_field_errors() else own


class PageForm(forms.Form):
    """`refusal` is the error that the form's service raised, if it refused. `focused` is the field to begin with, if any."""

    bound_field_class = PageField
    refusal: APIException | None = None
    focused = ""

    def __init__(self, data: QueryDict | None = None, **options: Unpack[FormOptions]) -> None:
        super().__init__(data, **options)
        for field in self.fields.values():
            # A browser cuts what is pasted at this length and says nothing; we say what is too long.
            field.widget.attrs.pop("maxlength", None)

    def name_to_focus(self) -> str:
        """In a form that was refused: the first wrong field, or the first that has to be typed again."""
        if not self.is_bound:
            return self.focused
        shown = self.visible_fields()
        again = [field for field in shown if isinstance(field.field.widget, forms.PasswordInput) or not field.value()]
        return next((field.name for field in [*self.wrong_fields(), *again, *shown]), "")

    def wrong_fields(self) -> list[BoundField]:
        return [field for field in self.visible_fields() if field.errors]

    def refuse(self, error: APIException) -> None:
        self.refusal = error
        about = error.field if isinstance(error, Refusal) else ""
        self.add_error(about if about in self.fields else None, str(error.detail))


def password_field(label: Message, autocomplete: str, help_text: Message = "") -> forms.CharField:
    """Its value is kept as it is typed, with white space at the ends."""
    return forms.CharField(
        label=label,
        strip=False,
        max_length=PASSWORD_MAX_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": autocomplete}),
        help_text=help_text,
    )


class SignInForm(PageForm):
    """Takes a name and a password. Where it is valid, they were right, and the browser is signed in."""

    focused = "username"
    username = forms.CharField(
        label=_("Username or email address"),
        max_length=255,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = password_field(_("Password"), "current-password")

    def __init__(self, request: HttpRequest, data: QueryDict | None = None, **options: Unpack[FormOptions]) -> None:
        super().__init__(data, **options)
        self.request = request

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given.get("username") and given.get("password"):
            try:
                self.sign_in(given["username"], given["password"])
            except APIException as error:
                self.refuse(error)
        return given

    def sign_in(self, username: str, password: str) -> None:
        sign_ins.by_password(self.request, username, password)


class AdminSignInForm(SignInForm):
    """Lets administrators in alone. Others read the text for a wrong password, so that nobody learns when a guess is right."""

    def sign_in(self, username: str, password: str) -> None:
        sign_ins.by_password(self.request, username, password, for_administrators=True)


class ChangePasswordForm(PageForm):
    old_password = password_field(_("Current password"), "current-password")
    new_password = password_field(_("New password"), "new-password", _("At least 8 characters, not only digits, nothing common."))
    repeated = password_field(_("New password, again"), "new-password")

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given.get("new_password") != given.get("repeated"):
            self.add_error("repeated", _("The two passwords are not the same."))
        return given
