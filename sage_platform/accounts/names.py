"""How names and addresses are compared: a person's name in another case, or in a look-alike width, is the same name."""

import re
import unicodedata

# Letters and digits of any script, and . _ - ; no @, so that a name can never be somebody's address.
USERNAME = re.compile(r"[\w.\-]{1,64}\Z")
PUBLIC_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")


def normalize_username(text: str) -> str:
    """NFKC, as kept and shown."""
    return unicodedata.normalize("NFKC", text).strip()


def is_username(text: str) -> bool:
    """Whether a normalized text may be a username."""
    return USERNAME.match(text) is not None


def comparison_key(text: str) -> str:
    """Equal for names and addresses that count as the same (Unicode's NFKC_Casefold, UAX #31)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).strip().casefold())
