"""The API's page names each field of a provider."""

from pathlib import Path

import pytest

from providers.fields import WIRE_NAMES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", WIRE_NAMES)
def test_the_page_names_it(name: str) -> None:
    assert f"`{name}`" in PAGE
