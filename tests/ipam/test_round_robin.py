"""Round robin by example: the pools on which kubipam panics, both ends of both families, and what moves a cursor."""

import pytest

from ipam.address import Prefix, format_address, parse_address, parse_prefix
from ipam.allocate import Claim, Decision, Held, Verdict, allocate
from ipam.pool import parse_pool


def served(
    ranges: list[str], *lengths: int, held: tuple[str, ...] = (), cursors: dict[int, str] | None = None
) -> tuple[list[str], Decision]:
    """What is granted, as text; cursors by prefix length."""
    pool = parse_pool("net", ranges)
    claims = [Claim(f"r{index}", length) for index, length in enumerate(lengths)]
    blocks = [Held(parse_prefix(text), "holder") for text in held]
    start = {length: parse_address(text)[0] for length, text in (cursors or {}).items()}
    decision = allocate(pool, blocks, claims, start)
    return [str(each) if isinstance(each, Prefix) else each.reason for each in decision.outcomes], decision


@pytest.mark.parametrize(
    ("ranges", "lengths", "blocks"),
    [
        (
            ["192.168.1.10", "192.168.1.20", "192.168.1.30"],
            [32] * 4,
            ["192.168.1.10/32", "192.168.1.20/32", "192.168.1.30/32", "Exhausted"],
        ),
        (
            ["10.0.4.25-10.0.4.68"],
            [29] * 5,
            ["10.0.4.32/29", "10.0.4.40/29", "10.0.4.48/29", "10.0.4.56/29", "Exhausted"],
        ),
        (["10.0.4.25-10.0.4.68"], [32] * 2, ["10.0.4.25/32", "10.0.4.26/32"]),
        (["10.0.0.0/28", "10.0.1.0/28"], [28] * 3, ["10.0.0.0/28", "10.0.1.0/28", "Exhausted"]),
        (
            ["fd00::10-fd00::20"],
            [126] * 5,
            ["fd00::10/126", "fd00::14/126", "fd00::18/126", "fd00::1c/126", "Exhausted"],
        ),
        (["fd00::10-fd00::20"], [128] * 3, ["fd00::10/128", "fd00::11/128", "fd00::12/128"]),
        (["10.0.0.0/24"], [27, 28, 27], ["10.0.0.0/27", "10.0.0.32/28", "10.0.0.64/27"]),
        (["255.255.255.0/24"], [25, 25, 25], ["255.255.255.0/25", "255.255.255.128/25", "Exhausted"]),
        (["255.255.255.0/24"], [26] * 5, [f"255.255.255.{n}/26" for n in (0, 64, 128, 192)] + ["Exhausted"]),
    ],
    ids=[
        "three addresses",
        "an interval",
        "its addresses",
        "two blocks",
        "IPv6",
        "IPv6 addresses",
        "mixed",
        "end",
        "4",
    ],
)
def test_pools_on_which_kubipam_panics_are_served(ranges: list[str], lengths: list[int], blocks: list[str]) -> None:
    assert served(ranges, *lengths)[0] == blocks
    one_by_one: list[str] = []
    cursors: dict[int, str] = {}
    for length in lengths:
        held = tuple(each for each in one_by_one if "/" in each)
        (block,), decision = served(ranges, length, held=held, cursors=cursors)
        one_by_one.append(block)
        family = parse_pool("net", ranges).family
        cursors = {each: format_address(address, family) for each, address in decision.cursors.items()}
    assert one_by_one == blocks


@pytest.mark.parametrize(
    ("ranges", "length", "block", "cursor"),
    [
        (["255.255.255.0/24"], 24, "255.255.255.0/24", 0),
        (["255.255.255.255"], 32, "255.255.255.255/32", 0),
        (["0.0.0.0"], 32, "0.0.0.0/32", 1),
        (["0.0.0.0/0"], 0, "0.0.0.0/0", 0),
        (["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], 128, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", 0),
        (["8000::/1"], 1, "8000::/1", 0),
        (["::"], 128, "::/128", 1),
    ],
    ids=[
        "last /24",
        "last address",
        "first address",
        "all of IPv4",
        "last of IPv6",
        "upper half of IPv6",
        "first of IPv6",
    ],
)
def test_a_cursor_at_the_end_of_the_family_wraps_to_its_start(
    ranges: list[str], length: int, block: str, cursor: int
) -> None:
    blocks, decision = served(ranges, length, length)
    assert blocks == [block, "Exhausted"]
    assert decision.cursors == {length: cursor}
    assert served(ranges, length, cursors={length: "0.0.0.0"})[0] == [block]


def test_a_released_block_is_the_last_to_be_allocated_again() -> None:
    assert served(["10.0.0.0/30"], 32, 32, 32, 32, held=("10.0.0.1",), cursors={32: "10.0.0.2"})[0] == [
        "10.0.0.2/32",
        "10.0.0.3/32",
        "10.0.0.0/32",
        "Exhausted",
    ]


def test_each_prefix_length_has_a_cursor_of_its_own() -> None:
    blocks, decision = served(["10.0.0.0/24"], 28, 30, 28, 30, cursors={28: "10.0.0.64"})
    assert blocks == ["10.0.0.64/28", "10.0.0.0/30", "10.0.0.80/28", "10.0.0.4/30"]
    ten = 10 << 24
    assert decision.cursors == {28: ten + 96, 30: ten + 8}


def test_a_cursor_between_two_places_means_the_later_one() -> None:
    assert served(["10.0.0.0/24"], 28, cursors={28: "10.0.0.17"})[0] == ["10.0.0.32/28"]


def test_a_cursor_outside_of_the_pool_means_the_next_place_inside() -> None:
    assert served(["10.0.0.0/24", "10.2.0.0/24"], 28, cursors={28: "10.1.0.0"})[0] == ["10.2.0.0/28"]
    assert served(["10.0.0.0/24"], 28, cursors={28: "11.0.0.0"})[0] == ["10.0.0.0/28"]


def test_neither_a_refusal_nor_an_exact_claim_moves_a_cursor() -> None:
    pool = parse_pool("net", ["10.0.0.0/29"])
    block = parse_prefix("10.0.0.4/30")
    decision = allocate(pool, [], [Claim("a", 30, block), Claim("b", 29), Claim("c", 30, block)], {30: 7})
    assert [getattr(each, "verdict", None) for each in decision.outcomes] == [None, Verdict.BUSY, Verdict.BUSY]
    assert decision.cursors == {30: 7}


def test_best_fit_has_no_cursors() -> None:
    assert allocate(parse_pool("net", ["10.0.0.0/29"]), [], [Claim("a", 30)]).cursors == {}


def test_excluded_addresses_are_skipped() -> None:
    pool = parse_pool("net", ["10.0.0.0/29"], ["10.0.0.1", "10.0.0.3-10.0.0.4"])
    decision = allocate(pool, [], [Claim("r", 32)] * 6, {})
    assert [str(each) for each in decision.outcomes[:5]] == [f"10.0.0.{n}/32" for n in (0, 2, 5, 6, 7)]
    assert decision.free_count == 0
