"""The grid of a map: which aligned prefixes are its rows and cells, and what lies in each cell.

A cell is a block of one prefix length, a row an aligned prefix of as many cells as fit. Where a range is so large that
its blocks would vanish in coarse cells, as in IPv6, only rows in which something is in use are shown, and how much is
free in between.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ipam.address import IPV6, Family, Prefix
from ipam.address_set import AddressSet
from kubectl_ipam.output.words import count, rough
from kubectl_ipam.views import Piece, RangeView, State

ROWS_MAX = 32
#: A row has at least so many cells.
WIDTH_MIN = 16
#: A range of IPv6 with more cells shows only what is in use.
CELLS_MAX = 4096


class Cell(NamedTuple):
    """A block of a map.

    Attributes:
        state: the state of most of its addresses that are not free; FREE if all are.
        share: of its addresses that are not free, more than 0 to 1.
        is_marked: whether the marked request holds an address of it.
    """

    state: State
    share: float
    is_marked: bool = False


class Row(NamedTuple):
    """A line of a map: an aligned prefix. A cell outside of the range is None."""

    prefix: Prefix
    cells: list[Cell | None]


class Gap(NamedTuple):
    """Rows that are left out because no block in them is in use or reserved; their addresses need not be free.

    Attributes:
        free_address_count: number of their addresses that are free.
        free_cell_count: number of cells of which all addresses are free.
    """

    free_address_count: int
    free_cell_count: int

    def words(self, cell_length: int) -> str:
        """What is free: cells of this prefix length, as "65520 /64 free", or the addresses if these make up none."""
        if self.free_cell_count:
            return f"{rough(self.free_cell_count)} /{cell_length} free"
        return count(self.free_address_count, "free address") if self.free_address_count else "nothing free"


@dataclass(frozen=True)
class Grid:
    """A map.

    Attributes:
        family: of its addresses.
        cell_length: prefix length of each cell.
        lines: rows, in order of addresses, and gaps between them.
    """

    family: Family
    cell_length: int
    lines: list[Row | Gap]


def grid_of(view: RangeView, width: int, cell_length: int | None = None, marked: str = "") -> Grid:
    """The map of a range.

    Args:
        view: the range; it must have addresses.
        width: the most cells of a row, a power of two.
        cell_length: prefix length of a cell; None for the finest that gives no more than ROWS_MAX rows.
        marked: "namespace/name" of a request to highlight.
    """
    pieces = view.pieces
    length, spans = _laid_out(view, pieces, width, cell_length)
    width = _width(spans, view.family.bits - length, width)
    row_bits = view.family.bits - length + width.bit_length() - 1
    prefixes = (_prefix(view.family, index, row_bits) for index in _row_indexes(spans, row_bits))
    rows = [_row(prefix, length, pieces, marked) for prefix in prefixes]
    return Grid(view.family, length, list(_with_gaps(_narrowed(rows), pieces, view.family.bits - length)))


def _width(spans: AddressSet, cell_bits: int, width_max: int) -> int:
    """The fewest cells of a row with which a map is no higher than it is wide; a power of two."""
    width = min(WIDTH_MIN, width_max)
    while width < width_max and _row_count(spans, cell_bits, width) > width:
        width *= 2
    return width


def finest_length(view: RangeView) -> int:
    """The prefix length of the smallest block that a map of a range has to show."""
    lengths = [piece.block.length for piece in view.pieces if piece.block]
    return max([view.terms.default_length, *lengths])


def _laid_out(view: RangeView, pieces: Sequence[Piece], width: int, cell_length: int | None) -> tuple[int, AddressSet]:
    """The length of a cell, and the addresses whose rows are shown."""
    finest = cell_length if cell_length is not None else finest_length(view)
    spans = view.addresses
    if view.family is IPV6 and spans.address_count >> (128 - finest) > CELLS_MAX:
        first = [Prefix(pieces[0].first, finest, view.family)]
        spans = AddressSet(view.family, [piece for piece in pieces if piece.holder] or first)
    if cell_length is not None:
        return cell_length, spans
    for length in range(finest, 0, -1):
        if _row_count(spans, view.family.bits - length, width) <= ROWS_MAX:
            return length, spans
    return 0, spans


def _row_count(spans: AddressSet, cell_bits: int, width: int) -> int:
    bits, count, last = cell_bits + width.bit_length() - 1, 0, -1
    for interval in spans.intervals:
        first_row, last_row = interval.first >> bits, interval.last >> bits
        count += last_row - max(first_row, last + 1) + 1 if last_row > last else 0
        last = max(last, last_row)
        if count > ROWS_MAX:
            break
    return count


def _row_indexes(spans: AddressSet, row_bits: int) -> Iterator[int]:
    last = -1
    for interval in spans.intervals:
        for index in range(max(interval.first >> row_bits, last + 1), (interval.last >> row_bits) + 1):
            yield index
            last = index


def _prefix(family: Family, index: int, row_bits: int) -> Prefix:
    """A row; one that is longer than the whole family is the family."""
    return Prefix(index << row_bits, max(family.bits - row_bits, 0), family)


def _row(prefix: Prefix, length: int, pieces: Sequence[Piece], marked: str) -> Row:
    cell_bits = prefix.family.bits - length
    start, end = prefix.first, prefix.last
    found: list[dict[State, int]] = [{} for _ in range(prefix.address_count >> cell_bits)]
    marks = set[int]()
    at = bisect_left(pieces, start, key=lambda piece: piece.last)
    while at < len(pieces) and pieces[at].first <= end:
        piece = pieces[at]
        first, last = max(piece.first, start), min(piece.last, end)
        for cell in range((first - start) >> cell_bits, ((last - start) >> cell_bits) + 1):
            cell_start = start + (cell << cell_bits)
            size = min(last, cell_start + (1 << cell_bits) - 1) - max(first, cell_start) + 1
            found[cell][piece.state] = found[cell].get(piece.state, 0) + size
            if marked and piece.holder == marked and piece.state in (State.HELD, State.RETIRED_HELD):
                marks.add(cell)
        at += 1
    cells = [_cell(states, is_marked=number in marks) for number, states in enumerate(found)]
    return Row(prefix, cells)


def _cell(states: dict[State, int], *, is_marked: bool) -> Cell | None:
    if not states:
        return None
    used = {state: number for state, number in states.items() if state is not State.FREE}
    if not used:
        return Cell(State.FREE, 0.0)
    state = max(used, key=lambda each: (used[each], each))
    return Cell(state, sum(used.values()) / sum(states.values()), is_marked)


def _narrowed(rows: list[Row]) -> list[Row]:
    """A single row without the halves on either side in which the range has no address."""
    if len(rows) != 1:
        return rows
    (prefix, cells), half = rows[0], len(rows[0].cells) // 2
    while half and (all(cell is None for cell in cells[:half]) or all(cell is None for cell in cells[half:])):
        is_upper = all(cell is None for cell in cells[:half])
        size = prefix.address_count // 2
        prefix = Prefix(prefix.first + (size if is_upper else 0), prefix.length + 1, prefix.family)
        cells = cells[half:] if is_upper else cells[:half]
        half = len(cells) // 2
    return [Row(prefix, cells)]


def _with_gaps(rows: list[Row], pieces: Sequence[Piece], cell_bits: int) -> Iterator[Row | Gap]:
    """The rows, and between them what is left out of the range."""
    position = pieces[0].first
    for row in rows:
        yield from _gap(pieces, position, row.prefix.first - 1, cell_bits)
        yield row
        position = row.prefix.last + 1
    yield from _gap(pieces, position, pieces[-1].last, cell_bits)


def _gap(pieces: Sequence[Piece], first: int, last: int, cell_bits: int) -> Iterator[Gap]:
    """The gap from one address to another; none if the range has nothing there."""
    address_count = cell_count = 0
    at = start = bisect_left(pieces, first, key=lambda piece: piece.last)
    while first <= last and at < len(pieces) and pieces[at].first <= last:
        if pieces[at].state is State.FREE:
            free_first, free_end = max(pieces[at].first, first), min(pieces[at].last, last) + 1
            address_count += free_end - free_first
            cell_count += max((free_end >> cell_bits) - -(-free_first >> cell_bits), 0)
        at += 1
    if at > start:
        yield Gap(address_count, cell_count)
