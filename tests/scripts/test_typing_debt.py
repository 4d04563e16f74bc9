"""scripts/typing_debt.py, on a small tree of its own."""

from pathlib import Path

import pytest

from scripts import typing_debt
from scripts.typing_debt import Counted, counted

CODE = '''"""A docstring,
of two lines."""

from typing import Any  # A comment.


class Example:
    """Another."""

    def method(self, one: int, two: "Any", *rest: object, key: Any | None = None, **options: Any) -> Any:
        """A third."""
        # type: this is no ignore
        return [
            one,
        ]  # type: ignore[return-value]  # With a reason.

    @classmethod
    def make(cls, bare, /, typed: dict[str, Any], text: str = """
        two more"""): # type:ignore
        return lambda free: bare
'''


def test_what_is_counted() -> None:
    assert counted(CODE) == Counted(ignores=2, lines=10, loose=4, parameters=8)
    assert counted("") == Counted(0, 0, 0, 0)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """100 lines of code with 20 parameters, one of them Any, and one ignore: within the limits, and at them."""
    (tmp_path / "area" / "migrations").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    loose = "def loose(a, b, c): pass  # type: ignore[no-untyped-def]\n" * 50
    (tmp_path / "area" / "migrations" / "0001_initial.py").write_text(loose)
    (tmp_path / "tests" / "test_area.py").write_text(loose)
    (tmp_path / "manage.py").write_text("x = 1  # type: ignore[x]\n" + "x = 1\n" * 79)
    (tmp_path / "area" / "code.py").write_text("def f(a: Any) -> None: ...\n" + "def f(a: int) -> None: ...\n" * 19)
    return tmp_path


def report(tree: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[list[str]]]:
    code = typing_debt.main(tree, ("manage.py", "area"))
    return code, [line.split()[-4:] for line in capsys.readouterr().out.splitlines()[1:]]


def test_at_the_limits(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(tree, capsys) == (0, [["1", "100", "1.00", "1.00"], ["1", "20", "5.00", "5.00"]])


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("x = 1  # type: ignore[x]", [["2", "101", "1.98", "1.00"], ["1", "20", "5.00", "5.00"]]),
        ("def f(a: Any) -> None: ...", [["1", "101", "0.99", "1.00"], ["2", "21", "9.52", "5.00"]]),
    ],
)
def test_above_a_limit(line: str, rows: list[list[str]], tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (tree / "area" / "code.py").open("a") as file:
        file.write(line + "\n")
    assert report(tree, capsys) == (1, rows)


def test_nothing_to_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "manage.py").write_text("")
    assert report(tmp_path, capsys) == (0, [["0", "0", "0.00", "1.00"], ["0", "0", "0.00", "5.00"]])


def test_the_limits() -> None:
    assert (typing_debt.IGNORES_PER_100_LINES, typing_debt.ANY_PARAMETERS_PERCENT) == (1.0, 5.0)
