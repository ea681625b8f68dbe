"""The pool of a range: the addresses that it may hand out."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from itertools import accumulate
from operator import attrgetter
from typing import NamedTuple

from ipam.address import IPV4, IPV6, Family, InvalidAddress, Prefix
from ipam.free_space import aligned_blocks
from ipam.interval import Interval, normalized, parse_interval, without

#: So that the message of a pool with hundreds of faults can still be read, and fits into a status.
FAULTS_NAMED_MAX = 10


#: ::ffff:0:0/96 names IPv4 addresses in IPv6 form (RFC 4291, 2.5.5.2); nobody can use them as IPv6 addresses.
IPV4_MAPPED = Interval(0xFFFF << 32, (0xFFFF << 32) + 0xFFFFFFFF)


class InvalidPool(ValueError):
    """The texts do not describe a pool; the message names the faults, separated by semicolons."""


@dataclass(frozen=True)
class Pool:
    """A set of addresses of one family; the name is for messages."""

    name: str
    family: Family
    intervals: list[Interval]  # in normal form, never empty
    excluded: tuple[Interval, ...] = ()  # in normal form; none of it is in `intervals`

    @cached_property
    def address_count(self) -> int:
        """Number of addresses that could be handed out if nothing were held."""
        return sum(interval.address_count for interval in self.intervals)

    @cached_property
    def largest_block_length(self) -> int:
        """Prefix length of the largest block that could be handed out if nothing were held."""
        return min(length for interval in self.intervals for _, length in aligned_blocks(interval, self.family.bits))

    def covers(self, prefix: Prefix) -> bool:
        """Whether every address of the prefix belongs to the pool."""
        at = bisect_right(self.intervals, prefix.first, key=attrgetter("first")) - 1  # the last that begins by then
        return prefix.family is self.family and at >= 0 and prefix.last <= self.intervals[at].last

    def block_count(self, length: int) -> int:
        """Number of aligned blocks of a prefix length that the pool contains, whatever is held of it."""
        return self._rows(length).ends[-1]

    def block_at(self, index: int, length: int) -> Prefix | None:
        """Of those blocks the one with this index, counted from 0 in the order of addresses; None beyond the last."""
        firsts, ends = self._rows(length)
        row = bisect_right(ends, index)
        if row == len(ends):
            return None
        index_in_row = index - (ends[row - 1] if row else 0)
        return Prefix(firsts[row] + (index_in_row << (self.family.bits - length)), length, self.family)

    @cached_property
    def _rows(self) -> "Callable[[int], _Rows]":
        """The rows of a prefix length; thousands of claims have a few lengths, and each of them is laid out once."""
        return cache(partial(_Rows.of, self.intervals, self.family.bits))

    def exclusion_in(self, prefix: Prefix) -> Interval | None:
        """The lowest excluded interval that has an address of the prefix, which is of the pool's family."""
        at = bisect_left(self.excluded, prefix.first, key=attrgetter("last"))  # the first that does not end before it
        found = at < len(self.excluded) and self.excluded[at].first <= prefix.last
        return self.excluded[at] if found else None

    def excluding(self, prefix: Prefix) -> "Pool":
        """The pool without the addresses of a prefix of its family, which may lie outside; something must be left."""
        left = list(without(self.intervals, [Interval(prefix.first, prefix.last)]))
        assert left, "nothing is left of the pool"
        return replace(self, intervals=left)


class _Rows(NamedTuple):
    """The aligned blocks of one prefix length: those of each interval lie in a row."""

    firsts: list[int]  # the first address of each row
    ends: list[int]  # how many blocks there are up to the end of each row

    @staticmethod
    def of(intervals: Sequence[Interval], bits: int, length: int) -> "_Rows":
        size = 1 << (bits - length)
        firsts = [-(-interval.first // size) * size for interval in intervals]
        counts = [
            max((interval.last + 1 - first) // size, 0) for interval, first in zip(intervals, firsts, strict=True)
        ]
        return _Rows(firsts, list(accumulate(counts)))


def parse_pool(name: str, ranges: Sequence[str], excludes: Sequence[str] = ()) -> Pool:
    """Read ranges and excludes as users write them: CIDRs, `first-last` intervals, addresses; all of one family.

    They may overlap; an address that is named twice still exists once. Excludes may reach beyond the ranges.
    IPv4-mapped IPv6 addresses are left out.

    Raises:
        InvalidPool: naming all faults at once, so that one correction is enough; of very many the first ones.
    """
    faults: list[str] = []
    included, families = _parse_intervals("ranges", ranges, faults)
    if not ranges:
        faults.append("ranges is empty: name at least one CIDR, interval or address")
    if len(set(families)) > 1:
        faults.append("ranges mixes IPv4 and IPv6: make a range for each family")
    family = families[0] if families else IPV6
    excluded, _ = _parse_intervals("excludes", excludes, faults, family if families else None)
    intervals = normalized(included)
    if family is IPV6:
        intervals = list(without(intervals, [IPV4_MAPPED]))
    if not intervals and not faults:
        faults.append("ranges has only IPv4-mapped IPv6 addresses: write them as IPv4")
    left = list(without(intervals, normalized(excluded)))
    if not left and not faults:
        faults.append("excludes leaves nothing of ranges: no address could be handed out")
    if faults:
        more = f"; and {len(faults) - FAULTS_NAMED_MAX} more" if len(faults) > FAULTS_NAMED_MAX else ""
        raise InvalidPool("; ".join(faults[:FAULTS_NAMED_MAX]) + more)
    return Pool(name, family, left, tuple(normalized(excluded)))


def _parse_intervals(
    field: str, texts: Sequence[str], faults: list[str], wanted: Family | None = None
) -> tuple[list[Interval], list[Family]]:
    """The intervals of a field, and the family of each; adds what is wrong to the faults.

    Args:
        field: its name, for the faults.
        texts: what it holds.
        faults: where they are collected.
        wanted: the family of which they must be; None if any will do.
    """
    intervals: list[Interval] = []
    families: list[Family] = []
    for index, text in enumerate(texts):
        try:
            interval, bits = parse_interval(text)
        except InvalidAddress as error:
            faults.append(f"{field}[{index}]: {error}")
            continue
        family = IPV4 if bits == IPV4.bits else IPV6
        if wanted and family is not wanted:
            faults.append(f'{field}[{index}]: "{text}" is {family.name}, but ranges is {wanted.name}')
        intervals.append(interval)
        families.append(family)
    return intervals, families
