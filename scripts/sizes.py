"""Reports how long the source files and functions are, and fails when one is too long to be read at once."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ("manage.py", "sage_platform", "providers", "system", "versions", "uploads", "observability", "scripts")
TESTS = ("tests",)
FUNCTION_LIMIT = 60


class Measured(NamedTuple):
    lines: int
    place: str


def python_files(names: tuple[str, ...], root: Path = ROOT) -> Iterator[Path]:
    """Every Python file of ours under these names but for migrations, which are generated."""
    for name in names:
        path = root / name
        found = [path] if path.is_file() else sorted(path.rglob("*.py"))
        yield from (file for file in found if not {"migrations", ".venvs", "node_modules"} & set(file.parts))


def functions(path: Path, text: str) -> Iterator[Measured]:
    for node in ast.walk(ast.parse(text, str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield Measured(lines, f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")


def percentile(ordered: list[int], share: float) -> int:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def report(what: str, measured: list[Measured], limit: int) -> bool:
    """Prints one row, then whatever is over the limit; true when nothing is."""
    if not measured:
        print(f"{what:<18} none")
        return True
    lines = sorted(item.lines for item in measured)
    median, high = percentile(lines, 0.5), percentile(lines, 0.95)
    print(f"{what:<18} {len(lines):>5} {median:>7} {high:>6} {lines[-1]:>5} {limit:>6}")
    over = sorted((item for item in measured if item.lines > limit), reverse=True)
    for item in over:
        print(f"  too long: {item.place}: {item.lines} lines, {limit} at most")
    return not over


def main() -> int:
    print(f"{'lines of':<18} {'count':>5} {'median':>7} {'p95':>6} {'max':>5} {'limit':>6}")
    fine = True
    for what, names, limit in (("source", SOURCE, 400), ("test", TESTS, 500)):
        texts = {path: path.read_text(encoding="utf-8") for path in python_files(names)}
        files = [Measured(text.count("\n"), str(path.relative_to(ROOT))) for path, text in texts.items()]
        found = [function for path, text in texts.items() for function in functions(path, text)]
        fine &= report(f"{what} files", files, limit)
        fine &= report(f"{what} functions", found, FUNCTION_LIMIT)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
