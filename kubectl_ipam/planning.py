"""What would happen if manifests were applied, or deleted: tried by the hooks on a copy of the cluster's state.

The copy has the claims of Cluster API and the Services that have to do with ranges, with the requests that are attached
to them, so they are planned, too. The cluster in a box creates all objects of the manifests in the same second. If they
are created one after the other, which of several equal requests gets which block may differ; whether there is room for
all of them does not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from hooks.api import names
from hooks.ranges.spec import DEFAULT_DOMAIN
from kubectl_ipam.box import Box, Rejected
from kubectl_ipam.objects import Request
from kubectl_ipam.owners import Owners, Standing, is_concerned, is_served, plain, title
from kubectl_ipam.resources import (
    ALIASES,
    CLAIMS,
    CLUSTERS,
    DECORATORS,
    FOREIGN,
    IPAM,
    NAMESPACES,
    RANGES,
    REQUESTS,
    SERVICES,
    resource_of,
)
from kubectl_ipam.snapshot import Snapshot, key_of
from kubectl_ipam.views import RangeView

Document = dict[str, Any]


class Outcome(NamedTuple):
    """What a request would get, or a claim or Service by the requests that are attached to it.

    Attributes:
        kind: that of the object.
        name: "namespace/name".
        range_name: the range that it names; those of a Service are separated by commas.
        before: its status before: state and block; both "" if it did not exist.
        state, cidr: afterwards; the state is "Deleted" if it would not exist any more. A claim or Service has addresses
            instead of a block.
        message: why it has no block.
        is_planned: whether the manifests have it; if not, it is affected by them.
    """

    kind: str
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
        outcomes: of the requests, claims and Services of the manifests; then of others that would change.
        rejected: manifests that the API server would refuse.
        before, after: the affected ranges, by "namespace/name".
    """

    outcomes: list[Outcome]
    rejected: list[Rejected]
    before: dict[str, RangeView]
    after: dict[str, RangeView]


def plan_of(
    snapshot: Snapshot,
    manifests: Sequence[Document],
    namespace: str,
    *,
    is_deletion: bool,
    creates_namespaces: bool = False,
) -> Plan:
    """Try manifests on a copy of what was read.

    Args:
        snapshot: the state; all namespaces.
        manifests: objects of any kinds; those that get no addresses and decide about none are ignored.
        namespace: that of manifests that name none.
        is_deletion: whether they are deleted instead of applied.
        creates_namespaces: whether their namespaces are created with them; otherwise manifests of namespaces that
            neither the state nor a manifest before them has are rejected, if the namespaces were read.

    Raises:
        Unanswerable: if the copy does not come to rest, or a dump has an object that no API server would have written.
    """
    known = [_placed(each, namespace) for each in manifests if resource_of(each) in _PLANNED]
    affected = _affected(snapshot, known)
    installed = snapshot.documents(DECORATORS).values()
    box = Box(_copied(snapshot, known), snapshot.taken_at, installed, is_dump=snapshot.is_dump)
    if NAMESPACES in snapshot.raw and not creates_namespaces:
        box.require_namespaces()
    box.leave_alone(lambda obj: _is_at_rest(obj, affected))
    rejected = (box.delete if is_deletion else box.apply)(known, namespace)
    after = _snapshot_of(box, snapshot)
    return Plan(
        list(_outcomes(snapshot, after, known)),
        rejected,
        {name: RangeView(snapshot, snapshot.ranges[name]) for name in sorted(affected & snapshot.ranges.keys())},
        {name: RangeView(after, after.ranges[name]) for name in sorted(affected & after.ranges.keys())},
    )


_PLANNED = {RANGES, REQUESTS, NAMESPACES, CLAIMS, CLUSTERS, ALIASES, SERVICES}


def _placed(manifest: Document, namespace: str) -> Document:
    """The manifest with its namespace."""
    resource, metadata = resource_of(manifest), dict(manifest.get("metadata") or {})
    if resource and resource.namespaced:
        metadata.setdefault("namespace", namespace)
    return manifest | {"metadata": metadata}


def _copied(snapshot: Snapshot, manifests: Sequence[Document]) -> list[Document]:
    """The objects of a copy. Of Services, which a cluster has for everything, only those that may matter."""
    named = {title(each) for each in manifests if each["kind"] == names.SERVICE_KIND}
    copied = [document for kind in (*IPAM, *FOREIGN) for document in snapshot.documents(kind).values()]
    return [each for each in copied if resource_of(each) is not SERVICES or is_concerned(each) or title(each) in named]


def _affected(snapshot: Snapshot, manifests: Sequence[Document]) -> set[str]:
    """The ranges that may be affected: those that are named, and the domains of those that come, go or change."""
    owners = Owners(snapshot)
    named: set[str] = set()
    domains: set[str] = set()
    if any(resource_of(each) in (NAMESPACES, ALIASES, CLUSTERS) for each in manifests):
        named.update(snapshot.ranges)
    for manifest in manifests:
        if resource_of(manifest) in (NAMESPACES, ALIASES, CLUSTERS):
            continue
        spec, metadata = plain(manifest.get("spec")), manifest["metadata"]
        name = f"{metadata['namespace']}/{metadata.get('name')}"
        if manifest["kind"] == names.RANGE_KIND:
            named.add(name)
            domains.add(str(spec.get("domain") or DEFAULT_DOMAIN.name))
        elif manifest["kind"] == names.REQUEST_KIND:
            if name in snapshot.requests:  # a deletion needs no spec, and one that differs has no effect
                named |= _ranges_around(snapshot.requests[name])
            if isinstance(ipam := spec.get("ipam"), dict):
                named.add(f"{ipam.get('namespace') or metadata['namespace']}/{ipam.get('name')}")
            if "delegate" in spec:
                named.add(f"{metadata['namespace']}/{plain(spec['delegate']).get('name') or metadata.get('name')}")
        else:
            existing = owners.by_name.get(title(manifest))
            named.update(owners.ranges_of(manifest), owners.ranges_of(existing) if existing else ())
    in_domains = {
        key
        for key, each in snapshot.ranges.items()
        if domains and RangeView(snapshot, each).terms.domain.name in domains
    }
    return named | in_domains


def _ranges_around(request: Request) -> set[str]:
    """The range from which a request has its block, and the one that is made from that."""
    delegated = request.status.range
    below = {f"{request.metadata.namespace}/{delegated.name}"} if delegated else set()
    return {str(request.range_name), *below}


def _is_at_rest(obj: Document, affected: set[str]) -> bool:
    """Whether nothing would happen to an object by itself."""
    metadata, status = obj["metadata"], obj.get("status") or {}
    if obj["kind"] == names.RANGE_KIND:
        return f"{metadata['namespace']}/{metadata['name']}" not in affected
    if obj["kind"] in (names.SERVICE_KIND, names.CLAIM_KIND):
        return not is_concerned(obj) or is_served(obj)
    if obj["kind"] != names.REQUEST_KIND or metadata.get("deletionTimestamp"):
        return False
    ipam = obj["spec"].get("ipam") or {}
    its_range = f"{ipam.get('namespace') or metadata['namespace']}/{ipam.get('name')}"
    is_recorded = (metadata.get("annotations") or {}).get(names.CIDR_ANNOTATION) == status.get("cidr")
    return its_range not in affected or (bool(status.get("cidr")) and is_recorded and bool(metadata.get("finalizers")))


def _snapshot_of(box: Box, before: Snapshot) -> Snapshot:
    raw: dict[Any, dict[str, Raw]] = {resource: {} for resource in (*IPAM, *FOREIGN)}
    for obj in box.objects():
        encoded = Raw(msgspec.json.encode(obj))
        raw[resource_of(obj)][key_of(encoded)] = encoded
    return Snapshot(raw, box.cluster.clock.now().replace(microsecond=0), f"{before.origin} as planned")


def _outcomes(before: Snapshot, after: Snapshot, manifests: Sequence[Document]) -> Iterator[Outcome]:
    """Of what the manifests have, in their order; then of what they change besides.

    A request that is attached to a claim or Service is that object's outcome, unless it is in the manifests itself.
    """
    owners = Owners(before), Owners(after)
    existing = {title_of_request(name) for each in (before, after) for name in each.requests}
    attached = {title_of_request(name) for each in owners for name in each.owned()}
    concerned = owners[0].by_name.keys() | owners[1].by_name.keys()
    planned = list(dict.fromkeys(title(each) for each in manifests if each["kind"] in _OUTCOMES))
    affected = sorted((existing | concerned) - attached - set(planned))
    for name in [*(each for each in planned if each in existing | concerned), *affected]:
        is_planned = name in planned
        if name in concerned:
            outcome = _outcome_of_owner(name, *owners, is_planned=is_planned)
        else:
            outcome = _outcome(name.rpartition(" ")[2], before, after, is_planned=is_planned)
        if is_planned or outcome.before != (outcome.state, outcome.cidr):
            yield outcome


_OUTCOMES = {names.REQUEST_KIND, names.CLAIM_KIND, names.SERVICE_KIND}


def title_of_request(name: str) -> str:
    """The name of a request as `owners.title` gives it."""
    return f"{names.REQUEST_KIND} {name}"


def _outcome_of_owner(name: str, before: Owners, after: Owners, *, is_planned: bool) -> Outcome:
    old, new = before.by_name.get(name), after.by_name.get(name)
    shown = new or old
    assert shown is not None, "a claim or Service is in one of the two states"
    was = before.standing(old) if old else Standing("", "", "")
    now = after.standing(new) if new else Standing("Deleted", "", "")
    ranges = ",".join((after if new else before).ranges_of(shown))
    kind, _, place = name.partition(" ")
    message = "" if now.state == "Ready" else now.message
    return Outcome(kind, place, ranges, (was.state, was.addresses), now.state, now.addresses, message, is_planned)


def _outcome(name: str, before: Snapshot, after: Snapshot, *, is_planned: bool) -> Outcome:
    old, new = before.requests.get(name), after.requests.get(name)
    shown = new or old
    assert shown is not None, "a request is in one of the two states"
    state = (new.status.state or "Pending") if new else "Deleted"
    if new and new.metadata.deletion_timestamp:
        state = "Deleting"
    cidr, message = (new.status.cidr, new.status.message) if new else ("", "")
    was = (old.status.state or "Pending", old.status.cidr) if old else ("", "")
    message = "" if state == "Ready" else message
    return Outcome(names.REQUEST_KIND, name, str(shown.range_name), was, state, cidr, message, is_planned)


def freed(outcome: Outcome) -> str:
    """The block, or the addresses, that would be released; "" if it keeps them, or had none."""
    return outcome.before[1] if outcome.state in ("Deleted", "Released") else ""
