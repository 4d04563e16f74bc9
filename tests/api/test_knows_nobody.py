"""`api` is the ground that all rooms stand on: what is OAuth2's own comes in through its seams (`sage_platform/api/seams.py`)."""

from pathlib import Path

import sage_platform.api

ROOM = Path(sage_platform.api.__file__).parent


def test_no_file_of_api_names_oauth2() -> None:
    """The import linter sees imports alone; a path, a form of errors or a name in a text is knowledge as well.

    RFCs are cited by their number, so that no comment needs the word either.
    """
    texts = {file.name: file.read_text(encoding="utf-8") for file in ROOM.rglob("*.py")}
    assert {"handlers.py", "seams.py", "viewsets.py"} <= set(texts)
    lines = [(name, line.strip()) for name, text in texts.items() for line in text.splitlines()]
    assert [(name, line) for name, line in lines if "oauth" in line.lower()] == []
