"""Reading one variable of the environment in a test."""

from collections.abc import Callable

import pytest
from django.core.exceptions import ImproperlyConfigured

NAME = "SAGE_TEST"
Reader = Callable[[], object]


def refused(read: Reader) -> ImproperlyConfigured:
    with pytest.raises(ImproperlyConfigured) as caught:
        read()
    return caught.value


def check_refused(read: Reader, expected: str) -> None:
    """It names the variable, and no cause that a traceback would print has the value either."""
    error = refused(read)
    assert str(error) == f"{NAME}: expected {expected}."
    assert error.__suppress_context__ or error.__context__ is None
