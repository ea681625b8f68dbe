"""The free space: which block is cut, and what is left of it."""

import pytest

from ipam.address import IPV4, IPV6, Prefix
from ipam.free_space import FreeSpace
from ipam.interval import Interval


def space(*gaps: tuple[int, int], bits: int = 32) -> FreeSpace:
    return FreeSpace([Interval(*gap) for gap in gaps], bits)


def take_all(free: FreeSpace, length: int) -> list[int]:
    taken = []
    while (first := free.take(length)) is not None:
        taken.append(first)
    return taken


def test_the_smallest_block_that_is_large_enough_is_cut() -> None:
    assert space((0, 15), (32, 39), (64, 67)).take(30) == 64
    assert space((0, 15), (32, 39)).take(30) == 32
    assert space((0, 15)).take(30) == 0


def test_of_several_smallest_blocks_the_lowest_is_cut_whatever_the_order_of_gaps() -> None:
    assert space((64, 67), (32, 35), (96, 99)).take(31) == 32


def test_the_low_end_of_a_block_is_cut_and_the_rest_stays_free() -> None:
    free = space((0, 31))
    assert free.take(30) == 0
    assert free.largest_length == 28
    assert [free.take(28), free.take(29), free.take(30)] == [16, 8, 4]
    assert free.largest_length is None


def test_addresses_come_from_the_smallest_blocks_first() -> None:
    assert take_all(space((5, 20)), 32) == [5, 20, 6, 7, 16, 17, 18, 19, 8, 9, 10, 11, 12, 13, 14, 15]


def test_a_block_that_does_not_fit_is_not_taken_although_enough_addresses_are_free() -> None:
    free = space((1, 2), (5, 6))
    assert free.take(31) is None
    assert take_all(free, 32) == [1, 2, 5, 6]


def test_exactly_a_block_can_be_taken_out_of_a_larger_one() -> None:
    free = space((0, 15))
    assert free.take_exactly(Prefix(10, 32, IPV4))
    assert take_all(free, 31) == [8, 12, 14, 0, 2, 4, 6]
    assert take_all(free, 32) == [11]


@pytest.mark.parametrize(
    "prefix",
    [Prefix(0, 28, IPV4), Prefix(4, 30, IPV4), Prefix(8, 29, IPV4), Prefix(5, 32, IPV4), Prefix(16, 32, IPV4)],
    ids=["around", "partly", "next to it", "itself", "outside"],
)
def test_a_block_that_is_not_wholly_free_is_not_taken_and_nothing_changes(prefix: Prefix) -> None:
    free = space((0, 4), (6, 7))
    assert not free.take_exactly(prefix)
    assert take_all(free, 32) == [4, 6, 7, 0, 1, 2, 3]


def test_a_block_taken_exactly_is_not_taken_again() -> None:
    free = space((0, 3), (8, 11))
    assert free.take_exactly(Prefix(0, 30, IPV4))
    assert not free.take_exactly(Prefix(0, 30, IPV4))
    assert free.take(30) == 8
    assert free.take(30) is None


def test_the_last_block_of_each_family_can_be_taken() -> None:
    assert space((2**32 - 4, 2**32 - 1)).take(30) == 2**32 - 4
    free = space((0, 2**128 - 1), bits=128)
    assert free.take_exactly(Prefix(2**128 - 1, 128, IPV6))
    assert free.largest_length == 1
    assert free.take(0) is None
