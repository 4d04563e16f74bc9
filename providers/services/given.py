"""What somebody sent of a provider's fields, in types."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from providers.fields import SETTINGS
from providers.keys import ApiKey

Setting = int | float | bool | None


@dataclass(frozen=True)
class Given:
    """None is what was left out; of a setting, which may be null, the name is then missing in `settings`."""

    name: str | None
    base_url: str | None
    api_key: ApiKey | None
    model: str | None
    settings: Mapping[str, Setting]
    # The names of all that was sent, for the history.
    sent: tuple[str, ...]

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """From what a serializer or a form made of it. A name that nothing here handles is a mistake of ours, and raises."""
        unknown = data.keys() - {"name", "base_url", "api_keys", "model", *SETTINGS}
        if unknown:
            raise TypeError(f"Nothing handles these fields of a provider: {sorted(unknown)}")
        return cls(
            name=data.get("name") or None,
            base_url=data.get("base_url"),
            api_key=data.get("api_keys"),
            model=data.get("model") or None,
            settings={name: data[name] for name in SETTINGS if name in data},
            sent=tuple(sorted(data)),
        )

    @property
    def is_default(self) -> bool | None:
        """None where it was left out."""
        return None if "is_default" not in self.settings else bool(self.settings["is_default"])
