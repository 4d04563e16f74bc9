"""A vendor's key on its way through us: never shown, and shown masked where a person must tell one from another."""

import re

SHORT = 16
MASKED = re.compile(r"(?:.{4})?\*\*\*(?:.{4})?\Z", re.DOTALL)


class ApiKey:
    """A key that somebody sent. Its text takes asking for, so that no log line, traceback or debug page holds it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    @property
    def hint(self) -> str:
        """`sk-1***cdef`; of a short key nothing at all."""
        return "***" if len(self._text) < SHORT else f"{self._text[:4]}***{self._text[-4:]}"

    @property
    def masked(self) -> bool:
        """It is what we show of a key, sent back to us."""
        return MASKED.match(self._text) is not None

    def __repr__(self) -> str:
        return "<ApiKey>"

    __str__ = __repr__
