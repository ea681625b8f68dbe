"""The pool of a range: the addresses that it may allocate."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from itertools import accumulate
from typing import NamedTuple

from ipam.address import IPV6, Family, InvalidAddress, Prefix
from ipam.address_set import AddressSet
from ipam.interval import Interval, parse_interval

#: So that the message of a pool with hundreds of faults can still be read, and fits into a status.
FAULTS_NAMED_MAX = 10


#: ::ffff:0:0/96 names IPv4 addresses in IPv6 form (RFC 4291, 2.5.5.2); they can't be used as IPv6 addresses.
IPV4_MAPPED = AddressSet(IPV6, [Interval(0xFFFF << 32, (0xFFFF << 32) + 0xFFFFFFFF)])


class InvalidPool(ValueError):
    """The texts do not describe a pool; the message names the faults, separated by semicolons."""


@dataclass(frozen=True)
class Pool:
    """What a range may allocate, and what of its ranges it may not; the name is for messages."""

    name: str
    usable: AddressSet
    excluded: AddressSet

    @property
    def family(self) -> Family:
        """Of all its addresses."""
        return self.usable.family

    @cached_property
    def address_count(self) -> int:
        """Number of addresses that could be allocated if none were."""
        return self.usable.address_count

    @cached_property
    def largest_block_length(self) -> int:
        """Prefix length of the largest block that could be allocated if none were; the pool must not be empty."""
        return min(block.length for block in self.usable.blocks())

    def block_count(self, length: int) -> int:
        """Number of aligned blocks of a prefix length that the pool contains, allocated or not."""
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
        return cache(partial(_Rows.of, self.usable))

    def excluding(self, prefix: Prefix) -> "Pool":
        """The pool without the addresses of a prefix of its family, which may lie outside; something must be left."""
        left = self.usable - AddressSet(prefix.family, [prefix])
        assert left, "nothing is left of the pool"
        return replace(self, usable=left)


class _Rows(NamedTuple):
    """The aligned blocks of one prefix length: those of each interval lie in a row."""

    firsts: list[int]  # the first address of each row
    ends: list[int]  # how many blocks there are up to the end of each row

    @staticmethod
    def of(addresses: AddressSet, length: int) -> "_Rows":
        size = 1 << (addresses.family.bits - length)
        firsts = [-(-interval.first // size) * size for interval in addresses.intervals]
        counts = [
            max((interval.last + 1 - first) // size, 0)
            for interval, first in zip(addresses.intervals, firsts, strict=True)
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
        faults.append("ranges mixes IPv4 and IPv6: create a range for each family")
    family = families[0] if families else IPV6
    removed, _ = _parse_intervals("excludes", excludes, faults, family if families else None)
    if faults:
        more = f"; and {len(faults) - FAULTS_NAMED_MAX} more" if len(faults) > FAULTS_NAMED_MAX else ""
        raise InvalidPool("; ".join(faults[:FAULTS_NAMED_MAX]) + more)
    addresses, excluded = AddressSet(family, included), AddressSet(family, removed)
    if family is IPV6:
        addresses -= IPV4_MAPPED
    if not addresses:
        raise InvalidPool("ranges has only IPv4-mapped IPv6 addresses: write them as IPv4")
    if not (usable := addresses - excluded):
        raise InvalidPool("excludes leaves nothing of ranges: there is no address to allocate")
    return Pool(name, usable, excluded)


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
            interval, family = parse_interval(text)
        except InvalidAddress as error:
            faults.append(f"{field}[{index}]: {error}")
            continue
        if wanted and family is not wanted:
            faults.append(f'{field}[{index}]: "{text}" is {family.name}, but ranges is {wanted.name}')
        intervals.append(interval)
        families.append(family)
    return intervals, families
