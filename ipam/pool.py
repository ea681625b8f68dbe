"""The pool of a range: the addresses that it may hand out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

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
        wanted = Interval(prefix.first, prefix.last)
        return prefix.family is self.family and any(interval.covers(wanted) for interval in self.intervals)


def parse_pool(name: str, ranges: Sequence[str]) -> Pool:
    """Read the ranges as users write them: CIDRs, `first-last` intervals, addresses; all of one family.

    They may overlap; an address that is named twice still exists once. IPv4-mapped IPv6 addresses are left out.

    Raises:
        InvalidPool: naming all faults at once, so that one correction is enough; of very many the first ones.
    """
    faults: list[str] = []
    intervals: list[Interval] = []
    families: set[int] = set()
    for index, text in enumerate(ranges):
        try:
            interval, bits = parse_interval(text)
        except InvalidAddress as error:
            faults.append(f"ranges[{index}]: {error}")
        else:
            intervals.append(interval)
            families.add(bits)
    if not ranges:
        faults.append("ranges is empty: name at least one CIDR, interval or address")
    if len(families) > 1:
        faults.append("ranges mixes IPv4 and IPv6: make a range for each family")
    family = IPV4 if families == {IPV4.bits} else IPV6
    pool = normalized(intervals)
    if family is IPV6:
        pool = list(without(pool, [IPV4_MAPPED]))
    if not pool and not faults:
        faults.append("ranges has only IPv4-mapped IPv6 addresses: write them as IPv4")
    if faults:
        more = f"; and {len(faults) - FAULTS_NAMED_MAX} more" if len(faults) > FAULTS_NAMED_MAX else ""
        raise InvalidPool("; ".join(faults[:FAULTS_NAMED_MAX]) + more)
    return Pool(name, family, pool)
