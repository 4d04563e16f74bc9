"""The programs in docs/oauth2-clients.md#with-your-library, to be run as they stand there."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.served import ROOT

BLOCK = re.compile(r"^```\w+\n(?:#|//) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
REDIRECT = re.compile(r"Redirect address:\s+`https://app\.example(/[^`]*)`")


@dataclass(frozen=True)
class Example:
    """What the guide says of one library. `files` are by the name in their first line."""

    redirect: str
    files: dict[str, str] = field(repr=False)

    def write(self, folder: Path, *, issuer: str, base: str) -> None:
        """The files, with the addresses of this run in place of the guide's two. What a file has already stays before it."""
        for name, text in self.files.items():
            with (folder / Path(name).name).open("a", encoding="utf-8") as file:
                file.write(placed(text, issuer=issuer, base=base))


def placed(text: str, *, issuer: str, base: str) -> str:
    """openid-client alone needs more than other addresses where these are plain http: what the guide says."""
    text = re.sub(r"client\.discovery\(.*(?=\)$)", rf"\g<0>, {PLAIN_HTTP}", text, flags=re.MULTILINE)
    return text.replace("https://sage.example/oauth2", issuer).replace("https://app.example", base)


def read() -> dict[str, Example]:
    """By the library's name, as a client_id has it: `auth-js` for Auth.js."""
    part = GUIDE[GUIDE.index("## With your library") : GUIDE.index("## Limits")]
    found: dict[str, Example] = {}
    for section in part.split("\n### ")[1:]:
        title, _, body = section.partition("\n")
        (redirect,) = REDIRECT.findall(body)
        found[title.lower().replace(".", "-")] = Example(redirect, dict(BLOCK.findall(body)))
    return found


GUIDE = (ROOT / "docs" / "oauth2-clients.md").read_text(encoding="utf-8")
(PLAIN_HTTP,) = re.findall(r"`(undefined, \{ execute: .*\})`", GUIDE)
EXAMPLES = read()
