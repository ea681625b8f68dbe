"""The pieces of a range as rectangles: on a Hilbert curve, or in rows."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ipam.address import Family, Prefix
from ipam.address_set import AddressSet
from ipam.interval import Interval, aligned_blocks
from kubectl_ipam.output.grid import Gap, Grid, Row, finest_length, grid_of
from kubectl_ipam.output.hilbert import rectangle
from kubectl_ipam.views import Piece, RangeView, State

#: The length of a side of a picture, in its own units.
SIDE = 1024.0
#: A map with at most this many cells has rows.
ROW_CELLS_MAX = 256
#: The most shapes of a picture: blocks that are smaller than a cell are drawn as their cell.
ORDER_MAX = 7
_ROW_CELLS = 16


class Shape(NamedTuple):
    """A rectangle of a picture.

    Attributes:
        x, y, width, height: its place, in the units of the picture.
        piece: what it shows; of a cell with several pieces, that which has most of its addresses, free ones aside.
        first, last: the addresses of the piece that it shows.
    """

    x: float
    y: float
    width: float
    height: float
    piece: Piece
    first: int
    last: int


class Label(NamedTuple):
    """A text beside a row."""

    y: float
    text: str


class Drawing(NamedTuple):
    """A picture.

    Attributes:
        shapes: its rectangles.
        labels: texts on its left, if it has rows.
        width, height: its size.
        note: what one cell is.
    """

    shapes: list[Shape]
    labels: list[Label]
    width: float
    height: float
    note: str


def drawing_of(view: RangeView, *, hilbert: bool | None = None) -> Drawing:
    """Lay out the pieces of a range: on a Hilbert curve above 256 cells, unless `hilbert` says otherwise."""
    around = _around(view.addresses)
    if hilbert is None:
        cell_count = around.address_count >> (view.family.bits - max(finest_length(view), around.length))
        hilbert = cell_count > ROW_CELLS_MAX and not _is_sparse(view)
    return _on_the_curve(view, around, _order(view, around)) if hilbert else _in_rows(view)


def _around(addresses: AddressSet) -> Prefix:
    """The smallest aligned block that contains a set."""
    family, first, last = addresses.family, addresses.intervals[0].first, addresses.intervals[-1].last
    bits = (first ^ last).bit_length()
    return Prefix(first >> bits << bits, family.bits - bits, family)


def _order(view: RangeView, around: Prefix) -> int:
    """The order of a curve with a cell for each of the smallest blocks, as far as that is possible."""
    used = [piece for piece in view.pieces if piece.state is not State.FREE]
    lengths = [
        length for each in used for _, length in aligned_blocks(Interval(each.first, each.last), around.family.bits)
    ]
    finest = max([view.terms.default_length, *lengths])
    return min(-(-(finest - around.length) // 2), ORDER_MAX)


def _is_sparse(view: RangeView) -> bool:
    """Whether blocks would vanish on a square: then rows show only what is in use."""
    return any(isinstance(line, Gap) for line in grid_of(view, _ROW_CELLS).lines) and view.family.bits == 128


def _on_the_curve(view: RangeView, around: Prefix, order: int) -> Drawing:
    cell_bits = max(view.family.bits - around.length - 2 * order, 0)
    order = (view.family.bits - around.length - cell_bits + 1) // 2
    side = SIDE / (1 << order)
    shapes = []
    for piece, block in _drawn(view, cell_bits):
        index, size = (block.first - around.first) >> cell_bits, view.family.bits - block.length - cell_bits
        x, y, width, height = (each * side for each in rectangle(index, size, order))
        first, last = max(piece.first, block.first), min(piece.last, block.last)
        shapes.append(Shape(x, y, width, height, piece, first, last))
    bottom = max((each.y + each.height for each in shapes), default=SIDE)
    return Drawing(shapes, [], SIDE, bottom, _note(view.family, view.family.bits - cell_bits))


def _note(family: Family, length: int) -> str:
    return f"the smallest square is a /{min(length, family.bits)}"


def _drawn(view: RangeView, cell_bits: int) -> Iterator[tuple[Piece, Prefix]]:
    """The blocks to draw: those of pieces, and of all pieces that are smaller than a cell the cell, once."""
    family, small = view.family, dict[int, list[Piece]]()
    for piece in view.pieces:
        for first, length in aligned_blocks(Interval(piece.first, piece.last), family.bits):
            if family.bits - length < cell_bits:
                small.setdefault(first >> cell_bits, []).append(piece)
            else:
                yield piece, Prefix(first, length, family)
    for cell, pieces in small.items():
        yield _largest(pieces), Prefix(cell << cell_bits, family.bits - cell_bits, family)


def _largest(pieces: Sequence[Piece]) -> Piece:
    used = [piece for piece in pieces if piece.state is not State.FREE]
    return max(used or pieces, key=lambda piece: piece.address_count)


def _in_rows(view: RangeView) -> Drawing:
    grid: Grid = grid_of(view, _ROW_CELLS)
    width, cell_bits = SIDE / _ROW_CELLS, view.family.bits - grid.cell_length
    shapes: list[Shape] = []
    labels: list[Label] = []
    for number, line in enumerate(grid.lines):
        y = number * width
        if isinstance(line, Gap):
            labels.append(Label(y, line.words(grid.cell_length)))
            continue
        labels.append(Label(y, str(line.prefix)))
        shapes += _row_shapes(line, view, cell_bits, y=y, width=width)
    return Drawing(shapes, labels, SIDE, len(grid.lines) * width, f"one square is a /{grid.cell_length}")


def _row_shapes(row: Row, view: RangeView, cell_bits: int, *, y: float, width: float) -> Iterator[Shape]:
    """The pieces of a row; their widths are as their numbers of addresses."""
    start, end, cell = row.prefix.first, row.prefix.last, 1 << cell_bits
    for piece in view.pieces:
        first, last = max(piece.first, start), min(piece.last, end)
        if first <= last:
            x, length = (first - start) / cell * width, (last - first + 1) / cell * width
            yield Shape(x, y, length, width, piece, first, last)
