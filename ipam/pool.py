"""The pool of a range: the addresses that it may allocate."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from itertools import accumulate
from typing import NamedTuple

from ipam.address import IPV6, Family, InvalidAddress, Prefix
from ipam.address_set import AddressSet
from ipam.interval import Interval, Span, parse_interval
from ipam.reserved import Reserved

#: So that the message of a pool with hundreds of faults can still be read, and fits into a status.
FAULTS_NAMED_MAX = 10


#: ::ffff:0:0/96 names IPv4 addresses in IPv6 form (RFC 4291, 2.5.5.2); they can't be used as IPv6 addresses.
IPV4_MAPPED = AddressSet(IPV6, [Interval(0xFFFF << 32, (0xFFFF << 32) + 0xFFFFFFFF)])


class InvalidPool(ValueError):
    """The texts do not describe a pool; the message names the faults, separated by semicolons."""


@dataclass(frozen=True)
class Pool:
    """What a range may allocate.

    Attributes:
        name: of the range, for messages.
        usable: the addresses that may be allocated.
        excluded: what must not be allocated, inside its ranges or not.
        addresses: all addresses of its ranges.
        ignored: why some of the texts of its ranges are ignored, each as a sentence.
        idle_excludes: texts of excludes that have no address of its ranges.
        idle_ranges: texts of its ranges that have no usable address, and what they name; None if they are ignored.
        reserved: usable addresses that are not allocated as single addresses, but only as a part of larger blocks.
    """

    name: str
    usable: AddressSet
    excluded: AddressSet
    addresses: AddressSet
    ignored: tuple[str, ...] = ()
    idle_excludes: tuple[str, ...] = ()
    idle_ranges: tuple[tuple[str, Interval | None], ...] = ()
    reserved: Reserved | None = None

    @property
    def family(self) -> Family:
        """Of all its addresses."""
        return self.usable.family

    @cached_property
    def address_count(self) -> int:
        """Number of addresses that could be allocated if none were."""
        return self.usable.address_count

    @cached_property
    def retired(self) -> AddressSet:
        """The addresses of its ranges that may not be allocated. They may be held from an earlier time."""
        return self.addresses - self.usable

    @cached_property
    def largest_block_length(self) -> int:
        """Prefix length of the largest block that could be allocated if none were; the pool must not be empty."""
        return min(block.length for block in self.usable.blocks())

    @property
    def is_reserved(self) -> bool:
        """Whether all its addresses are reserved, so that there is no block to allocate."""
        return self.address_count == self.reserved_count(self.usable.intervals)

    def reserved_count(self, spans: Iterable[Span]) -> int:
        """Number of reserved addresses in spans of its family."""
        return sum(map(self.reserved.count_in, spans)) if self.reserved else 0

    def reserves(self, block: Prefix) -> bool:
        """Whether a block of its family is a single reserved address."""
        return self.reserved is not None and block.length == self.family.bits and block.first in self.reserved

    def has(self, block: Prefix) -> bool:
        """Whether a block could be allocated if no address were."""
        return self.usable.covers(block) and not self.reserves(block)

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

    def excluding(self, spans: Iterable[Span]) -> "Pool":
        """The pool without the addresses of spans of its family, which may lie outside: those inside are retired."""
        return replace(self, usable=self.usable - AddressSet(self.family, spans))

    def with_retired(self) -> "Pool":
        """All addresses of its ranges, as if none were retired or reserved."""
        return replace(self, usable=self.addresses, excluded=AddressSet(self.family), reserved=None)


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


def parse_pool(name: str, ranges: Sequence[str], excludes: Sequence[str] = (), family: Family | None = None) -> Pool:
    """Read ranges and excludes as users write them: CIDRs, `first-last` intervals, addresses; all of one family.

    They may overlap; an address that is named twice still exists once. Excludes may reach beyond the ranges.
    IPv4-mapped IPv6 addresses are left out.

    A text of `ranges` that can't be used is ignored as long as another one can: ranges may grow, and a mistake in an
    addition must not make useless what is in use. A text of `excludes` never is: that could give away what it protects.

    Args:
        name: for messages.
        ranges: what may be allocated.
        excludes: what of that may not.
        family: that of the blocks that were granted already; if there are none, it is that of the first text.

    Raises:
        InvalidPool: naming all faults at once, so that one correction is enough; of very many the first ones.
    """
    items = _read_items("ranges", ranges)
    families = [item.family for item in items if item.family]
    if family not in families:
        family = families[0] if families else IPV6
    faults = _faults(items, family)
    if not ranges:
        faults.append("ranges is empty: name at least one CIDR, interval or address")
    included = _intervals(items, family)
    ignored, faults = (faults, []) if included else ([], faults)
    removed = _read_items("excludes", excludes)
    faults += _faults(removed, family if families else None)
    if faults:
        more = f"; and {len(faults) - FAULTS_NAMED_MAX} more" if len(faults) > FAULTS_NAMED_MAX else ""
        raise InvalidPool("; ".join(faults[:FAULTS_NAMED_MAX]) + more)
    addresses, excluded = AddressSet(family, included), AddressSet(family, _intervals(removed, family))
    idle = tuple(item.text for item in removed if item.interval and not addresses.overlaps(item.interval))
    if family is IPV6:
        addresses -= IPV4_MAPPED
    if not addresses:
        raise InvalidPool("ranges has only IPv4-mapped IPv6 addresses: write them as IPv4")
    if not (usable := addresses - excluded):
        raise InvalidPool("excludes leaves nothing of ranges: write closed: true to retire all its addresses")
    return Pool(name, usable, excluded, addresses, tuple(ignored), idle, tuple(_idle_ranges(items, usable)))


class _Item(NamedTuple):
    """A text of a spec at a place such as `ranges[1]`: the interval that it names, or why it names none."""

    place: str
    text: str
    interval: Interval | None = None
    family: Family | None = None
    fault: str = ""


def _read_items(field: str, texts: Sequence[str]) -> list[_Item]:
    return [_read_item(f"{field}[{index}]", text) for index, text in enumerate(texts)]


def _read_item(place: str, text: str) -> _Item:
    try:
        return _Item(place, text, *parse_interval(text))
    except InvalidAddress as error:
        return _Item(place, text, fault=str(error))


def _faults(items: Sequence[_Item], family: Family | None) -> list[str]:
    """What is wrong with each of them, if all must be of a family; None if any will do."""
    faults: list[str] = []
    for item in items:
        if item.fault:
            faults.append(f"{item.place}: {item.fault}")
        elif family and item.family and item.family is not family:
            faults.append(f'{item.place}: "{item.text}" is {item.family.name}, but the range is {family.name}')
    return faults


def _idle_ranges(items: Sequence[_Item], usable: AddressSet) -> Iterator[tuple[str, Interval | None]]:
    for item in items:
        interval = item.interval if item.family is usable.family else None
        if not (interval and usable.overlaps(interval)):
            yield item.text, interval


def _intervals(items: Sequence[_Item], family: Family) -> list[Interval]:
    return [item.interval for item in items if item.interval and item.family is family]
