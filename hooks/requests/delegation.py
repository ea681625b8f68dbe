"""Delegation, seen from the request: the range that is made from its block, and what its status says of it.

The range is an attachment of the request. It is created once the status of the request shows its block, and is never
changed or deleted from here: the garbage collector deletes it after the request. The status names the range that was
observed, by its uid. Metacontroller writes the status with the resourceVersion that the call saw, so a call that saw
the request alive can't add a uid once it is being deleted. `finished` is copied from the range that is named. Of a
deleted request that range is observed by its name, too, because it may have lost its owner reference: by a deletion
with --cascade=orphan, or by its own users.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from hooks.api import names
from hooks.api.conditions import Fact
from hooks.api.kinds import AttachedRange, DelegatedRange, Delegator, Mode, RequestParent, RequestSpec
from hooks.api.names import NamespacedName
from hooks.protocol.bodies import RequestBody
from hooks.protocol.children import child_as_it_was
from hooks.protocol.decoding import decode_objects
from ipam.address import block_named_by


class _Spec(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """The spec of a range that is created."""

    ranges: list[str]
    domain: str
    delegated_from: Delegator
    description: str = ""
    chunk_size: int = 0
    mode: Mode = "BestFit"
    cooldown_seconds: int = 0
    allowed_namespaces: Any = None


def range_name(request: RequestParent, spec: RequestSpec) -> NamespacedName:
    """The range to which a request delegates its block."""
    meta = request.metadata
    return NamespacedName(meta.namespace, (spec.delegate.name if spec.delegate else "") or meta.name)


def attachments(body: RequestBody, spec: RequestSpec | None) -> dict[str, Any]:
    """The attachments of an answer: those that exist, as leaving one out would delete it, and the range to be created.

    Raises:
        ProtocolError: if one of them is no object.
    """
    existing = [
        child_as_it_was(kind, key, group[key], group="attachments")
        for kind, group in sorted(body.attachments.items())
        for key in sorted(group)
    ]
    missing = [_new_range(body.object, spec)] if spec and not existing and _is_wanted(body.object, spec) else []
    return {"attachments": existing + missing} if existing or missing else {}


def with_range(request: RequestParent, ranges: Mapping[str, Raw]) -> RequestParent:
    """The request with what its next status says about its range, which is one of these."""
    named = _next_range(request, ranges)
    return request if named == request.status.range else replace(request, status=replace(request.status, range=named))


def delegation_fact(request: RequestParent, spec: RequestSpec) -> Fact | None:
    """The condition Delegated of a request that has its block; None if it delegates nothing."""
    if spec.delegate is None:
        return None
    name, named = range_name(request, spec), request.status.range
    if fault := _fault(request, spec):
        return Fact("Delegated", "False", "InvalidDelegate", fault)
    if named is None:
        message = f"range {name} is being created; if this lasts, another range has this name: delete that one"
        return Fact("Delegated", "False", "NotCreated", f"{message}, or create another request with delegate.name")
    if named.finished:
        message = f"range {name} was deleted, and a request delegates only once: create another request"
        return Fact("Delegated", "False", "Finished", message)
    return Fact("Delegated", "True", "RangeNamed", f"range {name} allocates from {request.status.cidr}")


def ending_fact(request: RequestParent, spec: RequestSpec) -> Fact:
    """The condition Delegated of a request that is being deleted, and whose range is named by its status."""
    name, named = range_name(request, spec), request.status.range
    if named and named.finished:
        return Fact("Delegated", "False", "Finished", f"no block of range {name} is held any more")
    own_range, meta = spec.range_name(request.metadata.namespace), request.metadata
    remedy = f"set {names.RECLAIM_ANNOTATION}={meta.uid} on range {own_range}"
    message = f"waiting until no block of range {name} is held; if that range was removed by force, {remedy}"
    return Fact("Delegated", "False", "Ending", message)


def _is_wanted(request: RequestParent, spec: RequestSpec) -> bool:
    """Whether a range is to be created for a request: as long as none is named, and nothing ends."""
    if spec.delegate is None or request.metadata.deletion_timestamp or request.status.range:
        return False
    return bool(request.status.cidr) and not _fault(request, spec)


def _fault(request: RequestParent, spec: RequestSpec) -> str:
    """Why no range can be made from the block; "" if one can."""
    block = block_named_by(request.status.cidr)
    length = spec.delegate.chunk_size if spec.delegate else 0
    if block is None or length <= block.family.bits:
        return ""
    return f"delegate.chunkSize {length}: {block.family.name} prefix lengths are 0..{block.family.bits}"


def _next_range(request: RequestParent, ranges: Mapping[str, Raw]) -> DelegatedRange | None:
    """The range that the next status names: an observed one, once and only while the request lives."""
    meta, status = request.metadata, request.status
    found, _ = decode_objects(ranges, AttachedRange)
    if status.range is None:
        mine = (each for each in found.values() if _is_made_from(each, meta.uid, status.cidr))
        first = None if meta.deletion_timestamp else next(mine, None)
        return DelegatedRange(first.metadata.name, first.metadata.uid) if first else None
    is_finished = any(
        each.metadata.uid == status.range.uid and each.status.schema_v1 and each.status.finished
        for each in found.values()
    )
    return replace(status.range, finished=True) if is_finished else status.range


def _is_made_from(attached: AttachedRange, uid: str, cidr: str) -> bool:
    """Whether a range was made from this block of the request with this uid."""
    delegator, ranges = attached.spec.delegated_from, attached.spec.ranges
    return delegator is not None and delegator.uid == uid and bool(cidr) and ranges == [cidr]


def _new_range(request: RequestParent, spec: RequestSpec) -> dict[str, Any]:
    """The range that is to be created."""
    assert spec.delegate is not None
    meta, delegate = request.metadata, spec.delegate
    name = range_name(request, spec)
    metadata: dict[str, Any] = {**name._asdict(), "labels": dict(names.NOT_IN_BACKUPS)}
    if shard := meta.labels.get(names.SHARD_LABEL):
        metadata["labels"][names.SHARD_LABEL] = shard
    if names.HOLD_ANNOTATION in meta.annotations:
        metadata["annotations"] = {names.HOLD_ANNOTATION: "true"}
    made = _Spec(
        ranges=[request.status.cidr],
        domain=names.delegated_domain(meta.uid),
        delegated_from=Delegator(meta.name, meta.uid),
        description=f"{request.status.cidr} of range {spec.range_name(meta.namespace)}, by request {meta.name}",
        chunk_size=delegate.chunk_size,
        mode=delegate.mode,
        cooldown_seconds=delegate.cooldown_seconds,
        allowed_namespaces=delegate.allowed_namespaces,
    )
    return {"apiVersion": names.API_VERSION, "kind": names.RANGE_KIND, "metadata": metadata, "spec": made}
