"""Tables as kubectl prints them: columns three spaces apart, headings in capitals, no lines."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from kubectl_ipam.output.console import Screen

_GAP = "   "
Cell = str | Text


def print_table(screen: Screen, headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print rows below their headings; a column without any text is left out."""
    shown = [index for index in range(len(headings)) if any(_plain(row[index]) for row in rows)]
    widths = [max(cell_len(headings[index]), *(cell_len(_plain(row[index])) for row in rows)) for index in shown]
    for row in ([headings[index] for index in range(len(headings))], *rows):
        screen.line(_line([row[index] for index in shown], widths))


def _line(cells: Sequence[Cell], widths: Sequence[int]) -> Text:
    line = Text()
    for index, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        line.append_text(cell if isinstance(cell, Text) else Text(cell))
        if index < len(cells) - 1:
            line.append(" " * (width - cell_len(_plain(cell))) + _GAP)
    line.rstrip()
    return line


def _plain(cell: Cell) -> str:
    return cell.plain if isinstance(cell, Text) else cell
