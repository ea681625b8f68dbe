"""Grants: requests that wait become claims, and the outcomes of claims become entries and refusals.

Before a claim is decided by `ipam.allocate`, rules of the range may refuse it. They are ordered chains of small
functions: the first refusal wins.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from operator import not_
from typing import NamedTuple

from hooks.api.conditions import JOINT
from hooks.api.kinds import Entry, RequestObject
from hooks.ranges.claims import claim_of, is_wanted, not_wanted
from hooks.ranges.extents import Extents
from hooks.ranges.former_blocks import wants_former_block
from hooks.ranges.ledger import Ledger, LedgerEntry, grant_count_max, read_cursors, with_grants, written_cursors
from hooks.ranges.observed import Observed
from hooks.ranges.occupancy import Occupancy, ReservedFor
from hooks.ranges.quotas import Quotas
from hooks.ranges.records import gateway_in, unused_record
from hooks.ranges.reservations import Holder, holders_of
from hooks.ranges.spec import Terms
from hooks.ranges.waiting import waiting_blocks
from ipam.address import Prefix, block_named_by
from ipam.allocate import TAKEN, Claim, Decision, Refused, Verdict, allocate, refusal_of_block
from ipam.pool import Pool


@dataclass(frozen=True, slots=True)
class Grants:
    """The outcome for waiting requests.

    Attributes:
        entries: new ones.
        refusals: of the other requests, by uid.
        occupancy: what could not be granted.
        decision: about all claims; None if the range's spec is invalid.
        round_robin: the cursors behind the grants; none where the mode is another one.
        has_returns: whether the ledger on which it rests has holders that are not committed yet.
        is_announcing: whether some addresses are about to be announced.
    """

    entries: list[LedgerEntry]
    refusals: dict[str, Refused]
    occupancy: Occupancy
    decision: Decision | None
    round_robin: dict[str, str]
    has_returns: bool
    is_announcing: bool

    @property
    def publishable_refusals(self) -> dict[str, Refused]:
        """The refusals that rest on committed facts only (S3).

        One for lack of room that rests on these grants, or on blocks that are being returned, waits for their commit.
        One that rests on addresses that are about to be announced waits for them.
        """
        if not (self.entries or self.has_returns or self.is_announcing):
            return self.refusals
        return {uid: refusal for uid, refusal in self.refusals.items() if not _is_provisional(refusal)}

    @property
    def pending_count(self) -> int:
        """Number of requests that wait for room, or for their quota."""
        return sum(refusal.verdict is Verdict.BUSY for refusal in self.refusals.values())

    @property
    def over_quota_count(self) -> int:
        """Number of those that wait for their quota."""
        return sum(refusal.reason == "QuotaExceeded" for refusal in self.refusals.values())


def _is_provisional(refusal: Refused) -> bool:
    """Whether a refusal may be different as soon as these grants are committed, or these addresses announced."""
    return refusal.verdict is Verdict.BUSY and refusal.reason not in ("OnHold", "Closed")


class _Situation(NamedTuple):
    """What the rules look at besides the claim; of the reserved blocks those that their holders do not have yet."""

    observed: Observed
    kept: Ledger
    extents: Extents
    occupancy: Occupancy
    waiting_blocks: dict[Holder, list[Prefix]]


#: A request that waits, and its claim.
_Want = tuple[RequestObject, Claim]
#: Whether the claim of a request comes before others.
_Precedence = Callable[[RequestObject, Claim, _Situation], bool]
#: Why the claim of a request is refused; None if the rule has no objection.
_Rule = Callable[[RequestObject, Claim, _Situation], Refused | None]


def grant(observed: Observed, kept: Ledger, occupancy: Occupancy, extents: Extents) -> Grants:
    """Decide about all requests that wait."""
    waiting = observed.waiting(kept)
    situation = _Situation(observed, kept, extents, occupancy, waiting_blocks(observed, occupancy))
    if refused := _refusal_of_all(situation):
        decision = None if observed.terms.invalid_reason else allocate(observed.terms.pool, occupancy.occupants, [])
        all_refused = {request.metadata.uid: refused for request in waiting}
        return Grants([], all_refused, occupancy, decision, {}, has_returns=False, is_announcing=False)
    wants: list[_Want] = []
    refusals: dict[str, Refused] = {}
    rules = [rule for applies, rule in _CLAIM_RULES if applies(situation)]
    for request in waiting:
        claim = _claim_or_refusal(request, situation, rules)
        if isinstance(claim, Claim):
            wants.append((request, claim))
        else:
            refusals[request.metadata.uid] = claim
    grants = _decided(wants, situation)
    return replace(grants, refusals=refusals | grants.refusals)


def _decided(wants: list[_Want], situation: _Situation) -> Grants:
    """The outcomes of all claims: first of those that come before the others, stage by stage; then of the others."""
    observed, kept, extents, occupancy, _ = situation
    terms, ledger = observed.terms, kept
    entries, refusals = list[LedgerEntry](), dict[str, Refused]()
    for is_next, pool in _stages(situation):
        first, wants = _divided(wants, is_next, situation)
        if first:
            decision = _decision(first, pool, occupancy.without_reservations, ledger, terms)
            granted, refused = _outcomes(first, decision, situation)
            ledger, occupancy = with_grants(ledger, granted, {}), occupancy.with_grants(granted, terms.reservations)
            entries, refusals = [*entries, *granted], refusals | refused
    decision = _decision(wants, terms.pool, occupancy, ledger, terms)
    granted, refused = _outcomes(wants, decision, situation)
    return Grants(
        entries=[*entries, *granted],
        refusals=refusals | refused,
        occupancy=occupancy,
        decision=decision,
        round_robin=written_cursors(decision.cursors, terms.pool.family) if terms.mode == "RoundRobin" else {},
        has_returns=not kept.entries.keys() <= observed.ledger.entries.keys(),
        is_announcing=bool(extents.pending),
    )


def _stages(situation: _Situation) -> Iterator[tuple[_Precedence, Pool]]:
    """Which claims come first, and their addresses; no reservation keeps them from their blocks."""
    pool = situation.observed.terms.pool
    if pool.retired or pool.reserved:
        yield _wants_former_block, pool.with_retired()
    if situation.occupancy.reserved:
        yield _overrides_reservations, pool


def _divided(wants: list[_Want], is_first: _Precedence, situation: _Situation) -> tuple[list[_Want], list[_Want]]:
    """The claims that are first, and the others."""
    flags = [is_first(*want, situation) for want in wants]
    return list(compress(wants, flags)), list(compress(wants, map(not_, flags)))


def _decision(wants: Sequence[_Want], pool: Pool, occupancy: Occupancy, ledger: Ledger, terms: Terms) -> Decision:
    """Which of these claims get which blocks of a pool, on top of a ledger."""
    claims = [claim for _, claim in wants]
    if terms.quota and wants:
        claims = _with_budgets(wants, Quotas(terms.quota, ledger))
    count_max = grant_count_max(ledger, [request for request, _ in wants])
    return allocate(pool, occupancy.occupants, claims, _cursors(terms, ledger), count_max)


def _with_budgets(wants: Sequence[_Want], quotas: Quotas) -> list[Claim]:
    """The claims, each with what its namespace may hold."""
    return [claim._replace(budget=quotas.budget_of(request.metadata.namespace)) for request, claim in wants]


def _cursors(terms: Terms, ledger: Ledger) -> dict[int, int] | None:
    """Where to look for free places: first fit looks from the start in each call; best fit has no such place."""
    if terms.mode == "RoundRobin":
        return read_cursors(ledger.round_robin, terms.family)
    return {} if terms.mode == "FirstFit" else None


def _outcomes(
    wants: Sequence[_Want], decision: Decision, situation: _Situation
) -> tuple[list[LedgerEntry], dict[str, Refused]]:
    """New entries, and the refusals by uid."""
    entries: list[LedgerEntry] = []
    refusals: dict[str, Refused] = {}
    for (request, claim), outcome in zip(wants, decision.outcomes, strict=True):
        uid = request.metadata.uid
        if isinstance(outcome, Prefix):
            entries.append(LedgerEntry(outcome, Entry(cidr=str(outcome), holder=claim.holder, uid=uid)))
        else:
            refusals[uid] = _explained(outcome, request, claim, situation)
    return entries, refusals


def _explained(refusal: Refused, request: RequestObject, claim: Claim, situation: _Situation) -> Refused:
    """The refusal of a request for want of room, and why it does not get a recorded or reserved block."""
    text, observed = request.metadata.annotations.cidr, situation.observed
    if not (text or observed.terms.reservations):
        return refusal
    if request.status.cidr or refusal.reason not in ("Exhausted", TAKEN, "QuotaExceeded", "TooLarge"):
        return refusal
    reserved = observed.reserved_for(request)
    if claim.exact in reserved:
        return replace(refusal, message=f"waiting for a block that is reserved for this request: {refusal.message}")
    reasons = [refusal.message, not_wanted(reserved, claim)]
    if text and (claim.exact is None or block_named_by(text) != claim.exact):
        reasons.append(unused_record(request, claim, observed, situation.occupancy))
    return replace(refusal, message=JOINT.join(filter(None, reasons)))


# --- what a request claims -------------------------------------------------------------------------------------------


def _claim_or_refusal(request: RequestObject, situation: _Situation, rules: Sequence[_Rule]) -> Claim | Refused:
    """The claim of a request; or the first refusal."""
    claim = claim_of(request, situation.observed)
    if isinstance(claim, Refused):
        return claim
    if situation.waiting_blocks and not (request.status.cidr or situation.kept.on_hold):
        claim = _with_reservation(claim, request, situation)
    for rule in rules:
        if refused := rule(request, claim, situation):
            return refused
    # On hold a claim is one to its previous block.
    return claim._replace(exact=claim.previous) if situation.kept.on_hold else claim


def _with_reservation(claim: Claim, request: RequestObject, situation: _Situation) -> Claim:
    """The claim to a block that is reserved for the request, if it is what the request wants; or the claim as it was.

    The block that an earlier life of the request had comes first, as long as it is free.
    """
    reserved = [block for holder in holders_of(request) for block in situation.waiting_blocks.get(holder, ())]
    block = next((each for each in reserved if is_wanted(each, claim)), None)
    if block is None:
        return claim
    if _can_have_its_previous_block(claim, situation, reserved):
        return claim._replace(exact=claim.previous)
    return claim._replace(exact=block, previous=None)


def _can_have_its_previous_block(claim: Claim, situation: _Situation, reserved: Collection[Prefix] = ()) -> bool:
    """Whether the block that an earlier life of a request had is free, or kept only by one of its own reservations.

    It comes before the block that the spec names.
    """
    previous = claim.previous
    if previous is None or not situation.observed.terms.pool.has(previous):
        return False
    occupant = situation.occupancy.first_in_the_way_of(previous)
    return occupant is None or (previous in reserved and isinstance(occupant, ReservedFor))


def _wants_former_block(request: RequestObject, claim: Claim, situation: _Situation) -> bool:
    return wants_former_block(request, claim, situation.observed, on_hold=situation.kept.on_hold)


def _overrides_reservations(request: RequestObject, claim: Claim, situation: _Situation) -> bool:
    """Whether no reservation keeps a request from the block that it claims.

    Its own does not, and none keeps a request from a block that it had before: which it shows, or records on hold.
    """
    if request.status.cidr or situation.kept.on_hold:
        return True
    return claim.exact is not None and claim.exact in situation.observed.reserved_for(request)


# --- rules: what refuses a claim before it is decided ----------------------------------------------------------------


def _refusal_of_all(situation: _Situation) -> Refused | None:
    """Why the range serves no request at all; None if it does."""
    name, reason = situation.observed.name, situation.observed.terms.invalid_reason
    if reason:
        return Refused(Verdict.INVALID, "InvalidRange", f"range {name} is invalid: {reason}")
    if situation.kept.closing:
        message = f"range {name} is being deleted: create a request for another range"
        return Refused(Verdict.INVALID, "RangeDeleted", message)
    delegation = situation.observed.delegation
    if delegation and not delegation.is_named:
        return Refused(Verdict.BUSY, "NotDelegated", f"range {name} allocates nothing: {delegation.obstacle}")
    return None


def _has_gateways(observed: Observed) -> bool:
    return observed.terms.gateway is not None or bool(observed.terms.former_gateways)


def _does_not_want_a_gateway(request: RequestObject, claim: Claim, situation: _Situation) -> Refused | None:
    if not claim.exact or _wants_former_block(request, claim, situation):
        return None
    message = gateway_in(claim.exact, situation.observed)
    return Refused(Verdict.INVALID, "Gateway", message) if message else None


def _is_not_closed(request: RequestObject, claim: Claim, situation: _Situation) -> Refused | None:
    """A closed range grants only what a request had before: which it shows, or records on hold."""
    if claim.previous and (request.status.cidr or situation.kept.on_hold):
        return None
    message = f"range {situation.observed.name} is closed: it allocates no new blocks"
    if claim.previous:
        record = request.metadata.annotations.cidr
        message = f"{message}; {record} is recorded, and is allocated only while the range is on hold"
    elif reason := unused_record(request, claim, situation.observed, situation.occupancy):
        message = f"{message}; {reason}"
    return Refused(Verdict.BUSY, "Closed", message)


def _is_not_reserved_for_others(request: RequestObject, claim: Claim, situation: _Situation) -> Refused | None:
    if claim.exact is None or _overrides_reservations(request, claim, situation):
        return None
    if _can_have_its_previous_block(claim, situation):
        return None
    found = situation.occupancy.reservation_in(claim.exact)
    if found is None or refusal_of_block(situation.observed.terms.pool, claim.exact):  # which is final, and comes first
        return None
    message = f"{claim.exact} is reserved for {found.holder}"
    if claim.exact != found.block:
        message = f"{claim.exact} has addresses of {found.block}, which is reserved for {found.holder}"
    return Refused(Verdict.BUSY, "Reserved", message)


def _previous_block_is_announced(_: RequestObject, claim: Claim, situation: _Situation) -> Refused | None:
    """A request waits a moment rather than permanently get another block than before; this is not published."""
    previous, unannounced = claim.previous, situation.extents.unannounced
    if previous is None or unannounced.overlap_with(previous) is None:
        return None
    return Refused(Verdict.BUSY, "Unannounced", f"{previous} has not been announced yet")


def _has_a_previous_block_on_hold(request: RequestObject, claim: Claim, situation: _Situation) -> Refused | None:
    pool = situation.observed.terms.pool
    if claim.previous and (request.status.cidr or pool.has(claim.previous)):
        return None
    if _wants_former_block(request, claim, situation):
        return None
    message = f"{pool.name} is on hold: only requests with a recorded address are served"
    if reason := unused_record(request, claim, situation.observed, situation.occupancy):
        message = f"{pool.name} is on hold, and the recorded address can't be allocated: {reason}"
    return Refused(Verdict.BUSY, "OnHold", message)


#: When a rule applies, and the rule; in the order in which they are asked. The first refusal wins.
_CLAIM_RULES: tuple[tuple[Callable[[_Situation], bool], _Rule], ...] = (
    (lambda situation: _has_gateways(situation.observed), _does_not_want_a_gateway),
    (lambda situation: situation.observed.terms.is_closed, _is_not_closed),
    (lambda situation: bool(situation.extents.unannounced), _previous_block_is_announced),
    (lambda situation: situation.kept.on_hold, _has_a_previous_block_on_hold),
    (lambda situation: bool(situation.occupancy.reserved), _is_not_reserved_for_others),
)
