"""Each refusal of a real service belongs to one category, whatever its shape; the person is told what the service said."""

import pytest

from providers.probing import Category, ModelEndpoint, ProbeFailed, check_connection
from tests.providers.probing.vendor_errors import ROWS
from tests.vendor import Vendor, answering


@pytest.mark.parametrize(("status", "body", "category"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_category(status: int, body: object, category: Category, vendor: Vendor, target: ModelEndpoint) -> None:
    vendor.behave(answering(body, status=status))
    with pytest.raises(ProbeFailed) as failed:
        check_connection(target, timeout=5)
    assert failed.value.category is category
