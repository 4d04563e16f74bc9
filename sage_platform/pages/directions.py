"""Names that people and clients chose, inside sentences of ours."""

# What changes the direction of a text by order: embeddings, overrides and isolates (UAX #9, §2.1 to §2.5).
DIRECTIONS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])


def isolated(name: object) -> str:
    """The name between marks that keep its direction inside (UAX #9, §2.4): it must not turn our own words around."""
    text = str(name)
    return text if text.isascii() else f"\u2068{text.translate(DIRECTIONS)}\u2069"
