"""The platform's settings with the same hasher at a hundredth of the cost, for tests that register hundreds of people.

A crash then comes upon the writes far more often than upon the hashes.
"""

from sage_platform.settings import *  # noqa: F403
from sage_platform.settings import PASSWORD_HASHERS as REAL

PASSWORD_HASHERS = ["tests.e2e.cheap_hasher.CheapArgon2PasswordHasher", *REAL[1:]]
