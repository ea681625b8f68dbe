"""`allocate` against the naive model, event by event: outcomes and counts agree after each event. (As in TigerBeetle's
free_set_fuzz.zig, weights are drawn per seed, so that each seed explores another mix, and events are generated before
they run.) Not covered here: the messages of refusals, for which test_allocate.py has tables.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import pytest

from ipam.address import IPV4, Prefix
from ipam.allocate import Claim, Held, allocate
from ipam.pool import parse_pool
from tests.ipam.model import Granted, Model, Outcome, addresses
from tests.ipam.pools import POOLS, TestPool, as_outcome

SEEDS = range(12)
EVENT_COUNT = 60


@dataclass(frozen=True)
class Take:
    """Ask for any block of this length."""

    length: int


@dataclass(frozen=True)
class TakeExactly:
    """Ask for exactly this block."""

    first: int
    length: int


@dataclass(frozen=True)
class Release:
    """Release the held block of this number, modulo the number of held blocks."""

    number: int


Event = Take | TakeExactly | Release


def generate_events(random: Random, pool: TestPool, count: int = EVENT_COUNT) -> list[Event]:
    """A sequence of events; each kind and each length has a weight of its own."""
    model_pool = sorted(addresses(*pool.intervals))
    kinds = random.choices((Take, TakeExactly, Release), [random.random() for _ in range(3)], k=count)
    length_weights = [random.random() ** 2 for _ in pool.lengths]
    events: list[Event] = []
    for kind in kinds:
        length = random.choices(pool.lengths, length_weights)[0]
        if kind is Take:
            events.append(Take(length if random.random() > 0.05 else random.choice((-1, 0, pool.family.bits + 1))))
        elif kind is TakeExactly:
            size = 1 << (pool.family.bits - length)
            address = max(0, min(random.choice(model_pool) + random.choice((0, 0, 0, size, -size)), model_pool[-1]))
            events.append(TakeExactly(address // size * size, length))
        else:
            events.append(Release(random.randrange(1000)))
    return events


def claim_of(event: Take | TakeExactly, pool: TestPool, holder: str) -> Claim:
    exact = Prefix(event.first, event.length, pool.family) if isinstance(event, TakeExactly) else None
    return Claim(holder, event.length, exact)


Cursors = dict[int, int] | None
#: The two modes, as the cursors with which a range starts: best fit has none.
MODES = [pytest.param(None, id="best fit"), pytest.param({}, id="round robin")]


def modelled(event: Take | TakeExactly, model: Model, cursors: Cursors = None) -> Outcome:
    if isinstance(event, Take):
        return model.allocate(event.length) if cursors is None else model.allocate_next(event.length)
    return model.dedicate(event.first, event.length)


def run(events: list[Event], pool: TestPool, cursors: Cursors = None) -> Iterator[tuple[str, object, object]]:
    """Run the events; after each one: the event, the result of `ipam`, and the result of the model."""
    real, model = pool.real(), pool.model()
    held: list[Held] = []
    for index, event in enumerate(events):
        if isinstance(event, Release):
            if held:
                block = held.pop(event.number % len(held)).prefix
                model.release(Granted(block.first, block.length))
            decision = allocate(real, held, [], cursors)
            yield f"{index}: {event}", decision.outcomes, []
        else:
            decision = allocate(real, held, [claim_of(event, pool, f"holder-{index}")], cursors)
            outcome = decision.outcomes[0]
            yield f"{index}: {event}", as_outcome(outcome), modelled(event, model, cursors)
            if isinstance(outcome, Prefix):
                held.append(Held(outcome, f"holder-{index}"))
        counts = (decision.total_count, decision.free_count, decision.largest_free_length)
        yield f"{index}: counts", counts, (len(model.pool), model.free_count, model.largest_free)
        free_blocks = [(length, decision.free_block_counts[length]) for length in pool.lengths]
        yield f"{index}: blocks", free_blocks, [(length, model.free_block_count(length)) for length in pool.lengths]
        if cursors is not None:
            cursors = decision.cursors
            yield f"{index}: cursors", cursors, model.cursors


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("cursors", MODES)
@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: pool.name)
def test_each_event_ends_as_in_the_model(pool: TestPool, cursors: Cursors, seed: int) -> None:
    events = generate_events(Random(seed), pool)
    steps: list[str] = []
    for step, real, modelled_ in run(events, pool, cursors):
        steps.append(f"{step} -> {real}")
        assert real == modelled_, f"pool {pool.name}, seed {seed}, model: {modelled_}, steps:\n" + "\n".join(steps)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("cursors", MODES)
@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: pool.name)
def test_claims_of_one_call_end_as_the_same_claims_one_by_one(pool: TestPool, cursors: Cursors, seed: int) -> None:
    random = Random(1000 + seed)
    events = [event for event in generate_events(random, pool) if not isinstance(event, Release)]
    real, model = pool.real(), pool.model()
    held: list[Held] = []
    while events:
        batch, events = events[: random.randint(1, 9)], events[9:]
        claims = [claim_of(event, pool, f"holder-{len(events)}-{index}") for index, event in enumerate(batch)]
        decision = allocate(real, held, claims, cursors)
        outcomes = [as_outcome(outcome) for outcome in decision.outcomes]
        singles: list[Outcome] = []
        one_by_one = list(held)
        for claim in claims:
            single = allocate(real, one_by_one, [claim], cursors)
            outcome = single.outcomes[0]
            singles.append(as_outcome(outcome))
            cursors = None if cursors is None else single.cursors
            if isinstance(outcome, Prefix):
                one_by_one.append(Held(outcome, claim.holder))
        context = f"pool {pool.name}, seed {seed}, held {held}, batch {batch}"
        assert outcomes == [modelled(event, model, cursors) for event in batch], context
        assert outcomes == singles, context
        assert decision.cursors == (cursors or {}), context
        assert (decision.free_count, decision.largest_free_length) == (model.free_count, model.largest_free), context
        held = one_by_one
        for victim in random.sample(held, k=len(held) // 3):
            held.remove(victim)
            model.release(Granted(victim.prefix.first, victim.prefix.length))


def test_the_seeds_reach_every_kind_of_outcome() -> None:
    """This checks the generator: a fuzzer that never reaches an exhausted pool proves nothing about it."""
    reached: set[str] = set()
    for pool in POOLS:
        for seed in SEEDS:
            for _, real, _ in run(generate_events(Random(seed), pool), pool):
                reached.add(real.reason if hasattr(real, "reason") else type(real).__name__)
    assert {"Granted", "InvalidSize", "TooLarge", "OutsideRange", "Excluded", "Exhausted", "Taken"} <= reached


# --- exhaustive: a pool of 16 addresses, and all 65,536 sets of them that can be held -------------------------------

SIXTEEN = parse_pool("sixteen", ["10.0.0.0/28"])
BASE = 10 << 24
SINGLES = [Held(Prefix(BASE + index, 32, IPV4), f"holder-{index}") for index in range(16)]


def held_by(pattern: int) -> list[Held]:
    """One /32 for each bit of the pattern."""
    return [SINGLES[index] for index in range(16) if pattern >> index & 1]


@pytest.mark.parametrize("chunk", range(16))
def test_every_length_for_every_pattern_of_sixteen_addresses(chunk: int) -> None:
    model = Model(32, range(BASE, BASE + 16))
    for pattern in range(chunk * 4096, (chunk + 1) * 4096):
        held = held_by(pattern)
        taken = {BASE + index for index in range(16) if pattern >> index & 1}
        for length in (28, 29, 30, 31, 32):
            model.taken = set(taken)
            decision = allocate(SIXTEEN, held, [Claim("new", length)])
            expected = model.allocate(length)
            assert as_outcome(decision.outcomes[0]) == expected, f"held {pattern:016b}, /{length}"
            counts = (decision.free_count, decision.largest_free_length)
            assert counts == (model.free_count, model.largest_free), f"held {pattern:016b}, /{length}"


ALL_BLOCKS = [Prefix(BASE + first, 32 - size, IPV4) for size in range(5) for first in range(0, 16, 1 << size)]


@pytest.mark.parametrize("chunk", range(8))
def test_round_robin_from_every_cursor_for_every_pattern_of_eight_addresses(chunk: int) -> None:
    """Cursors of each address of the pool and around it, aligned or not."""
    pool = parse_pool("eight", ["10.0.0.0/29"])
    model = Model(32, range(BASE, BASE + 8))
    for pattern in range(chunk * 32, (chunk + 1) * 32):
        for cursor in (0, *range(BASE - 1, BASE + 10), 2**32 - 1):
            for length in (29, 30, 31, 32):
                model.taken = {BASE + index for index in range(8) if pattern >> index & 1}
                model.cursors = {length: cursor}
                decision = allocate(pool, held_by(pattern), [Claim("new", length)], {length: cursor})
                expected = model.allocate_next(length)
                assert as_outcome(decision.outcomes[0]) == expected, f"held {pattern:08b}, /{length} from {cursor}"
                assert decision.cursors == model.cursors


@pytest.mark.parametrize("chunk", range(8))
def test_dedicated_blocks_for_every_pattern_of_sixteen_addresses(chunk: int) -> None:
    """Three of the 31 blocks in one call, different ones for each pattern: each block is claimed 6,000 times."""
    model = Model(32, range(BASE, BASE + 16))
    for pattern in range(chunk * 8192, (chunk + 1) * 8192):
        model.taken = {BASE + index for index in range(16) if pattern >> index & 1}
        blocks = [ALL_BLOCKS[(pattern + 7 * step) % 31] for step in range(3)]
        decision = allocate(SIXTEEN, held_by(pattern), [Claim("new", block.length, block) for block in blocks])
        outcomes = [as_outcome(outcome) for outcome in decision.outcomes]
        expected = [model.dedicate(block.first, block.length) for block in blocks]
        assert outcomes == expected, f"held {pattern:016b}, first asked for {blocks[0]}"
        assert decision.free_count == model.free_count, f"held {pattern:016b}"


def test_every_dedicated_block_alone_for_every_pattern_of_eight_addresses() -> None:
    pool = parse_pool("eight", ["10.0.0.0/29"])
    model = Model(32, range(BASE, BASE + 8))
    for pattern in range(256):
        for block in ALL_BLOCKS:
            model.taken = {BASE + index for index in range(8) if pattern >> index & 1}
            outcome = allocate(pool, held_by(pattern), [Claim("new", block.length, block)]).outcomes[0]
            expected = model.dedicate(block.first, block.length)
            assert as_outcome(outcome) == expected, f"held {pattern:08b}, {block}"


def test_the_model_knows_the_whole_pool() -> None:
    for pool in POOLS:
        assert pool.model().pool == frozenset(addresses(*pool.intervals))
        assert pool.model().free_count == pool.real().address_count, pool.name
