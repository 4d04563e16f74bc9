"""Whatever goes through the code package by package goes through all of them: a new area is on each of these lists."""

import tomllib

import pytest
from django.conf import settings

from sage_platform.urls import AREAS
from scripts import check_messages, sizes
from tests.outbound import test_isolation

ROOT = sizes.ROOT
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
IMPORTS = PROJECT["importlinter"]
RULES = {rule["id"]: rule for rule in IMPORTS["contracts"]}
# By the name of the installed app: each folder of the repository that is one.
PACKAGES = {app.split(".")[0] for app in settings.INSTALLED_APPS if (ROOT / app.split(".")[0]).is_dir()}
APPS = PACKAGES - {"sage_platform"}


def test_which_they_are() -> None:
    assert {"providers", "system", "versions", "uploads", "observability"} == APPS


@pytest.mark.parametrize(
    "listed",
    [
        pytest.param(IMPORTS["root_packages"], id="import linter"),
        pytest.param(PROJECT["mypy"]["files"], id="mypy"),
        pytest.param(PROJECT["coverage"]["run"]["source"], id="coverage"),
        pytest.param(sizes.SOURCE, id="sizes and typing debt"),
        pytest.param(check_messages.SOURCE, id="messages"),
        pytest.param(test_isolation.PACKAGES, id="who speaks HTTP"),
    ],
)
def test_every_package_is_listed(listed: list[str]) -> None:
    assert PACKAGES - set(listed) == set()


def test_areas_may_not_import_each_other() -> None:
    """Side by side in one layer, and none of them may import the composition root."""
    assert APPS in [set(layer.split(" | ")) for layer in RULES["layers"]["layers"]]
    assert APPS - set(RULES["root"]["source_modules"]) == set()


def test_the_routes_of_every_area_are_mounted() -> None:
    assert {area.__name__ for area in AREAS} == {f"{app}.urls" for app in APPS}
