"""What commands print: tables as wide as the terminal, and names as they may stand in one."""

import shutil

from rich.console import Console, RenderableType

FILE_WIDTH = 160  # Columns where there is no terminal; addresses and names are long.


def printed(*parts: RenderableType) -> str:
    """With markup off: names are people's, and may look like it."""
    console = Console(width=shutil.get_terminal_size((FILE_WIDTH, 0)).columns, markup=False, emoji=False, highlight=False)
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return captured.get()


def plain(text: str) -> str:
    """With spaces for control characters, which could steer the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)
