"""Pages of a list: `page` from 1, `page_size` from 1 to 100."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework import serializers

from sage_platform.api.fields import QueryInteger

M = TypeVar("M", bound=Model)


class PageQuery(serializers.Serializer[Any]):
    page = QueryInteger(min_value=1, max_value=1_000_000, default=1)
    page_size = QueryInteger(min_value=1, max_value=100, default=20)


def page_of(rows: QuerySet[M], *, page: int, page_size: int) -> tuple[list[M], int]:
    """The rows of one page and the number of all rows: two queries."""
    start = (page - 1) * page_size
    return list(rows[start : start + page_size]), rows.count()
