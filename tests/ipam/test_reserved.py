"""Reserved addresses: the ends of networks are granted only as a part of larger blocks."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipam.address import IPV4, IPV6, Family, Prefix, parse_address, parse_prefix
from ipam.address_set import AddressSet
from ipam.allocate import Claim, Decision, Held, Refused, Verdict, allocate
from ipam.interval import Interval
from ipam.pool import Pool, parse_pool
from ipam.reserved import Reserved, reserved_in_networks
from tests.ipam.strategies import SPACE, intervals_within, members


def pool_of(*texts: str, network_length: int = 24) -> Pool:
    pool = parse_pool("team-a/net", texts)
    reserved = reserved_in_networks(network_length, pool.family)
    return replace(pool, reserved=reserved)


def granted(decision: Decision) -> list[str]:
    return [str(each) if isinstance(each, Prefix) else each.reason for each in decision.outcomes]


def singles(count: int, length: int = 32) -> list[Claim]:
    return [Claim(f"team-a/r{index}", length) for index in range(count)]


def just(text: str) -> Claim:
    prefix = parse_prefix(text)
    return Claim("team-a/r", prefix.length, prefix)


@pytest.mark.parametrize(
    ("text", "length", "role", "network"),
    [
        ("10.0.0.0", 24, "network address", "10.0.0.0/24"),
        ("10.0.0.255", 24, "broadcast address", "10.0.0.0/24"),
        ("10.0.1.0", 24, "network address", "10.0.1.0/24"),
        ("10.0.1.0", 23, "", "10.0.0.0/23"),
        ("10.0.0.1", 24, "", "10.0.0.0/24"),
        ("10.0.0.3", 30, "broadcast address", "10.0.0.0/30"),
        ("0.0.0.0", 0, "network address", "0.0.0.0/0"),
        ("255.255.255.255", 0, "broadcast address", "0.0.0.0/0"),
        ("2001:db8::", 64, "subnet-router anycast address", "2001:db8::/64"),
        ("2001:db8::ffff:ffff:ffff:ffff", 64, "", "2001:db8::/64"),
    ],
)
def test_the_ends_of_each_network_are_reserved(text: str, length: int, role: str, network: str) -> None:
    address, family = parse_address(text)
    reserved = reserved_in_networks(length, family)
    assert reserved
    assert (reserved.role_of(address), address in reserved) == (role, bool(role))
    assert str(reserved.network_of(address)) == network


@pytest.mark.parametrize(("length", "family"), [(31, IPV4), (32, IPV4), (127, IPV6), (128, IPV6)])
def test_networks_of_one_or_two_addresses_have_none(length: int, family: Family) -> None:
    assert reserved_in_networks(length, family) is None


@given(st.sampled_from([IPV4, IPV6]), st.integers(2, 6), st.integers(0, 200), st.integers(0, 200))
def test_reserved_addresses_are_counted_as_they_are_found(
    family: Family, host_bits: int, first: int, more: int
) -> None:
    reserved = Reserved(family.bits - host_bits, family)
    addresses = range(first, first + more + 1)
    assert reserved.count_in(Interval(first, first + more)) == sum(address in reserved for address in addresses)


def test_single_addresses_leave_out_the_ends_of_each_network() -> None:
    pool = pool_of("10.0.0.254-10.0.1.2")
    decision = allocate(pool, [], singles(4))
    assert granted(decision) == ["10.0.1.2/32", "10.0.0.254/32", "10.0.1.1/32", "Exhausted"]
    assert (decision.free_count, decision.largest_free_length, decision.free_block_counts[-1]) == (2, None, 0)


def test_round_robin_passes_over_the_ends_of_each_network() -> None:
    decision = allocate(pool_of("10.0.0.254-10.0.1.2"), [], singles(4), {})
    assert granted(decision) == ["10.0.0.254/32", "10.0.1.1/32", "10.0.1.2/32", "Exhausted"]


def test_larger_blocks_contain_reserved_addresses() -> None:
    pool = pool_of("10.0.0.0/24")
    assert granted(allocate(pool, [], [Claim("r", 25), just("10.0.0.254/31")])) == ["10.0.0.0/25", "10.0.0.254/31"]
    decision = allocate(pool, [], [])
    assert (decision.free_count, decision.free_block_counts[-1], decision.free_block_counts[-2]) == (256, 254, 128)


def test_a_claim_to_a_reserved_address_is_invalid() -> None:
    remedy = "team-a/net allocates it only inside larger blocks, unless allocateReservedIPAddresses is true"
    message = f"10.0.0.255/32 is the broadcast address of 10.0.0.0/24: {remedy}"
    assert allocate(pool_of("10.0.0.0/24"), [], [just("10.0.0.255")]).outcomes == [
        Refused(Verdict.INVALID, "ReservedIPAddress", message)
    ]


def test_a_previous_block_that_is_a_reserved_address_is_not_granted_again() -> None:
    claim = Claim("r", 32, None, parse_prefix("10.0.0.0/32"))
    assert granted(allocate(pool_of("10.0.0.0/24"), [], [claim])) == ["10.0.0.1/32"]


def test_a_pool_of_reserved_addresses_only_says_so() -> None:
    assert pool_of("10.0.0.255-10.0.1.0").is_reserved
    assert not pool_of("10.0.0.254-10.0.1.0").is_reserved
    assert not pool_of("10.0.0.0", network_length=31).is_reserved


@st.composite
def cases(draw: st.DrawFn) -> tuple[Pool, list[Held], list[Claim]]:
    """A pool with reserved addresses, blocks held in it, and claims for small blocks."""
    family, base = draw(st.sampled_from([(IPV4, 10 << 24), (IPV6, 0x20010DB8 << 96), (IPV4, 2**32 - SPACE)]))
    intervals = draw(st.lists(intervals_within(base, base + SPACE - 1), min_size=1, max_size=5))
    reserved = Reserved(family.bits - draw(st.integers(2, 5)), family)
    taken = draw(st.sets(st.integers(base, base + SPACE - 1), max_size=20))
    held = [Held(Prefix(address, family.bits, family), "holder") for address in taken]
    claims = draw(st.lists(st.sampled_from([0, 0, 0, 1, 2]).map(lambda bits: Claim("r", family.bits - bits))))
    addresses = AddressSet(family, intervals)
    pool = Pool("net", addresses, AddressSet(family), addresses, reserved=reserved)
    return pool, held, claims


def room_around(address: int, free: set[int]) -> int:
    """Size of the largest free aligned block around a free address."""
    size = 1
    while free.issuperset(range(address // (2 * size) * 2 * size, (address // (2 * size) + 1) * 2 * size)):
        size *= 2
    return size


@given(cases(), st.booleans())
def test_a_single_address_is_the_best_that_is_not_reserved(
    case: tuple[Pool, list[Held], list[Claim]], in_turn: bool
) -> None:
    pool, held, claims = case
    assert pool.reserved
    free = members(pool.usable.intervals) - {block.first for block, _ in held}
    decision = allocate(pool, held, claims, {} if in_turn else None)
    cursor = 0
    for claim, outcome in zip(claims, decision.outcomes, strict=True):
        if claim.prefix_length == pool.family.bits:
            places = sorted(address for address in free if address not in pool.reserved)
            ahead = [address for address in places if address >= cursor] or places
            best = ahead[0] if in_turn and ahead else min(places, key=lambda a: (room_around(a, free), a), default=None)
            assert (outcome.first if isinstance(outcome, Prefix) else None) == best
            cursor = cursor if best is None else (best + 1) % (1 << pool.family.bits)
        if isinstance(outcome, Prefix):
            assert free.issuperset(range(outcome.first, outcome.last + 1))
            free -= set(range(outcome.first, outcome.last + 1))
    unreserved = [address for address in free if address not in pool.reserved]
    assert (decision.free_count, decision.free_block_counts[-1]) == (len(free), len(unreserved))
    largest = max((room_around(address, free) for address in unreserved), default=0)
    assert decision.largest_free_length == (pool.family.bits + 1 - largest.bit_length() if unreserved else None)
