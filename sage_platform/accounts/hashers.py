"""Django's password hashers, each hash in one of the slots (`hashing`).

The hashers themselves take the slots, so that no code that checks or sets a password can forget to. Whoever hashes for somebody
in particular takes the slot in that name before. For the same reason the hashers hold the rule that no password is empty:
whichever way one is set, by a form, the API, a command or Django itself, it is hashed here.
"""

from django.contrib.auth.hashers import Argon2PasswordHasher, PBKDF2PasswordHasher

from sage_platform.accounts.hashing import slot
from sage_platform.turns import turns


def refuse_empty(password: str) -> None:
    if not password:
        raise ValueError("A password is never empty. For an account without one there is set_unusable_password().")


class SlottedArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id with OWASP's first recommended parameters (Password Storage Cheat Sheet): 46 MiB, one pass, one lane."""

    time_cost = 1
    memory_cost = 47104
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        refuse_empty(password)
        with slot(), turns.lent():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        """An empty password is never right, also where a hash of one is stored. It takes as long as any other."""
        with slot(), turns.lent():
            return super().verify(password, encoded) and password != ""


class SlottedPBKDF2PasswordHasher(PBKDF2PasswordHasher):
    """For hashes brought along from another Django project; renewed as Argon2 at the next sign-in."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        refuse_empty(password)
        with slot(), turns.lent():
            return super().encode(password, salt, iterations)

    def verify(self, password: str, encoded: str) -> bool:
        """As Argon2's above: a hash that was brought along may be one of an empty password."""
        with slot(), turns.lent():
            # Django compares by computing the hash of what was typed, which refuses an empty one.
            return super().verify(password or " ", encoded) and password != ""
