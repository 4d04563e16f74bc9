"""What a row of the tables with sources holds."""

import re
from typing import NamedTuple

from providers.probing import Category

# A public issue or pull request as GitHub writes it, a page, or the word that we made the body up, and after what.
SOURCE = re.compile(r"[\w.-]+/[\w.-]+#\d+|https://\S+|made up after .+")


class Refusal(NamedTuple):
    """A body of bytes is sent as it is. Names of accounts and links are shortened; the rest is as the source has it."""

    case: str
    status: int
    body: object
    category: Category
    source: str
