"""Intervals and address sets for the laws, and their members as plain sets to compare with."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from hypothesis import strategies as st

from ipam.address import IPV6
from ipam.address_set import AddressSet
from ipam.interval import Interval

SPACE = 64


def intervals_within(first: int, last: int) -> st.SearchStrategy[Interval]:
    ends = st.tuples(st.integers(first, last), st.integers(first, last))
    return ends.map(lambda pair: Interval(min(pair), max(pair)))


SMALL = intervals_within(0, SPACE - 1)
INTERVALS = st.lists(SMALL, max_size=12)
WIDE_V4 = intervals_within(0, 2**32 - 1)
WIDE_V6 = intervals_within(0, 2**128 - 1)
#: Sets are of IPv6 here, so that every interval of the small space fits.
SETS = INTERVALS.map(lambda intervals: AddressSet(IPV6, intervals))


def members(intervals: Iterable[Interval]) -> set[int]:
    return {address for first, last in intervals for address in range(first, last + 1)}


def is_normal(intervals: Sequence[Interval]) -> bool:
    ordered = all(first <= last for first, last in intervals)
    return ordered and all(a.last + 1 < b.first for a, b in pairwise(intervals))
