"""The hooks of an IPAMRequest: the range's answer to it in, its status out.

A request decides nothing. It carries the label by which its range finds it, copies the answer that the range publishes
(an IPAMAllocation whose name follows from the request alone) into its status, and, once deleted, stays until the range
has let it go.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from hooks import names
from hooks.clocks import believed
from hooks.conditions import Fact, conditions, fitted
from hooks.namespaces import allowed_names
from hooks.wire import (
    AllocationSpec,
    ExtentObject,
    NamespaceObject,
    OwnedAllocationObject,
    OwnedMetadata,
    RequestBody,
    RequestCustomizeBody,
    RequestParent,
    RequestSpec,
    RequestStatus,
    decode_objects,
    decode_spec,
    timestamp,
)
from ipam.address import block_named_by, read_prefix

#: A deleted request that no range will answer goes after this time: there is no such range, as far as can be seen. It
#: is counted from the first call, for nothing may have run at the deletion.
SILENCE_BEFORE_LETTING_GO = timedelta(seconds=10)
#: Wake-ups can be lost. Who waits for room looks again after this many seconds ...
RECHECK_SECONDS = 300.0
#: ... and who waits for any answer, or to be let go, after this many.
RECHECK_SILENCE_SECONDS = 60.0


def customize(body: RequestCustomizeBody) -> dict[str, Any]:
    """What else a request's sync must see: the one allocation that answers it.

    Once it is deleted, also whether there is a range that will answer: its extents, and its own namespace's labels.
    (Metacontroller asks anew then, because a deletion is a new generation.) A living request does without, for each
    event of an allocation is compared with each rule of each request.
    """
    spec = decode_spec(body.parent.spec, RequestSpec)
    if isinstance(spec, str):
        return {"relatedResources": []}
    meta = body.parent.metadata
    range_namespace, range_name = _range_of(body.parent, spec)
    name = names.allocation_name(range_namespace, range_name, meta.namespace, meta.name, meta.uid)
    rules: list[dict[str, Any]] = [
        {
            "apiVersion": names.API_VERSION,
            "resource": "ipamallocations",
            "namespace": range_namespace,
            "names": [name],
        }
    ]
    if meta.deletion_timestamp:
        labels = {"matchLabels": {names.RANGE_LABEL: names.range_label(range_namespace, range_name)}}
        rules += [
            {
                "apiVersion": names.API_VERSION,
                "resource": "ipamextents",
                "namespace": range_namespace,
                "labelSelector": labels,
            },
            {"apiVersion": "v1", "resource": "namespaces", "names": [meta.namespace]},
        ]
    return {"relatedResources": rules}


def sync(body: RequestBody, now: datetime) -> dict[str, Any]:
    """The next label, annotation and status of a request; a status of null leaves it as it is."""
    now = now.replace(microsecond=0)
    request = body.object
    spec = decode_spec(request.spec, RequestSpec)
    if isinstance(spec, str):
        fact = Fact("Ready", "False", "InvalidSpec", f"the spec can't be read: {spec}")
        return {"status": _status(request, "Invalid", fact, now)}
    labels = {names.RANGE_LABEL: names.range_label(*_range_of(request, spec))}
    answer = _answer_to(request, spec, body)
    if answer is None or answer.state == "Released":
        return {"labels": labels, **_unanswered(request, spec, body, now)}
    if answer.state == "Ready" and request.status.cidr in ("", answer.cidr):
        fact = Fact("Ready", "True", "Allocated", _granted_message(request, answer.cidr))
        status = _status(request, "Ready", fact, now, granted=answer)
        return {"labels": labels, "annotations": {names.CIDR_ANNOTATION: answer.cidr}, "status": status}
    return {"labels": labels, "status": _refusal(request, answer, now), "resyncAfterSeconds": RECHECK_SECONDS}


def _granted_message(request: RequestParent, cidr: str) -> str:
    """Nothing, unless an earlier life of the request had another block. What was said once stays."""
    if request.status.cidr:
        return request.status.message if request.status.state == "Ready" else ""
    recorded = request.metadata.annotations.get(names.CIDR_ANNOTATION, "")
    if not recorded or block_named_by(recorded) == read_prefix(cidr):
        return ""
    return f"{recorded} is recorded, but was not free, or is not what the spec asks for: {cidr} is another block"


def finalize(body: RequestBody, now: datetime) -> dict[str, Any]:
    """Whether a deleted request may go: when its range has released it, or when there is no range that would."""
    request = body.object
    spec = decode_spec(request.spec, RequestSpec)
    if isinstance(spec, str):
        if not request.status.cidr:
            return {"finalized": True}
        # It was served by hooks that could read its spec, and waits for such ones: its range must release it first.
        return {"finalized": False, "resyncAfterSeconds": RECHECK_SILENCE_SECONDS}
    labels = {names.RANGE_LABEL: names.range_label(*_range_of(request, spec))}
    answer = _answer_to(request, spec, body)
    if answer or _will_be_answered(request, spec, body):
        is_released = answer is not None and answer.state == "Released"
        return {"labels": labels, "finalized": is_released, "resyncAfterSeconds": RECHECK_SILENCE_SECONDS}
    since = _silent_since(request, now)
    left = SILENCE_BEFORE_LETTING_GO - (now - since)
    if left <= timedelta(0):
        return {"finalized": True}
    return {
        "labels": labels,
        "annotations": {names.SILENCE_ANNOTATION: timestamp(since)},
        "finalized": False,
        "resyncAfterSeconds": min(left, SILENCE_BEFORE_LETTING_GO).total_seconds(),
    }


def _will_be_answered(request: RequestParent, spec: RequestSpec, body: RequestBody) -> bool:
    """Whether a range exists that serves this request, and nobody's allocation stands in the way of its answer.

    That may take long: a range writes ten thousand answers before it looks again.
    """
    if _allocations(body):
        return False
    range_namespace, range_name = _range_of(request, spec)
    extents, _ = decode_objects(body.related.get(names.EXTENT_KEY, {}), ExtentObject)
    namespaces, _ = decode_objects(body.related.get(names.NAMESPACE_KEY, {}), NamespaceObject)
    serving = [
        allowed_names(extent.spec.allowed_namespaces, range_namespace, namespaces.values())
        for extent in extents.values()
        if _is_controlled_by(extent.metadata, range_namespace, range_name)
    ]
    return any(allowed is None or request.metadata.namespace in allowed for allowed in serving)


def _silent_since(request: RequestParent, now: datetime) -> datetime:
    """Since when a deleted request has been found to have no answer; it is written down, as nothing is remembered.

    A time from before the deletion was written by a wrong clock: it counts as the deletion, if that is not ahead of us.
    """
    now = now.replace(microsecond=0)
    try:
        since = datetime.fromisoformat(request.metadata.annotations[names.SILENCE_ANNOTATION])
    except (KeyError, ValueError):
        return now
    since = believed(since if since.tzinfo else since.replace(tzinfo=UTC), now)
    deletion = request.metadata.deletion_timestamp
    return max(since, deletion) if deletion and deletion <= now else since


def _range_of(request: RequestParent, spec: RequestSpec) -> tuple[str, str]:
    return spec.ipam.namespace or request.metadata.namespace, spec.ipam.name


def _answer_to(request: RequestParent, spec: RequestSpec, body: RequestBody) -> AllocationSpec | None:
    """The answer of the range that the request names; an allocation that this range does not control is none."""
    for allocation in _allocations(body):
        if _is_controlled_by(allocation.metadata, *_range_of(request, spec)):
            return allocation.spec
    return None


def _allocations(body: RequestBody) -> list[OwnedAllocationObject]:
    """The allocations that say that they answer this request."""
    allocations, _ = decode_objects(body.related.get(names.ALLOCATION_KEY, {}), OwnedAllocationObject)
    return [each for each in allocations.values() if each.spec.request.uid == body.object.metadata.uid]


def _is_controlled_by(meta: OwnedMetadata, namespace: str, name: str) -> bool:
    """Whether this range is its controller; Metacontroller looks after it only while it carries that range's label."""
    controllers = [owner for owner in meta.owner_references if owner.controller and owner.kind == names.RANGE_KIND]
    return meta.namespace == namespace and [(owner.name, owner.uid) for owner in controllers] == [
        (name, meta.labels.get(names.CONTROLLER_UID_LABEL))
    ]


def _unanswered(request: RequestParent, spec: RequestSpec, body: RequestBody, now: datetime) -> dict[str, Any]:
    """The reply where no range answers: no status, but where a refusal stands that no range stands by any more.

    The CRD's default says that the request is Pending, and what to check if that lasts. To say it here as well would
    cost two writes for each request of a large burst, just when writes are scarce.
    """
    namespace, name = _range_of(request, spec)
    strangers = [each.metadata for each in _allocations(body) if not _is_controlled_by(each.metadata, namespace, name)]
    if request.status.cidr or not (strangers or request.status.state in ("Busy", "Invalid")):
        return {"status": None, "resyncAfterSeconds": RECHECK_SILENCE_SECONDS}
    message = f"range {namespace}/{name} does not answer any more: see whether it exists and allows this namespace"
    if strangers:
        stranger = min(f"{meta.namespace}/{meta.name}" for meta in strangers)
        message = (
            f"the allocation {stranger} stands in the way of an answer from range {namespace}/{name}, "
            "because that range does not control it: delete the allocation"
        )
    fact = Fact("Ready", "False", "NoAnswer", message)
    return {"status": _status(request, "Pending", fact, now), "resyncAfterSeconds": RECHECK_SILENCE_SECONDS}


def _refusal(request: RequestParent, answer: AllocationSpec, now: datetime) -> RequestStatus:
    """The status for an answer that gives no block, or another one than that which is published."""
    if answer.state == "Ready":
        message = f"{request.status.cidr} is published and stays, but the range answers {answer.cidr}"
        return _status(request, "Invalid", Fact("Ready", "False", "Contradiction", message), now)
    return _status(request, answer.state, Fact("Ready", "False", answer.reason or answer.state, answer.message), now)


def _status(
    request: RequestParent, state: str, fact: Fact, now: datetime, granted: AllocationSpec | None = None
) -> RequestStatus:
    """The next status; a published block stays in it, with what was said of its network."""
    facts = [fact]
    if state == "Invalid":
        facts.append(Fact("Stalled", "True", fact.reason, fact.message))
    elif state in ("Busy", "Pending"):
        facts.append(Fact("Reconciling", "True", fact.reason, fact.message))
    generation = request.metadata.generation
    return RequestStatus(
        cidr=granted.cidr if granted else request.status.cidr,
        network=granted.network if granted else request.status.network,
        state=state,
        message=fitted(fact.message),
        observed_generation=generation,
        conditions=conditions(facts, request.status.conditions, generation, now),
    )
