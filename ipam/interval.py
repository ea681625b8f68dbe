"""Intervals of addresses: how users write them, how they are cut into blocks and subtracted from each other."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple, Protocol, TypeVar

from ipam.address import Family, InvalidAddress, format_address, parse_address, parse_prefix


class Span(Protocol):
    """Anything that begins and ends at an address: an interval, a prefix."""

    @property
    def first(self) -> int:
        """The lowest address."""
        ...

    @property
    def last(self) -> int:
        """The highest address."""
        ...


SpanT = TypeVar("SpanT", bound=Span)
ItemT = TypeVar("ItemT")


class Interval(NamedTuple):
    """All addresses from first to last, both included; first <= last."""

    first: int
    last: int

    @property
    def address_count(self) -> int:
        """Number of addresses, at least one."""
        return self.last - self.first + 1

    def covers(self, other: Span) -> bool:
        """Whether each address of the other one belongs to this one."""
        return self.first <= other.first and other.last <= self.last

    def text(self, family: Family) -> str:
        """As `parse_interval` reads it: `first-last`, or the one address."""
        first = format_address(self.first, family)
        return first if self.first == self.last else f"{first}-{format_address(self.last, family)}"


def parse_interval(text: str) -> tuple[Interval, Family]:
    """Read a CIDR, an address, or `first-last`.

    Raises:
        InvalidAddress: if the text is none of them; the message quotes it.
    """
    first_text, dash, last_text = text.partition("-")
    if not dash:
        prefix = parse_prefix(text)
        return Interval(prefix.first, prefix.last), prefix.family
    first, family = parse_address(first_text)
    last, last_family = parse_address(last_text)
    if family is not last_family:
        raise InvalidAddress(f'"{text}" begins in {family.name} and ends in {last_family.name}')
    if first > last:
        raise InvalidAddress(f'"{text}" ends before it begins: write {last_text}-{first_text}')
    return Interval(first, last), family


def aligned_blocks(interval: Span, bits: int) -> Iterator[tuple[int, int]]:
    """Cut an interval into the fewest aligned blocks, as (first address, prefix length), in order.

    An aligned block of any size inside the interval lies inside one of them.
    """
    first, last = interval.first, interval.last
    while first <= last:
        size_by_room = (last - first + 1).bit_length() - 1
        size_by_alignment = (first & -first).bit_length() - 1 if first else bits
        size = min(size_by_room, size_by_alignment)
        yield first, bits - size
        first += 1 << size


def overlapping(items: Sequence[ItemT], span: Span, attribute: str) -> Sequence[ItemT]:
    """Those of the items that have an address of a span, in order.

    Args:
        items: sorted by address; no two of them overlap.
        span: some addresses.
        attribute: that of an item that is the span of its addresses.
    """
    start = bisect_left(items, span.first, key=attrgetter(f"{attribute}.last"))
    return items[start : bisect_right(items, span.last, lo=start, key=attrgetter(f"{attribute}.first"))]


def not_covered(spans: Iterable[SpanT], intervals: Iterable[Interval]) -> Iterator[SpanT]:
    """The spans that do not lie wholly inside one of the intervals.

    Args:
        spans: sorted; they do not overlap each other.
        intervals: sorted, with a gap between neighbours.
    """
    ahead = iter(intervals)
    interval = next(ahead, None)
    for span in spans:
        while interval is not None and interval.last < span.first:
            interval = next(ahead, None)
        if interval is None or not interval.covers(span):
            yield span


def without(intervals: Iterable[Interval], taken: Iterable[Span]) -> Iterator[Interval]:
    """What is left of the intervals when the taken ones are cut out.

    Args:
        intervals: sorted, with a gap between neighbours.
        taken: sorted; they may touch and overlap each other, and reach beyond the intervals.
    """
    cuts = iter(taken)
    cut = next(cuts, None)
    for interval in intervals:
        first = interval.first
        while cut is not None and (cut_first := cut.first) <= interval.last:
            if first < cut_first:
                yield Interval(first, cut_first - 1)
            cut_last = cut.last
            first = max(first, cut_last + 1)
            if cut_last > interval.last:
                break  # it may reach into the next interval too
            cut = next(cuts, None)
        if first <= interval.last:
            yield Interval(first, interval.last)
