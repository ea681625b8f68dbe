"""The terminal: how wide it is, and whether it shows colours and block characters."""

import os
from typing import TextIO

from rich.console import Console
from rich.text import Text

#: Width of what is not written to a terminal.
PLAIN_WIDTH = 120


class _Console(Console):
    """Leaves it to the command line what a closed pipe means. By itself the console exits with 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Screen:
    """Where the answer of a command is written.

    Attributes:
        has_colour: whether colours are shown: on a terminal, unless NO_COLOR is set.
        is_plain: whether only ASCII is printed: not a terminal, or one that can't show more.
    """

    def __init__(self, out: TextIO, *, width: int | None = None) -> None:
        """`out` is a terminal or a file."""
        is_terminal = out.isatty()
        self.has_colour = is_terminal and not os.environ.get("NO_COLOR")
        self.is_plain = not is_terminal or not _shows_blocks(out)
        self._console = _Console(
            file=out,
            width=width or (None if is_terminal else PLAIN_WIDTH),
            color_system="auto" if self.has_colour else None,
            highlight=False,
            soft_wrap=True,
        )

    @property
    def width(self) -> int:
        """Number of columns."""
        return self._console.width

    def line(self, text: str | Text = "") -> None:
        """Print a line; a text with markup characters is printed as it is."""
        self._console.print(Text(text) if isinstance(text, str) else text)


def joined(*texts: Text | str) -> Text:
    """Texts one after the other, each in its own style."""
    line = Text()
    for text in texts:
        line.append_text(Text(text) if isinstance(text, str) else text)
    return line


def _shows_blocks(out: TextIO) -> bool:
    try:
        "█▓▒░▀▄".encode(getattr(out, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
