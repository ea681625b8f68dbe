"""The hooks of an IPAMRange: the whole picture of one range in, its next status and its children out.

    observe    the ledger, the requests of this range, the answers that exist   (observed.py)
    release    entries whose holders are deleted, by proof; absent ones marked  (releases.py)
    announce   the addresses that no older range of the domain has              (extents.py)
    return     blocks to requests of the same name that are created again       (returns.py)
    occupy     what can't be granted, and why                                   (occupancy.py)
    grant      blocks for requests that wait, in order                          (grants.py)
    withdraw   addresses that the spec does not have any more                   (withdrawals.py)
    publish    answers, from the observed ledger only                           (answers.py)
    place      the answers in slices                                            (placement.py)
    report     the proposed ledger, in words and numbers                        (status.py)
    log        what was committed since the existing answers                    (events.py)

The status that is returned is a proposal. It holds once the API server has accepted it, which the next call observes.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from hooks.api import names
from hooks.api.shards import is_handed_over
from hooks.protocol.bodies import RangeBody, RangeCustomizeBody
from hooks.protocol.errors import OldLedger
from hooks.ranges.answers import is_refusal, published
from hooks.ranges.cells import cells_to_ask_for
from hooks.ranges.events import Event, events
from hooks.ranges.extents import observe_extents
from hooks.ranges.gateways import withheld_gateways
from hooks.ranges.grants import grant
from hooks.ranges.ledger import Ledger, with_grants
from hooks.ranges.observed import Observed
from hooks.ranges.occupancy import Occupancy, occupancy_of
from hooks.ranges.outdated import children_as_they_were
from hooks.ranges.placement import placed
from hooks.ranges.releases import ABSENCE_BEFORE_RECLAIM, after_releases
from hooks.ranges.returns import with_returns
from hooks.ranges.spec import Terms, read_terms
from hooks.ranges.status import outdated_status, range_status
from hooks.ranges.withdrawals import with_withdrawals

#: Metacontroller may lose an event (a failed customize call, an AlreadyExists): resync after this many seconds while
#: the answers that exist are not those that should exist.
RECHECK_SECONDS = 10.0
#: And in any case after this many: a failed customize call may also lose what happens to a request, whose own resyncs
#: enqueue nothing else. Metacontroller itself resyncs after half an hour.
RECHECK_AT_REST_SECONDS = 300.0


def customize(body: RangeCustomizeBody) -> dict[str, Any]:
    """What else a range's sync must observe: the requests that name it, namespaces, and the extents of its domain.

    Of a delegated range, also the request from whose block it was made. Requests of other namespaces are left out where
    none can be served, so that other namespaces can't fill its calls.

    Metacontroller unites what several rules for one resource select, and fails if a selector is invalid.
    """
    name = body.parent.metadata.namespaced_name
    terms = read_terms(name, body.parent.spec, body.parent.status)
    by_range = {"matchLabels": {names.RANGE_LABEL: names.range_label(name)}}
    requests = {"apiVersion": names.API_VERSION, "resource": "ipamrequests", "labelSelector": by_range}
    if terms.is_readable and terms.allowed.source == "Same" and not body.parent.status.was_shared:
        requests["namespace"] = name.namespace  # one that can't be read, or was shared, may have holders anywhere
    rules: list[dict[str, Any]] = [
        requests,
        {"apiVersion": "v1", "resource": "namespaces", "names": [name.namespace]},
    ]
    if terms.delegated_from:
        of_range = {"namespace": name.namespace, "names": [terms.delegated_from.name]}
        rules.append({"apiVersion": names.API_VERSION, "resource": "ipamrequests", **of_range})
    if not body.parent.metadata.deletion_timestamp:  # from then on it grants nothing; its calls must not be too large
        selector = _extents_selector(terms)
        rules.append({"apiVersion": names.API_VERSION, "resource": "ipamextents", "labelSelector": selector})
    if terms.allowed.selector is not None:
        rules.append({"apiVersion": "v1", "resource": "namespaces", "labelSelector": terms.allowed.selector})
    return {"relatedResources": rules}


def _extents_selector(terms: Terms) -> dict[str, Any]:
    """The extents of the domain with which a range may have addresses in common; of one that is invalid, all."""
    selector: dict[str, Any] = {"matchLabels": {names.DOMAIN_LABEL: names.domain_label(terms.domain.name)}}
    cells = None if terms.invalid_reason else cells_to_ask_for(terms.pool.addresses)
    if cells is not None:
        selector["matchExpressions"] = [{"key": names.CELL_LABEL, "operator": "In", "values": cells}]
    return selector


class Synced(NamedTuple):
    """The outcome of a call.

    Attributes:
        answer: what Metacontroller gets.
        events: what the call observed as committed and no answer showed before.
        is_awaited: whether a request or another range waits for what the answer changes, if it changes anything.
    """

    answer: dict[str, Any]
    events: list[Event]
    is_awaited: bool = True


def sync(body: RangeBody, now: datetime) -> dict[str, Any]:
    """The answer of `sync_with_events`."""
    return sync_with_events(body, now).answer


def sync_with_events(body: RangeBody, now: datetime) -> Synced:
    """The next status and the desired children of a range: in use, being deleted, or being moved to another shard.

    Args:
        body: the call.
        now: when it takes place, in whole seconds.

    Raises:
        ProtocolError: if the ledger can't be read. Nothing is answered then, and nothing is lost.
        OldLedger: if the answer would be rejected, because the ledger has probably changed since.
    """
    observed = Observed(body)
    if observed.outdated_kinds:
        return Synced(_outdated(observed, observed.outdated_kinds, now), [])
    if observed.slices.is_newer_proposed(observed.ledger.revision, len(observed.requests), now):
        raise OldLedger(observed.ledger.revision, len(observed.requests))
    kept = _kept(observed, now)
    extents = observe_extents(observed, now)
    kept = with_returns(kept, observed, extents)
    occupancy = occupancy_of(kept, extents, observed.terms)
    grants = grant(observed, kept, occupancy, extents)
    proposal = with_grants(kept, grants.entries, grants.round_robin)
    proposal = _next_revision(observed.ledger, with_withdrawals(proposal, observed))
    placement = placed(published(observed, grants.publishable_refusals, occupancy), observed, proposal.revision, now)
    is_finished = observed.namespace_is_terminating or (not extents.pending and placement.is_complete)
    reply = {
        "status": range_status(
            observed,
            proposal,
            grants,
            extents,
            now,
            delayed_count=placement.delayed_count,
            is_over=observed.delegation is not None and _is_over(observed),
        ),
        "children": [*placement.children, *extents.children],
        "resyncAfterSeconds": _resync_after_seconds(observed, proposal, occupancy, now, is_finished=is_finished),
    }
    if body.finalizing:
        reply |= _finalization(observed, now)
    is_proposal = proposal.revision > observed.ledger.revision
    is_awaited = body.finalizing or is_proposal or placement.has_news or bool(extents.pending)
    return Synced(reply, events(observed, placement, now), is_awaited=is_awaited)


def _kept(observed: Observed, now: datetime) -> Ledger:
    """The ledger after releases, with what else the range and its spec say."""
    kept = after_releases(observed.ledger, observed.evidence, now, observed.terms.cooldown)
    return replace(
        kept,
        on_hold=observed.wants_hold,
        gateways=withheld_gateways(observed, kept),
        was_shared=kept.was_shared or observed.terms.allowed.source != "Same",
        generation=observed.body.parent.metadata.generation,
    )


def _finalization(observed: Observed, now: datetime) -> dict[str, Any]:
    """Whether our finalizer is removed. Metacontroller does so before it writes anything else: only by committed facts.

    A range from which nothing can be allocated any more gives up its extents and refusals first. Another finalizer may
    keep the range, and as long as one of its extents exists, deleted requests that name it wait for its answer.
    """
    deletion = observed.body.parent.metadata.deletion_timestamp
    if deletion is None:
        return {"finalized": is_handed_over(observed.body.parent.metadata, names.RANGE_FINALIZER)}
    if not _is_over(observed):
        return {"finalized": False}
    if observed.delegation and observed.delegation.keeps(deletion, now):
        return {"children": [], "finalized": False, "resyncAfterSeconds": RECHECK_SECONDS}
    return {"children": [], "finalized": not any(observed.body.children.values())}


def _is_over(observed: Observed) -> bool:
    """Whether by committed facts nothing of the range is held, and nothing can be granted any more."""
    return observed.ledger.closing and not _has_blockers(observed)


def _outdated(observed: Observed, kinds: list[str], now: datetime) -> dict[str, Any]:
    """Nothing is decided by objects of which an API server with an older schema may have dropped a part.

    But that the range is being deleted, which is true whatever they say. Children get the marker, so that those that
    older hooks have written are complete from then on.
    """
    generation = observed.body.parent.metadata.generation  # Metacontroller reports the observed one in any case
    closing = observed.ledger.closing or observed.is_deleted
    ledger = _next_revision(observed.ledger, replace(observed.ledger, closing=closing, generation=generation))
    reply: dict[str, Any] = {
        "status": outdated_status(observed, ledger, kinds, now),
        "children": children_as_they_were(observed, now),
        "resyncAfterSeconds": RECHECK_SECONDS,
    }
    if observed.body.finalizing:
        reply["finalized"] = False
    return reply


def _next_revision(ledger: Ledger, proposal: Ledger) -> Ledger:
    """S2: a changed ledger has the next revision."""
    return proposal if proposal == ledger else replace(proposal, revision=ledger.revision + 1)


def _has_blockers(observed: Observed) -> bool:
    """Whether something observed keeps a range from being deleted: refused requests and their answers do not."""
    return bool(
        observed.ledger.entries
        or observed.blockers
        or observed.unreadable_requests
        or not all(map(is_refusal, observed.answers.values()))
        or observed.slices.unreadable
    )


def _resync_after_seconds(
    observed: Observed, proposal: Ledger, occupancy: Occupancy, now: datetime, *, is_finished: bool
) -> float:
    """When to call again although nothing happens."""
    delays = [RECHECK_AT_REST_SECONDS if is_finished else RECHECK_SECONDS]
    delays += [
        max((ABSENCE_BEFORE_RECLAIM - (now - entry.absent_since)).total_seconds(), 1.0)
        for entry in proposal.entries.values()
        if entry.absent_since and entry.uid in observed.reclaimed
    ]
    if end := occupancy.first_cooling_end:
        delays.append(max((end - now).total_seconds(), 1.0))
    return min(delays)
