"""Releases on GitHub: what its files are for (`assets`), and how they are asked for (`source`)."""
