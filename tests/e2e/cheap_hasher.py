"""Apart from the settings that name it, since a hasher reads settings itself."""

from sage_platform.accounts.hashers import SlottedArgon2PasswordHasher


class CheapArgon2PasswordHasher(SlottedArgon2PasswordHasher):
    memory_cost = 64
