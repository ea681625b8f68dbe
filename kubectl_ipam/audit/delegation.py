"""Rules about delegation: a request, and the range that was made from its block (decision 34).

A range is read before its request. So what the request says may be newer, but never older than what its range says.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from hooks.api import names
from kubectl_ipam.audit.facts import Facts, named, named_range
from kubectl_ipam.audit.findings import Finding, error, unless_delayed, warning
from kubectl_ipam.objects import Request
from kubectl_ipam.output.words import count
from kubectl_ipam.views import RangeView

_DOCUMENT = "docs/operating.md, Delegated ranges"


def ranges_of_requests(facts: Facts) -> Iterator[Finding]:
    """Delegated ranges whose request is not there, or does not have what they allocate from."""
    for view in facts.readable:
        delegator = view.range.delegated_from
        if delegator is None:
            continue
        request, name = facts.snapshot.requests_by_uid.get(delegator.uid), str(view.name)
        if request is None:
            key = f"{view.name.namespace}/{delegator.name}"
            if facts.lacks_request(delegator.uid, key):
                yield _without_request(view, key, delegator.uid)
            continue
        subject, shown = named_range(view), request.metadata.namespaced_name
        if request.status.cidr and view.range.addresses != [request.status.cidr]:
            message = (
                f"its addresses are {', '.join(view.range.addresses)}, but request {shown} has {request.status.cidr}"
            )
            remedy = f"set spec.ranges to [{request.status.cidr}]; {_who_wrote('the spec of a delegated range')}"
            yield error("DelegatedBlockDiffers", subject, message, remedy, name)
        if view.terms.domain.name != (domain := names.delegated_domain(delegator.uid)):
            message = f"it is in domain {view.terms.domain.name}, and not in {domain}, where no other range can be"
            remedy = f"delete its requests, then the range; {_who_wrote('the spec of a delegated range')}"
            yield error("DelegatedDomainWrong", subject, message, remedy, name)
        if view.delegation and not view.delegation.is_named and request.metadata.deletion_timestamp is None:
            remedy = f"wait for Metacontroller, or delete the range if the request names another one: {_DOCUMENT}"
            finding = warning("DelegatedNotNamed", subject, view.delegation.obstacle, remedy, name)
            yield unless_delayed(finding, view.range.metadata.creation_timestamp)


def _without_request(view: RangeView, name: str, uid: str) -> Finding:
    """A delegated range without its request. The garbage collector deletes it, but not while blocks of it are held."""
    holders = [each.holder for each in view.ledger.entries.values() if each.released_at is None]
    if not holders:
        message = f"the request {name} (uid {uid}) from whose block it was made does not exist"
        finding = warning("DelegatorMissing", named_range(view), message, "delete the range", str(view.name))
        return unless_delayed(finding, view.range.metadata.creation_timestamp)
    message = (
        f"the request {name} (uid {uid}) from whose block it was made does not exist, but it holds "
        f"{count(len(holders), 'block')}: other requests may get the same addresses"
    )
    remedy = f"delete {', '.join(holders[:5])}{' and others' if len(holders) > 5 else ''}, then the range: {_DOCUMENT}"
    return error("DelegatorMissing", named_range(view), message, remedy, str(view.name))


def requests_that_delegate(facts: Facts) -> Iterator[Finding]:
    """Requests whose range is missing, belongs to others, or was reported as finished while blocks of it are held."""
    for request in facts.snapshot.requests.values():
        if request.delegated_name is None and request.status.range is None:
            continue
        if request.status.range is None:
            yield from _not_delegated(facts, request)
        elif not request.status.range.finished:
            yield from _named_but_missing(facts, request)
        else:
            yield from _finished_too_early(facts, request)


def _not_delegated(facts: Facts, request: Request) -> Iterator[Finding]:
    """Whether another range has the name of the one that is to be made."""
    name = request.delegated_name
    other = facts.snapshot.ranges.get(str(name))
    if other is None or not request.status.cidr or request.metadata.deletion_timestamp:
        return
    delegator = other.delegated_from
    if delegator and delegator.uid == request.metadata.uid:
        return
    whose = f"request {delegator.name} (uid {delegator.uid})" if delegator else "its owner"
    message = f"no range can be made from its block, because range {name} was made by {whose}"
    remedy = f"delete that range, or create another request with delegate.name: {_DOCUMENT}"
    finding = warning("DelegatedNameTaken", named(request), message, remedy, str(name))
    yield unless_delayed(finding, other.metadata.deletion_timestamp) if other.metadata.deletion_timestamp else finding


def _named_but_missing(facts: Facts, request: Request) -> Iterator[Finding]:
    """Whether the range that a request names is there. One that was named after reading began may be."""
    range_, name = request.status.range, str(request.delegated_name)
    if range_ is None or not facts.lacks_range(range_.uid, name) or _named_at(request) >= facts.now:
        return
    message = f"range {name} (uid {range_.uid}), which was made from its block, was removed by force"
    remedy = (
        f"nothing proves that its blocks are not used any more, so the block is not released by itself: {_DOCUMENT}"
    )
    yield error("DelegatedRangeMissing", named(request), message, remedy, str(request.range_name))


def _named_at(request: Request) -> datetime:
    """When a request named its range; when it was created, if that can't be read."""
    times = (each.last_transition_time for each in request.status.conditions if each.type == "Delegated")
    try:
        return datetime.fromisoformat(next(times, "")).astimezone(UTC)
    except (ValueError, OverflowError):
        return request.metadata.creation_timestamp


def _finished_too_early(facts: Facts, request: Request) -> Iterator[Finding]:
    """Whether the range holds blocks although its request says that it never will again."""
    finished, named_range_ = request.status.range, str(request.delegated_name)
    view = facts.views.get(named_range_)
    if finished is None or view is None or view.fault or view.range.metadata.uid != finished.uid:
        return
    held = [each for each in view.ledger.entries.values() if each.released_at is None]
    if held and not view.ledger.closing:
        message = f"it says that range {named_range_} is finished, but that holds {count(len(held), 'block')}"
        remedy = f"do not delete the request before these are released; {_who_wrote('a status')}"
        yield error("DelegationNotFinished", named(request), message, remedy, named_range_)


def _who_wrote(what: str) -> str:
    return f"find the writer in the audit log of the API server: only Metacontroller may write {what}"


RULES = (ranges_of_requests, requests_that_delegate)
