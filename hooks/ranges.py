"""The hooks of an IPAMRange: the whole picture of one range in, its next status and its allocations out.

    observe   what is seen: the ledger, the requests of this range, the answers that exist   (observed.py)
    settle    releases with proof, marks of absent holders                                   (ledger.py)
    extend    which of its addresses no older range of its domain has                        (extents.py)
    serve     blocks for those who wait, in order                                            (ipam.allocate)
    publish   answers, from the observed ledger only                                         (answers.py)
    report    the proposed ledger, in words and numbers                                      (range_status.py)

The status that is returned is a proposal. It holds once the API server has accepted it, which the next call sees.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hooks import names, network
from hooks.answers import Answers, allocation_objects, published
from hooks.extents import Extents, observed_extents
from hooks.ledger import (
    ABSENCE_BEFORE_RELEASE,
    Ledger,
    grant_count_max,
    read_cursors,
    settled,
    with_grants,
    written_cursors,
)
from hooks.namespaces import allowed_by
from hooks.observed import Observed, request_key
from hooks.range_status import Service, range_status
from hooks.wire import Entry, RangeBody, RangeCustomizeBody, RangeSpec, RequestObject, decode_spec, timestamp
from ipam.address import Prefix, block_named_by, read_prefix
from ipam.allocate import Allocation, Claim, Refused, Verdict, allocate
from ipam.claim_forms import InvalidClaim, parse_claim
from ipam.pool import Pool

#: Metacontroller may lose a wake-up (a failed customize call, an AlreadyExists): look again after this many seconds
#: while the answers that are seen are not those that shall be.
RECHECK_SECONDS = 10.0
#: And in any case after this many: a failed customize call may also lose what happens to a request, whose own looks
#: wake nobody else. Metacontroller itself looks again after half an hour.
RECHECK_AT_REST_SECONDS = 300.0


def customize(body: RangeCustomizeBody) -> dict[str, Any]:
    """What else a range's sync must see: the requests that name it, its namespace, those that it selects, extents.

    Requests of other namespaces are left out where none can be served, so that nobody else can fill its calls.
    Metacontroller unites what several rules for one resource select, and fails where a selector is none.
    """
    meta = body.parent.metadata
    spec = decode_spec(body.parent.spec, RangeSpec)
    by_name = {"matchLabels": {names.RANGE_LABEL: names.range_label(meta.namespace, meta.name)}}
    requests = {"apiVersion": names.API_VERSION, "resource": "ipamrequests", "labelSelector": by_name}
    allowed = allowed_by(spec)
    if isinstance(spec, RangeSpec) and allowed.source == "Same":  # one that can't be read may have holders anywhere
        requests["namespace"] = meta.namespace
    domain = names.domain_text(meta.namespace, spec.domain if isinstance(spec, RangeSpec) else "")
    extents = {"matchLabels": {names.DOMAIN_LABEL: names.domain_label(domain)}}
    rules: list[dict[str, Any]] = [
        requests,
        {"apiVersion": "v1", "resource": "namespaces", "names": [meta.namespace]},
        {"apiVersion": names.API_VERSION, "resource": "ipamextents", "labelSelector": extents},
    ]
    if allowed.selector is not None:
        rules.append({"apiVersion": "v1", "resource": "namespaces", "labelSelector": allowed.selector})
    return {"relatedResources": rules}


def sync(body: RangeBody, now: datetime) -> dict[str, Any]:
    """The next status and the desired allocations of a range, be it in use or being deleted.

    Raises:
        ProtocolError: if the ledger can't be read. Nothing is answered then, and nothing is lost.
    """
    now = now.replace(microsecond=0)
    seen = Observed(body)
    kept = settled(seen.ledger, seen.sightings, now, seen.cooldown)
    extents = observed_extents(seen)
    service = _serve(seen, kept, extents)
    answers = published(seen, service.told)
    proposal = with_grants(kept, service.grants, service.round_robin)
    if proposal != seen.ledger:
        proposal = replace(proposal, revision=seen.ledger.revision + 1)
    reply = {
        "status": range_status(seen, proposal, service, extents, now),
        "children": [*allocation_objects(answers, seen), *extents.objects],
        "resyncAfterSeconds": _resync_after_seconds(seen, proposal, answers, extents, now),
    }
    if body.finalizing:
        # Metacontroller drops our finalizer before it writes anything else: only committed facts may allow it.
        held_by = (seen.ledger.entries, seen.referring, seen.unreadable_requests, seen.answers, seen.unread_answers)
        reply["finalized"] = seen.ledger.closing and not any(held_by)
    return reply


def _serve(seen: Observed, kept: Ledger, extents: Extents) -> Service:
    """Decide about everybody who waits."""
    waiting = seen.waiting(kept)
    if isinstance(seen.pool, str):
        reason = Refused(Verdict.INVALID, "InvalidRange", f"range {seen.range_text} is invalid: {seen.pool}")
        return Service([], {request.metadata.uid: reason for request in waiting}, None, {})
    if kept.closing:
        reason = Refused(Verdict.INVALID, "RangeDeleted", f"range {seen.range_text} is being deleted")
        refusals = {request.metadata.uid: reason for request in waiting}
        held = [*_held(kept, seen.cooldown), *extents.withheld(kept)]
        return Service([], refusals, allocate(seen.pool, held, []), {})
    service = _grant(seen, kept, extents, seen.pool, waiting)
    return service.without_waiting() if extents.awaited else service


def _grant(seen: Observed, kept: Ledger, extents: Extents, pool: Pool, waiting: list[RequestObject]) -> Service:
    """Turn requests into claims, and their outcomes into entries and refusals."""
    wants = [(request, _claim(request, seen, pool)) for request in waiting]
    if extents.awaited:  # who would get another block than the recorded one, for ever, waits a moment
        wants = [each for each in wants if not _is_too_early(each[1], extents)]
    if kept.held:
        wants = [(request, _on_hold(want, pool) if isinstance(want, Claim) else want) for request, want in wants]
    refusals = {request.metadata.uid: want for request, want in wants if isinstance(want, Refused)}
    claimants = [request for request, want in wants if isinstance(want, Claim)]
    claims = [want for _, want in wants if isinstance(want, Claim)]
    held = [*_held(kept, seen.cooldown), *extents.withheld(kept)]
    decision = allocate(pool, held, claims, _cursors(seen, kept, pool), grant_count_max(kept, claimants))
    grants: list[Entry] = []
    is_cooling = bool(kept.cooling_ends(seen.cooldown))
    for request, claim, outcome in zip(claimants, claims, decision.outcomes, strict=True):
        uid = request.metadata.uid
        if isinstance(outcome, Prefix):
            grants.append(Entry(cidr=str(outcome), request=claim.holder, uid=uid))
        else:
            refusals[uid] = _with_prospect(outcome) if is_cooling else outcome
    return Service(grants, refusals, decision, written_cursors(decision.cursors, pool.family))


def _is_too_early(want: Claim | Refused, extents: Extents) -> bool:
    return isinstance(want, Claim) and want.recorded is not None and extents.awaits(want.recorded)


def _with_prospect(refused: Refused) -> Refused:
    """The refusal of who waits for any block, where some cool down; until when, only the range says, for that moves."""
    if refused.reason != "Exhausted":
        return refused
    return replace(refused, message=f"{refused.message}; released blocks cool down")


def _claim(request: RequestObject, seen: Observed, pool: Pool) -> Claim | Refused:
    """What a request wants; a refusal if that can't be understood."""
    spec = seen.request_specs[request.metadata.uid]
    if isinstance(spec, str):
        return Refused(Verdict.INVALID, "InvalidSpec", f"the spec can't be read: {spec}")
    assert isinstance(seen.spec, RangeSpec), "a pool comes from a spec"
    holder = "/".join(request_key(request))
    # A published block stays: a request that shows one and is not in the ledger gets that one or none.
    wanted = request.status.cidr or spec.request
    try:
        length = spec.size or seen.spec.chunk_size or pool.family.bits
        claim = parse_claim(holder, wanted, pool) if wanted else Claim(holder, length)
    except InvalidClaim as error:
        return Refused(Verdict.INVALID, "InvalidRequest", f"request {error}")
    recorded = claim.exact if request.status.cidr else _recorded(request, claim)
    refused = claim.exact and network.refusal_of(claim.exact, seen.network, seen.range_text)
    return refused or (claim._replace(recorded=recorded) if recorded else claim)


def _recorded(request: RequestObject, claim: Claim) -> Prefix | None:
    """The block that an earlier life of the request had, by its annotation, if it is what the claim wants."""
    text = request.metadata.annotations.cidr
    recorded = block_named_by(text) if text else None
    if recorded is None:
        return None
    is_wanted = recorded == claim.exact if claim.exact else recorded.length == claim.prefix_length
    return recorded if is_wanted else None


def _on_hold(claim: Claim, pool: Pool) -> Claim | Refused:
    """A claim on a range that is on hold: to the recorded block, or none."""
    if claim.recorded and (claim.exact or pool.covers(claim.recorded)):
        return claim._replace(exact=claim.recorded)
    message = f"{pool.name} is on hold: only requests with a recorded address are served"
    return Refused(Verdict.BUSY, "OnHold", message)


def _held(ledger: Ledger, cooldown: timedelta) -> list[Allocation]:
    return [Allocation(read_prefix(entry.cidr), _holder(entry, cooldown)) for entry in ledger.entries.values()]


def _holder(entry: Entry, cooldown: timedelta) -> str:
    if entry.released_at is None:
        return entry.request
    return f"nobody, but cools down until {timestamp(entry.released_at + cooldown)} (it was {entry.request}'s)"


def _cursors(seen: Observed, ledger: Ledger, pool: Pool) -> dict[int, int] | None:
    """Where round robin looks next; None for a range of another mode."""
    assert isinstance(seen.spec, RangeSpec), "a pool comes from a spec"
    return read_cursors(ledger.round_robin, pool.family) if seen.spec.mode == "RoundRobin" else None


def _resync_after_seconds(seen: Observed, proposal: Ledger, answers: Answers, extents: Extents, now: datetime) -> float:
    """When to look again although nothing happens."""
    delays = [RECHECK_AT_REST_SECONDS]
    if (answers != seen.answers or extents.awaited) and not seen.namespace_is_terminating:
        delays.append(RECHECK_SECONDS)
    if proposal.closing:
        delays += [
            max((ABSENCE_BEFORE_RELEASE - (now - entry.absent_since)).total_seconds(), 1.0)
            for entry in proposal.entries.values()
            if entry.absent_since
        ]
    delays += [max((end - now).total_seconds(), 1.0) for end in proposal.cooling_ends(seen.cooldown)]
    return min(delays)
