"""A life of allocations and releases, chosen by Hypothesis, in which `allocate` must agree with the naive model."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ipam.address import Prefix
from ipam.allocate import Claim, Held, allocate
from tests.ipam.model import Granted, Outcome
from tests.ipam.pools import POOLS, TestPool, as_outcome


class PoolLife(RuleBasedStateMachine):
    """Both sides keep the held blocks; each decision starts from them, as in the hooks."""

    @initialize(pool=st.sampled_from(POOLS), by_round_robin=st.booleans())
    def start(self, pool: TestPool, *, by_round_robin: bool) -> None:
        self.pool, self.real, self.model = pool, pool.real(), pool.model()
        self.cursors: dict[int, int] | None = {} if by_round_robin else None
        self.held: list[Held] = []
        self.serial = 0

    def decide(self, claim: Claim, expected: Outcome) -> None:
        decision = allocate(self.real, self.held, [claim], self.cursors)
        outcome = decision.outcomes[0]
        assert as_outcome(outcome) == expected
        if self.cursors is not None:
            self.cursors = decision.cursors
        if isinstance(outcome, Prefix):
            self.held.append(Held(outcome, claim.holder))

    def holder(self) -> str:
        self.serial += 1
        return f"holder-{self.serial}"

    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        length = data.draw(st.sampled_from(self.pool.lengths))
        take = self.model.allocate if self.cursors is None else self.model.allocate_next
        self.decide(Claim(self.holder(), length), take(length))

    @rule(data=st.data())
    def take_exactly(self, data: st.DataObject) -> None:
        length = data.draw(st.sampled_from(self.pool.lengths))
        address = data.draw(st.sampled_from(sorted(self.model.pool)))
        size = 1 << (self.pool.family.bits - length)
        prefix = Prefix(address // size * size, length, self.pool.family)
        self.decide(Claim(self.holder(), length, prefix), self.model.dedicate(prefix.first, length))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        victim = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        self.model.release(Granted(victim.prefix.first, victim.prefix.length))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def decide_again_after_a_restart(self, data: st.DataObject) -> None:
        """All held blocks are claimed again, in any order: each holder gets its block."""
        order = data.draw(st.permutations(self.held))
        decision = allocate(self.real, [], [Claim(holder, block.length, block) for block, holder in order])
        assert decision.outcomes == [block for block, _ in order]
        assert decision.free_count == self.model.free_count

    @invariant()
    def both_count_alike(self) -> None:
        decision = allocate(self.real, self.held, [])
        assert decision.free_count == self.model.free_count
        assert decision.largest_free_length == self.model.largest_free
        for length in self.pool.lengths:
            assert decision.free_block_counts[length] == self.model.free_block_count(length)
        assert (self.cursors or {}) == self.model.cursors

    @invariant()
    def nothing_overlaps(self) -> None:
        sizes = sum(1 << (block.family.bits - block.length) for block, _ in self.held)
        addresses = {a for block, _ in self.held for a in range(block.first, block.last + 1)}
        assert len(addresses) == sizes
        assert addresses == self.model.taken


TestPoolLife = PoolLife.TestCase
TestPoolLife.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
