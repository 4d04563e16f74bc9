"""Whatever cites a page of docs/ cites a heading that is there: in code, in tests and in the documents themselves."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from scripts.sizes import ROOT, SOURCE, TESTS

FOLDERS = (*(name for name in SOURCE if not name.endswith(".py")), *TESTS, "docs")
AT_THE_TOP = ("*.md", "*.py", "*.toml", "*.txt", "Dockerfile", "Makefile", ".env.example", ".ci/run")
TEXTS = frozenset({".py", ".html", ".txt", ".md", ".css", ".mjs"})
# A page of docs/ from anywhere in the repository, perhaps with a heading.
CITED = re.compile(r"\bdocs/([a-z0-9-]+\.md)(?:#([\w-]+))?")
# A heading, perhaps of another document, from within a document.
LINKED = re.compile(r"\]\(([^)#:\s]*)#([^)\s]+)\)")
# A page that no reader of the repository has.
ELSEWHERE = re.compile(r"contract(?:['’]s)?,? section", re.IGNORECASE)


def files() -> Iterator[Path]:
    for pattern in AT_THE_TOP:
        yield from sorted(ROOT.glob(pattern))
    for folder in FOLDERS:
        yield from (
            path
            for path in sorted((ROOT / folder).rglob("*"))
            if path.suffix in TEXTS and not {".venvs", "node_modules"} & set(path.parts)
        )


def anchors_of(text: str) -> set[str]:
    """As GitHub names headings: in lower case, without punctuation, spaces as hyphens; the second of a name has a number."""
    found: dict[str, int] = {}
    anchors = set()
    for heading in re.findall(r"^#+ +(.+?) *$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE):
        anchor = re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        seen = found[anchor] = found.get(anchor, -1) + 1
        anchors.add(f"{anchor}-{seen}" if seen else anchor)
    return anchors


@cache
def headings(document: Path) -> set[str]:
    return anchors_of(document.read_text(encoding="utf-8"))


def leads_nowhere(document: Path, anchor: str) -> bool:
    return not document.is_file() or (anchor != "" and anchor not in headings(document))


def broken(path: Path, text: str) -> list[str]:
    """The citations of a file that lead nowhere. Only documents have links."""
    cited = [(ROOT / "docs" / page, anchor) for page, anchor in CITED.findall(text)]
    if path.suffix == ".md":
        cited += [(path.parent / target if target else path, anchor) for target, anchor in LINKED.findall(text)]
    return [f"{document.name}#{anchor}" for document, anchor in cited if leads_nowhere(document, anchor)]


FILES = list(files())


def test_every_citation_leads_to_a_heading() -> None:
    assert len(FILES) > 400
    found = {str(path.relative_to(ROOT)): broken(path, path.read_text(encoding="utf-8")) for path in FILES}
    assert {name: cites for name, cites in found.items() if cites} == {}


def test_nothing_cites_a_page_that_the_reader_does_not_have() -> None:
    assert [path.relative_to(ROOT) for path in FILES if ELSEWHERE.search(path.read_text(encoding="utf-8"))] == []


def test_both_kinds_of_files_are_searched() -> None:
    names = {str(path.relative_to(ROOT)) for path in FILES}
    assert {
        *("README.md", "CONTRIBUTING.md", "DECISIONS.md", "manage.py", "Dockerfile", "docs/api.md", "docs/lage.py"),
        *("sage_platform/front.py", "providers/views.py", "scripts/bare.py", "tests/test_front.py", "tests/api/test_order.py"),
    } <= names


# The page's name is put in here, so that these lines are no citations themselves.
@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("docs/%s.md#liveness", []),
        ("(docs/%s.md#the-envelope)", []),
        ("docs/%s.md, and more", []),
        ("docs/%s.md#the-envelop", ["api.md#the-envelop"]),
        ("docs/%s.md#statuses and docs/%s.md#gone.", ["api.md#gone"]),
        ("docs/%ss.md", ["apis.md#"]),
        ("docs/%ss.md#statuses", ["apis.md#statuses"]),
    ],
)
def test_a_citation_that_leads_nowhere_is_found(text: str, wrong: list[str]) -> None:
    assert broken(ROOT / "sage_platform" / "front.py", text.replace("%s", "api")) == wrong


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[x](security.md#limits), [y](#health) and [z](https://sage.example/#gone)", []),
        ("[x](security.md#gone)", ["security.md#gone"]),
        ("[x](gone.md#limits)", ["gone.md#limits"]),
        ("[x](#gone)", ["api.md#gone"]),
        ("[x](../README.md#settings)", []),
        ("[x](../README.md#gone)", ["README.md#gone"]),
    ],
)
def test_a_link_that_leads_nowhere_is_found(text: str, wrong: list[str]) -> None:
    assert broken(ROOT / "docs" / "api.md", text) == wrong


def test_what_headings_are_called() -> None:
    text = "# The API\n\n```sh\n# no heading\n```\n## Other sites' pages\n### `next`, and where it leads\n## Keys\n## Keys\n"
    assert anchors_of(text) == {"the-api", "other-sites-pages", "next-and-where-it-leads", "keys", "keys-1"}


@pytest.mark.parametrize("text", ["(%s section 2)", "the %s's section 2", "%s, section 1", "THE %s SECTION 1"])
def test_a_page_elsewhere_is_found(text: str) -> None:
    assert ELSEWHERE.search(text % "contract")
