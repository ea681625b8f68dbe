"""Cells: which extents of a domain can have addresses in common with a range, so that it asks for no others.

A domain is divided into a grid of nested cells. Each extent has one label, the smallest cell that contains all its
addresses. Two sets of addresses that have an address in common lie in cells of which one contains the other, so a range
asks for the extents of its own cell, of the cells around it, and of the cells inside it in which it has addresses. If
these are very many, it asks for the whole domain.

One label selector asks for all of them, because Metacontroller then lists them at one moment, on which the order
of extents depends (extents.py). The grid is part of the format of version v1: hooks with another grid would not find
each other's extents.
"""

from collections.abc import Iterable, Iterator

from ipam.address import IPV4, IPV6, Family, Prefix
from ipam.address_set import AddressSet
from ipam.interval import Span

#: The prefix lengths of cells, from the whole family to the smallest.
_GRID: dict[Family, tuple[int, ...]] = {IPV4: (0, 16, 24), IPV6: (0, 32, 48, 64)}
#: A range with addresses in more cells than this asks for the whole domain.
CELL_COUNT_MAX = 512
_NAME = str.maketrans(":/", "-.")


def cell_of(addresses: AddressSet) -> Prefix:
    """The smallest cell that contains all these addresses; there must be one."""
    return _cell_around(addresses.family, addresses.intervals[0].first, addresses.intervals[-1].last)


def cell_label(cell: Prefix) -> str:
    """The label value of a cell, such as `IPv4-10.0.5.0.24`."""
    return f"{cell.family.name}-{str(cell).translate(_NAME)}"


def cells_to_ask_for(addresses: AddressSet) -> list[str] | None:
    """The label values of all cells whose extents can share an address with these; None for the whole domain."""
    family, own = addresses.family, cell_of(addresses)
    cells = [_cell_at(family, own.first, length) for length in _GRID[family] if length <= own.length]
    for length in _GRID[family]:
        if length <= own.length:
            continue
        shift = family.bits - length
        if sum((each.last >> shift) - (each.first >> shift) + 1 for each in addresses.intervals) > CELL_COUNT_MAX:
            return None
        firsts = {number << shift for span in addresses.intervals for number in _numbers(span, shift)}
        cells += [Prefix(first, length, family) for first in sorted(firsts)]
    return [cell_label(cell) for cell in cells] if len(cells) <= CELL_COUNT_MAX else None


def by_cell(addresses: AddressSet, group_count_max: int) -> list[AddressSet]:
    """The addresses in groups of intervals that lie in the same cell; in one group if there would be too many."""
    groups: dict[Prefix, list[Span]] = {}
    for span in addresses.intervals:
        groups.setdefault(_cell_around(addresses.family, span.first, span.last), []).append(span)
    if len(groups) > group_count_max:
        return [addresses]
    return [AddressSet(addresses.family, spans) for spans in groups.values()]


def _numbers(span: Span, shift: int) -> Iterable[int]:
    return range(span.first >> shift, (span.last >> shift) + 1)


def _cell_around(family: Family, first: int, last: int) -> Prefix:
    return next(cell for cell in _cells_from_the_smallest(family, first) if last <= cell.last)


def _cells_from_the_smallest(family: Family, address: int) -> Iterator[Prefix]:
    for length in reversed(_GRID[family]):
        yield _cell_at(family, address, length)


def _cell_at(family: Family, address: int, length: int) -> Prefix:
    shift = family.bits - length
    return Prefix(address >> shift << shift, length, family)
