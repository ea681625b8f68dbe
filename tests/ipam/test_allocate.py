"""`allocate` by example: the message of every refusal, the order of rules, and the example of the issue."""

from itertools import permutations

import pytest

from ipam.address import Prefix, parse_prefix
from ipam.allocate import Budget, Claim, Decision, Held, Refused, Verdict, allocate
from ipam.pool import parse_pool

EXAMPLE = parse_pool("team-a/net", ["10.0.0.5-10.0.0.20", "10.0.1.0/28", "10.0.2.7"])


def held(**blocks: str) -> list[Held]:
    """Held blocks by name of their holder: `web="10.0.0.0/28"`."""
    return [Held(parse_prefix(text), f"team-b/{holder}") for holder, text in blocks.items()]


def any_of(*lengths: int) -> list[Claim]:
    return [Claim(f"team-a/r{index}", length) for index, length in enumerate(lengths)]


def just(text: str, holder: str = "team-a/r") -> Claim:
    prefix = parse_prefix(text)
    return Claim(holder, prefix.length, prefix)


def texts(decision: Decision) -> list[str]:
    """Blocks as text, refusals as their reason."""
    return [str(each) if isinstance(each, Prefix) else each.reason for each in decision.outcomes]


# --- the example of the issue, worked out by hand -------------------------------------------------------------------
#
#   10.0.0.5-10.0.0.20 is   .5/32  .6/31  .8/29  .16/30  .20/32      10.0.1.0/28 is itself      10.0.2.7 is a /32
#
# so there is exactly one block of each of the lengths 28 to 31, and the lowest of three /32 is 10.0.0.5.

BLOCK_OF = {28: "10.0.1.0/28", 29: "10.0.0.8/29", 30: "10.0.0.16/30", 31: "10.0.0.6/31", 32: "10.0.0.5/32"}


@pytest.mark.parametrize("lengths", list(permutations(BLOCK_OF)), ids=lambda lengths: "-".join(map(str, lengths)))
def test_the_example_gives_each_size_its_own_block_in_any_order(lengths: tuple[int, ...]) -> None:
    assert texts(allocate(EXAMPLE, [], any_of(*lengths))) == [BLOCK_OF[length] for length in lengths]


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([28, 28], ["10.0.1.0/28", "Exhausted"]),
        ([29] * 4, ["10.0.0.8/29", "10.0.1.0/29", "10.0.1.8/29", "Exhausted"]),
        (
            [30] * 8,
            ["10.0.0.16/30", "10.0.0.8/30", "10.0.0.12/30"]
            + [f"10.0.1.{last}/30" for last in (0, 4, 8, 12)]
            + ["Exhausted"],
        ),
        (
            [31] * 16,
            [f"10.0.0.{last}/31" for last in (6, 16, 18, 8, 10, 12, 14)]
            + [f"10.0.1.{last}/31" for last in range(0, 16, 2)]
            + ["Exhausted"],
        ),
        (
            [32] * 34,
            ["10.0.0.5/32", "10.0.0.20/32", "10.0.2.7/32"]
            + [f"10.0.0.{last}/32" for last in (6, 7, 16, 17, 18, 19, *range(8, 16))]
            + [f"10.0.1.{last}/32" for last in range(16)]
            + ["Exhausted"],
        ),
        ([29, 29, 28], ["10.0.0.8/29", "10.0.1.0/29", "Exhausted"]),
        ([28, 29, 29], ["10.0.1.0/28", "10.0.0.8/29", "Exhausted"]),
        ([32, 31, 31, 32], ["10.0.0.5/32", "10.0.0.6/31", "10.0.0.16/31", "10.0.0.20/32"]),
        ([27], ["TooLarge"]),
    ],
    ids=["28", "29", "30", "31", "32", "29 before 28", "28 before 29", "mixed", "27"],
)
def test_the_example_is_used_up_from_its_smallest_blocks(lengths: list[int], expected: list[str]) -> None:
    assert texts(allocate(EXAMPLE, [], any_of(*lengths))) == expected


def test_the_example_counts_its_33_addresses() -> None:
    decision = allocate(EXAMPLE, [], any_of(28, 32))
    assert (decision.total_count, decision.free_count, decision.largest_free_length) == (33, 16, 29)


def test_256_blocks_fill_a_range_and_the_next_one_waits() -> None:
    pool = parse_pool("default/mynetworkpool", ["192.168.0.0/16"])
    decision = allocate(pool, [], any_of(*[24] * 257))
    assert texts(decision)[:256] == [f"192.168.{index}.0/24" for index in range(256)]
    assert decision.outcomes[256] == Refused(
        Verdict.BUSY, "Exhausted", "no free /24 in default/mynetworkpool: waiting for room"
    )
    assert (decision.free_count, decision.largest_free_length) == (0, None)


# --- refusals -------------------------------------------------------------------------------------------------------

WEB = held(web="10.0.0.8/30")


@pytest.mark.parametrize(
    ("claim", "refused"),
    [
        (Claim("r", 33), Refused(Verdict.INVALID, "InvalidSize", "invalid size 33: IPv4 prefix lengths are 0..32")),
        (Claim("r", -1), Refused(Verdict.INVALID, "InvalidSize", "invalid size -1: IPv4 prefix lengths are 0..32")),
        (
            Claim("r", 27),
            Refused(
                Verdict.INVALID,
                "TooLarge",
                "no block of /27 can ever fit: the largest aligned block of team-a/net is /28",
            ),
        ),
        (
            just("10.0.0.4/30"),
            Refused(Verdict.INVALID, "OutsideRange", "10.0.0.4/30 is not wholly inside team-a/net"),
        ),
        (
            just("10.0.0.0/8"),
            Refused(Verdict.INVALID, "OutsideRange", "10.0.0.0/8 is not wholly inside team-a/net"),
        ),
        (
            just("::a00:8"),
            Refused(Verdict.INVALID, "OutsideRange", "::a00:8/128 is IPv6, team-a/net is IPv4"),
        ),
        (
            just("10.0.0.8/30"),
            Refused(Verdict.BUSY, "Taken", "10.0.0.8/30 is not free: it was held by team-b/web when last checked"),
        ),
        (
            just("10.0.0.9"),
            Refused(
                Verdict.BUSY, "Taken", "10.0.0.9/32 is not free: 10.0.0.8/30 was held by team-b/web when last checked"
            ),
        ),
        (
            just("10.0.0.8/29"),
            Refused(
                Verdict.BUSY, "Taken", "10.0.0.8/29 is not free: 10.0.0.8/30 was held by team-b/web when last checked"
            ),
        ),
        (Claim("r", 29), Refused(Verdict.BUSY, "Exhausted", "no free /29 in team-a/net: waiting for room")),
    ],
    ids=[
        "size beyond the family",
        "negative size",
        "larger than any block of the pool",
        "partly outside",
        "around the pool",
        "of the other family",
        "taken",
        "inside a taken block",
        "around a taken block",
        "exhausted",
    ],
)
def test_a_refusal_says_why(claim: Claim, refused: Refused) -> None:
    full = held(web="10.0.0.8/30", b="10.0.1.0/28") if claim.prefix_length == 29 and not claim.exact else WEB
    assert allocate(EXAMPLE, full, [claim]).outcomes == [refused]


HOLED = parse_pool("team-a/net", ["10.0.0.0/27"], ["10.0.0.0", "10.0.0.8/30", "10.0.0.12"])


@pytest.mark.parametrize(
    ("text", "reason", "message"),
    [
        ("10.0.0.0", "Excluded", "10.0.0.0/32 has addresses that are excluded from team-a/net: 10.0.0.0"),
        (
            "10.0.0.10/31",
            "Excluded",
            "10.0.0.10/31 has addresses that are excluded from team-a/net: 10.0.0.8-10.0.0.12",
        ),
        ("10.0.0.0/27", "Excluded", "10.0.0.0/27 has addresses that are excluded from team-a/net: 10.0.0.0"),
        ("10.0.0.32/28", "OutsideRange", "10.0.0.32/28 is not wholly inside team-a/net"),
    ],
    ids=["one address", "inside", "around all", "outside"],
)
def test_an_excluded_address_is_refused_with_another_message_than_one_outside(
    text: str, reason: str, message: str
) -> None:
    assert allocate(HOLED, [], [just(text)]).outcomes == [Refused(Verdict.INVALID, reason, message)]


def test_excluded_addresses_are_neither_counted_nor_allocated() -> None:
    decision = allocate(HOLED, [], any_of(*[32] * 27))
    assert texts(decision)[:2] == ["10.0.0.1/32", "10.0.0.13/32"]
    assert texts(decision)[-1] == "Exhausted"
    assert (decision.total_count, decision.free_count) == (26, 0)


def test_the_message_of_an_ipv6_pool_names_ipv6_lengths() -> None:
    pool = parse_pool("net", ["2001:db8::/64"])
    outcome = allocate(pool, [], [Claim("r", 129)]).outcomes[0]
    assert outcome == Refused(Verdict.INVALID, "InvalidSize", "invalid size 129: IPv6 prefix lengths are 0..128")


def test_an_exact_claim_names_a_holder_that_was_served_in_the_same_call() -> None:
    outcomes = allocate(EXAMPLE, [], [just("10.0.1.0/29", "team-a/first"), just("10.0.1.4/30")]).outcomes
    assert outcomes[1] == Refused(
        Verdict.BUSY, "Taken", "10.0.1.4/30 is not free: 10.0.1.0/29 was held by team-a/first when last checked"
    )


def test_of_several_conflicting_blocks_the_lowest_is_named() -> None:
    blocks = held(high="10.0.1.12/30", low="10.0.1.4/30", before="10.0.0.20")
    outcome = allocate(EXAMPLE, blocks, [just("10.0.1.0/28")]).outcomes[0]
    assert isinstance(outcome, Refused)
    assert outcome.message == "10.0.1.0/28 is not free: 10.0.1.4/30 was held by team-b/low when last checked"


def test_a_previous_block_comes_before_the_block_of_an_index() -> None:
    """A block that is named by its index may have had another index when it was granted."""
    claim = just("10.0.1.0/29")._replace(previous=parse_prefix("10.0.1.8/29"))
    assert texts(allocate(EXAMPLE, [], [claim])) == ["10.0.1.8/29"]
    assert texts(allocate(EXAMPLE, held(a="10.0.1.8/29"), [claim])) == ["10.0.1.0/29"]


def test_a_previous_block_gives_no_precedence_over_an_earlier_claim() -> None:
    """Finding 6: a record can be written by anyone, so claims are served in their order."""
    back = Claim("team-a/back", 28, None, parse_prefix("10.0.1.0/28"))
    assert texts(allocate(EXAMPLE, [], [*any_of(28), back])) == ["10.0.1.0/28", "Exhausted"]
    assert texts(allocate(EXAMPLE, [], [back, *any_of(28)])) == ["10.0.1.0/28", "Exhausted"]


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (Claim("r", 32), "1 more address would exceed the quota of namespace a (8): it held 8 when last checked"),
        (Claim("r", 30), "4 more addresses would exceed the quota of namespace a (8): it held 8 when last checked"),
        (
            just("10.0.1.0/29"),
            "8 more addresses would exceed the quota of namespace a (8): it held 8 when last checked",
        ),
    ],
    ids=["one address", "any block", "one block"],
)
def test_a_claim_beyond_the_budget_of_its_owner_waits(claim: Claim, message: str) -> None:
    claim = claim._replace(budget=Budget("namespace a", 8, 8))
    assert allocate(EXAMPLE, [], [claim]).outcomes == [Refused(Verdict.BUSY, "QuotaExceeded", message)]


def test_a_previous_block_is_granted_beyond_the_budget_and_counts() -> None:
    budget = Budget("namespace a", 8, 0)
    back = Claim("a/back", 28, None, parse_prefix("10.0.1.0/28"), budget)
    assert texts(allocate(EXAMPLE, [], [back, Claim("a/r", 32, budget=budget)])) == ["10.0.1.0/28", "QuotaExceeded"]
    assert texts(allocate(EXAMPLE, held(b="10.0.1.0/28"), [back])) == ["QuotaExceeded"]
    only = back._replace(exact=back.previous)
    assert texts(allocate(EXAMPLE, held(b="10.0.1.0/28"), [only])) == ["Taken"]


def test_a_claim_that_is_refused_takes_nothing() -> None:
    decision = allocate(EXAMPLE, WEB, [Claim("r", 27), just("10.0.0.9"), just("10.9.9.9"), Claim("r", 33)])
    assert (decision.free_count, decision.largest_free_length) == (29, 28)


def test_claims_are_served_in_the_order_in_which_they_come() -> None:
    assert texts(allocate(EXAMPLE, [], [just("10.0.1.0/29"), *any_of(28)])) == ["10.0.1.0/29", "Exhausted"]
    assert texts(allocate(EXAMPLE, [], [*any_of(28), just("10.0.1.0/29")])) == ["10.0.1.0/28", "Taken"]


def test_the_length_of_an_exact_claim_is_that_of_its_block() -> None:
    """The prefix length beside the block is ignored."""
    claim = Claim("r", 99, parse_prefix("10.0.1.0/28"))
    assert texts(allocate(EXAMPLE, [], [claim])) == ["10.0.1.0/28"]


def test_held_blocks_outside_of_the_pool_take_nothing_from_it() -> None:
    decision = allocate(EXAMPLE, held(a="10.0.0.4", b="10.0.0.21", c="10.0.1.16/28", d="192.168.0.0/16"), [])
    assert decision.free_count == 33


def test_a_held_block_that_reaches_beyond_the_pool_takes_what_lies_inside() -> None:
    decision = allocate(EXAMPLE, held(a="10.0.0.0/28"), [just("10.0.0.16/30")])
    assert texts(decision) == ["10.0.0.16/30"]
    assert decision.free_count == 33 - 11 - 4


def test_no_claims_are_no_outcomes() -> None:
    counts = tuple({28: 1, 30: 2, 31: 1, 32: 3}.get(length, 0) for length in range(33))
    assert allocate(EXAMPLE, WEB, []) == Decision([], 33, 29, 28, counts, {})


def test_a_pool_of_all_of_ipv6_is_decided_at_once() -> None:
    pool = parse_pool("net", ["::/0"])
    decision = allocate(pool, [], any_of(0, 1, 1))
    assert texts(decision) == ["TooLarge", "8000::/1", "Exhausted"]


def test_ipv4_addresses_in_ipv6_form_are_never_allocated() -> None:
    pool = parse_pool("net", ["::fffe:ffff:fff0-::1:0:0:f"])
    decision = allocate(pool, [], [*any_of(96), just("::1:0:0:0/124"), just("::fffe:ffff:fff0/124")])
    assert texts(decision) == ["TooLarge", "::1:0:0:0/124", "::fffe:ffff:fff0/124"]
