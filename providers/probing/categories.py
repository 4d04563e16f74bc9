"""Which category a failure belongs to, by its status and by what its body says.

A telling name in the body counts most, then its words, then a general name, then the status: services disagree about statuses,
gateways pass the errors of others on under their own, and a general name says no more than the status does.
"""

import re
from collections.abc import Mapping

from providers.probing.complaints import Complaint
from providers.probing.results import Category
from providers.probing.vocabulary import (
    ABOUT_A_MODEL,
    BACK_SOON,
    BARRED,
    BUSY,
    CLEARLY_WRONG_PATH,
    GENERAL_NAMES,
    MONEY,
    NOT_BACK_SOON,
    ORDER,
    TELLING_NAMES,
    WORDS,
    WRONG_PATH,
)


def category_of(status: int, complaint: Complaint, *, model: str = "") -> Category:
    """`status` is the HTTP status, or for an error inside HTTP 200 what the body gives for one, else 200."""
    named = _by_name(complaint, TELLING_NAMES)
    if named is not None and not (named is Category.MODEL and _is_busy(status, complaint)):
        return named
    # A page of HTML comes from a web server that is no API; words on it, such as those of a menu, say nothing about the error.
    worded = None if complaint.is_html else _by_words(status, complaint)
    return worded or _by_name(complaint, GENERAL_NAMES) or _by_status(status, complaint, model)


def status_within(complaint: Complaint) -> int:
    """The status that an error inside HTTP 200 names, else 200."""
    return min((int(name) for name in complaint.names if re.fullmatch(r"[45]\d\d", name)), default=200)


def _by_name(complaint: Complaint, table: Mapping[str, Category]) -> Category | None:
    found = {table[name] for name in complaint.names if name in table}
    return min(found, key=ORDER.index, default=None)


def _by_words(status: int, complaint: Complaint) -> Category | None:
    plain = complaint.plain
    if CLEARLY_WRONG_PATH.search(plain) or (status in (200, 404, 405) and WRONG_PATH.search(plain)):
        return Category.NOT_OPENAI
    fitting = (category for category, pattern in WORDS.items() if pattern.search(plain))
    found = next((category for category in fitting if not _outweighed(category, status, complaint)), None)
    return Category.RATE_LIMIT if found is Category.QUOTA and _is_back_soon(complaint) else found


def _is_back_soon(complaint: Complaint) -> bool:
    """Whether what is used up comes back within seconds or minutes."""
    told = f"{complaint.plain} {' '.join(complaint.names)}"
    return bool(BACK_SOON.search(told)) and not NOT_BACK_SOON.search(told) and not MONEY.search(complaint.plain)


def _outweighed(category: Category, status: int, complaint: Complaint) -> bool:
    """Whether the status says more than such words, which stand in other errors too."""
    if category is Category.AUTHENTICATION:
        return status in (404, 429)
    if category is Category.MODEL:
        return status in (401, 429) or _is_busy(status, complaint)
    if category is Category.PERMISSION and not BARRED.search(complaint.plain):
        return status not in (200, 400, 403) and not (status == 401 and "permission" in complaint.plain)
    return False


def _is_busy(status: int, complaint: Complaint) -> bool:
    return status >= 500 and BUSY.search(complaint.plain) is not None


def _by_status(status: int, complaint: Complaint, model: str) -> Category:
    certain = {401: Category.AUTHENTICATION, 402: Category.QUOTA, 408: Category.TIMEOUT, 429: Category.RATE_LIMIT}
    if status in certain:
        return certain[status]
    if status >= 500:
        return Category.SERVICE
    if status == 403 and not complaint.is_html:
        return Category.PERMISSION
    if not complaint.is_json or 200 < status < 400 or status == 405:
        return Category.NOT_OPENAI
    if status in (404, 410):
        return _of_not_found(complaint, model)
    return Category.SERVICE


def _of_not_found(complaint: Complaint, model: str) -> Category:
    """A 404 that speaks of the model is about it; any other says that there is nothing at this address."""
    told = complaint.plain
    names_it = len(model) > 2 and model.lower() in told
    return Category.MODEL if names_it or ABOUT_A_MODEL.search(told) else Category.NOT_OPENAI
