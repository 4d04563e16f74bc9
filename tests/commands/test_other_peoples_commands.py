"""Commands of Django and its toolkits that would go past our rules are not listed, and say what to use when they are run."""

import pytest
from django.core.management import get_commands

from sage_platform.command_line import INSTEAD, CommandLine

NOT_INSTALLED = {"clearsessions"}


def test_they_are_commands() -> None:
    assert set(INSTEAD) - set(get_commands()) == NOT_INSTALLED


def test_the_list() -> None:
    names = CommandLine(["manage.py"]).main_help_text(commands_only=True).split()
    assert set(names) == set(get_commands()) - set(INSTEAD)
    text = CommandLine(["manage.py"]).main_help_text()
    headings = [line for line in text.splitlines() if line.endswith("]")]
    assert headings == [
        "[auth]",
        "[contenttypes]",
        "[django]",
        "[drf_spectacular]",
        "[oauth2]",
        "[providers]",
        "[sage_platform]",
        "[staticfiles]",
        "[system]",
        "[uploads]",
        "[versions]",
    ]
    assert "\n[auth]\n    changepassword\n\n[contenttypes]\n" in text


@pytest.mark.parametrize("words", [["createsuperuser"], ["help", "createsuperuser"], ["createsuperuser", "--noinput"]])
def test_one_that_is_run(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        CommandLine(["manage.py", *words]).execute()
    assert ended.value.code == (
        "createsuperuser is not for this platform. "
        "Use manage.py bootstrap, or manage.py bootstrap --promote NAME for a user that there is."
    )
