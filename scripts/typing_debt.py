"""Reports how much of the source the type checker is told to let pass, and fails when it is more than a reader can trust.

Two things count: comments `type: ignore`, and parameters annotated as a bare `Any` (perhaps or None) or not at all. `object` is
none of these, since the checker lets nobody use an object as something else.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from scripts.sizes import ROOT, SOURCE, python_files

IGNORES_PER_100_LINES = 1.0
ANY_PARAMETERS_PERCENT = 5.0
IGNORE = re.compile(r"#\s*type:\s*ignore\b")
# Tokens that make no line one of code.
SILENT = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER})


class Counted(NamedTuple):
    """`ignores` of so many `lines` of code, and `loose` of so many `parameters`."""

    ignores: int = 0
    lines: int = 0
    loose: int = 0
    parameters: int = 0


def parameters(tree: ast.AST) -> Iterator[ast.arg]:
    """The parameters of every function, without those of a lambda, which can have no annotation, and without self and cls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = node.args
            named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
            starred = [star for star in (given.vararg, given.kwarg) if star is not None]
            yield from (parameter for parameter in [*named, *starred] if parameter.arg not in {"self", "cls"})


def is_any(annotation: ast.expr | None) -> bool:
    """A union with Any takes whatever Any takes."""
    match annotation:
        case None:
            return True
        case ast.Constant(value=str(quoted)):
            return is_any(ast.parse(quoted, mode="eval").body)
        case ast.BinOp(op=ast.BitOr()):
            return is_any(annotation.left) or is_any(annotation.right)
        case _:
            return ast.unparse(annotation) in {"Any", "typing.Any"}


def docstring_lines(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        match node:
            case ast.Module(body=body) | ast.ClassDef(body=body) | ast.FunctionDef(body=body) | ast.AsyncFunctionDef(body=body):
                match body:
                    case [ast.Expr(value=ast.Constant(value=str())) as text, *_]:
                        yield from range(text.lineno, (text.end_lineno or text.lineno) + 1)


def counted(source: str) -> Counted:
    """What one file has. A line is one of code if more than a comment or a docstring is on it."""
    tree = ast.parse(source)
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    ignores = sum(1 for token in tokens if token.type == tokenize.COMMENT and IGNORE.match(token.string))
    lines = {line for token in tokens if token.type not in SILENT for line in range(token.start[0], token.end[0] + 1)}
    found = list(parameters(tree))
    loose = sum(is_any(parameter.annotation) for parameter in found)
    return Counted(ignores, len(lines - set(docstring_lines(tree))), loose, len(found))


def total(parts: Iterable[Counted]) -> Counted:
    columns = list(zip(*parts, strict=True))
    return Counted(*(sum(column) for column in columns)) if columns else Counted()


def report(what: str, amount: int, whole: int, limit: float) -> bool:
    """Prints one row; true when the share, in hundredths of the whole, is within the limit."""
    share = 100 * amount / whole if whole else 0.0
    print(f"{what:<28} {amount:>6} {whole:>7} {share:>7.2f} {limit:>6.2f}")
    return share <= limit


def main(root: Path = ROOT, names: tuple[str, ...] = SOURCE) -> int:
    found = total(counted(path.read_text(encoding="utf-8")) for path in python_files(names, root))
    print(f"{'':<28} {'count':>6} {'of':>7} {'per 100':>7} {'limit':>6}")
    fine = report("type: ignore, lines of code", found.ignores, found.lines, IGNORES_PER_100_LINES)
    fine &= report("parameters that are Any", found.loose, found.parameters, ANY_PARAMETERS_PERCENT)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
