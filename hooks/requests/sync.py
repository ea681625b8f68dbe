"""The hooks of an IPAMRequest: the range's answer to it in, its status out.

A request decides nothing. It carries the label by which its range finds it, and copies the answer that the range
publishes into its status. The answer is an item of an IPAMAllocationSlice whose name follows from the request alone.
After its deletion the request keeps its finalizer until the range has released it. If it delegates its block, it also
says which range allocates from it, and when that one has ended (delegation.py).
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from hooks.api import names
from hooks.api.conditions import ready_since
from hooks.api.kinds import Answer, RequestParent, RequestSpec, RequestStatus
from hooks.api.ownership import is_attached
from hooks.api.shards import is_handed_over
from hooks.api.times import plausible, rewriting_time, timestamp
from hooks.protocol.bodies import RequestBody, RequestCustomizeBody
from hooks.protocol.decoding import decode_spec
from hooks.requests.delegation import attachments
from hooks.requests.observed import NO_ANSWER_TIMEOUT, Observed
from hooks.requests.status import (
    ending_status,
    granted_status,
    invalid_spec_status,
    outdated_status,
    refused_status,
    unanswered_status,
)

#: Events can be lost. A request that waits for room is synced again after this many seconds ...
RECHECK_SECONDS = 300.0
#: ... and one that waits for any answer, or for its release, after this many.
RECHECK_UNANSWERED_SECONDS = 60.0
#: ... and one whose range is not there yet, as creating it may have failed without an event, after this many ...
RECHECK_RANGE_SECONDS = 10.0
#: ... and one of which something was served by an older schema after this many.
RECHECK_OUTDATED_SECONDS = 20.0
#: The annotation of a request that became Ready longer ago than this was not written, and is no longer waited for.
RECORD_PATIENCE = timedelta(seconds=60)


def customize(body: RequestCustomizeBody) -> dict[str, Any]:
    """What else a request's sync must observe: the one slice that has its answer.

    As long as it has no answer, also whether its range exists, by the extents of that; and once it is deleted, whether
    the range will answer, by the labels of the request's own namespace, and whether that of the range is being deleted;
    and the range to which it has delegated its block.

    Metacontroller asks for each generation of a request, and every 20 minutes. A deletion is a new generation, but an
    answer is not. So extents concern new requests, those that wait and those that are deleted, but no others.
    """
    spec = decode_spec(body.parent.spec, RequestSpec)
    if isinstance(spec, str):
        return {"relatedResources": []}
    meta = body.parent.metadata
    range_name = spec.range_name(meta.namespace)
    rules: list[dict[str, Any]] = [
        {
            "apiVersion": names.API_VERSION,
            "resource": "ipamallocationslices",
            "namespace": range_name.namespace,
            "names": [names.slice_name(range_name, meta.creation_timestamp, meta.uid)],
        }
    ]
    if meta.deletion_timestamp or body.parent.status.state in ("", "Pending"):
        rules.append(
            {
                "apiVersion": names.API_VERSION,
                "resource": "ipamextents",
                "namespace": range_name.namespace,
                "labelSelector": {"matchLabels": {names.RANGE_LABEL: names.range_label(range_name)}},
            }
        )
    if meta.deletion_timestamp:
        namespaces = sorted({meta.namespace, range_name.namespace})
        rules.append({"apiVersion": "v1", "resource": "namespaces", "names": namespaces})
        if named := body.parent.status.range:  # which may have lost its owner reference
            delegated = {"namespace": meta.namespace, "names": [named.name]}
            rules.append({"apiVersion": names.API_VERSION, "resource": "ipamranges", **delegated})
    return {"relatedResources": rules}


def sync(body: RequestBody, now: datetime) -> dict[str, Any]:
    """The next label, annotation and status of a request, and its range; a status of null leaves it as it is."""
    spec = decode_spec(body.object.spec, RequestSpec)
    if isinstance(spec, str):
        return {"status": invalid_spec_status(body.object, spec, now), **attachments(body, None)}
    observed = Observed(body, spec)
    return {**_next_of(observed, now), **attachments(body, spec if _is_confirmed(observed) else None)}


def _is_confirmed(observed: Observed) -> bool:
    """Whether the answer of its range is the block that the status shows, so that this may be delegated.

    A range that was created without an answer would not be named, and could never be deleted.
    """
    answer, cidr = observed.answer, observed.request.status.cidr
    return answer is not None and (answer.state, answer.cidr) == ("Ready", cidr) and not observed.outdated_kinds


def _next_of(observed: Observed, now: datetime) -> dict[str, Any]:
    """The answer except for its attachments."""
    request = observed.request
    if observed.outdated_kinds:
        return _outdated(observed, now)
    labels, answer = _labels(observed), observed.answer
    if answer is None or answer.state == "Released":
        status = unanswered_status(observed, now)
        return {"labels": labels, "status": status, "resyncAfterSeconds": _recheck_unanswered_seconds(observed, now)}
    if answer.state == "Ready" and request.status.cidr in ("", answer.cidr):
        return {"labels": labels, **_granted(observed, answer, now)}
    status = refused_status(request, answer, now)
    return {"labels": labels, "status": status, "resyncAfterSeconds": RECHECK_SECONDS}


def _granted(observed: Observed, answer: Answer, now: datetime) -> dict[str, Any]:
    """The status that shows the block, and the annotation that records it; not if its owner records the address.

    Metacontroller writes the status first, and the annotation at once afterwards. A call that shows only the status was
    made in between: it would write the annotation again, with a resourceVersion that is refused (409). So it asks for
    another call, which sees whether the annotation was written.
    """
    request = observed.request
    status = granted_status(request, observed.spec, answer, now)
    recheck = _recheck_of_range(status)
    if is_attached(request.metadata):
        return {"status": status, **recheck}
    is_recorded = request.metadata.annotations.get(names.CIDR_ANNOTATION) == answer.cidr
    if status == request.status and not is_recorded and _became_ready_a_moment_ago(request, now):
        return {"status": status, "resyncAfterSeconds": RECORD_PATIENCE.total_seconds(), **recheck}
    return {"annotations": {names.CIDR_ANNOTATION: answer.cidr}, "status": status, **recheck}


def _became_ready_a_moment_ago(request: RequestParent, now: datetime) -> bool:
    """Whether it became Ready within RECORD_PATIENCE. A time that lies further ahead was written by a wrong clock."""
    since = ready_since(request.status.conditions)
    return since is not None and abs(now - since) < RECORD_PATIENCE


def _recheck_of_range(status: RequestStatus) -> dict[str, float]:
    """When to call again for a request whose range is not there yet."""
    is_waiting = any((each.type, each.reason) == ("Delegated", "NotCreated") for each in status.conditions)
    return {"resyncAfterSeconds": RECHECK_RANGE_SECONDS} if is_waiting else {}


def _recheck_unanswered_seconds(observed: Observed, now: datetime) -> float:
    """When to call again for a request without an answer: as soon as it is to say that there is no range."""
    patience = observed.patience(now).total_seconds()
    return patience if observed.shows_no_range and patience > 0 else RECHECK_UNANSWERED_SECONDS


def finalize(body: RequestBody, now: datetime) -> dict[str, Any]:
    """Whether the finalizer is removed: of a deleted request, or of one that moves to another shard.

    The latter is served as usual (hooks/api/shards.py). A request that delegates its block also stays with its former
    shard, because its range is an attachment of the controller that created it.
    """
    meta = body.object.metadata
    if meta.deletion_timestamp is None:
        spec = decode_spec(body.object.spec, RequestSpec)
        delegates = isinstance(spec, RequestSpec) and spec.delegate is not None
        is_free = is_handed_over(meta, names.REQUEST_FINALIZER) and not delegates
        return {**sync(body, now), "finalized": is_free}
    return {**_finalize_deleted(body, now), **attachments(body, None)}


def _finalize_deleted(body: RequestBody, now: datetime) -> dict[str, Any]:
    """Remove the finalizer once the range has released the request, or if no range exists that would.

    A request whose block another range allocates from is not removed before that one is finished, in any case.
    """
    request = body.object
    spec = decode_spec(request.spec, RequestSpec)
    if isinstance(spec, str):
        if not request.status.cidr:
            return {"finalized": True}
        # Hooks that could read its spec served it, and such ones must release it: its range must do so first.
        return {"finalized": False, "resyncAfterSeconds": RECHECK_UNANSWERED_SECONDS}
    observed = Observed(body, spec)
    if observed.outdated_kinds:
        return {"finalized": False, **_outdated(observed, now)}
    named = observed.request.status.range
    if observed.answer or observed.will_be_answered or (named and not named.finished):
        is_released = observed.answer is not None and observed.answer.state == "Released"
        ending = {"status": ending_status(observed.request, spec, now)} if named else {}
        return {
            "labels": _labels(observed),
            "finalized": is_released,
            "resyncAfterSeconds": RECHECK_UNANSWERED_SECONDS,
            **ending,
        }
    since = _unanswered_since(request, now)
    left = NO_ANSWER_TIMEOUT - (now - since)
    if left <= timedelta(0):
        return {"finalized": True}
    return {
        "labels": _labels(observed),
        "annotations": {names.UNANSWERED_ANNOTATION: timestamp(since)},
        "finalized": False,
        "resyncAfterSeconds": min(left, NO_ANSWER_TIMEOUT).total_seconds(),
    }


def _outdated(observed: Observed, now: datetime) -> dict[str, Any]:
    """The answer while objects are served by an older schema (hooks/ranges/outdated.py).

    A request that was itself served so must be written again. Where its status must stay as it is, an annotation makes
    the difference.
    """
    status = outdated_status(observed, now)
    answer: dict[str, Any] = {"status": status, "resyncAfterSeconds": RECHECK_OUTDATED_SECONDS}
    if status is None and names.REQUEST_KIND in observed.outdated_kinds:
        answer["annotations"] = {names.REWRITTEN_ANNOTATION: timestamp(rewriting_time(now))}
    return answer


def _labels(observed: Observed) -> dict[str, str]:
    return {names.RANGE_LABEL: names.range_label(observed.range_name)}


def _unanswered_since(request: RequestParent, now: datetime) -> datetime:
    """Since when a deleted request has been found to have no answer; it is written down, as nothing is remembered.

    A time from before the deletion was written by a wrong clock, or by a user: it counts as the deletion, which
    the API server wrote.
    """
    try:
        since = datetime.fromisoformat(request.metadata.annotations[names.UNANSWERED_ANNOTATION])
    except (KeyError, ValueError):
        return now
    since = plausible(since if since.tzinfo else since.replace(tzinfo=UTC), now)
    deletion = request.metadata.deletion_timestamp
    return max(since, deletion) if deletion else since
