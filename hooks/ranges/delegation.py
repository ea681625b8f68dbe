"""Delegation, seen from the range that was made from the block of a request (decision 34).

No write can change two objects at once, so the fence between a request and its range consists of facts that are final:

    named       the status of the request has the uid of the range. Only then does the range grant anything. No uid is
                added once the request is being deleted, so a range that was created late is never named.
    ended       the request is being deleted. The range commits `closing`, as if it were being deleted, and waits until
                nothing of it is held.
    finished    the range says so when its committed ledger is closing and empty. The request copies that into its own
                status, which is a part of the proof by which its own range releases the block (S5 a).

A range that is being deleted keeps its finalizer until the request has copied that, because its absence proves nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from hooks.api.kinds import Delegator, RequestObject, RequestWithBadSpec
from hooks.api.metadata import ParentMetadata
from hooks.api.names import NamespacedName
from hooks.protocol.bodies import RangeBody
from hooks.protocol.decoding import decode_objects

#: A range whose request is not observed may have an old cache of requests: it waits for so long after its deletion.
ABSENCE_BEFORE_FINALIZATION = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Delegation:
    """What a call says about the request from whose block a range was made.

    Attributes:
        request: "namespace/name" of it.
        obstacle: why the range grants nothing; "" if it may.
        is_named: whether the request names this range, so that it may grant blocks.
        is_ended: whether nothing more may be granted, because the request is being deleted or has recorded the end.
        is_observed: whether the request was observed, or an object of its name that can't be read.
        is_awaited: whether the observed request may still have to learn that this range is finished.
    """

    request: NamespacedName
    obstacle: str = ""
    is_named: bool = False
    is_ended: bool = False
    is_observed: bool = True
    is_awaited: bool = False

    def keeps(self, deletion: datetime, now: datetime) -> bool:
        """Whether the range must not be removed yet, though it is finished and was deleted at this time."""
        return self.is_awaited if self.is_observed else now - deletion < ABSENCE_BEFORE_FINALIZATION


class _Seen(NamedTuple):
    """The object with the name of the request, if it can be read."""

    request: RequestObject | RequestWithBadSpec | None
    is_unreadable: bool


def observe_delegation(body: RangeBody, delegator: Delegator | None) -> Delegation | None:
    """What a call says about the request of a range; None if the range was made by its owner."""
    if delegator is None:
        return None
    meta = body.parent.metadata
    name = NamespacedName(meta.namespace, delegator.name)
    seen = _seen(body, name)
    request = seen.request
    if request is None or request.metadata.uid != delegator.uid:
        obstacle = f"waiting for request {name} (uid {delegator.uid}), which may not exist any more"
        return Delegation(name, obstacle, is_observed=seen.is_unreadable, is_awaited=seen.is_unreadable)
    named, is_deleted = request.status.range, request.metadata.deletion_timestamp is not None
    if named is None:
        obstacle = "" if is_deleted else f"waiting until request {name} names this range in its status"
        may_be_named = not is_deleted and _is_attached_to(meta, delegator)
        return Delegation(name, obstacle, is_ended=is_deleted, is_awaited=may_be_named)
    if named.uid != meta.uid:
        obstacle = f"request {name} names another range ({named.name}, uid {named.uid}): nothing is allocated"
        return Delegation(name, obstacle, is_ended=is_deleted)
    is_ended = is_deleted or named.finished
    return Delegation(name, is_named=True, is_ended=is_ended, is_awaited=not named.finished)


def _is_attached_to(meta: ParentMetadata, delegator: Delegator) -> bool:
    """Whether Metacontroller shows a range to the hook of its request: no other one is ever named."""
    return any(owner.controller and owner.uid == delegator.uid for owner in meta.owner_references)


def _seen(body: RangeBody, name: NamespacedName) -> _Seen:
    key = str(name)
    if read := body.requests.get(key):
        return _Seen(read, is_unreadable=False)
    raw = {key: body.raw_requests[key]} if key in body.raw_requests else {}
    request = decode_objects(raw, RequestWithBadSpec)[0].get(key)
    return _Seen(request, is_unreadable=bool(raw) and request is None)
