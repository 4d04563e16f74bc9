"""What part of a file a request asks for (RFC 9110 §14)."""

import re

# One range. A number of more digits than any file could need would only cost time.
ONE_RANGE = re.compile(r"bytes=([0-9]{0,20})-([0-9]{0,20})", re.IGNORECASE)


def asked_range(header: str, size: int) -> range | None:
    """The bytes that a Range header asks for, of so many. Empty where it asks for none that there are (416).

    None where the whole is to be sent: without a header, for several ranges, and for what cannot be read (RFC 9110 §14.2).
    """
    found = ONE_RANGE.fullmatch(header.strip())
    if found is None:
        return None
    first, last = found.groups()
    if first:
        stop = min(int(last) + 1, size) if last else size
        # A range that ends before it begins is none that could be read.
        return None if last and int(last) < int(first) else range(min(int(first), size), stop)
    return range(max(size - int(last), 0), size) if last else None
