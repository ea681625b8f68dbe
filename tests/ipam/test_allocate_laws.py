"""The laws of `allocate`, by name (ipam/allocate.py, DESIGN.md), against plain sets."""

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ipam.address import IPV4, IPV6, Family, Prefix
from ipam.address_set import AddressSet
from ipam.allocate import Budget, Claim, Decision, Held, Refused, Verdict, allocate
from ipam.pool import Pool
from tests.ipam.strategies import SPACE, intervals_within, members

#: The positions of the small pools: somewhere in the middle, and at both ends of both address spaces.
PLACES: list[tuple[Family, int]] = [
    (IPV4, 10 << 24),
    (IPV4, 0),
    (IPV4, 2**32 - SPACE),
    (IPV6, 0x20010DB8 << 96),
    (IPV6, 0),
    (IPV6, 2**128 - SPACE),
]
Case = tuple[Pool, list[Held], list[Claim]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A pool, blocks held in it (some reach beyond it) and claims."""
    family, base = draw(st.sampled_from(PLACES))
    block = st.tuples(st.integers(0, 5), st.integers(0, SPACE - 1)).map(
        lambda pair: Prefix(base + (pair[1] >> pair[0] << pair[0]), family.bits - pair[0], family)
    )
    intervals = draw(st.lists(intervals_within(base, base + SPACE - 1), min_size=1, max_size=5))
    held: list[Held] = []
    for prefix in draw(st.lists(block, max_size=8)):
        if all(prefix.last < other.first or other.last < prefix.first for other, _ in held):
            held.append(Held(prefix, f"holder-{len(held)}"))
    lengths = st.one_of(st.integers(family.bits - 6, family.bits), st.sampled_from([-1, 0, family.bits + 1]))
    claim = st.one_of(
        lengths.map(lambda length: Claim("new", length)),
        block.map(lambda prefix: Claim("new", prefix.length, prefix)),
    )
    addresses = AddressSet(family, intervals)
    return (
        Pool("team/net", addresses, AddressSet(family), addresses),
        held,
        draw(st.lists(claim, max_size=10)),
    )


#: No cursors, or some: all laws except those of placement hold for both modes.
CURSORS = st.none() | st.dictionaries(st.integers(0, 128), st.integers(0, 2**32 - 1), max_size=6)


def granted(decision: Decision) -> list[Prefix]:
    return granted_of(decision.outcomes)


def granted_of(outcomes: list[Prefix | Refused]) -> list[Prefix]:
    return [outcome for outcome in outcomes if isinstance(outcome, Prefix)]


def addresses_of(prefix: Prefix) -> set[int]:
    return set(range(prefix.first, prefix.first + (1 << prefix.family.bits - prefix.length)))


@given(cases(), CURSORS)
def test_no_overlap(case: Case, cursors: dict[int, int] | None) -> None:
    pool, held, claims = case
    used: set[int] = set()
    for block in [*(block for block, _ in held), *granted(allocate(pool, held, claims, cursors))]:
        assert not used & addresses_of(block)
        used |= addresses_of(block)


@given(cases(), CURSORS)
def test_inside_range(case: Case, cursors: dict[int, int] | None) -> None:
    pool, held, claims = case
    for block in granted(allocate(pool, held, claims, cursors)):
        assert addresses_of(block) <= members(pool.usable.intervals)


@given(cases(), CURSORS)
def test_exact(case: Case, cursors: dict[int, int] | None) -> None:
    pool, held, claims = case
    decision = allocate(pool, held, claims, cursors)
    for claim, outcome in zip(claims, decision.outcomes, strict=True):
        if claim.exact:
            assert isinstance(outcome, Refused) or outcome == claim.exact
        elif isinstance(outcome, Prefix):
            assert (outcome.length, outcome.family) == (claim.prefix_length, pool.family)
            assert outcome.first % (1 << pool.family.bits - outcome.length) == 0


def room_around(block: Prefix, free: set[int]) -> int:
    """Size of the largest free aligned block around a free block."""
    size = len(addresses_of(block))
    while True:
        start = block.first // (2 * size) * 2 * size
        if not free.issuperset(range(start, start + 2 * size)):
            return size
        size *= 2


@given(cases())
def test_best_fit(case: Case) -> None:
    pool, held, claims = case
    decision = allocate(pool, held, claims)
    free = members(pool.usable.intervals).difference(*(addresses_of(block) for block, _ in held))
    for claim, outcome in zip(claims, decision.outcomes, strict=True):
        if claim.exact is None and 0 <= pool.family.bits - claim.prefix_length <= 6:
            size = 1 << pool.family.bits - claim.prefix_length
            places = [
                Prefix(first, claim.prefix_length, pool.family)
                for first in sorted(free)
                if first % size == 0 and free.issuperset(range(first, first + size))
            ]
            best = min(places, key=lambda place: (room_around(place, free), place.first), default=None)
            assert (outcome if isinstance(outcome, Prefix) else None) == best
        if isinstance(outcome, Prefix):
            free -= addresses_of(outcome)


@given(cases(), CURSORS.filter(lambda cursors: cursors is not None))
def test_round_robin(case: Case, cursors: dict[int, int]) -> None:
    pool, held, claims = case
    decision = allocate(pool, held, claims, cursors)
    free = members(pool.usable.intervals).difference(*(addresses_of(block) for block, _ in held))
    expected = dict(cursors)
    for claim, outcome in zip(claims, decision.outcomes, strict=True):
        if claim.exact is None and 0 <= pool.family.bits - claim.prefix_length <= 6:
            size = 1 << pool.family.bits - claim.prefix_length
            places = [a for a in sorted(free) if a % size == 0 and free.issuperset(range(a, a + size))]
            ahead = [a for a in places if a >= expected.get(claim.prefix_length, 0)]
            next_ = next(iter(ahead or places), None)
            assert (outcome.first if isinstance(outcome, Prefix) else None) == next_
            if next_ is not None:
                expected[claim.prefix_length] = (next_ + size) % (1 << pool.family.bits)
        if isinstance(outcome, Prefix):
            free -= addresses_of(outcome)
    assert decision.cursors == expected


@given(cases())
def test_first_fit(case: Case) -> None:
    pool, held, claims = case
    decision = allocate(pool, held, claims, {})
    free = members(pool.usable.intervals).difference(*(addresses_of(block) for block, _ in held))
    for claim, outcome in zip(claims, decision.outcomes, strict=True):
        if claim.exact is None and 0 <= pool.family.bits - claim.prefix_length <= 6:
            size = 1 << pool.family.bits - claim.prefix_length
            places = (a for a in sorted(free) if a % size == 0 and free.issuperset(range(a, a + size)))
            assert (outcome.first if isinstance(outcome, Prefix) else None) == next(places, None)
        if isinstance(outcome, Prefix):
            free -= addresses_of(outcome)


@given(cases(), CURSORS)
def test_all_modes_refuse_the_same_single_claim(case: Case, cursors: dict[int, int] | None) -> None:
    """The mode decides where a block is cut, but not whether there is one."""
    pool, held, claims = case
    for claim in claims:
        one, other = (allocate(pool, held, [claim], each).outcomes[0] for each in (None, cursors or {}))
        assert one == other or (isinstance(one, Prefix) and isinstance(other, Prefix))


@given(cases())
def test_explained(case: Case) -> None:
    """A refusal has a reason and a message. It is Invalid if even the empty pool refuses the claim, otherwise Busy."""
    pool, held, claims = case
    for claim, outcome in zip(claims, allocate(pool, held, claims).outcomes, strict=True):
        if isinstance(outcome, Refused):
            alone = allocate(pool, [], [claim]).outcomes[0]
            assert outcome.reason
            assert outcome.message
            assert (outcome.verdict is Verdict.INVALID) == isinstance(alone, Refused)
            if outcome.reason != "Taken":
                assert "holder" not in outcome.message
            if outcome.verdict is Verdict.INVALID:
                assert outcome == alone


@given(cases())
def test_the_refusal_of_a_taken_block_names_the_lowest_conflicting_block_and_its_holder(case: Case) -> None:
    pool, held, claims = case
    decision = allocate(pool, held, claims)
    holders = [*held, *(Held(block, "new") for block in granted(decision))]
    for claim, outcome in zip(claims, decision.outcomes, strict=True):
        if isinstance(outcome, Refused) and outcome.reason == "Taken":
            assert claim.exact
            in_the_way = [each for each in holders if addresses_of(each.prefix) & addresses_of(claim.exact)]
            block, holder = min(in_the_way, key=lambda each: each.prefix.first)
            subject = "it" if block == claim.exact else block
            assert outcome.message == f"{claim.exact} is not free: {subject} was held by {holder} when last checked"


@given(cases())
def test_a_claim_for_any_block_is_refused_with_the_same_message_whatever_is_held(case: Case) -> None:
    """No number that changes with every grant: each change of a message rewrites all waiting requests."""
    pool, held, claims = case
    messages = {
        (claim.prefix_length, outcome.message)
        for now_held in (held, held[:1], [])
        for claim, outcome in zip(claims, allocate(pool, now_held, claims).outcomes, strict=True)
        if isinstance(outcome, Refused) and outcome.reason == "Exhausted"
    }
    assert len(messages) == len({length for length, _ in messages})


@given(cases(), st.randoms(use_true_random=False))
def test_deterministic(case: Case, random: Random) -> None:
    """The same values give the same decision, and the order in which held blocks are listed is not a value."""
    pool, held, claims = case
    shuffled = list(held)
    random.shuffle(shuffled)
    before = (list(held), list(claims))
    assert allocate(pool, shuffled, claims) == allocate(pool, held, claims) == allocate(pool, held, claims)
    assert (held, claims) == before


@given(cases(), CURSORS)
def test_accounted(case: Case, cursors: dict[int, int] | None) -> None:
    """The free, held and granted addresses of the pool make up the pool."""
    pool, held, claims = case
    decision = allocate(pool, held, claims, cursors)
    taken = [block for block, _ in held] + granted(decision)
    free = members(pool.usable.intervals).difference(*map(addresses_of, taken))
    assert decision.total_count == len(members(pool.usable.intervals))
    assert decision.free_count == len(free)
    rooms = [room_around(Prefix(first, pool.family.bits, pool.family), free) for first in free]
    largest = pool.family.bits - max(rooms).bit_length() + 1 if rooms else None
    assert decision.largest_free_length == largest


@given(cases(), CURSORS, st.integers(0, 6))
def test_bounded(case: Case, cursors: dict[int, int] | None, most: int) -> None:
    """The first grants are the same as without the bound, and the rest is as if the refused claims did not exist."""
    pool, held, claims = case
    unbounded = allocate(pool, held, claims, cursors).outcomes
    decision = allocate(pool, held, claims, cursors, most)
    assert granted(decision) == [each for each in unbounded if isinstance(each, Prefix)][:most]
    left_over = [isinstance(each, Refused) and each.reason == "LedgerFull" for each in decision.outcomes]
    if any(left_over):
        assert len(granted(decision)) == most
    served = [claim for claim, is_left in zip(claims, left_over, strict=True) if not is_left]
    without_them = allocate(pool, held, served, cursors)
    assert decision.cursors == without_them.cursors
    assert decision.free_count == without_them.free_count
    assert decision.block_counts == without_them.block_counts


@given(cases(), CURSORS, st.data())
def test_within_quota(case: Case, cursors: dict[int, int] | None, data: st.DataObject) -> None:
    """A claim beyond the budget of its owner is refused, and the others are served as if it did not exist."""
    pool, held, claims = case
    numbers = st.integers(0, SPACE)
    budgets = [None, *(Budget(owner, data.draw(numbers), data.draw(numbers)) for owner in "ab")]
    claims = [claim._replace(budget=data.draw(st.sampled_from(budgets))) for claim in claims]
    outcomes = allocate(pool, held, claims, cursors).outcomes
    used = Counter({budget.owner: budget.held for budget in budgets if budget})
    others: list[tuple[Claim, Prefix | Refused]] = []
    for claim, outcome in zip(claims, outcomes, strict=True):
        is_beyond = isinstance(outcome, Refused) and outcome.reason == "QuotaExceeded"
        if claim.budget and (is_beyond or isinstance(outcome, Prefix)):
            size = 1 << pool.family.bits - claim.prefix_length
            assert is_beyond == (used[claim.budget.owner] + size > claim.budget.limit)
            used[claim.budget.owner] += 0 if is_beyond else size
        if not is_beyond:
            others.append((claim._replace(budget=None), outcome))
    assert allocate(pool, held, [claim for claim, _ in others], cursors).outcomes == [each for _, each in others]


@given(cases(), CURSORS, st.integers(0, 6), st.data())
def test_recorded(case: Case, cursors: dict[int, int] | None, most: int, data: st.DataObject) -> None:
    """A claim gets its previous block exactly if that is free when the claim is served; else it is as any other."""
    pool, held, claims = case
    family, base = pool.family, pool.usable.intervals[0].first if pool.usable else 0
    place = st.integers(0, 5).flatmap(
        lambda bits: st.integers(0, SPACE - 1).map(
            lambda offset: Prefix(min(base + offset, 2**family.bits - 1) >> bits << bits, family.bits - bits, family)
        )
    )
    claims = [claim._replace(previous=data.draw(st.none() | place)) for claim in claims]
    outcomes = allocate(pool, held, claims, cursors, most).outcomes
    free = members(pool.usable.intervals).difference(*(addresses_of(block) for block, _ in held))
    for index, (claim, outcome) in enumerate(zip(claims, outcomes, strict=True)):
        had_room = len(granted_of(outcomes[:index])) < most
        if claim.previous and addresses_of(claim.previous) <= free and had_room:
            assert outcome == claim.previous
        else:
            # Later claims stay, because a refusal may name the block that one of them got.
            without = [*claims[:index], claim._replace(previous=None), *claims[index + 1 :]]
            assert allocate(pool, held, without, cursors, most).outcomes[index] == outcome
        if isinstance(outcome, Prefix):
            free -= addresses_of(outcome)
