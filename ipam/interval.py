"""Sets of addresses as sorted lists of inclusive intervals.

An interval list in *normal form* is sorted, and between two neighbours there is always a gap: they neither overlap nor
touch. Everything here takes normal form where it says so and gives normal form back, so that a free block is never cut
in two by the way in which somebody wrote the range down.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ipam.address import Family, InvalidAddress, format_address, parse_address, parse_prefix


class Interval(NamedTuple):
    """All addresses from first to last, both included; first <= last."""

    first: int
    last: int

    @property
    def address_count(self) -> int:
        """Number of addresses, at least one."""
        return self.last - self.first + 1

    def covers(self, other: "Interval") -> bool:
        """Whether each address of the other one belongs to this one."""
        return self.first <= other.first and other.last <= self.last

    def text(self, family: Family) -> str:
        """As `parse_interval` reads it: `first-last`, or the one address."""
        first = format_address(self.first, family)
        return first if self.first == self.last else f"{first}-{format_address(self.last, family)}"


def parse_interval(text: str) -> tuple[Interval, int]:
    """Read a CIDR, an address, or `first-last`; gives the interval and the number of bits of its family.

    Raises:
        InvalidAddress: if the text is none of them; the message quotes it.
    """
    first_text, dash, last_text = text.partition("-")
    if not dash:
        prefix = parse_prefix(text)
        return Interval(prefix.first, prefix.last), prefix.family.bits
    first, family = parse_address(first_text)
    last, last_family = parse_address(last_text)
    if family is not last_family:
        raise InvalidAddress(f'"{text}" begins in {family.name} and ends in {last_family.name}')
    if first > last:
        raise InvalidAddress(f'"{text}" ends before it begins: write {last_text}-{first_text}')
    return Interval(first, last), family.bits


def normalized(intervals: Iterable[Interval]) -> list[Interval]:
    """The same addresses in normal form."""
    merged: list[Interval] = []
    for interval in sorted(intervals):
        if merged and interval.first <= merged[-1].last + 1:
            #   |----- merged[-1] -----|            or  |-- merged[-1] --|
            #            |--- interval ---|                              |-- interval --|
            merged[-1] = Interval(merged[-1].first, max(merged[-1].last, interval.last))
        else:
            merged.append(interval)
    return merged


def without(intervals: list[Interval], taken: Iterable[Interval]) -> Iterator[Interval]:
    """What is left of the intervals when the taken ones are cut out; both in order, the first one in normal form.

    The taken ones may touch and overlap each other, and reach beyond the intervals.
    """
    cuts = iter(taken)
    cut = next(cuts, None)
    for interval in intervals:
        first = interval.first
        while cut is not None and cut.first <= interval.last:
            if first < cut.first:
                yield Interval(first, cut.first - 1)
            first = max(first, cut.last + 1)
            if cut.last > interval.last:
                break  # it may reach into the next interval too
            cut = next(cuts, None)
        if first <= interval.last:
            yield Interval(first, interval.last)
