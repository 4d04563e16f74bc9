"""Each refusal of a real service belongs to one category, whatever its shape; the person is told what the service said."""

import pytest

from providers.probing import Category, ModelEndpoint, ProbeFailed, check_connection
from tests.providers.probing.sourced_limits import LIMITS
from tests.providers.probing.sourced_refusals import REFUSALS
from tests.providers.probing.sources import SOURCE, Refusal
from tests.providers.probing.vendor_errors import ROWS
from tests.vendor import Vendor, answering

SOURCED = [*LIMITS, *REFUSALS]


def category_of(status: int, body: object, vendor: Vendor, target: ModelEndpoint) -> Category:
    vendor.behave(answering(body, status=status))
    with pytest.raises(ProbeFailed) as failed:
        check_connection(target, timeout=5)
    return failed.value.category


@pytest.mark.parametrize(("status", "body", "category"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_category(status: int, body: object, category: Category, vendor: Vendor, target: ModelEndpoint) -> None:
    assert category_of(status, body, vendor, target) is category


@pytest.mark.parametrize("row", SOURCED, ids=[row.case for row in SOURCED])
def test_the_category_of_what_has_a_source(row: Refusal, vendor: Vendor, target: ModelEndpoint) -> None:
    assert category_of(row.status, row.body, vendor, target) is row.category


def test_each_row_is_there_once_and_names_its_source() -> None:
    assert len({row.case for row in SOURCED}) == len(SOURCED) >= 60
    assert [row.case for row in SOURCED if not SOURCE.fullmatch(row.source)] == []
