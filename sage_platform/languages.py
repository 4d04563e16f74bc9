"""The languages that the platform speaks, one row each.

Settings, headers, pages and the check of the message catalogues follow from the rows. A further language is a row here, and its
catalogue, which `make messages` makes.
"""

from dataclasses import dataclass

from django.utils.translation import to_locale


def marked(text: str) -> str:
    """Marks a text for translation. Django's `gettext_noop` does so too, but asks the settings, which import this module."""
    return text


_ = marked
# The texts in the source are in this one, so that it needs no catalogue.
SOURCE = "en"


@dataclass(frozen=True)
class Language:
    """`code` as Django has it; `tag` as headers and HTML have it (BCP 47); `locales`: what `SAGE_DEFAULT_LOCALE` may call it."""

    code: str
    name: str
    own_name: str
    tag: str
    locales: tuple[str, ...]

    @property
    def catalogue(self) -> str | None:
        """The name of its folder in `locale`."""
        return None if self.code == SOURCE else to_locale(self.code)


LANGUAGES = (
    Language("en", _("English"), "English", "en", ("en", "en-US")),
    Language("zh-hans", _("Simplified Chinese"), "简体中文", "zh-CN", ("zh", "zh-CN", "zh-Hans")),
)
CODES_BY_LOCALE = {locale: language.code for language in LANGUAGES for locale in language.locales}
CATALOGUES = tuple(language.catalogue for language in LANGUAGES if language.catalogue)
