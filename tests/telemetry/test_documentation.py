"""What the runbook says of traces is so."""

import re
from pathlib import Path

from django.core.management import get_commands

from sage_platform.command_line import JOBS
from sage_platform.telemetry.otlp import ASKED_A_SECOND, FLUSH_SECONDS, MOST_SPANS, MOST_WAITING

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
SECTION = RUNBOOK.split("\n## Traces\n")[1].split("\n## ")[0]
WORDS = " ".join(SECTION.split())


def test_the_commands_that_are_traces() -> None:
    (listed,) = re.findall(r"\*\*Commands\*\* that work for a while \((.*?)\)", WORDS)
    assert set(re.findall(r"`(\w+)`", listed)) == JOBS
    assert set(get_commands()) >= JOBS


def test_the_bounds() -> None:
    assert (MOST_SPANS, MOST_WAITING, ASKED_A_SECOND, FLUSH_SECONDS) == (1000, 2048, 10, 1.0)
    for told in (
        "at most 1,000 spans",
        "2,048 spans wait for it",
        "ten such a second in each worker",
        "no stop by more than a second",
    ):
        assert told in WORDS
