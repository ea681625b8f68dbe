"""Claims, IPAddresses, Clusters and Services as the judge knows them from the writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.kubernetes.controllers import GC_FINALIZERS
from simulator.kubernetes.objects import (
    annotations_of,
    controller_of,
    finalizers_of,
    is_deleting,
    joined,
    key_of,
    labels_of,
    uid_of,
)
from simulator.names import (
    ADDRESSES,
    CLAIMS,
    CLUSTERS,
    METACONTROLLER,
    METALLB_ANNOTATION,
    PERSON,
    REQUEST_FINALIZER,
    SERVICES,
    TENANT,
    of_all_shards,
)

if TYPE_CHECKING:
    from simulator.judge.facts import Write
    from simulator.judge.history import History
    from simulator.kubernetes.objects import Obj

CLUSTER_LABEL, PAUSED = "cluster.x-k8s.io/cluster-name", "cluster.x-k8s.io/paused"


@dataclass(slots=True)
class Foreign:
    """The objects of other API groups that exist now."""

    #: Claims and Services by uid; IPAddresses and Clusters by `namespace/name`.
    owners: dict[str, Obj] = field(default_factory=dict)
    addresses: dict[str, Obj] = field(default_factory=dict)
    clusters: dict[str, Obj] = field(default_factory=dict)
    #: The uids of all claims and Services that ever existed.
    uids: set[str] = field(default_factory=set)
    #: The uids of owners whose attached requests a person ever wrote or deleted.
    tampered: set[str] = field(default_factory=set)
    #: The uids of Services in which a person ever wrote the annotation of the load balancer.
    misled: set[str] = field(default_factory=set)

    def owner_of(self, obj: Obj) -> Obj | None:
        """The claim or Service that controls an object."""
        controller = controller_of(obj)
        return self.owners.get(controller["uid"]) if controller else None

    def is_paused(self, claim: Obj) -> bool:
        """Whether nothing must be done for a claim."""
        name = claim["spec"].get("clusterName") or labels_of(claim).get(CLUSTER_LABEL)
        cluster = self.clusters.get(f"{key_of(claim)[0]}/{name}") if name else None
        if PAUSED in annotations_of(claim) or (name and cluster is None):
            return True
        return cluster is not None and (bool(cluster["spec"].get("paused")) or PAUSED in annotations_of(cluster))


def is_attached_to(obj: Obj, uid: str) -> bool:
    """Whether the object with this uid controls another one."""
    controller = controller_of(obj)
    return controller is not None and controller["uid"] == uid


def address_given(request: Obj) -> str:
    """The address that an attached request shows; "" if it is not allocated."""
    status = request.get("status") or {}
    return str(status.get("address", "")) if status.get("state") == "Ready" else ""


def items_of(obj: Obj, annotation: str) -> list[str]:
    """The items of an annotation that lists addresses, ranges or uids."""
    return [item.strip() for item in annotations_of(obj).get(annotation, "").split(",") if item.strip()]


def is_living(history: History, owner: Obj) -> bool:
    """Whether an owner exists, is not being deleted, and nothing excuses what happens to its attachments."""
    namespace = history.namespaces.get(key_of(owner)[0])
    is_ending = namespace is None or is_deleting(namespace)
    exists = uid_of(owner) in history.foreign.owners and not is_deleting(history.foreign.owners[uid_of(owner)])
    return exists and not is_ending and uid_of(owner) not in history.foreign.tampered


def _is_protected(history: History, owner: Obj) -> bool:
    """Whether the request of an owner stays until that is deleted, by the policies, whoever deletes what."""
    is_unused = owner["kind"] == "IPAddressClaim" and not is_claim_in_use(owner)
    return history.has_policies and not is_unused and uid_of(owner) not in history.foreign.tampered


def is_claim_in_use(owner: Obj) -> bool:
    """Whether an owner is a claim that anything but the garbage collector keeps; it keeps its request, too."""
    is_unused = is_deleting(owner) and set(finalizers_of(owner)) <= GC_FINALIZERS
    return owner["kind"] == "IPAddressClaim" and not is_unused


def note_foreign(history: History, write: Write) -> None:
    """Add the next write to the history, if it is one of these objects, or of a request that is attached to one."""
    foreign, obj, name = history.foreign, write.obj, joined(key_of(write.obj))
    match write.plural:
        case "ipamrequests":
            _note_attached(history, write)
        case _ if write.plural in (CLAIMS, SERVICES):
            before = foreign.owners.pop(uid_of(obj), None)
            if not write.is_deletion:
                foreign.owners[uid_of(obj)] = obj
                foreign.uids.add(uid_of(obj))
                if write.plural == SERVICES:
                    _note_service(history, before or {"metadata": {}}, write)
        case _ if write.plural == ADDRESSES:
            before = foreign.addresses.pop(name, None)
            if not write.is_deletion:
                foreign.addresses[name] = obj
                _note_address(history, before, write)
        case _ if write.plural == CLUSTERS:
            foreign.clusters.pop(name, None)
            if not write.is_deletion:
                foreign.clusters[name] = obj


def _note_service(history: History, before: Obj, write: Write) -> None:
    if write.writer == METACONTROLLER and "spec" in before:
        history.facts.served.append((before, write.obj))
    written = [annotations_of(obj).get(METALLB_ANNOTATION) for obj in (before, write.obj)]
    if write.writer != METACONTROLLER and written[1] and written[0] != written[1]:
        history.foreign.misled.add(uid_of(write.obj))


def _note_address(history: History, before: Obj | None, write: Write) -> None:
    owner = history.foreign.owner_of(write.obj)
    if before is None and owner is not None and write.writer == METACONTROLLER:
        history.facts.made.append((write.obj, owner))
    if before is not None and uid_of(before) == uid_of(write.obj) and before["spec"] != write.obj["spec"]:
        history.facts.readdressed.append((before, write.obj))


def _note_attached(history: History, write: Write) -> None:
    """Note what people do to an attached request; and its release, if its owner lives."""
    controller = controller_of(write.obj)
    if controller is None or controller["kind"] not in ("IPAddressClaim", "Service"):
        return
    if write.writer in {PERSON, TENANT}:
        history.foreign.tampered.add(controller["uid"])
    owner = history.foreign.owner_of(write.obj)
    if owner is None or not (is_living(history, owner) or _is_protected(history, owner)):
        return
    finalizers = finalizers_of(write.obj)
    is_unheld = is_deleting(write.obj) and of_all_shards(finalizers, REQUEST_FINALIZER) == finalizers
    if write.is_deletion or is_unheld:
        history.facts.pulled.append((owner, write.obj))
