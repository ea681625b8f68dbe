"""Sets of addresses: their normal form by example, and their laws against plain sets."""

from random import Random

import netaddr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipam.address import IPV4, IPV6, Prefix
from ipam.address_set import AddressSet
from ipam.interval import Interval
from tests.ipam.strategies import INTERVALS, SETS, SPACE, WIDE_V4, is_normal, members

TEN = 10 << 24


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        ([], []),
        ([(5, 9)], [(5, 9)]),
        ([(7, 9), (1, 3)], [(1, 3), (7, 9)]),
        ([(1, 5), (4, 9)], [(1, 9)]),
        ([(1, 5), (6, 9)], [(1, 9)]),
        ([(1, 5), (7, 9)], [(1, 5), (7, 9)]),
        ([(1, 9), (3, 4)], [(1, 9)]),
        ([(1, 9), (3, 4), (10, 10)], [(1, 10)]),
        ([(3, 3), (3, 3)], [(3, 3)]),
        ([(0, 0), (2**128 - 1, 2**128 - 1)], [(0, 0), (2**128 - 1, 2**128 - 1)]),
    ],
    ids=[
        "nothing",
        "one",
        "out of order",
        "overlapping",
        "touching",
        "a gap of one",
        "one inside another",
        "the end of the longer one counts",
        "twice the same",
        "both ends of the address space",
    ],
)
def test_normal_form_is_sorted_and_merged(intervals: list[tuple[int, int]], expected: list[tuple[int, int]]) -> None:
    assert list(AddressSet(IPV6, (Interval(*each) for each in intervals)).intervals) == expected


def test_an_address_set_is_written_as_users_write_it_and_never_changes() -> None:
    addresses = AddressSet(IPV4, [Interval(TEN + 5, TEN + 9), Interval(TEN, TEN)])
    assert str(addresses) == "10.0.0.0, 10.0.0.5-10.0.0.9"
    assert addresses.texts == ["10.0.0.0", "10.0.0.5-10.0.0.9"]
    assert repr(addresses) == "AddressSet(IPv4: 10.0.0.0, 10.0.0.5-10.0.0.9)"
    with pytest.raises(AttributeError):
        addresses.family = IPV6


def test_sets_of_two_families_are_a_bug() -> None:
    with pytest.raises(AssertionError):
        AddressSet(IPV4) | AddressSet(IPV6)
    with pytest.raises(AssertionError):
        AddressSet(IPV4).divided_among([AddressSet(IPV6)])
    assert AddressSet(IPV4) != AddressSet(IPV6)


# --- laws -------------------------------------------------------------------------------------------------------------


@given(INTERVALS)
def test_a_set_has_the_members_of_its_intervals_in_normal_form(intervals: list[Interval]) -> None:
    made = AddressSet(IPV6, intervals)
    assert is_normal(made.intervals)
    assert members(made.intervals) == members(intervals)
    assert made.address_count == len(members(intervals))
    assert bool(made) == bool(intervals)


@given(SETS)
def test_the_set_of_a_normal_form_is_the_same(addresses: AddressSet) -> None:
    assert AddressSet(IPV6, addresses.intervals) == addresses


@given(INTERVALS, st.randoms(use_true_random=False))
def test_the_order_of_intervals_does_not_matter_to_a_set(intervals: list[Interval], random: Random) -> None:
    shuffled = list(intervals)
    random.shuffle(shuffled)
    assert AddressSet(IPV6, shuffled) == AddressSet(IPV6, intervals)
    assert hash(AddressSet(IPV6, shuffled)) == hash(AddressSet(IPV6, intervals))


@given(SETS, SETS)
def test_the_operators_are_those_of_sets(one: AddressSet, other: AddressSet) -> None:
    mine, theirs = members(one.intervals), members(other.intervals)
    for made, expected in ((one | other, mine | theirs), (one & other, mine & theirs), (one - other, mine - theirs)):
        assert members(made.intervals) == expected
        assert is_normal(made.intervals)


@given(SETS, SETS, SETS)
def test_union_and_intersection_are_associative_commutative_and_distributive(
    one: AddressSet, two: AddressSet, three: AddressSet
) -> None:
    assert (one | two) | three == one | (two | three)
    assert (one & two) & three == one & (two & three)
    assert one | two == two | one
    assert one & two == two & one
    assert one & (two | three) == (one & two) | (one & three)
    assert one - (two | three) == (one - two) & (one - three)


@given(SETS, SETS)
def test_difference_and_intersection_make_up_the_whole(one: AddressSet, other: AddressSet) -> None:
    assert not (one - other) & other
    assert (one - other) | (one & other) == one
    assert one - AddressSet(IPV6) == one


@given(SETS, st.lists(SETS, max_size=5))
def test_of_a_set_each_address_goes_to_the_first_taker_that_has_it(whole: AddressSet, takers: list[AddressSet]) -> None:
    left = whole
    for taker, share in zip(takers, whole.divided_among(takers), strict=True):
        assert share == left & taker
        left -= taker


@given(SETS, st.integers(0, SPACE - 1), st.integers(0, 6))
def test_covers_and_overlap_with_are_what_the_members_say(addresses: AddressSet, at: int, host_bits: int) -> None:
    block = Prefix(at >> host_bits << host_bits, 128 - host_bits, IPV6)
    wanted = set(range(block.first, block.last + 1))
    assert addresses.covers(block) == (wanted <= members(addresses.intervals))
    met = [each for each in addresses.intervals if members([each]) & wanted]
    assert addresses.overlap_with(block) == (met[0] if met else None)
    assert addresses.overlaps(Interval(block.first, block.last)) is bool(met)
    assert not addresses.covers(Prefix(at, 32, IPV4))


@given(SETS)
def test_the_blocks_of_a_set_make_it_up(addresses: AddressSet) -> None:
    assert AddressSet(IPV6, addresses.blocks()) == addresses


@given(st.lists(WIDE_V4, min_size=1, max_size=6))
def test_the_blocks_of_a_set_are_what_netaddr_merges(intervals: list[Interval]) -> None:
    merged = netaddr.cidr_merge(
        [netaddr.IPRange(netaddr.IPAddress(first, 4), netaddr.IPAddress(last, 4)) for first, last in intervals]
    )
    ours = [(block.first, block.length) for block in AddressSet(IPV4, intervals).blocks()]
    assert ours == [(each.first, each.prefixlen) for each in merged]
