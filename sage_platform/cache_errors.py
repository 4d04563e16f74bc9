"""Beside the cache itself, so that a deployment without Redis does not load its library."""


class CacheAwayError(Exception):
    """Redis cannot be reached, or does not answer."""
