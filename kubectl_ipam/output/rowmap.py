"""The map of a range on a terminal: one line for each aligned prefix, its cells from left to right.

With colours, a character has two cells, by half blocks. Without them it has one, and a symbol for each state. In short
rows a cell has two characters, so that it is about a square.
"""

from collections import Counter
from collections.abc import Iterator

from rich.text import Text

from ipam.address import Prefix
from kubectl_ipam.output.console import Screen, joined
from kubectl_ipam.output.grid import Cell, Gap, Grid, Row, grid_of
from kubectl_ipam.output.palette import FREE_COLOUR, LOOKS, MARKED, Look, blended, shade
from kubectl_ipam.output.words import count, span
from kubectl_ipam.views import RangeView, State

_WIDTH_MAX = 128
_PLAIN_WIDTH_MAX = 64
_HALF = "▌"
#: Rows with no more cells than this have two characters for each of them.
_NARROW = 32


def print_map(screen: Screen, view: RangeView, cell_length: int | None = None, marked: str = "") -> None:
    """Print the map of a range and its legend."""
    grid = grid_of(view, _cells_per_row(screen, view), cell_length, marked)
    labels = [str(line.prefix) if isinstance(line, Row) else "" for line in grid.lines]
    width = max(map(len, labels), default=0)
    for label, line in zip(labels, grid.lines, strict=True):
        body = _cells(line.cells, screen) if isinstance(line, Row) else Text(_gap_text(line, grid, screen), "dim")
        screen.line(joined(f"{label:<{width}}  ", body))
    screen.line()
    for text in legend(screen, view, grid, is_marked=bool(marked)):
        screen.line(text)


def _cells_per_row(screen: Screen, view: RangeView) -> int:
    """The power of two that fits beside a label."""
    label = max(len(str(Prefix(view.addresses.intervals[-1].last, view.family.bits, view.family))), 12)
    room = screen.width - label - 2
    room = min(room * 2, _WIDTH_MAX) if screen.has_colour else min(room, _PLAIN_WIDTH_MAX)
    return 1 << max(room.bit_length() - 1, 3)


def _cells(cells: list[Cell | None], screen: Screen) -> Text:
    is_narrow = len(cells) <= _NARROW
    if not screen.has_colour:
        return Text("".join(_symbol(cell, screen) * (2 if is_narrow else 1) for cell in cells).rstrip())
    if is_narrow:
        return joined(*(Text("  ", f"on {_colour(cell)}") if cell else "  " for cell in cells))
    line = Text()
    for left, right in zip(cells[::2], [*cells[1::2], None][: len(cells[::2])], strict=True):
        line.append_text(_two_cells(_colour(left), _colour(right)))
    return line


def _two_cells(left: str, right: str) -> Text:
    if left == right:
        return Text(" ", f"on {left}") if left else Text(" ")
    if not left:
        return Text("▐", right)
    return Text(_HALF, f"{left} on {right}" if right else left)


def _colour(cell: Cell | None) -> str:
    if cell is None:
        return ""
    if cell.state is State.FREE:
        return FREE_COLOUR
    return blended(_look(cell).colour, 1.0 if cell.is_marked else cell.share)


def _look(cell: Cell) -> Look:
    return MARKED if cell.is_marked else LOOKS[cell.state]


def _symbol(cell: Cell | None, screen: Screen) -> str:
    if cell is None:
        return " "
    if cell.state is State.HELD and not cell.is_marked and cell.share < 1:
        return shade(cell.share, is_plain=screen.is_plain)
    look = _look(cell)
    return look.ascii_symbol if screen.is_plain else look.symbol


def _gap_text(gap: Gap, grid: Grid, screen: Screen) -> str:
    return f"{'...' if screen.is_plain else '⋮'} {gap.words(grid.cell_length)}"


def legend(screen: Screen, view: RangeView, grid: Grid, *, is_marked: bool) -> Iterator[Text]:
    """A line for each state that occurs, with its number of addresses; and what a cell is."""
    counts = Counter[State]()
    for piece in view.pieces:
        counts[piece.state] += piece.address_count
    for state, look in LOOKS.items():
        if counts[state]:
            yield joined(_sample(look, screen), f" {look.label}: {count(counts[state], 'address')}")
    if is_marked:
        yield joined(_sample(MARKED, screen), f" {MARKED.label}")
    size = grid.family.bits - grid.cell_length
    mixed = "" if screen.has_colour else f"; {_shades(screen)} cells of which a part is held"
    yield Text(f"one cell is a /{grid.cell_length}, {count(1 << size, 'address')}{mixed}", "dim")


def _sample(look: Look, screen: Screen) -> Text:
    if screen.has_colour:
        return Text("  ", f"on {look.colour or FREE_COLOUR}")
    return Text(look.ascii_symbol if screen.is_plain else look.symbol)


def _shades(screen: Screen) -> str:
    return " ".join(shade(share, is_plain=screen.is_plain) for share in (0.1, 0.5, 0.9))


def range_words(view: RangeView) -> str:
    """The addresses of a range as the shortest texts."""
    return ", ".join(span(each.first, each.last, view.family) for each in view.addresses.intervals)
