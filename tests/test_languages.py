"""The rows of languages, and what follows from them. A row without a catalogue fails here, a catalogue without a row too."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Template
from django.utils import formats, translation
from django.utils.translation import gettext

from sage_platform.api.languages import TAGS
from sage_platform.languages import CATALOGUES, LANGUAGES, SOURCE, Language
from scripts import check_messages

ROOT = Path(__file__).resolve().parents[1]


def test_what_the_settings_and_headers_have() -> None:
    assert [(code, str(name)) for code, name in settings.LANGUAGES] == [("en", "English"), ("zh-hans", "Simplified Chinese")]
    assert TAGS == {"en": "en", "zh-hans": "zh-CN"}
    assert CATALOGUES == ("zh_Hans",)


def test_each_language_has_a_catalogue_and_each_catalogue_a_language() -> None:
    for name in ("django.po", "django.mo"):
        found = {path.parent.parent.name for path in (ROOT / "sage_platform" / "locale").glob(f"*/LC_MESSAGES/{name}")}
        assert found == set(CATALOGUES)


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_times_say_their_zone(language: Language) -> None:
    with translation.override(language.code):
        assert formats.date_format(datetime(2026, 11, 28, 9, 5, tzinfo=UTC), "DATETIME_FORMAT") == "2026-11-28 09:05 UTC"


def test_a_catalogue_without_a_language_is_noticed(tmp_path: Path) -> None:
    for name in ("zh_Hans", "fr"):
        (tmp_path / name).mkdir()
    assert check_messages.strays(tmp_path) == ["fr"]
    assert check_messages.strays(ROOT / check_messages.LOCALES) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_names_itself_and_is_translated(language: object) -> None:
    """Django knows each by the name that its speakers have for it, and the catalogue is found by the code."""
    (row,) = [row for row in LANGUAGES if row == language]
    assert translation.get_language_info(row.code)["name_local"] == row.own_name
    with translation.override(row.code):
        said = gettext("Please sign in.")
    assert (said == "Please sign in.") is (row.code == SOURCE)


def test_no_tag_and_no_locale_is_of_two_languages() -> None:
    for names in (
        [row.code for row in LANGUAGES],
        [row.tag for row in LANGUAGES],
        [name for row in LANGUAGES for name in row.locales],
    ):
        assert len({name.lower() for name in names}) == len(names)


def test_the_readme_names_every_locale() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^\| `SAGE_DEFAULT_LOCALE` .*$", text, re.MULTILINE)
    default, *named = re.findall(r"`([A-Za-z-]+)`", line)
    assert default == "en"
    assert named == [locale for row in LANGUAGES for locale in row.locales]


SWITCH = Template(
    "{% load languages %}{% current_language as now %}{{ now.tag }}:{% all_languages as rows %}"
    "{% for row in rows %} {{ row.own_name }}{% if row == now %}*{% endif %}{% endfor %}"
)


@pytest.mark.parametrize(
    ("code", "shown"), [("en", "en: English* 简体中文"), ("zh-hans", "zh-CN: English 简体中文*"), (None, "en: English* 简体中文")]
)
def test_the_switch_on_pages(code: str | None, shown: str) -> None:
    with translation.override(code):
        assert SWITCH.render(Context()) == shown
