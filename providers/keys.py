"""A vendor's key on its way through us: never shown, and shown masked where a person must tell one from another."""

import hmac
import re
from typing import Self

from sage_platform.encryption import Sealed

SHORT = 16
MASKED = re.compile(r"(?:.{4})?\*\*\*(?:.{4})?\Z", re.DOTALL)
# What an HTTP header can carry (RFC 9110 §5.5). A key that a person enters has no spaces either; the deployment's may have some.
ONE_WORD = re.compile(r"[\x21-\x7e]+")
HEADER_VALUE = re.compile(r"[\x21-\x7e]+(?: +[\x21-\x7e]+)*")


class ApiKey:
    """The text of a key, which is only had by calling `reveal()`: no log line, traceback or debug page shows it by accident.

    It stays an `ApiKey` from the request to the outbound call. `reveal()` is called in the middle of an expression and its
    result given to no variable: a report of a crash shows the variables of each frame.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @classmethod
    def opened(cls, sealed: Sealed) -> Self:
        """Raises UndecryptableError."""
        return cls(sealed.reveal())

    def sealed(self) -> Sealed:
        """Encrypted anew; no two are alike."""
        return Sealed.of(self._text)

    def reveal(self) -> str:
        return self._text

    @property
    def hint(self) -> str:
        """`sk-1***cdef`; a short key shows no character: `***`."""
        return "***" if len(self._text) < SHORT else f"{self._text[:4]}***{self._text[-4:]}"

    @property
    def masked(self) -> bool:
        """It is what we show of a key, sent back to us."""
        return MASKED.match(self._text) is not None

    @property
    def is_one_word(self) -> bool:
        return ONE_WORD.fullmatch(self._text) is not None

    @property
    def fits_a_header(self) -> bool:
        return HEADER_VALUE.fullmatch(self._text) is not None

    def __len__(self) -> int:
        """So that an empty one, with which nothing is sent, is false."""
        return len(self._text)

    def __eq__(self, other: object) -> bool:
        """Takes as long whatever the two have in common, so that nobody can measure their way to a key."""
        if not isinstance(other, ApiKey):
            return NotImplemented
        return hmac.compare_digest(self._text.encode("utf-8", "surrogatepass"), other._text.encode("utf-8", "surrogatepass"))

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "<ApiKey>"

    __str__ = __repr__
