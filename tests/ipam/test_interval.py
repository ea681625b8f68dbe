"""Intervals as users write them, their difference, and the aligned blocks that make them up."""

from ipaddress import IPv4Address, IPv6Address, summarize_address_range
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipam.address import IPV4, IPV6, Family, InvalidAddress
from ipam.address_set import AddressSet
from ipam.interval import Interval, aligned_blocks, overlapping, parse_interval, without
from tests.ipam.strategies import INTERVALS, SETS, SMALL, SPACE, WIDE_V4, WIDE_V6, is_normal, members

TEN = 10 << 24
DB8 = 0x20010DB8 << 96


@pytest.mark.parametrize(
    ("text", "interval", "family"),
    [
        ("10.0.0.0/24", Interval(TEN, TEN + 255), IPV4),
        ("10.0.0.7", Interval(TEN + 7, TEN + 7), IPV4),
        ("10.0.1.5-10.0.1.99", Interval(TEN + 256 + 5, TEN + 256 + 99), IPV4),
        ("10.0.0.7-10.0.0.7", Interval(TEN + 7, TEN + 7), IPV4),
        ("0.0.0.0-255.255.255.255", Interval(0, 2**32 - 1), IPV4),
        ("2001:db8::/64", Interval(DB8, DB8 + 2**64 - 1), IPV6),
        ("2001:db8::5-2001:db8::1:0", Interval(DB8 + 5, DB8 + 0x10000), IPV6),
        ("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Interval(0, 2**128 - 1), IPV6),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_cidr_an_address_and_first_to_last_are_intervals(text: str, interval: Interval, family: Family) -> None:
    assert parse_interval(text) == (interval, family)


NO_ADDRESS = "is not an IP address, such as 10.0.0.5 or 2001:db8::5"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10.0.0.9-10.0.0.1", '"10.0.0.9-10.0.0.1" ends before it begins: write 10.0.0.1-10.0.0.9'),
        ("::5-::1", '"::5-::1" ends before it begins: write ::1-::5'),
        ("10.0.0.1-::1", '"10.0.0.1-::1" begins in IPv4 and ends in IPv6'),
        ("::1-10.0.0.1", '"::1-10.0.0.1" begins in IPv6 and ends in IPv4'),
        ("10.0.0.0/24-10.0.0.9", f'"10.0.0.0/24" {NO_ADDRESS}'),
        ("10.0.0.1 - 10.0.0.2", f'"10.0.0.1 " {NO_ADDRESS}'),
        ("10.0.0.1-10.0.0.2-10.0.0.3", f'"10.0.0.2-10.0.0.3" {NO_ADDRESS}'),
        ("10.0.0.5/28", '"10.0.0.5/28" has host bits set: write 10.0.0.0/28, or 10.0.0.5 for the single address'),
        ("web", f'"web" {NO_ADDRESS}'),
    ],
    ids=lambda text: text if " " not in text else "",
)
def test_text_that_is_not_an_interval_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(InvalidAddress) as refused:
        parse_interval(text)
    assert str(refused.value) == message


# --- without ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        ([], [(10, 19), (30, 39)]),
        ([(0, 5)], [(10, 19), (30, 39)]),
        ([(0, 10)], [(11, 19), (30, 39)]),
        ([(19, 19)], [(10, 18), (30, 39)]),
        ([(12, 14)], [(10, 11), (15, 19), (30, 39)]),
        ([(15, 34)], [(10, 14), (35, 39)]),
        ([(20, 29)], [(10, 19), (30, 39)]),
        ([(0, 99)], []),
        ([(10, 19)], [(30, 39)]),
        ([(12, 15), (14, 17)], [(10, 11), (18, 19), (30, 39)]),
        ([(11, 16), (12, 13)], [(10, 10), (17, 19), (30, 39)]),
        ([(5, 35), (6, 7)], [(36, 39)]),
        ([(50, 60)], [(10, 19), (30, 39)]),
    ],
    ids=[
        "nothing",
        "before",
        "the first address",
        "the last address",
        "in the middle",
        "across the gap",
        "the gap itself",
        "everything",
        "one whole interval",
        "overlapping ones",
        "one inside another",
        "one inside another that ends later",
        "behind",
    ],
)
def test_without_removes_the_taken_addresses(taken: list[tuple[int, int]], expected: list[tuple[int, int]]) -> None:
    intervals = [Interval(10, 19), Interval(30, 39)]
    assert list(without(intervals, (Interval(*each) for each in taken))) == expected


@given(SETS, INTERVALS)
def test_without_takes_overlapping_intervals_in_order(addresses: AddressSet, taken: list[Interval]) -> None:
    left = list(without(addresses.intervals, sorted(taken)))
    assert members(left) == members(addresses.intervals) - members(taken)
    assert is_normal(left)


# --- aligned blocks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interval", "bits", "blocks"),
    [
        ((0, 0), 32, [(0, 32)]),
        ((0, 15), 32, [(0, 28)]),
        ((5, 20), 32, [(5, 32), (6, 31), (8, 29), (16, 30), (20, 32)]),
        ((1, 14), 32, [(1, 32), (2, 31), (4, 30), (8, 30), (12, 31), (14, 32)]),
        ((0, 2**32 - 1), 32, [(0, 0)]),
        ((1, 2**32 - 1), 32, [(1 << n, 32 - n) for n in range(32)]),
        ((0, 2**32 - 2), 32, [(2**32 - (2 << n), 32 - n) for n in range(31, -1, -1)]),
        ((2**32 - 1, 2**32 - 1), 32, [(2**32 - 1, 32)]),
        ((0, 2**128 - 1), 128, [(0, 0)]),
        ((2**128 - 3, 2**128 - 1), 128, [(2**128 - 3, 128), (2**128 - 2, 127)]),
    ],
    ids=[
        "one address",
        "one block",
        "rising and falling",
        "symmetric",
        "all of IPv4",
        "all but the first",
        "all but the last",
        "the last address",
        "all of IPv6",
        "the end of IPv6",
    ],
)
def test_an_interval_is_cut_into_the_fewest_aligned_blocks(
    interval: tuple[int, int], bits: int, blocks: list[tuple[int, int]]
) -> None:
    assert list(aligned_blocks(Interval(*interval), bits)) == blocks


def blocks_of(interval: Interval, bits: int = 32) -> list[Interval]:
    return [Interval(first, first + (1 << bits - length) - 1) for first, length in aligned_blocks(interval, bits)]


def all_aligned_blocks(interval: Interval) -> list[Interval]:
    """Every aligned block inside a small interval."""
    sizes = [1 << exponent for exponent in range(7)]
    blocks = [Interval(first, first + size - 1) for size in sizes for first in range(0, SPACE, size)]
    return [block for block in blocks if interval.covers(block)]


@given(SMALL)
def test_aligned_blocks_cover_the_interval_exactly_and_in_order(interval: Interval) -> None:
    blocks = blocks_of(interval)
    assert blocks == sorted(blocks)
    assert sum(block.address_count for block in blocks) == interval.address_count
    assert members(blocks) == members([interval])


@given(st.one_of(WIDE_V4.map(lambda each: (each, 32)), WIDE_V6.map(lambda each: (each, 128))))
def test_aligned_blocks_are_aligned(case: tuple[Interval, int]) -> None:
    interval, bits = case
    for first, length in aligned_blocks(interval, bits):
        assert 0 <= length <= bits
        assert first % (1 << bits - length) == 0


@given(SMALL)
def test_aligned_blocks_are_as_few_as_can_be(interval: Interval) -> None:
    fewest = {interval.last + 1: 0}
    for first in range(interval.last, interval.first - 1, -1):
        steps = [block for block in all_aligned_blocks(interval) if block.first == first]
        fewest[first] = 1 + min(fewest[block.last + 1] for block in steps)
    assert len(blocks_of(interval)) == fewest[interval.first]


@given(SMALL)
def test_every_aligned_block_inside_lies_in_one_of_the_aligned_blocks(interval: Interval) -> None:
    blocks = blocks_of(interval)
    for aligned in all_aligned_blocks(interval):
        assert any(block.covers(aligned) for block in blocks)


@given(WIDE_V4)
def test_aligned_blocks_are_those_of_the_standard_library_v4(interval: Interval) -> None:
    expected = summarize_address_range(IPv4Address(interval.first), IPv4Address(interval.last))
    blocks = [(int(each.network_address), each.prefixlen) for each in expected]
    assert list(aligned_blocks(interval, 32)) == blocks


@given(WIDE_V6)
def test_aligned_blocks_are_those_of_the_standard_library_v6(interval: Interval) -> None:
    expected = summarize_address_range(IPv6Address(interval.first), IPv6Address(interval.last))
    blocks = [(int(each.network_address), each.prefixlen) for each in expected]
    assert list(aligned_blocks(interval, 128)) == blocks


class Named(NamedTuple):
    span: Interval


@given(SETS, SMALL)
def test_overlapping_items_are_those_with_a_common_address(addresses: AddressSet, span: Interval) -> None:
    items = [Named(interval) for interval in addresses.intervals]
    expected = [item for item in items if item.span.first <= span.last and span.first <= item.span.last]
    assert overlapping(items, span, "span") == expected
