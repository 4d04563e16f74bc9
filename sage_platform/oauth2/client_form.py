"""The form of a client in the Django admin."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from sage_platform.oauth2 import scopes
from sage_platform.oauth2.models import Application, GrantType
from sage_platform.oauth2.registration import Registration
from sage_platform.pages.row_admin import RowForm

# The form's fields that are called otherwise in a registration.
COLUMNS = {"skip_consent": "skip_authorization"}


class ClientForm(RowForm[Application]):
    """Checks a client by the same rules as SAGE_OAUTH2_CLIENTS (`registration`)."""

    redirect_uris = forms.CharField(
        label=_("Redirect addresses"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField"}),
        help_text=_("One on each line. A request has to name one of them character for character."),
    )
    grant_types = forms.MultipleChoiceField(
        label=_("Grant types"),
        choices=[choice for choice in GrantType.choices if choice[0] != GrantType.DEVICE_CODE],
        initial=[GrantType.AUTHORIZATION_CODE.value, GrantType.REFRESH_TOKEN.value],
        widget=forms.CheckboxSelectMultiple,
    )
    scope = forms.MultipleChoiceField(
        label=_("Scopes"),
        required=False,
        choices=lambda: [(row.name, f"{row.name}: {row.text}") for row in scopes.ROWS],
        initial=scopes.DEFAULT_OF_CLIENT,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("What the client may ask for."),
    )

    class Meta:
        model = Application
        fields = ("client_id", "name", "description", "token_endpoint_auth_method", "skip_authorization", "enabled")
        labels = {"skip_authorization": _("Skip consent")}
        help_texts = {
            "skip_authorization": _(
                "For the organization's own applications: people are not asked. Not for a public client with a loopback address "
                "or a scheme of its own."
            )
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            self.fields["token_endpoint_auth_method"].help_text = _(
                "A client that is not public is given its secret when it is saved. The next page shows it, once."
            )

    def get_initial_for_field(self, field: forms.Field, field_name: str) -> Any:
        """Three columns are shown in another form than they are stored in, so the model's form does not fill them in."""
        client = self.instance
        if client.pk and field_name == "redirect_uris":
            return "\n".join(client.redirect_uris.split())
        if client.pk and field_name in {"scope", "grant_types"}:
            return client.scopes if field_name == "scope" else client.grant_types
        return super().get_initial_for_field(field, field_name)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if not self.errors:
            for problem in self.registration().problems(scopes.names(), has_secret=True):
                field = COLUMNS.get(problem.where, problem.where)
                self.add_error(field if field in self.fields else None, gettext(problem.text) % problem.params)
        return given

    def registration(self) -> Registration:
        given = self.cleaned_data
        return Registration(
            client_id=str(given.get("client_id", self.instance.client_id)),
            name=given["name"],
            description=given["description"],
            redirect_uris=given["redirect_uris"].split(),
            grant_types=given["grant_types"],
            scope=" ".join(given["scope"]),
            token_endpoint_auth_method=given["token_endpoint_auth_method"],
            skip_consent=given["skip_authorization"],
            enabled=given["enabled"],
        )
