"""The hooks of an IPAMRequest that is attached to a claim: it is kept as long as a machine may use its address.

Cluster API deletes machines in the foreground, and so their claims: the garbage collector then deletes the request of a
claim first, while the machine still has the address. The claim itself stays until the controller of the machine has
removed its finalizer. Therefore this second DecoratorController has a finalizer of its own on such a request. To the
range it is one of another owner: as long as a request has it, its block is not released (DESIGN.md, S5).
"""

from datetime import datetime, timedelta
from typing import Any

from hooks.api import names
from hooks.api.foreign import ClaimObject
from hooks.api.metadata import OwnerReference, ParentMetadata
from hooks.api.ownership import CLAIM
from hooks.protocol.bodies import RequestBody, RequestCustomizeBody
from hooks.protocol.decoding import decode_objects

#: The finalizers by which the garbage collector itself keeps an object.
GARBAGE_COLLECTOR_FINALIZERS = frozenset({"foregroundDeletion", "orphan"})
#: No cache is older than this: a claim that is not shown so long after its request was created does not exist any more.
CACHE_AGE_MAX = timedelta(seconds=10)
#: Events can be lost: a request whose claim is still in use is synced again after this many seconds.
RECHECK_SECONDS = 60.0


def customize(body: RequestCustomizeBody) -> dict[str, Any]:
    """What else must be observed once a request is being deleted: the claim, in the version in which it owns it.

    Metacontroller asks for each generation of a request, and a deletion is a new one.
    """
    meta = body.parent.metadata
    owner = _claim_that_owns(meta)
    if owner is None or meta.deletion_timestamp is None:
        return {"relatedResources": []}
    claim = {"apiVersion": owner.api_version, "resource": "ipaddressclaims"}
    return {"relatedResources": [{**claim, "namespace": meta.namespace, "names": [owner.name]}]}


def sync(_: RequestBody, __: datetime) -> dict[str, Any]:
    """A request that is not being deleted needs nothing from here."""
    return {"status": None}


def finalize(body: RequestBody, now: datetime) -> dict[str, Any]:
    """Whether the finalizer is removed. Metacontroller also asks about a request that has lost the label."""
    meta = body.object.metadata
    owner = _claim_that_owns(meta)
    if owner is None or meta.annotations.get(names.ALLOW_DELETION_ANNOTATION) == "true":
        return _kept_for(None)
    observed = body.related.get(f"{names.CLAIM_KIND}.{owner.api_version}")
    if meta.deletion_timestamp is None or observed is None:
        return _kept_for(RECHECK_SECONDS)
    claims, unreadable = decode_objects(observed, ClaimObject)
    claim = next((each.metadata for each in claims.values() if each.metadata.uid == owner.uid), None)
    if claim or unreadable:
        is_unused = claim and claim.deletion_timestamp and GARBAGE_COLLECTOR_FINALIZERS.issuperset(claim.finalizers)
        return _kept_for(None if is_unused else RECHECK_SECONDS)
    left = CACHE_AGE_MAX - (now - meta.creation_timestamp)
    return _kept_for(left.total_seconds() if left > timedelta() else None)


def _claim_that_owns(meta: ParentMetadata) -> OwnerReference | None:
    """The claim that controls a request."""
    return next((each for each in meta.owner_references if each.controller and (each.group, each.kind) == CLAIM), None)


def _kept_for(seconds: float | None) -> dict[str, Any]:
    """The answer that keeps the finalizer and asks for another call after some seconds; that removes it if None."""
    if seconds is None:
        return {"status": None, "finalized": True}
    return {"status": None, "finalized": False, "resyncAfterSeconds": seconds}
