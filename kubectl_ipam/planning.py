"""What would happen if manifests were applied, or deleted: tried by the hooks on a copy of the cluster's state.

The cluster in a box creates all objects of the manifests in the same second. If they are created one after the other,
which of several equal requests gets which block may differ; whether there is room for all of them does not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from hooks.api import names
from hooks.ranges.spec import DEFAULT_DOMAIN
from kubectl_ipam.box import Box, Rejected
from kubectl_ipam.resources import IPAM
from kubectl_ipam.snapshot import Snapshot, key_of
from kubectl_ipam.views import RangeView

Document = dict[str, Any]


class Outcome(NamedTuple):
    """What a request would get.

    Attributes:
        name: "namespace/name".
        range_name: the range that it names.
        before: its status before: state and block; both "" if it did not exist.
        state, cidr: afterwards; the state is "Deleted" if it would not exist any more.
        message: why it has no block.
        is_planned: whether the manifests have it; if not, it is affected by them.
    """

    name: str
    range_name: str
    before: tuple[str, str]
    state: str
    cidr: str
    message: str
    is_planned: bool


@dataclass(frozen=True)
class Plan:
    """What would happen.

    Attributes:
        outcomes: of the requests of the manifests, in their order; then of other requests that would change.
        rejected: manifests that the API server would refuse.
        before, after: the affected ranges, by "namespace/name".
    """

    outcomes: list[Outcome]
    rejected: list[Rejected]
    before: dict[str, RangeView]
    after: dict[str, RangeView]


def plan_of(snapshot: Snapshot, manifests: Sequence[Document], namespace: str, *, is_deletion: bool) -> Plan:
    """Try manifests on a copy of what was read.

    Args:
        snapshot: the state; all namespaces.
        manifests: objects of any kinds; those that ipam does not know are ignored.
        namespace: that of manifests that name none.
        is_deletion: whether they are deleted instead of applied.

    Raises:
        Unanswerable: if the copy does not come to rest.
    """
    known = [_placed(each, namespace) for each in manifests if each.get("kind") in _KINDS]
    affected = _affected(snapshot, known)
    box = Box([document for kind in IPAM for document in snapshot.documents(kind).values()], snapshot.taken_at)
    box.leave_alone(lambda obj: _is_at_rest(obj, affected))
    rejected = (box.delete if is_deletion else box.apply)(known, namespace)
    after = _snapshot_of(box, snapshot)
    return Plan(
        list(_outcomes(snapshot, after, known)),
        rejected,
        {name: RangeView(snapshot, snapshot.ranges[name]) for name in sorted(affected & snapshot.ranges.keys())},
        {name: RangeView(after, after.ranges[name]) for name in sorted(affected & after.ranges.keys())},
    )


_KINDS = {names.RANGE_KIND, names.REQUEST_KIND, "Namespace"}


def _placed(manifest: Document, namespace: str) -> Document:
    """The manifest with its namespace."""
    metadata = dict(manifest.get("metadata") or {})
    if manifest["kind"] != "Namespace":
        metadata.setdefault("namespace", namespace)
    return manifest | {"metadata": metadata}


def _affected(snapshot: Snapshot, manifests: Sequence[Document]) -> set[str]:
    """The ranges that may be affected: those that are named, and the domains of those that come, go or change."""
    named: set[str] = set()
    domains: set[str] = set()
    for manifest in manifests:
        spec, metadata = manifest.get("spec") or {}, manifest["metadata"]
        if manifest["kind"] == "Namespace":
            return set(snapshot.ranges)
        name = f"{metadata['namespace']}/{metadata.get('name')}"
        if manifest["kind"] == names.RANGE_KIND:
            named.add(name)
            domains.add(str(spec.get("domain") or DEFAULT_DOMAIN.name))
            continue
        if name in snapshot.requests:  # a deletion needs no spec, and one that differs has no effect
            named.add(str(snapshot.requests[name].range_name))
        if isinstance(ipam := spec.get("ipam"), dict):
            named.add(f"{ipam.get('namespace') or metadata['namespace']}/{ipam.get('name')}")
    in_domains = {
        key
        for key, each in snapshot.ranges.items()
        if domains and RangeView(snapshot, each).terms.domain.name in domains
    }
    return named | in_domains


def _is_at_rest(obj: Document, affected: set[str]) -> bool:
    """Whether nothing would happen to an object by itself."""
    metadata, status = obj["metadata"], obj.get("status") or {}
    if obj["kind"] == names.RANGE_KIND:
        return f"{metadata['namespace']}/{metadata['name']}" not in affected
    if obj["kind"] != names.REQUEST_KIND or metadata.get("deletionTimestamp"):
        return False
    ipam = obj["spec"].get("ipam") or {}
    its_range = f"{ipam.get('namespace') or metadata['namespace']}/{ipam.get('name')}"
    is_recorded = (metadata.get("annotations") or {}).get(names.CIDR_ANNOTATION) == status.get("cidr")
    return its_range not in affected or (bool(status.get("cidr")) and is_recorded and bool(metadata.get("finalizers")))


def _snapshot_of(box: Box, before: Snapshot) -> Snapshot:
    raw: dict[Any, dict[str, Raw]] = {resource: {} for resource in IPAM}
    kinds = {resource.kind: resource for resource in IPAM}
    for obj in box.objects():
        encoded = Raw(msgspec.json.encode(obj))
        raw[kinds[obj["kind"]]][key_of(encoded)] = encoded
    return Snapshot(raw, box.cluster.clock.now().replace(microsecond=0), f"{before.origin} as planned")


def _outcomes(before: Snapshot, after: Snapshot, manifests: Sequence[Document]) -> Iterator[Outcome]:
    planned = [
        f"{each['metadata']['namespace']}/{each['metadata'].get('name')}"
        for each in manifests
        if each["kind"] == names.REQUEST_KIND
    ]
    for name in dict.fromkeys(planned):
        if name in before.requests or name in after.requests:
            yield _outcome(name, before, after, is_planned=True)
    for name in sorted((before.requests.keys() | after.requests.keys()) - set(planned)):
        outcome = _outcome(name, before, after, is_planned=False)
        if outcome.before != (outcome.state, outcome.cidr):
            yield outcome


def _outcome(name: str, before: Snapshot, after: Snapshot, *, is_planned: bool) -> Outcome:
    old, new = before.requests.get(name), after.requests.get(name)
    shown = new or old
    assert shown is not None, "a request is in one of the two states"
    state = (new.status.state or "Pending") if new else "Deleted"
    if new and new.metadata.deletion_timestamp:
        state = "Deleting"
    cidr, message = (new.status.cidr, new.status.message) if new else ("", "")
    was = (old.status.state or "Pending", old.status.cidr) if old else ("", "")
    return Outcome(name, str(shown.range_name), was, state, cidr, "" if state == "Ready" else message, is_planned)


def freed(outcome: Outcome) -> str:
    """The block that a request would release; "" if it keeps it, or had none."""
    return outcome.before[1] if outcome.state == "Deleted" else ""
