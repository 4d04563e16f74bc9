"""How names and addresses are compared: a name in upper case or in full-width letters is the same name."""

import re
import unicodedata

# Letters and digits of any script, and . _ - ; no @, so that a name can never be somebody's address. Two letters of Hangul are
# never seen (Unicode's Default_Ignorable_Code_Point): a name with one would look like the same name without it.
USERNAME = re.compile(r"(?:[^\W\u115f\u1160]|[.\-]){1,64}\Z")
# An id that the trusted proxy may give a person (`User.id`). It also becomes their first username, so it is short and plain.
USER_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")


def normalize_username(text: str) -> str:
    """The name as it is stored and shown: in the normal form NFKC, without white space around it."""
    return unicodedata.normalize("NFKC", text).strip()


def is_username(text: str) -> bool:
    """Whether a normalized text may be a username."""
    return USERNAME.match(text) is not None


def comparison_key(text: str) -> str:
    """The text that two names or addresses have in common if they count as the same (Unicode's NFKC_Casefold, UAX #31)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).strip().casefold())
