"""Which claim gets which block: the only decision in the system.

`allocate` looks at a pool, at what occupies addresses of it, and at claims in the order in which they are to be served.
It promises, the first before the second and so on:

    NoOverlap      a granted block overlaps neither an occupied one nor another granted one
    InsideRange    a granted block lies wholly inside the pool
    Recorded       a claim with a previous block gets that one if it is free when the claim is served
    WithinQuota    no other grant makes the owner of a claim hold more addresses than its budget allows
    Exact          a claim for one certain block gets that block or is refused
    BestFit        any other grant is cut from the low end of the smallest free block that is large enough, of several
                   the lowest
                   (or the address behind that, for a single address, if the low end is reserved);
    RoundRobin     or, where cursors are given, is the next free place behind the last grant of its length;
    FirstFit       where no cursor of its length is given, the lowest one that is free
    Bounded        no more blocks are granted than can be recorded; a claim beyond that takes nothing, not even a turn
    Explained      a refused claim says why; it is Invalid if even the empty pool could not serve it, else Busy

A refusal's message changes only when its reason does: it holds no number that moves with every grant, because every
change is written to the object of every request that waits.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, partial
from itertools import accumulate
from operator import attrgetter
from typing import NamedTuple, Protocol, TypeVar

from ipam.address import Prefix
from ipam.free_space import FreeSpace, PartlyReservedSpace
from ipam.interval import Interval, without
from ipam.pool import Pool
from ipam.round_robin import RoundRobinSpace

Wanted = TypeVar("Wanted", Prefix, int)  # one certain block, or any block of a prefix length


class Verdict(StrEnum):
    """Whether waiting helps against a refusal."""

    BUSY = "Busy"
    INVALID = "Invalid"


@dataclass(frozen=True, slots=True)
class Refused:
    """An expected outcome: no block, and why. The reason is one CamelCase word, the message a sentence."""

    verdict: Verdict
    reason: str
    message: str


class Occupant(Protocol):
    """What stands between claims and addresses."""

    @property
    def prefix(self) -> Prefix:
        """The addresses that it occupies."""
        ...

    @property
    def fate(self) -> str:
        """What became of them, as the rest of a sentence: "was held by team-a/web when last checked"."""
        ...


class Held(NamedTuple):
    """The occupant that a granted claim is from now on."""

    prefix: Prefix
    holder: str

    @property
    def fate(self) -> str:
        """The holder, as the rest of a sentence."""
        return fate_of_held(self.holder)


#: With these words a sentence about a holder stays true, whatever happens to the block afterwards.
WHEN_LAST_CHECKED = "when last checked"


def fate_of_held(holder: str) -> str:
    """What became of a block with this holder. It may get another one later, and the message stays."""
    return f"was held by {holder} {WHEN_LAST_CHECKED}"


#: In the sentence that says why a block is not free: between the block and what became of it, which may change.
NOT_FREE = " is not free: "


def not_free(block: Prefix, occupant: Occupant) -> str:
    """The sentence that says why a block is not free."""
    subject = "it" if occupant.prefix == block else str(occupant.prefix)
    return f"{block}{NOT_FREE}{subject} {occupant.fate}"


class Budget(NamedTuple):
    """How many addresses all claims of one owner may hold together, and hold before the claims are served."""

    owner: str  # in messages: "namespace team-a"
    limit: int
    held: int


#: In the sentence that says why a budget is exceeded: before the number that is held, which may change.
ALREADY_HELD = ": it held "


class Claim(NamedTuple):
    """What one holder wants: any block of a prefix length, or exactly one block.

    `previous` is the block that the holder had in an earlier life, if it is what the claim wants: of that length, or
    exactly that one. It comes before `exact`, as a block that is named by its index may have had another index then.
    `budget` is that of its owner, the same for all claims of one owner; None means any number of addresses.
    """

    holder: str
    prefix_length: int
    exact: Prefix | None = None
    previous: Prefix | None = None
    budget: Budget | None = None

    @property
    def is_for_the_previous_block(self) -> bool:
        """Whether it is for that one only."""
        return self.exact is not None and self.exact == self.previous


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to all claims, in their order; and the addresses of the pool, and what is free of them after it."""

    outcomes: list[Prefix | Refused]
    total_count: int
    free_count: int
    largest_free_length: int | None
    block_counts: tuple[int, ...]  # by prefix length: the maximal aligned blocks of what is free
    cursors: dict[int, int]  # by prefix length: where round robin looks next; none by best fit
    reserved_count: int = 0  # of the addresses that are free, but not granted as single addresses

    @property
    def free_block_counts(self) -> list[int]:
        """By prefix length: how many blocks could still be granted if all that is free were cut for them."""
        counts = list(accumulate(self.block_counts, lambda larger, count: 2 * larger + count))
        counts[-1] = self.free_count - self.reserved_count
        return counts


def allocate(
    pool: Pool,
    occupants: Sequence[Occupant],
    claims: Sequence[Claim],
    cursors: Mapping[int, int] | None = None,
    grant_count_max: int | None = None,
) -> Decision:
    """Serve the claims in the given order from what the occupants leave of the pool.

    Args:
        pool: the addresses that may be allocated.
        occupants: what is taken already, in any order; their blocks do not overlap.
        claims: first come, first served.
        cursors: where round robin looks for the next block, by prefix length. None means best fit. None of any length,
            in each call, means first fit: no place before the last grant of this call is free for another one.
        grant_count_max: how many more blocks can be recorded; None means any number.
    """
    occupants = sorted(occupants, key=_first_address)
    gaps = list(without(pool.usable.intervals, (each.prefix for each in occupants)))
    free = _free_space(gaps, pool) if cursors is None else _space_in_turn(gaps, pool, cursors)
    desk = _Desk(pool, free, len(claims) if grant_count_max is None else grant_count_max)
    outcomes = [desk.restore(claim) or desk.place(claim) for claim in claims]
    granted = [
        Held(outcome, claim.holder)
        for outcome, claim in zip(outcomes, claims, strict=True)
        if isinstance(outcome, Prefix)
    ]
    if any(outcome is _TAKEN for outcome in outcomes):
        _name_occupants(outcomes, claims, sorted([*occupants, *granted], key=_first_address))
    free_count = sum(gap.address_count for gap in gaps) - sum(block.address_count for block, _ in granted)
    assert free_count >= 0, "more was granted than was free"
    reserved_count = pool.reserved_count(gaps) - pool.reserved_count(block for block, _ in granted)
    left = free if isinstance(free, FreeSpace) else _free_space(free.gaps, pool)
    moved = {} if isinstance(free, FreeSpace) else free.cursors
    return Decision(
        outcomes, pool.address_count, free_count, left.largest_length, left.block_counts, moved, reserved_count
    )


def _free_space(gaps: Sequence[Interval], pool: Pool) -> FreeSpace:
    bits, reserved = pool.family.bits, pool.reserved
    return PartlyReservedSpace(gaps, bits, reserved) if reserved else FreeSpace(gaps, bits)


def _space_in_turn(gaps: Sequence[Interval], pool: Pool, cursors: Mapping[int, int]) -> RoundRobinSpace:
    return RoundRobinSpace(gaps, pool.family.bits, cursors, pool.reserved)


_first_address = attrgetter("prefix.first")


class _Desk:
    """Serves claims one after the other, from what is free and as long as grants can be recorded."""

    def __init__(self, pool: Pool, free: FreeSpace | RoundRobinSpace, grants_left: int) -> None:
        self._pool = pool
        self._free = free
        self._grants_left = grants_left
        self._granted_counts: Counter[str] = Counter()  # of addresses, by owner
        # Ten thousand claims have a few prefix lengths: each of them is judged once.
        self._refusal_of_length = cache(partial(_first_refusal, _LENGTH_RULES, pool))
        self._no_room = cache(partial(_no_room, pool))

    def restore(self, claim: Claim) -> Prefix | None:
        """The previous block of a claim, if it can be had."""
        block = claim.previous
        if not (block and self._grants_left and self._pool.has(block) and self._free.take_exactly(block)):
            return None
        self._grants_left -= 1
        if claim.budget:
            self._count(claim.budget, block)
        return block

    def place(self, claim: Claim) -> Prefix | Refused:
        """A block, or why there is none."""
        if claim.exact:
            refused = refusal_of_block(self._pool, claim.exact)
        else:
            refused = self._refusal_of_length(claim.prefix_length)
        if refused:
            return refused
        if not self._grants_left:
            message = f"{self._pool.name} holds as many requests as one object can record: waiting for a release"
            return Refused(Verdict.BUSY, "LedgerFull", message)
        if claim.budget and (refused := self._refusal_of_budget(claim, claim.budget)):
            return refused
        block = self._exactly(claim.exact) if claim.exact else self._any(claim.prefix_length)
        if isinstance(block, Prefix):
            self._grants_left -= 1
            if claim.budget:
                self._count(claim.budget, block)
        return block

    def _count(self, budget: Budget, block: Prefix) -> None:
        self._granted_counts[budget.owner] += block.address_count

    def _refusal_of_budget(self, claim: Claim, budget: Budget) -> Refused | None:
        held = budget.held + self._granted_counts[budget.owner]
        wanted = claim.exact.address_count if claim.exact else 1 << (self._pool.family.bits - claim.prefix_length)
        if held + wanted <= budget.limit or claim.is_for_the_previous_block:
            return None
        more = f"{wanted} more address{'' if wanted == 1 else 'es'} would exceed the quota"
        message = f"{more} of {budget.owner} ({budget.limit}){ALREADY_HELD}{held} {WHEN_LAST_CHECKED}"
        return Refused(Verdict.BUSY, "QuotaExceeded", message)

    def _exactly(self, block: Prefix) -> Prefix | Refused:
        return block if self._free.take_exactly(block) else _TAKEN

    def _any(self, length: int) -> Prefix | Refused:
        first = self._free.take(length)
        return self._no_room(length) if first is None else Prefix(first, length, self._pool.family)


def _no_room(pool: Pool, length: int) -> Refused:
    return Refused(Verdict.BUSY, "Exhausted", f"no free /{length} in {pool.name}: waiting for room")


def refusal_of_block(pool: Pool, block: Prefix) -> Refused | None:
    """Why a block can never be granted from a pool; None if it can."""
    return _first_refusal(_BLOCK_RULES, pool, block)


def _first_refusal(
    rules: Sequence[Callable[[Pool, Wanted], Refused | None]], pool: Pool, wanted: Wanted
) -> Refused | None:
    return next((refused for rule in rules if (refused := rule(pool, wanted))), None)


def _is_of_the_family(pool: Pool, block: Prefix) -> Refused | None:
    if block.family is pool.family:
        return None
    message = f"{block} is {block.family.name}, {pool.name} is {pool.family.name}"
    return Refused(Verdict.INVALID, "OutsideRange", message)


def _has_no_excluded_address(pool: Pool, block: Prefix) -> Refused | None:
    excluded = pool.excluded.overlap_with(block)
    if not excluded:
        return None
    message = f"{block} has addresses that are excluded from {pool.name}: {excluded.text(pool.family)}"
    return Refused(Verdict.INVALID, "Excluded", message)


def _lies_inside_the_pool(pool: Pool, block: Prefix) -> Refused | None:
    if pool.usable.covers(block):
        return None
    return Refused(Verdict.INVALID, "OutsideRange", f"{block} is not wholly inside {pool.name}")


def _is_not_reserved(pool: Pool, block: Prefix) -> Refused | None:
    if not (pool.reserved and pool.reserves(block)):
        return None
    role, network = pool.reserved.role_of(block.first), pool.reserved.network_of(block.first)
    remedy = f"{pool.name} allocates it only inside larger blocks, unless allocateReservedIPAddresses is true"
    return Refused(Verdict.INVALID, "ReservedIPAddress", f"{block} is the {role} of {network}: {remedy}")


def _is_a_length_of_the_family(pool: Pool, length: int) -> Refused | None:
    if 0 <= length <= pool.family.bits:
        return None
    lengths = f"{pool.family.name} prefix lengths are 0..{pool.family.bits}"
    return Refused(Verdict.INVALID, "InvalidSize", f"invalid size {length}: {lengths}")


def _is_not_larger_than_the_pool(pool: Pool, length: int) -> Refused | None:
    if length >= pool.largest_block_length:
        return None
    largest = f"the largest aligned block of {pool.name} is /{pool.largest_block_length}"
    return Refused(Verdict.INVALID, "TooLarge", f"no block of /{length} can ever fit: {largest}")


#: What makes a claim for one certain block Invalid, in the order in which it is asked; the first refusal wins.
_BLOCK_RULES = (_is_of_the_family, _has_no_excluded_address, _lies_inside_the_pool, _is_not_reserved)
#: The same for a claim for any block of a prefix length.
_LENGTH_RULES = (_is_a_length_of_the_family, _is_not_larger_than_the_pool)

_TAKEN = Refused(Verdict.BUSY, "Taken", "")
#: The reason why a claim for one certain block is refused that is not free.
TAKEN = _TAKEN.reason


def _name_occupants(outcomes: list[Prefix | Refused], claims: Sequence[Claim], occupants: Sequence[Occupant]) -> None:
    """Complete the refusals of taken blocks by the lowest occupant in the way; `occupants` are sorted."""
    firsts = [each.prefix.first for each in occupants]
    for index, (outcome, claim) in enumerate(zip(outcomes, claims, strict=True)):
        if outcome is not _TAKEN or claim.exact is None:
            continue
        at = bisect_right(firsts, claim.exact.first) - 1
        if at < 0 or occupants[at].prefix.last < claim.exact.first:
            at += 1
        occupant = occupants[at]
        assert occupant.prefix.first <= claim.exact.last, "a taken block is overlapped by an occupied one"
        outcomes[index] = replace(_TAKEN, message=not_free(claim.exact, occupant))
