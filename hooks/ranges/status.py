"""What a range reports: the proposed ledger, and what it means in words and numbers."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from hooks.api import names
from hooks.api.conditions import JOINT, Fact, conditions, listed, outdated_message, truncated
from hooks.api.kinds import Capacity, RangeStatus, Retired
from hooks.api.times import rewriting_time, timestamp
from hooks.ranges.consistency import contradictions
from hooks.ranges.extents import Extents
from hooks.ranges.grants import Grants
from hooks.ranges.ledger import Ledger, LedgerEntry, entries_within
from hooks.ranges.observed import Observed
from hooks.ranges.occupancy import Occupancy
from hooks.ranges.quotas import Quotas
from hooks.ranges.spec import Terms
from hooks.ranges.waiting import reservation_remarks
from ipam.address_set import AddressSet

#: All lengths of IPv4. A range of IPv6 may have 129, and its status is no place for all of them.
FREE_BLOCK_LENGTHS_MAX = 33

_HOLD_MESSAGE = (
    f"on hold: only requests with a recorded address are served until the annotation {names.HOLD_ANNOTATION} is removed"
)


def range_status(
    observed: Observed,
    proposal: Ledger,
    grants: Grants,
    extents: Extents,
    now: datetime,
    *,
    delayed_count: int,
    is_over: bool,
) -> RangeStatus:
    """The next status of a range.

    Args:
        observed: what the call sees.
        proposal: the ledger that it proposes.
        grants: what the proposal grants and refuses.
        extents: the range's place in its domain.
        now: when the call takes place.
        delayed_count: number of answers that wait for room in their slices.
        is_over: whether it is a delegated range that will never have a holder again.
    """
    parent = observed.body.parent
    state, facts = _state(observed, grants)
    facts += _circumstances(observed, proposal, extents)
    if delayed_count:
        facts.append(Fact("AnswersDelayed", "True", "SliceFull", _delay_message(delayed_count)))
    holders = entries_within(proposal, observed.terms.retired)
    retired = _retired(observed.terms, holders)
    if retired:
        facts.append(_drained(retired, holders, on_hold=proposal.on_hold))
    messages = [fact.message for fact in facts if fact.type != "Stalled"]
    messages += [*observed.terms.remarks, *_quota_remarks(observed.terms, proposal)]
    messages += [*_remarks(observed, grants.occupancy, extents), _unreleased_message(observed, proposal)]
    messages += reservation_remarks(observed, proposal, grants.occupancy)
    return msgspec.structs.replace(
        _ledger_status(proposal),
        finished=is_over,
        state=state,
        notes=_notes(facts, is_full=_is_full(observed, proposal, grants, extents)),
        message=truncated(JOINT.join(filter(None, messages))),
        pending=grants.pending_count,
        capacity=_capacity(observed.terms, grants),
        retired=retired,
        conditions=conditions(facts, parent.status.conditions, parent.metadata.generation, now),
    )


def outdated_status(observed: Observed, ledger: Ledger, kinds: Sequence[str], now: datetime) -> RangeStatus:
    """The status of a range with this ledger while the API server has an older schema of some kinds."""
    parent = observed.body.parent
    message = outdated_message(kinds)
    facts = [Fact("Ready", "False", "OutdatedCRD", message), Fact("Stalled", "True", "OutdatedCRD", message)]
    # If the range itself was served by an older schema, its status must change, so that it is served again.
    before, time = ([], rewriting_time(now)) if names.RANGE_KIND in kinds else (parent.status.conditions, now)
    return msgspec.structs.replace(
        _ledger_status(ledger),
        state="Deleting" if observed.is_deleted else "Invalid",
        notes="OutdatedCRD",
        message=truncated(message),
        conditions=conditions(facts, before, parent.metadata.generation, time),
    )


def _ledger_status(ledger: Ledger) -> RangeStatus:
    """The part of a status that is the ledger."""
    return RangeStatus(
        schema_v1=True,
        revision=ledger.revision,
        allocations=[entry.written for entry in ledger.entries.values()],
        round_robin=ledger.round_robin,
        released=list(ledger.released),
        on_hold=ledger.on_hold,
        closing=ledger.closing,
        gateways=list(ledger.gateways),
        was_shared=ledger.was_shared,
        removable=list(ledger.removable),
        withdrawn=list(ledger.withdrawn),
        observed_generation=ledger.generation,
    )


def _state(observed: Observed, grants: Grants) -> tuple[str, list[Fact]]:
    """The state, and the conditions that say the same at length."""
    if observed.is_deleted:
        return "Deleting", [Fact("Ready", "False", "Deleting", _blockers_message(observed))]
    if reason := observed.terms.invalid_reason:
        return "Invalid", [
            Fact("Ready", "False", "InvalidSpec", reason),
            Fact("Stalled", "True", "InvalidSpec", reason),
        ]
    if observed.delegation and not observed.delegation.is_named:
        return "Invalid", [Fact("Ready", "False", "NotDelegated", observed.delegation.obstacle)]
    if observed.terms.is_closed:
        return "Ready", [Fact("Ready", "True", "Closed", "closed: no new block is allocated")]
    return "Ready", [Fact("Ready", "True", "Serving", _pending_message(grants))]


def _blockers_message(observed: Observed) -> str:
    """What a range that is being deleted waits for."""
    delegation = observed.delegation
    if delegation and observed.body.parent.metadata.deletion_timestamp is None:
        return f"request {delegation.request}, whose block this is, is being deleted; {_waiting_message(observed)}"
    return _waiting_message(observed)


def _waiting_message(observed: Observed) -> str:
    if observed.blockers:
        return f"waiting for {_count(len(observed.blockers), 'request')}: {listed(observed.blockers)}"
    if observed.unreadable_requests:
        return "waiting for requests that can't be read"
    return "none of its blocks is allocated any more"


def _circumstances(observed: Observed, proposal: Ledger, extents: Extents) -> list[Fact]:
    """Conditions that are present only while they are true."""
    terms, facts = observed.terms, list[Fact]()
    if found := contradictions(observed):
        facts.append(Fact("Consistent", "False", "Contradiction", f"contradiction: {listed(found)}"))
    if terms.pool.ignored:
        message = f"ignored: {listed(terms.pool.ignored)}"
        facts.append(Fact("RangesIgnored", "True", "InvalidText", message))
    if not terms.invalid_reason and _never_fits(terms):
        facts.append(Fact("ChunkSizeTooLarge", "True", "NoSuchBlock", _chunk_size_message(terms)))
    if proposal.on_hold:
        facts.append(Fact("OnHold", "True", "Annotated", _HOLD_MESSAGE))
    if extents.owned_by_older:
        facts.append(Fact("Overlapping", "True", "OlderRange", _overlap_message(extents)))
    absent = [entry for entry in proposal.entries.values() if entry.written.absent_since]
    if absent:
        message = _absence_message(absent, observed)
        facts.append(Fact("HoldersAbsent", "True", "RequestNotFound", message))
    return facts


def _notes(facts: Sequence[Fact], *, is_full: bool) -> str:
    """What a person should know besides the state: a word for each circumstance."""
    words = ["Closed"] if any(fact.reason == "Closed" for fact in facts) else []
    noted = [fact for fact in facts if fact.type not in ("Ready", "Stalled") and fact.reason != "NotHeld"]
    words += [fact.type if fact.status == "True" else fact.reason for fact in noted]
    return ", ".join(dict.fromkeys([*words, "Full"] if is_full else words))


def _is_full(observed: Observed, proposal: Ledger, grants: Grants, extents: Extents) -> bool:
    """Whether no block of the default length is free, though there could be one, and none will be in a moment."""
    decision, terms = grants.decision, observed.terms
    if decision is None or proposal.closing or proposal.on_hold or extents.pending or _never_fits(terms):
        return False
    return not decision.free_block_counts[terms.default_length]


def _never_fits(terms: Terms) -> bool:
    """Whether the pool has no block of the default length, allocated or not."""
    return terms.default_length < terms.pool.largest_block_length


def _chunk_size_message(terms: Terms) -> str:
    """Why no request without a size can be served."""
    largest = terms.pool.largest_block_length
    return f"chunkSize {terms.default_length} never fits: the largest block is /{largest}, so requests need a size"


def _remarks(observed: Observed, occupancy: Occupancy, extents: Extents) -> list[str]:
    """What no condition says."""
    remarks: list[str] = []
    if extents.unreadable:
        remarks.append(f"no block is granted because these extents can't be read: {listed(extents.unreadable)}")
    elif extents.pending:
        remarks.append(f"no block is granted until the addresses are announced in {extents.domain.words}")
    if end := occupancy.first_cooling_end:
        count = len(occupancy.cooling)
        verb = "is" if count == 1 else "are"
        remarks.append(f"{_count(count, 'block')} {verb} cooling down, the first until {timestamp(end)}")
    if unreadable := sorted(observed.unreadable_requests):
        remarks.append(f"{_count(len(unreadable), 'request')} can't be read: {listed(unreadable)}")
    return remarks


def _unreleased_message(observed: Observed, proposal: Ledger) -> str:
    """Why deleted requests are not released, and what to do; "" if all of them are."""
    count = len(observed.deleted.keys() - set(proposal.released)) if observed.deleted else 0
    if not count:
        return ""
    remedies = ["shorten the spec and the annotations of the range"] if proposal.excess_bytes else []
    if observed.terms.cooldown and not proposal.closing:
        remedies.append("set cooldownSeconds to 0")
    waiting = f"{_count(count, 'deleted request')} {'waits' if count == 1 else 'wait'} for room in the ledger"
    return ": ".join(filter(None, [waiting, " or ".join(remedies)]))


def _quota_remarks(terms: Terms, proposal: Ledger) -> list[str]:
    """Which namespaces hold more than their quota."""
    exceeded = Quotas(terms.quota, proposal).exceeded if terms.quota else []
    texts = [f"{each.owner} holds {each.held} addresses, more than its quota of {each.limit}" for each in exceeded]
    return [listed(texts)] if texts else []


def _pending_message(grants: Grants) -> str:
    pending = grants.pending_count
    if not pending or grants.decision is None or grants.is_announcing:
        return ""
    largest = grants.decision.largest_free_length
    free = "only network addresses are" if grants.decision.free_count else "no address is"
    room = f"{free} free" if largest is None else f"largest free block is /{largest}"
    over_quota = f" ({grants.over_quota_count} beyond a quota)" if grants.over_quota_count else ""
    return f"{room}, {_count(pending, 'request')} {'waits' if pending == 1 else 'wait'}{over_quota}"


def _overlap_message(extents: Extents) -> str:
    overlaps = listed([f"{each.range_name} in {listed(each.addresses.texts)}" for each in extents.owned_by_older])
    older = "which is older" if len(extents.owned_by_older) == 1 else "which are older"
    return f"overlaps {overlaps}, {older} in {extents.domain.words}; these addresses are not allocated from this range"


def _absence_message(absent: list[LedgerEntry], observed: Observed) -> str:
    holders = listed([f"{entry.holder} ({entry.written.cidr}, uid {entry.uid})" for entry in absent])
    what = f"{_count(len(absent), 'holder')} disappeared without a release: {holders}"
    remedy = f"the blocks stay allocated until the annotation {names.RECLAIM_ANNOTATION} names the uids"
    if unknown := sorted(observed.reclaimed - {entry.uid for entry in absent}):
        remedy += f"; it names {listed(unknown)}, which is none of them"
    return f"{what}; {remedy}"


def _delay_message(count: int) -> str:
    """Why requests are not answered, and how to avoid it."""
    waiting = f"{_count(count, 'request')} {'waits' if count == 1 else 'wait'} for a place in a full slice"
    return f"{waiting}: create fewer requests in one second, or use shorter names"


def _capacity(terms: Terms, grants: Grants) -> Capacity | None:
    """What there is and what is left, and how many blocks that would be.

    Blocks are counted by each prefix length from that of the largest free block to the default one of the range; of
    more than FREE_BLOCK_LENGTHS_MAX those next to the default one.
    """
    decision, unavailable_count = grants.decision, grants.occupancy.unavailable_address_count
    reserved_count = grants.occupancy.reserved_address_count
    if decision is None:
        return None
    largest, default = decision.largest_free_length, terms.default_length
    shortest = min(default, default if largest is None else largest)
    lengths = range(max(shortest, default - FREE_BLOCK_LENGTHS_MAX + 1), default + 1)
    counts = decision.free_block_counts
    allocated_count = decision.total_count - decision.free_count - reserved_count - unavailable_count
    return Capacity(
        total=str(decision.total_count),
        allocated=str(allocated_count),
        free=str(decision.free_count),
        used=f"{100 * allocated_count // decision.total_count}%",
        reserved=str(reserved_count) if reserved_count else "",
        unavailable=str(unavailable_count) if unavailable_count else "",
        largest_free="" if largest is None else f"/{largest}",
        free_blocks={f"/{length}": str(counts[length]) for length in lengths},
        room=f"{_rough(counts[default])} more /{default}",
    )


def _retired(terms: Terms, holders: Sequence[LedgerEntry]) -> Retired | None:
    """How many addresses are retired, by `excludes` or because the range is closed, and how many of them are held."""
    is_retiring = terms.is_closed or terms.pool.retired & terms.pool.excluded
    if terms.invalid_reason or not (is_retiring or holders):
        return None
    held = terms.retired & AddressSet(terms.pool.family, (entry.prefix for entry in holders))
    return Retired(str(terms.retired.address_count), str(held.address_count))


def _drained(retired: Retired, holders: Sequence[LedgerEntry], *, on_hold: bool) -> Fact:
    """Whether no retired address is held any more; one that is cooling down still is."""
    if not holders and on_hold:
        return Fact("Drained", "Unknown", "OnHold", "former holders may come back until the hold ends")
    if not holders:
        return Fact("Drained", "True", "NotHeld", "")
    names = listed([f"{entry.holder} ({entry.written.cidr})" for entry in holders])
    message = f"{retired.held} of {retired.addresses} retired addresses are still held, by {names}"
    return Fact("Drained", "False", "Draining", message)


def _rough(number: int) -> str:
    """A number that people can read: of one with more than nine digits, the magnitude."""
    digits = str(number)
    return digits if len(digits) <= 9 else f"10^{len(digits) - 1}+"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
