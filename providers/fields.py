"""The fields of a provider as people see them, each said once.

The wire names, the settings that are kept, the list's columns and the admin's form follow from these rows. To add a field, write
a field of the model with its migration, a row here, and a field of `SettingsInput`, which takes it. What was forgotten is named
by the checks in `providers/checks.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any


class Kind(Enum):
    OURS = auto()
    """Set by us. In a request it is ignored."""

    ENDPOINT = auto()
    """What is asked, and what it is called. The services handle each of these by its name."""

    SETTING = auto()
    """Kept beside the endpoint as it was sent."""


@dataclass(frozen=True)
class ProviderField:
    """`name` is the one on the wire. `column`, where it is another, is what the model calls it."""

    name: str
    kind: Kind
    column: str = ""
    # How the column's value goes out, where not as it is.
    to_wire: Callable[[Any], object] | None = None
    # In the admin's form it stands beside the endpoint, before the other settings.
    stands_first: bool = False

    @property
    def kept_in(self) -> str:
        return self.column or self.name


FIELDS = (
    ProviderField("id", Kind.OURS, to_wire=str),
    ProviderField("name", Kind.ENDPOINT),
    ProviderField("base_url", Kind.ENDPOINT),
    ProviderField("api_keys", Kind.ENDPOINT, column="key_hint", to_wire=lambda hint: [hint]),
    ProviderField("model", Kind.ENDPOINT),
    ProviderField("max_tokens", Kind.SETTING),
    ProviderField("max_model_len", Kind.SETTING),
    ProviderField("temperature", Kind.SETTING),
    ProviderField("top_p", Kind.SETTING),
    ProviderField("presence_penalty", Kind.SETTING),
    ProviderField("supports_multimodal", Kind.SETTING),
    ProviderField("supports_structured_output", Kind.SETTING),
    ProviderField("is_default", Kind.SETTING, stands_first=True),
    ProviderField("user_id", Kind.OURS, column="owner_id", to_wire=lambda owner: owner or ""),
    ProviderField("created_at", Kind.OURS),
    ProviderField("updated_at", Kind.OURS),
)

WIRE_NAMES = tuple(field.name for field in FIELDS)
COLUMNS = tuple(field.kept_in for field in FIELDS)
SETTINGS = tuple(field.name for field in FIELDS if field.kind is Kind.SETTING)
# What a form has: all that may be sent but the key, which is never shown again and so has a field of its own there.
FORM_ENDPOINT = tuple(field.name for field in FIELDS if field.kind is Kind.ENDPOINT and not field.column)
FORM_FIRST = tuple(field.name for field in FIELDS if field.kind is Kind.SETTING and field.stands_first)
FORM_SETTINGS = tuple(name for name in SETTINGS if name not in FORM_FIRST)
FORM_FIELDS = (*FORM_ENDPOINT, *SETTINGS)

_CONVERTED = [(field.name, field.to_wire) for field in FIELDS if field.to_wire]


def wire_form(row: Sequence[object]) -> dict[str, object]:
    """A row of `COLUMNS` as it goes out."""
    shown = dict(zip(WIRE_NAMES, row, strict=True))
    for name, to_wire in _CONVERTED:
        shown[name] = to_wire(shown[name])
    return shown
