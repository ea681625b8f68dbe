"""What a range reports: the proposed ledger, and in words and numbers what it means."""

from dataclasses import dataclass, replace
from datetime import datetime

from hooks import names
from hooks.conditions import Fact, conditions, fitted
from hooks.extents import Extents
from hooks.ledger import Ledger
from hooks.observed import Observed
from hooks.wire import Capacity, Entry, RangeSpec, RangeStatus, timestamp
from ipam.allocate import Allocation, Decision, Refused, Verdict
from ipam.pool import Pool

#: All lengths of IPv4. A range of IPv6 may have 129, and its status is no place for all of them.
FREE_BLOCK_LENGTHS_MAX = 33

_NAMES_IN_MESSAGE_MAX = 5
_HOLD_MESSAGE = (
    f"on hold: only requests with a recorded address are served, until the annotation {names.HOLD_ANNOTATION} goes"
)


@dataclass(frozen=True, slots=True)
class Service:
    """What those who wait get: new entries, or refusals by uid; and the decision, if the range's spec is valid."""

    grants: list[Entry]
    refusals: dict[str, Refused]
    decision: Decision | None
    round_robin: dict[str, str]  # the cursors behind the grants

    def without_waiting(self) -> "Service":
        """The same without a word to those who might be served soon."""
        return replace(self, refusals=self._final_refusals)

    @property
    def told(self) -> dict[str, Refused]:
        """The refusals that can be published (S3): who waits because of a grant is told once that is committed."""
        return self._final_refusals if self.grants else self.refusals

    @property
    def _final_refusals(self) -> dict[str, Refused]:
        return {uid: refusal for uid, refusal in self.refusals.items() if refusal.verdict is Verdict.INVALID}

    @property
    def pending_count(self) -> int:
        """Number of requests that wait for room."""
        return sum(refusal.verdict is Verdict.BUSY for refusal in self.refusals.values())


def range_status(seen: Observed, proposal: Ledger, service: Service, extents: Extents, now: datetime) -> RangeStatus:
    """The next status of a range."""
    parent = seen.body.parent
    state, facts = _facts(seen, service)
    if proposal.held:
        facts.append(Fact("OnHold", "True", "Annotated", _HOLD_MESSAGE))
    if extents.shared:
        facts.append(Fact("Overlapping", "True", "OlderRange", _shared_message(extents)))
    absent = [entry for entry in proposal.entries.values() if entry.absent_since]
    if absent:
        facts.append(Fact("HoldersAbsent", "True", "RequestNotFound", _absent_message(absent, proposal.closing)))
    messages = [fact.message for fact in facts if fact.type in ("Ready", "OnHold", "Overlapping", "HoldersAbsent")]
    if extents.unreadable:
        messages.append(f"nothing new is granted, for extents can't be read: {_listed(extents.unreadable)}")
    elif extents.awaited:
        messages.append(f"nothing new is granted until its addresses are announced in {extents.domain_words}")
    if ends := proposal.cooling_ends(seen.cooldown):
        messages.append(f"{_count(len(ends), 'block')} cooling down, the first one until {timestamp(min(ends))}")
    if seen.unreadable_requests:
        keys = sorted(seen.unreadable_requests)
        messages.append(f"{_count(len(keys), 'request')} can't be read: {_listed(keys)}")
    return RangeStatus(
        revision=proposal.revision,
        allocations=list(proposal.entries.values()),
        round_robin=proposal.round_robin,
        released=list(proposal.released),
        held=proposal.held,
        closing=proposal.closing,
        state=state,
        message=fitted("; ".join(filter(None, messages))),
        pending=service.pending_count,
        capacity=_capacity(seen, service.decision, _address_count(extents.withheld(proposal))),
        observed_generation=parent.metadata.generation,
        conditions=conditions(facts, parent.status.conditions, parent.metadata.generation, now),
    )


def _facts(seen: Observed, service: Service) -> tuple[str, list[Fact]]:
    """The state, and the conditions that say the same at length."""
    if seen.is_deleted:
        waiting = "no request refers to it any more"
        if seen.referring:
            waiting = f"waiting for {_count(len(seen.referring), 'request')}: {_listed(seen.referring)}"
        elif seen.unreadable_requests:
            waiting = "waiting for requests that can't be read"
        return "Deleting", [Fact("Ready", "False", "Deleting", waiting)]
    if isinstance(seen.pool, str):
        return "Invalid", [
            Fact("Ready", "False", "InvalidSpec", seen.pool),
            Fact("Stalled", "True", "InvalidSpec", seen.pool),
        ]
    return "Ready", [Fact("Ready", "True", "Serving", _pending_message(service))]


def _pending_message(service: Service) -> str:
    pending = service.pending_count
    if not pending or service.decision is None:
        return ""
    largest = service.decision.largest_free_length
    room = "no address is free" if largest is None else f"largest free block is /{largest}"
    return f"{room}, {_count(pending, 'request')} {'waits' if pending == 1 else 'wait'}"


def _shared_message(extents: Extents) -> str:
    who = _listed([f"{each.text} with {each.range_text}" for each in extents.shared])
    return f"shares {who}: older in {extents.domain_words}, so nothing of that is granted here"


def _absent_message(absent: list[Entry], closing: bool) -> str:
    who = _listed([f"{entry.request} ({entry.cidr}, uid {entry.uid})" for entry in absent])
    what = f"{_count(len(absent), 'holder')} vanished without a release: {who}"
    if closing:
        return f"{what}; given up after a minute, as the range is being deleted"
    return f"{what}; the blocks stay held until the annotation {names.RECLAIM_ANNOTATION} names the uids"


def _capacity(seen: Observed, decision: Decision | None, shared_count: int) -> Capacity | None:
    """What there is and what is left, and how many blocks that would be.

    Blocks are counted by each prefix length from that of the largest free block to the default one of the range; of
    more than FREE_BLOCK_LENGTHS_MAX those next to the default one.
    """
    if decision is None:
        return None
    assert isinstance(seen.spec, RangeSpec), "a decision comes from a spec"
    assert isinstance(seen.pool, Pool), "and from a pool"
    largest = decision.largest_free_length
    default = seen.spec.chunk_size or seen.pool.family.bits
    shortest = min(default, default if largest is None else largest)
    lengths = range(max(shortest, default - FREE_BLOCK_LENGTHS_MAX + 1), default + 1)
    counts = decision.free_block_counts
    allocated_count = decision.total_count - decision.free_count - shared_count
    return Capacity(
        total=str(decision.total_count),
        allocated=str(allocated_count),
        free=str(decision.free_count),
        used=f"{100 * allocated_count // decision.total_count}%",
        shared=str(shared_count) if shared_count else "",
        largest_free="" if largest is None else f"/{largest}",
        free_blocks={f"/{length}": str(counts[length]) for length in lengths},
        room=f"{counts[default]} more /{default}",
    )


def _address_count(blocks: list[Allocation]) -> int:
    return sum(block.address_count for block, _ in blocks)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _listed(items: list[str]) -> str:
    """The first few, and how many more there are."""
    shown = ", ".join(items[:_NAMES_IN_MESSAGE_MAX])
    more = len(items) - _NAMES_IN_MESSAGE_MAX
    return f"{shown} and {more} more" if more > 0 else shown
