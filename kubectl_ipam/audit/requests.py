"""Rules about requests: what they show, what they wait for, and what keeps them from being deleted."""

from collections.abc import Iterator
from datetime import timedelta

from hooks.api import names
from hooks.api.names import NamespacedName, range_label
from hooks.api.shards import is_request_finalizer
from ipam.address import Prefix, block_named_by
from kubectl_ipam.audit.facts import Facts, named
from kubectl_ipam.audit.findings import Finding, error, unless_delayed, warning
from kubectl_ipam.resources import RANGES

#: A deletion that takes longer is stuck.
DELETION_MAX = timedelta(minutes=10)
#: A request that has no answer for longer is reported.
PENDING_MAX = timedelta(minutes=1)


def overlapping_blocks(facts: Facts) -> Iterator[Finding]:
    """Two requests of a domain that show the same addresses, whatever the ledgers say."""
    domains: dict[tuple[str, str], list[tuple[Prefix, NamespacedName, str]]] = {}
    for request in facts.snapshot.requests.values():
        block = block_named_by(request.status.cidr) if request.status.cidr else None
        view = facts.views.get(str(request.range_name))
        if block and view and request.metadata.deletion_timestamp is None:
            shown = domains.setdefault((view.terms.domain.name, block.family.name), [])
            shown.append((block, request.metadata.namespaced_name, str(view.name)))
    for (domain, _), shown in domains.items():
        shown.sort(key=lambda each: (each[0].first, each[0].length))
        wide, wide_name, _ = shown[0]
        for block, name, range_name in shown[1:]:
            if block.first <= wide.last:
                message = f"it shows {block}, and {wide_name} shows {wide} in domain {domain}"
                remedy = f"kubectl ipam get {block} shows which ledger has it; delete the other request"
                yield error("SameAddresses", f"IPAMRequest {name}", message, remedy, range_name)
            if block.last > wide.last:
                wide, wide_name = block, name


def statuses(facts: Facts) -> Iterator[Finding]:
    """Statuses that contradict themselves."""
    remedy = "find the writer in the audit log of the API server: only Metacontroller may write a status"
    for request in facts.snapshot.requests.values():
        status, name = request.status, str(request.range_name)
        if status.address != _address_of(status.cidr):
            message = f'its address is "{status.address}", but its cidr is "{status.cidr}"'
            yield error("AddressWrong", named(request), message, remedy, name)
        if status.state == "Ready" and not status.cidr:
            yield error("ReadyWithoutBlock", named(request), "it is Ready, but shows no block", remedy, name)
        if status.cidr and status.state != "Ready" and request.metadata.deletion_timestamp is None:
            message = f"it has {status.cidr}, but is {status.state}: {status.message}"
            yield error("BlockWithoutReady", named(request), message, f"kubectl ipam explain it; {remedy}", name)
        recorded = request.metadata.annotations.get(names.CIDR_ANNOTATION, "")
        if status.state == "Ready" and status.cidr and recorded != status.cidr:
            message = f'its annotation {names.CIDR_ANNOTATION} is "{recorded}", but it has {status.cidr}'
            advice = "check that the DecoratorController ipamrequest runs: a restore would give it another block"
            yield unless_delayed(warning("RecordWrong", named(request), message, advice, name))


def _address_of(cidr: str) -> str:
    block = block_named_by(cidr) if cidr else None
    return cidr.partition("/")[0] if block and block.length == block.family.bits else ""


def ranges_that_do_not_exist(facts: Facts) -> Iterator[Finding]:
    """Requests for ranges that do not exist; those that show a block have lost its record."""
    for request in facts.snapshot.requests.values():
        name = str(request.range_name)
        is_visible = facts.snapshot.knows(RANGES) or request.range_name.namespace == facts.snapshot.namespace
        if name in facts.snapshot.ranges or not is_visible or request.metadata.deletion_timestamp:
            continue
        if any(each.key == name for each in facts.snapshot.unreadable):
            continue
        if request.status.cidr:
            message = (
                f"it shows {request.status.cidr} of range {name}, which does not exist: nothing protects the block"
            )
            yield error("RangeLost", named(request), message, "create the range again: it returns the block", name)
        else:
            remedy = "list ranges: kubectl ipam show -A; delete the request and create one for an existing range"
            yield warning(
                "NoSuchRange", named(request), f"it asks for range {name}, which does not exist", remedy, name
            )


def requests_without_an_answer(facts: Facts) -> Iterator[Finding]:
    """Requests that have waited for any answer for more than a minute."""
    for request in facts.snapshot.requests.values():
        meta, view = request.metadata, facts.view_for(request)
        if request.status.state not in ("", "Pending") or meta.deletion_timestamp or view is None:
            continue
        if facts.now - meta.creation_timestamp < PENDING_MAX:
            continue
        name, created = str(view.name), meta.creation_timestamp
        if view.refuses(meta.namespace):
            message = f"range {name} does not serve requests of namespace {meta.namespace}"
            remedy = f"extend spec.allowedNamespaces of range {name}, or ask for another range"
            yield unless_delayed(warning("NamespaceNotAllowed", named(request), message, remedy, name), created)
        elif not any(map(is_request_finalizer, meta.finalizers)):
            message = "it has no finalizer of ipam: the DecoratorController ipamrequest has not been called for it"
            remedy = "check that Metacontroller and the hooks run: kubectl get pods -A | grep -e metacontroller -e ipam"
            yield unless_delayed(error("HooksNotCalled", named(request), message, remedy, name), created)
        else:
            message = f"range {name} has not answered it"
            yield unless_delayed(warning("NoAnswer", named(request), message, "kubectl ipam explain it", name), created)


def labels_of_waiting_requests(facts: Facts) -> Iterator[Finding]:
    """Waiting requests without the label by which their range finds them."""
    for request in facts.snapshot.requests.values():
        meta, wanted = request.metadata, range_label(request.range_name)
        if request.status.cidr or meta.deletion_timestamp or meta.labels.get(names.RANGE_LABEL) in (None, wanted):
            continue
        message = f'its label {names.RANGE_LABEL} is "{meta.labels[names.RANGE_LABEL]}", not "{wanted}"'
        command = f"kubectl label --overwrite ipamrequest -n {meta.namespace} {meta.name}"
        remedy = f"set it: {command} {names.RANGE_LABEL}={wanted}"
        finding = warning("LabelOfOtherRange", named(request), message, remedy, str(request.range_name))
        yield unless_delayed(finding, meta.creation_timestamp)


def stuck_deletions(facts: Facts) -> Iterator[Finding]:
    """Requests that have been deleted for long, and still exist."""
    for request in facts.snapshot.requests.values():
        meta = request.metadata
        if meta.deletion_timestamp is None or facts.now - meta.deletion_timestamp < DELETION_MAX:
            continue
        foreign = [each for each in meta.finalizers if not is_request_finalizer(each)]
        if foreign:
            message = f"it was deleted, but the finalizers {', '.join(foreign)} keep it, and so its block"
            remedy = "remove what uses the block; the controller that owns the finalizer then removes it"
        else:
            below = facts.snapshot.range_below(request)
            waits = f"range {below.metadata.namespaced_name}, made from its block, has not ended" if below else ""
            message = f"it was deleted, but {waits or 'its range has not released it'}"
            remedy = "check that Metacontroller and the hooks run, and why its range waits: kubectl ipam explain it"
        yield warning("DeletionStuck", named(request), message, remedy, str(request.range_name))


RULES = (
    overlapping_blocks,
    statuses,
    ranges_that_do_not_exist,
    requests_without_an_answer,
    labels_of_waiting_requests,
    stuck_deletions,
)
