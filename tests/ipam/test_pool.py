"""Pools as users write them: which addresses they have, and that all faults are reported at once."""

import pytest

from ipam.address import IPV4, IPV6, Family, Prefix, parse_prefix
from ipam.address_set import AddressSet
from ipam.interval import Interval
from ipam.pool import InvalidPool, Pool, parse_pool

TEN = 10 << 24


@pytest.mark.parametrize(
    ("ranges", "family", "count", "largest"),
    [
        (["10.0.0.0/24"], IPV4, 256, 24),
        (["10.0.0.7"], IPV4, 1, 32),
        (["10.0.0.5-10.0.0.20"], IPV4, 16, 29),
        (["10.0.0.0/25", "10.0.0.128/25"], IPV4, 256, 24),
        (["10.0.0.128-10.0.0.255", "10.0.0.0-10.0.0.130"], IPV4, 256, 24),
        (["10.0.0.0/24", "10.0.0.0/25", "10.0.0.9"], IPV4, 256, 24),
        (["0.0.0.0/0"], IPV4, 2**32, 0),
        (["2001:db8::/32"], IPV6, 2**96, 32),
        (["::/0"], IPV6, 2**128 - 2**32, 1),
        (["::fffe:ffff:fff0-::1:0:0:f"], IPV6, 32, 124),
        (["::"], IPV6, 1, 128),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, list) else "",
)
def test_a_pool_counts_each_address_once(ranges: list[str], family: Family, count: int, largest: int) -> None:
    pool = parse_pool("net", ranges)
    assert (pool.family, pool.address_count, pool.largest_block_length) == (family, count, largest)


def test_a_pool_is_kept_in_normal_form() -> None:
    pool = parse_pool("net", ["10.0.0.8/29", "10.0.0.0/29", "10.0.0.32", "10.0.0.4-10.0.0.17"])
    assert pool.usable.intervals == (Interval(TEN, TEN + 17), Interval(TEN + 32, TEN + 32))
    assert pool.name == "net"


@pytest.mark.parametrize(
    ("cidr", "covered"),
    [
        ("10.0.0.8/29", True),
        ("10.0.0.5/32", True),
        ("10.0.0.20/32", True),
        ("10.0.0.4/32", False),
        ("10.0.0.21/32", False),
        ("10.0.0.4/30", False),
        ("10.0.0.0/27", False),
        ("10.0.1.0/28", True),
        ("10.0.1.0/27", False),
        ("::a00:8/128", False),
    ],
)
def test_a_pool_covers_what_lies_wholly_in_one_interval(cidr: str, *, covered: bool) -> None:
    pool = parse_pool("net", ["10.0.0.5-10.0.0.20", "10.0.1.0/28"])
    assert pool.usable.covers(parse_prefix(cidr)) is covered


def test_a_pool_of_ipv6_covers_no_ipv4_prefix_of_the_same_number() -> None:
    assert not parse_pool("net", ["::/64"]).usable.covers(Prefix(8, 32, IPV4))
    assert parse_pool("net", ["::/64"]).usable.covers(Prefix(8, 128, IPV6))


NO_ADDRESS = "is not an IP address, such as 10.0.0.5 or 2001:db8::5"


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ([], "ranges is empty: name at least one CIDR, interval or address"),
        (["web"], f'ranges[0]: "web" {NO_ADDRESS}'),
        (
            ["web", "10.0.0.5/28"],
            (
                f'ranges[0]: "web" {NO_ADDRESS}; '
                'ranges[1]: "10.0.0.5/28" has host bits set: write 10.0.0.0/28, or 10.0.0.5 for the single address'
            ),
        ),
        (
            ["10.0.0.9-10.0.0.1", "10.0.0.0/33"],
            (
                'ranges[0]: "10.0.0.9-10.0.0.1" ends before it begins: write 10.0.0.1-10.0.0.9; '
                'ranges[1]: "10.0.0.0/33" has an invalid prefix length: IPv4 prefix lengths are 0..32, '
                "such as 10.0.0.0/24"
            ),
        ),
    ],
    ids=["empty", "one fault", "all faults at once", "in their order"],
)
def test_all_faults_of_a_pool_are_reported_at_once(ranges: list[str], message: str) -> None:
    with pytest.raises(InvalidPool) as refused:
        parse_pool("net", ranges)
    assert str(refused.value) == message


SLIP = '"fd00::9-fd00::1" ends before it begins: write fd00::1-fd00::9'


@pytest.mark.parametrize(
    ("ranges", "family", "texts", "ignored"),
    [
        (["fd00::/127", "fd00::9-fd00::1"], None, ["fd00::-fd00::1"], [f"ranges[1]: {SLIP}"]),
        (["fd00::9-fd00::1", "fd00::/127"], None, ["fd00::-fd00::1"], [f"ranges[0]: {SLIP}"]),
        (
            ["10.0.0.0/24", "web", "10.0.0.5/28", "::1"],
            None,
            ["10.0.0.0-10.0.0.255"],
            [
                f'ranges[1]: "web" {NO_ADDRESS}',
                'ranges[2]: "10.0.0.5/28" has host bits set: write 10.0.0.0/28, or 10.0.0.5 for the single address',
                'ranges[3]: "::1" is IPv6, but the range is IPv4',
            ],
        ),
        (
            ["10.0.0.0/24", "::/127"],
            None,
            ["10.0.0.0-10.0.0.255"],
            ['ranges[1]: "::/127" is IPv6, but the range is IPv4'],
        ),
        (["10.0.0.0/24", "::/127"], IPV6, ["::-::1"], ['ranges[0]: "10.0.0.0/24" is IPv4, but the range is IPv6']),
        (["10.0.0.0/24"], IPV6, ["10.0.0.0-10.0.0.255"], []),
        (["10.0.0.0/24"], IPV4, ["10.0.0.0-10.0.0.255"], []),
    ],
    ids=["the last", "the first", "several", "family", "family in use", "family in use no longer exists", "nothing"],
)
def test_texts_that_cannot_be_used_are_ignored_while_another_one_can_be(
    ranges: list[str], family: Family | None, texts: list[str], ignored: list[str]
) -> None:
    """Case ipv6-slip: an item that is appended must not make what is in use useless."""
    pool = parse_pool("net", ranges, [], family)
    assert (pool.usable.texts, list(pool.ignored)) == (texts, ignored)


def test_an_exclude_is_never_ignored() -> None:
    """That could allocate what it protects."""
    with pytest.raises(InvalidPool) as refused:
        parse_pool("net", ["fd00::/64", "web"], ["fd00::9-fd00::1"])
    assert str(refused.value) == f"excludes[0]: {SLIP}"


@pytest.mark.parametrize(
    ("excludes", "idle"),
    [
        ([], []),
        (["10.0.0.0/30"], []),
        (["10.0.0.255-10.0.1.9"], []),
        (["10.0.1.0/24", "10.0.0.1"], ["10.0.1.0/24"]),
        (["10.0.0.1", "10.0.0.1"], []),
    ],
    ids=["none", "inside", "partly inside", "outside", "twice"],
)
def test_excludes_without_an_address_of_the_ranges_are_idle(excludes: list[str], idle: list[str]) -> None:
    """Case idle-exclude: a slip here allocates an address that is in use."""
    assert list(parse_pool("net", ["10.0.0.0/24"], excludes).idle_excludes) == idle


@pytest.mark.parametrize(
    ("ranges", "excludes", "intervals"),
    [
        (["10.0.0.0/29"], [], [(0, 7)]),
        (["10.0.0.0/29"], ["10.0.0.0", "10.0.0.7"], [(1, 6)]),
        (["10.0.0.0/29"], ["10.0.0.2-10.0.0.4", "10.0.0.4/31"], [(0, 1), (6, 7)]),
        (["10.0.0.0/30", "10.0.0.8/30"], ["10.0.0.3-10.0.0.8"], [(0, 2), (9, 11)]),
        (["10.0.0.0/29"], ["10.9.0.0/16"], [(0, 7)]),
        (["10.0.0.0/29", "10.0.0.4/31"], ["10.0.0.4/31"], [(0, 3), (6, 7)]),
        (["10.0.0.0-10.0.0.6"], ["10.0.0.6-10.0.0.9"], [(0, 5)]),
    ],
    ids=[
        "none",
        "both ends",
        "overlapping",
        "from one range into another",
        "beyond",
        "twice in ranges",
        "over the end",
    ],
)
def test_excluded_addresses_do_not_belong_to_the_pool(
    ranges: list[str], excludes: list[str], intervals: list[tuple[int, int]]
) -> None:
    pool = parse_pool("net", ranges, excludes)
    assert pool.usable.intervals == tuple(Interval(TEN + first, TEN + last) for first, last in intervals)
    assert pool.address_count == sum(last - first + 1 for first, last in intervals)


def test_an_exclusion_is_found_by_its_lowest_interval() -> None:
    pool = parse_pool("net", ["10.0.0.0/24"], ["10.0.0.9", "10.0.0.4-10.0.0.5", "10.0.0.6"])
    found = pool.excluded.overlap_with(parse_prefix("10.0.0.0/28"))
    assert found == Interval(TEN + 4, TEN + 6)
    assert found.text(IPV4) == "10.0.0.4-10.0.0.6"
    assert pool.excluded.overlap_with(parse_prefix("10.0.0.9")) == Interval(TEN + 9, TEN + 9)
    assert pool.excluded.overlap_with(parse_prefix("10.0.0.0/30")) is None
    assert pool.excluded.overlap_with(parse_prefix("10.0.0.10/31")) is None


def test_covers_and_overlap_with_find_what_a_walk_over_all_intervals_finds() -> None:
    """Every aligned block in 64 addresses, for a pool with gaps and with excluded addresses at its ends and inside."""
    ranges = ["10.0.0.2-10.0.0.13", "10.0.0.16/29", "10.0.0.26", "10.0.0.32/28", "10.0.0.50-10.0.0.61"]
    pool = parse_pool("net", ranges, ["10.0.0.0/30", "10.0.0.9-10.0.0.10", "10.0.0.20", "10.0.0.39-10.0.0.44"])
    blocks = [Prefix(TEN + at, length, IPV4) for length in range(26, 33) for at in range(0, 64, 1 << 32 - length)]
    assert len(blocks) == 127
    for block in blocks:
        wanted = Interval(block.first, block.last)
        assert pool.usable.covers(block) is any(each.covers(wanted) for each in pool.usable.intervals)
        met = [each for each in pool.excluded.intervals if each.first <= block.last and block.first <= each.last]
        assert pool.excluded.overlap_with(block) == (met[0] if met else None)


@pytest.mark.parametrize(
    ("ranges", "excludes", "message"),
    [
        (["10.0.0.0/29"], ["web"], f'excludes[0]: "web" {NO_ADDRESS}'),
        (["10.0.0.0/29"], ["10.0.0.1", "::1"], 'excludes[1]: "::1" is IPv6, but the range is IPv4'),
        (["::/64"], ["10.0.0.1"], 'excludes[0]: "10.0.0.1" is IPv4, but the range is IPv6'),
        (
            ["10.0.0.0/29"],
            ["10.0.0.4/30", "10.0.0.0-10.0.0.3"],
            "excludes leaves nothing of ranges: write closed: true to retire all its addresses",
        ),
        (
            ["web"],
            ["::1", "net"],
            f'ranges[0]: "web" {NO_ADDRESS}; excludes[1]: "net" {NO_ADDRESS}',
        ),
        (
            ["10.0.0.0/29"],
            ["::/0", "10.0.0.0/29"],
            'excludes[0]: "::/0" is IPv6, but the range is IPv4',
        ),
    ],
    ids=["not an address", "IPv6", "IPv4", "nothing left", "beside faults of ranges", "one fault per text"],
)
def test_faults_of_excludes_are_reported_with_their_index(ranges: list[str], excludes: list[str], message: str) -> None:
    with pytest.raises(InvalidPool) as refused:
        parse_pool("net", ranges, excludes)
    assert str(refused.value) == message


def test_of_very_many_faults_the_first_ten_are_reported() -> None:
    with pytest.raises(InvalidPool) as refused:
        parse_pool("net", [f"w{number}" for number in range(256)])
    faults = str(refused.value).split("; ")
    assert faults == [*(f'ranges[{n}]: "w{n}" {NO_ADDRESS}' for n in range(10)), "and 246 more"]
    with pytest.raises(InvalidPool) as refused:
        parse_pool("net", [f"w{number}" for number in range(10)])
    assert "more" not in str(refused.value)


def test_a_pool_cannot_be_changed() -> None:
    addresses = AddressSet(IPV4, [Interval(0, 1)])
    pool = Pool("net", addresses, AddressSet(IPV4), addresses)
    with pytest.raises(AttributeError):
        pool.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("excluded", "left"),
    [
        ("10.0.0.1", [Interval(TEN, TEN), Interval(TEN + 2, TEN + 3)]),
        ("10.0.0.0/31", [Interval(TEN + 2, TEN + 3)]),
        ("10.0.0.3", [Interval(TEN, TEN + 2)]),
        ("10.0.0.4", [Interval(TEN, TEN + 3)]),
    ],
)
def test_excluding_leaves_the_remainder_as_it_was(excluded: str, left: list[Interval]) -> None:
    pool = parse_pool("net", ["10.0.0.0/30"])
    assert pool.address_count == 4
    remainder = pool.excluding([parse_prefix(excluded)])
    assert (list(remainder.usable.intervals), remainder.address_count) == (
        left,
        sum(each.address_count for each in left),
    )
    assert pool.address_count == 4
