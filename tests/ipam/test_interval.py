"""Intervals as users write them, and the arithmetic of sets by example; the laws are in test_laws.py."""

import pytest

from ipam.address import IPV4, IPV6, Family, InvalidAddress
from ipam.address_set import AddressSet
from ipam.interval import Interval, parse_interval, without

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
def test_what_is_no_interval_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(InvalidAddress) as refused:
        parse_interval(text)
    assert str(refused.value) == message


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
        "one inside another that reaches on",
        "behind",
    ],
)
def test_without_cuts_out_what_is_taken(taken: list[tuple[int, int]], expected: list[tuple[int, int]]) -> None:
    intervals = [Interval(10, 19), Interval(30, 39)]
    assert list(without(intervals, (Interval(*each) for each in taken))) == expected


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
    assert AddressSet(IPV4) != AddressSet(IPV6)
