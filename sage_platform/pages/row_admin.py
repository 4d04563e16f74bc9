"""The page of a row: two who change one row do not undo each other, and what the services refuse is told in the form."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from django import forms
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import APIException

from sage_platform.api import handlers
from sage_platform.api.errors import headers_of
from sage_platform.pages.model_admin import ListAdmin, was_overtaken
from sage_platform.typing import ModelForm

M = TypeVar("M", bound=Model)


class RefusedRequest(HttpRequest):
    """The request of a form that the services did not save, and why."""

    refusal: str
    # Where the services said it field by field (`errors.RefusedForm`).
    refused: Sequence[tuple[str, object]]


class RowForm(ModelForm[M]):
    """Changes the fields that somebody has changed in it, and no other.

    The form shows the row as it was when its page was opened. Without the note of what that was (`show_hidden_initial`),
    saving it would put all of that back, also what somebody else has changed since: a role that was taken away would be there
    again.
    """

    # Why the services did not save what this form holds. The class is made anew for each request.
    refusal = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            return
        for name, field in self.fields.items():
            noted = f"{self.prefix}-initial-{name}" if self.prefix else f"initial-{name}"
            secret = isinstance(field.widget, forms.PasswordInput)
            field.show_hidden_initial = not secret and (not self.is_bound or noted in self.data)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.instance._state.adding:
            untouched = [name for name in given if name in self.fields and name not in self.changed_data]
            given |= {name: self.get_initial_for_field(self.fields[name], name) for name in untouched}
        if self.refusal and not self.errors:
            raise forms.ValidationError(self.refusal)
        return given


class RowAdmin(ListAdmin[M]):
    """Saves by services. They write in transactions of their own, with the history, and may refuse."""

    def get_form(self, request: HttpRequest, obj: M | None = None, change: bool = False, **kwargs: Any) -> type[ModelForm[M]]:
        form = cast("type[RowForm[M]]", super().get_form(request, obj, change=change, **kwargs))
        form.refusal = getattr(request, "refusal", "")
        return form

    # Django's own method, which its stubs leave out.
    _changeform_view: Callable[[HttpRequest, str | None, str, dict[str, Any] | None], HttpResponse]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Without the stock transaction around it all: it would hold the database while a password is hashed or a vendor asked.

        Why the services refuse is told in the form, which keeps what was typed.
        """
        arguments = (request, object_id, form_url, extra_context)
        try:
            return self._changeform_view(*arguments)
        except (DatabaseError, ObjectDoesNotExist) as error:
            if not was_overtaken(error):
                raise
            return self._changeform_view(*arguments)
        except APIException as error:
            refused = cast("RefusedRequest", request)
            refused.refusal, refused.refused = str(error.detail), getattr(error, "errors", ())
            status, headers = error.status_code, headers_of(error)
        response = self._changeform_view(*arguments)
        if status not in {429, 503}:
            return response  # A refusal of what was typed: a form that is shown once more is 200 in the admin.
        response.status_code = status
        return handlers.with_headers(response, headers)

    def log_addition(self, request: HttpRequest, obj: M, message: object) -> Any:
        """The service has written it, in the transaction of the change itself."""

    log_change = log_addition
