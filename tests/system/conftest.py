"""The stamp of the settings is a file in the data folder, which parallel tests must not share."""

from pathlib import Path

import pytest
from pytest_django import Settings


@pytest.fixture(autouse=True)
def data_dir(settings: Settings, tmp_path: Path) -> Path:
    settings.SAGE_DATA_DIR = tmp_path
    return tmp_path
