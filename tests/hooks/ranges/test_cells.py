"""Cells: a range that asks for few extents misses none with which it shares an address."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.ranges.cells import CELL_COUNT_MAX, by_cell, cell_label, cell_of, cells_to_ask_for
from ipam.address import IPV4, IPV6, Family, Prefix, parse_prefix
from ipam.address_set import AddressSet
from ipam.interval import Interval, parse_interval

#: What Kubernetes accepts as the value of a label.
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def addresses(*texts: str) -> AddressSet:
    intervals = [parse_interval(text) for text in texts]
    return AddressSet(intervals[0][1], [interval for interval, _ in intervals])


# --- examples ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "cell"),
    [
        (["10.0.5.7"], "10.0.5.0/24"),
        (["10.0.5.0/24"], "10.0.5.0/24"),
        (["10.0.5.7", "10.0.5.200-10.0.5.255"], "10.0.5.0/24"),
        (["10.0.5.255-10.0.6.0"], "10.0.0.0/16"),
        (["10.0.5.7", "10.0.9.7"], "10.0.0.0/16"),
        (["10.0.0.0/16"], "10.0.0.0/16"),
        (["10.0.255.255-10.1.0.0"], "0.0.0.0/0"),
        (["0.0.0.0/0"], "0.0.0.0/0"),
        (["255.255.255.255"], "255.255.255.0/24"),
        (["fd00::5"], "fd00::/64"),
        (["fd00:0:0:1::5"], "fd00:0:0:1::/64"),
        (["fd00::5", "fd00:0:0:1::5"], "fd00::/48"),
        (["fd00::/40"], "fd00::/32"),
        (["fd00::/16"], "::/0"),
    ],
    ids=",".join,
)
def test_the_cell_of_addresses_is_the_smallest_one_around_them(texts: list[str], cell: str) -> None:
    assert cell_of(addresses(*texts)) == parse_prefix(cell)


@pytest.mark.parametrize(
    ("cell", "label"),
    [
        ("10.0.5.0/24", "IPv4-10.0.5.0.24"),
        ("0.0.0.0/0", "IPv4-0.0.0.0.0"),
        ("::/0", "IPv6---.0"),
        ("fd00::/64", "IPv6-fd00--.64"),
        ("2001:db8:0:1::/64", "IPv6-2001-db8-0-1--.64"),
    ],
)
def test_the_label_of_a_cell_is_part_of_the_format(cell: str, label: str) -> None:
    """Hooks with other labels would not find these extents."""
    assert cell_label(parse_prefix(cell)) == label


@pytest.mark.parametrize(
    ("texts", "cells"),
    [
        (["10.0.5.7"], ["0.0.0.0/0", "10.0.0.0/16", "10.0.5.0/24"]),
        (["10.0.5.7", "10.0.9.7"], ["0.0.0.0/0", "10.0.0.0/16", "10.0.5.0/24", "10.0.9.0/24"]),
        (["10.0.5.255-10.0.6.0"], ["0.0.0.0/0", "10.0.0.0/16", "10.0.5.0/24", "10.0.6.0/24"]),
        (
            ["10.0.5.7", "10.9.0.0"],
            ["0.0.0.0/0", "10.0.0.0/16", "10.9.0.0/16", "10.0.5.0/24", "10.9.0.0/24"],
        ),
        (["fd00::5"], ["::/0", "fd00::/32", "fd00::/48", "fd00::/64"]),
    ],
    ids=",".join,
)
def test_a_range_asks_for_the_cells_around_it_and_those_inside_in_which_it_has_addresses(
    texts: list[str], cells: list[str]
) -> None:
    assert cells_to_ask_for(addresses(*texts)) == [cell_label(parse_prefix(cell)) for cell in cells]


@pytest.mark.parametrize("text", ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/14", "::/0", "fd00::/32", "fd00::/48"])
def test_a_range_of_very_many_cells_asks_for_the_whole_domain(text: str) -> None:
    assert cells_to_ask_for(addresses(text)) is None


def test_the_number_of_cells_has_a_bound() -> None:
    cells = cells_to_ask_for(addresses("10.0.0.0/16"))
    assert cells is not None
    assert len(cells) == 2 + 256
    around = 3  # the whole of IPv4, and two of /16
    at_most = addresses("10.0.0.0/16", f"10.1.0.0-10.1.{CELL_COUNT_MAX - around - 256 - 1}.0")
    assert len(cells_to_ask_for(at_most) or []) == CELL_COUNT_MAX
    assert cells_to_ask_for(addresses("10.0.0.0/16", f"10.1.0.0-10.1.{CELL_COUNT_MAX - around - 256}.0")) is None


def test_addresses_are_divided_by_cell_in_their_order() -> None:
    whole = addresses("10.0.0.0/24", "10.0.2.7", "10.0.2.9", "10.9.0.0/16")
    parts = by_cell(whole, 16)
    assert [part.texts for part in parts] == [
        ["10.0.0.0-10.0.0.255"],
        ["10.0.2.7", "10.0.2.9"],
        ["10.9.0.0-10.9.255.255"],
    ]
    assert by_cell(whole, 3) == parts
    assert by_cell(whole, 2) == [whole]


# --- laws -------------------------------------------------------------------------------------------------------------

FD00 = 0xFD00 << 112
#: Places near the borders of cells, where a mistake by one would show.
BORDERS = {
    IPV4: [0, 10 << 24, (10 << 24) + (1 << 16), (10 << 24) + (5 << 8), 2**32 - 1],
    IPV6: [0, *(FD00 + offset for offset in (0, 1 << 96, 1 << 80, 3 << 64)), 2**128 - 1],
}


@st.composite
def sets_of(draw: st.DrawFn, family: Family) -> AddressSet:
    """A few intervals of any size that begin or end near the borders of cells."""
    top = 2**family.bits - 1
    intervals: list[Interval] = []
    for _ in range(draw(st.integers(1, 5))):
        border = draw(st.sampled_from(BORDERS[family]))
        first = min(max(border + draw(st.integers(-300, 300)), 0), top)
        size = draw(st.integers(0, 3) | st.integers(0, 20).map(lambda bits: 1 << bits) | st.integers(0, top))
        intervals.append(Interval(first, min(first + size, top)))
    return AddressSet(family, intervals)


PAIRS = st.sampled_from([IPV4, IPV6]).flatmap(lambda family: st.tuples(sets_of(family), sets_of(family)))
SETS = st.sampled_from([IPV4, IPV6]).flatmap(sets_of)


def is_asked_for(extent: AddressSet, by: AddressSet) -> bool:
    cells = cells_to_ask_for(by)
    return cells is None or cell_label(cell_of(extent)) in cells


@given(PAIRS)
def test_of_two_sets_that_share_an_address_each_asks_for_the_other(pair: tuple[AddressSet, AddressSet]) -> None:
    one, other = pair
    if one & other:
        assert is_asked_for(other, one)
        assert is_asked_for(one, other)


@given(SETS, st.integers(0, 4), st.integers(1, 16))
def test_a_range_asks_for_its_own_extents(whole: AddressSet, index: int, count_max: int) -> None:
    """It grants only by those that it observes: of all its addresses, of a part of them, and each part by cell."""
    subset = AddressSet(whole.family, whole.intervals[index % len(whole.intervals) :])
    for extent in (whole, subset, *by_cell(whole, count_max), *by_cell(subset, count_max)):
        assert is_asked_for(extent, whole)


@given(SETS, SETS)
def test_a_range_that_has_grown_still_asks_for_its_earlier_extents(before: AddressSet, added: AddressSet) -> None:
    if before.family is added.family:
        for extent in (before, *by_cell(before, 16)):
            assert is_asked_for(extent, before | added)


@given(SETS, st.integers(1, 8))
def test_the_parts_by_cell_make_up_the_whole(whole: AddressSet, count_max: int) -> None:
    parts = by_cell(whole, count_max)
    assert 1 <= len(parts) <= count_max
    assert sum(part.address_count for part in parts) == whole.address_count
    assert AddressSet(whole.family, [span for part in parts for span in part.intervals]) == whole


@given(SETS)
def test_all_labels_are_valid_and_a_bounded_number(whole: AddressSet) -> None:
    cells = cells_to_ask_for(whole)
    labels = [cell_label(cell_of(whole)), *(cells or [])]
    assert all(LABEL_VALUE.fullmatch(label) for label in labels)
    assert cells is None or len(set(cells)) == len(cells) <= CELL_COUNT_MAX


@given(st.sampled_from([IPV4, IPV6]), st.integers(0, 2**128 - 1), st.sampled_from([0, 16, 24, 32, 48, 64]))
def test_each_cell_has_a_label_of_its_own(family: Family, address: int, length: int) -> None:
    length = min(length, family.bits)
    shift = family.bits - length
    cell = Prefix((address & (2**family.bits - 1)) >> shift << shift, length, family)
    label = cell_label(cell)
    assert LABEL_VALUE.fullmatch(label)
    name, _, rest = label.partition("-")
    text, _, length_text = rest.rpartition(".")
    text = text.replace("-", ":") if family is IPV6 else text
    assert (name, parse_prefix(f"{text}/{length_text}")) == (family.name, cell)
