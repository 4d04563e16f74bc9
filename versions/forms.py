"""The forms of a release in the administration. What the services refuse is told at the field that it is about."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.forms.formsets import DELETION_FIELD_NAME

from sage_platform.pages.row_admin import RowForm
from sage_platform.typing import InlineFormSet, ModelForm
from versions import semver
from versions.faults import FaultKind
from versions.models import Artifact, Release
from versions.services import releases
from versions.services.judging import OF_ARTIFACT, Candidate, CandidateArtifact

# What the services refused: fields as the API names them, and sentences.
Refused = Sequence[tuple[str, object]]
ROW = "artifacts."


class ReleaseForm(RowForm[Release]):
    # When the release was last changed, as the page knows it. Whoever saves after somebody else has is told so, since a form
    # that is saved puts all of its fields and rows back.
    seen = forms.CharField(label="", required=False, widget=forms.HiddenInput)
    refused: Refused = ()

    class Meta:
        model = Release
        fields = ("version", "release_notes")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.show_hidden_initial = False  # `seen` stands for all of them.
        if not self.instance._state.adding:
            self.initial["seen"] = self.instance.changed_at.isoformat()

    def clean_version(self) -> str:
        version = semver.without_prefix(self.cleaned_data["version"])
        if not semver.is_version(version):
            raise forms.ValidationError(str(FaultKind.VERSION.label))
        return version

    def clean_release_notes(self) -> str:
        """As they were typed: a browser sends two characters for the end of a line."""
        return str(self.cleaned_data["release_notes"]).replace("\r\n", "\n")

    def clean(self) -> dict[str, Any]:
        if self.refused:
            self.refusal = ""  # Each sentence is told at its field.
        cleaned = super().clean()
        if not self.instance._state.adding and self.data.get("seen") != self.instance.changed_at.isoformat():
            raise forms.ValidationError(str(releases.gone().detail))
        for field, sentence in self.refused:
            if not field.startswith(ROW):
                self.add_error(field if field in self.fields else None, str(sentence))
        return cleaned


class ArtifactForm(ModelForm[Artifact]):
    class Meta:
        model = Artifact
        fields = OF_ARTIFACT
        widgets = {
            "platform": forms.TextInput(attrs={"class": "vTextField", "spellcheck": "false"}),
            "installer_url": forms.TextInput(attrs={"class": "vLargeTextField", "spellcheck": "false", "inputmode": "url"}),
            "updater_url": forms.TextInput(attrs={"class": "vLargeTextField", "spellcheck": "false", "inputmode": "url"}),
            "updater_signature": forms.Textarea(attrs={"class": "vLargeTextField", "rows": 4, "spellcheck": "false"}),
        }


class ArtifactForms(InlineFormSet[Artifact, Release, ModelForm[Artifact]]):
    refused: Refused = ()

    @property
    def kept(self) -> list[ModelForm[Artifact]]:
        """The rows that are filled in and not to be deleted, in their order on the page."""
        there = (form for form in self.forms if form.instance.pk or form.has_changed())
        return [form for form in there if not form.cleaned_data.get(DELETION_FIELD_NAME)]

    def clean(self) -> None:
        super().clean()
        kept = self.kept
        for field, sentence in self.refused:
            index, _dot, name = field.removeprefix(ROW).partition(".")
            if field.startswith(ROW) and index.isdigit() and int(index) < len(kept):
                form = kept[int(index)]
                form.add_error(name if name in form.fields else None, str(sentence))


def candidate_of(form: ReleaseForm, artifacts: ArtifactForms) -> Candidate:
    """The release as it stands in the form, also where a field of it is refused."""
    return Candidate.cleaned(
        _given(form, "version") if "version" in form.fields else form.instance.version,
        _given(form, "release_notes"),
        [CandidateArtifact(**{name: _given(one, name) for name in OF_ARTIFACT}) for one in artifacts.kept],
    )


def _given(form: forms.BaseForm, name: str) -> str:
    return str(form.cleaned_data.get(name, form[name].data) or "")
