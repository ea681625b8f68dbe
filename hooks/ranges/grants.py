"""Grants: requests that wait become claims, and the outcomes of claims become entries and refusals.

Before a claim is decided by `ipam.allocate`, rules of the range may refuse it. They are ordered chains of small
functions: the first refusal wins.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from hooks.api.kinds import Entry, RequestObject
from hooks.ranges.extents import Extents
from hooks.ranges.ledger import Ledger, LedgerEntry, grant_count_max, read_cursors, with_grants, written_cursors
from hooks.ranges.observed import Observed
from hooks.ranges.occupancy import Occupancy
from hooks.ranges.quotas import Quotas
from hooks.ranges.records import contradiction, gateway_in, unused_record
from hooks.ranges.returns import is_return
from hooks.ranges.spec import Terms
from ipam.address import Prefix, block_named_by
from ipam.allocate import TAKEN, Claim, Decision, Refused, Verdict, allocate
from ipam.claim_forms import InvalidClaim, parse_claim


@dataclass(frozen=True, slots=True)
class Grants:
    """The outcome for waiting requests.

    Attributes:
        entries: new ones.
        refusals: of the other requests, by uid.
        occupancy: what could not be granted.
        decision: about all claims; None if the range's spec is invalid.
        round_robin: the cursors behind the grants; none where the mode is another one.
        is_announcing: whether some addresses are about to be announced.
    """

    entries: list[LedgerEntry]
    refusals: dict[str, Refused]
    occupancy: Occupancy
    decision: Decision | None
    round_robin: dict[str, str]
    is_announcing: bool

    @property
    def publishable_refusals(self) -> dict[str, Refused]:
        """The refusals that rest on committed facts only (S3).

        One for lack of room that rests on these grants waits for their commit, and one that rests on addresses that are
        about to be announced waits for them.
        """
        if not (self.entries or self.is_announcing):
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
    """What the rules look at besides the claim."""

    observed: Observed
    kept: Ledger
    extents: Extents
    occupancy: Occupancy


#: Why the claim of a request is refused; None if the rule has no objection.
_Rule = Callable[[RequestObject, Claim, _Situation], Refused | None]


def grant(observed: Observed, kept: Ledger, occupancy: Occupancy, extents: Extents) -> Grants:
    """Decide about all requests that wait."""
    waiting = observed.waiting(kept)
    situation = _Situation(observed, kept, extents, occupancy)
    if refused := _refusal_of_all(situation):
        decision = None if observed.terms.invalid_reason else allocate(observed.terms.pool, occupancy.occupants, [])
        all_refused = {request.metadata.uid: refused for request in waiting}
        return Grants([], all_refused, occupancy, decision, {}, is_announcing=False)
    claimants: list[tuple[RequestObject, Claim]] = []
    refusals: dict[str, Refused] = {}
    rules = [rule for applies, rule in _CLAIM_RULES if applies(situation)]
    for request in waiting:
        want = _claim_or_refusal(request, situation, rules)
        if isinstance(want, Claim):
            claimants.append((request, want))
        else:
            refusals[request.metadata.uid] = want
    grants = _decided(claimants, situation)
    return replace(grants, refusals=refusals | grants.refusals)


def _decided(claimants: Sequence[tuple[RequestObject, Claim]], situation: _Situation) -> Grants:
    """The outcomes of all claims: first of returns, from all addresses of the range, then of others, from its pool."""
    observed, kept, extents, occupancy = situation
    pool, count_max = observed.terms.pool, grant_count_max(kept, [request for request, _ in claimants])
    may_return = pool.retired or pool.reserved
    returns = [each for each in claimants if is_return(*each, observed, on_hold=kept.on_hold)] if may_return else []
    entries, refusals = list[LedgerEntry](), dict[str, Refused]()
    if returns:
        claims = [claim._replace(exact=claim.previous) for _, claim in returns]
        returned = allocate(pool.with_retired(), occupancy.occupants, claims, grant_count_max=count_max)
        entries, refusals = _outcomes(returns, returned, situation)
        occupancy = occupancy.with_grants(entries)
        claimants = [each for each in claimants if not is_return(*each, observed, on_hold=kept.on_hold)]
    cursors = _cursors(observed.terms, kept)
    claims = [claim for _, claim in claimants]
    if quota := observed.terms.quota:
        claims = _with_budgets(claimants, Quotas(quota, with_grants(kept, entries, {})))
    decision = allocate(pool, occupancy.occupants, claims, cursors, count_max - len(entries))
    granted, refused = _outcomes(claimants, decision, situation)
    return Grants(
        entries=[*entries, *granted],
        refusals=refusals | refused,
        occupancy=occupancy,
        decision=decision,
        round_robin=written_cursors(decision.cursors, pool.family) if observed.terms.mode == "RoundRobin" else {},
        is_announcing=bool(extents.pending),
    )


def _outcomes(
    claimants: Sequence[tuple[RequestObject, Claim]], decision: Decision, situation: _Situation
) -> tuple[list[LedgerEntry], dict[str, Refused]]:
    """New entries, and the refusals by uid."""
    entries: list[LedgerEntry] = []
    refusals: dict[str, Refused] = {}
    for (request, claim), outcome in zip(claimants, decision.outcomes, strict=True):
        uid = request.metadata.uid
        if isinstance(outcome, Prefix):
            entries.append(LedgerEntry(outcome, Entry(cidr=str(outcome), holder=claim.holder, uid=uid)))
        else:
            refusals[uid] = _with_unused_record(outcome, request, claim, situation)
    return entries, refusals


def _with_budgets(claimants: Sequence[tuple[RequestObject, Claim]], quotas: Quotas) -> list[Claim]:
    """The claims, each with what its namespace may hold."""
    return [claim._replace(budget=quotas.budget_of(request.metadata.namespace)) for request, claim in claimants]


def _cursors(terms: Terms, kept: Ledger) -> dict[int, int] | None:
    """Where to look for free places: first fit looks from the start in each call; best fit has no such place."""
    if terms.mode == "RoundRobin":
        return read_cursors(kept.round_robin, terms.family)
    return {} if terms.mode == "FirstFit" else None


def _with_unused_record(refusal: Refused, request: RequestObject, claim: Claim, situation: _Situation) -> Refused:
    """The refusal of a request that waits for room, with the reason why its recorded block is not allocated to it."""
    text = request.metadata.annotations.cidr
    if not text or request.status.cidr or refusal.reason not in ("Exhausted", TAKEN, "QuotaExceeded"):
        return refusal
    recorded = block_named_by(text)
    if recorded and recorded == claim.exact:
        return refusal
    reason = unused_record(request, claim, situation.observed, situation.occupancy)
    return replace(refusal, message=f"{refusal.message}; {reason}") if reason else refusal


# --- what a request claims -------------------------------------------------------------------------------------------


def _claim_or_refusal(request: RequestObject, situation: _Situation, rules: Sequence[_Rule]) -> Claim | Refused:
    """The claim of a request; or the first refusal."""
    claim = _claim(request, situation.observed)
    if isinstance(claim, Refused):
        return claim
    for rule in rules:
        if refused := rule(request, claim, situation):
            return refused
    # On hold a claim is one to its previous block.
    return claim._replace(exact=claim.previous) if situation.kept.on_hold else claim


def _claim(request: RequestObject, observed: Observed) -> Claim | Refused:
    """What a request wants; a refusal if that can't be understood."""
    uid, terms = request.metadata.uid, observed.terms
    if fault := observed.bad_specs.get(uid):
        return Refused(Verdict.INVALID, "InvalidSpec", f"the spec can't be read: {fault}")
    holder = str(request.metadata.namespaced_name)
    # A published block stays: a request that shows one and is not in the ledger gets that one or none.
    wanted = request.status.cidr or request.spec.wanted
    try:
        length = request.spec.size or terms.default_length
        claim = parse_claim(holder, wanted, terms.pool) if wanted else Claim(holder, length)
    except InvalidClaim as error:
        return Refused(Verdict.INVALID, "InvalidRequest", f"request {error}")
    previous = claim.exact if request.status.cidr else _previous(request, claim)
    return claim._replace(previous=previous) if previous else claim


def _previous(request: RequestObject, claim: Claim) -> Prefix | None:
    """The block that an earlier life of the request had, by its annotation, if it is what the claim wants."""
    text = request.metadata.annotations.cidr
    previous = block_named_by(text) if text else None
    return None if previous is None or contradiction(request, claim, previous) else previous


# --- rules: what refuses a claim before it is decided ----------------------------------------------------------------


def _refusal_of_all(situation: _Situation) -> Refused | None:
    """Why the range serves no request at all; None if it does."""
    name, reason = situation.observed.name, situation.observed.terms.invalid_reason
    if reason:
        return Refused(Verdict.INVALID, "InvalidRange", f"range {name} is invalid: {reason}")
    if situation.kept.closing:
        message = f"range {name} is being deleted: create a request for another range"
        return Refused(Verdict.INVALID, "RangeDeleted", message)
    return None


def _has_gateways(observed: Observed) -> bool:
    return observed.terms.gateway is not None or bool(observed.terms.former_gateways)


def _does_not_want_a_gateway(request: RequestObject, claim: Claim, situation: _Situation) -> Refused | None:
    if not claim.exact or is_return(request, claim, situation.observed, on_hold=situation.kept.on_hold):
        return None
    message = gateway_in(claim.exact, situation.observed)
    return Refused(Verdict.INVALID, "Gateway", message) if message else None


def _is_not_closed(request: RequestObject, claim: Claim, situation: _Situation) -> Refused | None:
    """A closed range grants only what a request had before."""
    if claim.previous and (request.status.cidr or situation.kept.on_hold):
        return None
    message = f"range {situation.observed.name} is closed: it allocates no new blocks"
    return Refused(Verdict.BUSY, "Closed", message)


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
    if is_return(request, claim, situation.observed, on_hold=True):
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
)
