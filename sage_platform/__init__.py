"""The project package: the composition root and, under it, the foundation that every area stands on."""

__version__ = "0.1.0"
