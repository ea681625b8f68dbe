"""Ownership: which range, claim or Service controls an object."""

from typing import NamedTuple

from hooks.api.foreign import IPAM_GROUP
from hooks.api.metadata import Metadata, OwnedMetadata, OwnerReference, ParentMetadata
from hooks.api.names import (
    CLAIM_KIND,
    CONTROLLER_UID_LABEL,
    DECORATOR_ANNOTATION,
    RANGE_KIND,
    SERVICE_KIND,
    NamespacedName,
)


def controller_of(meta: OwnedMetadata) -> OwnerReference | None:
    """The IPAMRange that controls an object; None if none does."""
    return next((owner for owner in meta.owner_references if owner.controller and owner.kind == RANGE_KIND), None)


def is_child_of(meta: OwnedMetadata, range_name: NamespacedName) -> bool:
    """Whether this range controls an object and maintains it, which it does while the object carries its label.

    Metacontroller decides what belongs to a range by exactly this.
    """
    controller = controller_of(meta)
    return (
        controller is not None
        and NamespacedName(meta.namespace, controller.name) == range_name
        and meta.labels.get(CONTROLLER_UID_LABEL) == controller.uid
    )


class GroupKind(NamedTuple):
    """A kind and its API group, which is "" for Services, whatever the version."""

    group: str
    kind: str


#: The kinds of objects to which requests are attached.
CLAIM = GroupKind(IPAM_GROUP, CLAIM_KIND)
SERVICE = GroupKind("", SERVICE_KIND)


def is_controlled_by(meta: OwnedMetadata | ParentMetadata, owner: Metadata, kind: GroupKind) -> bool:
    """Whether an object belongs to an owner of this kind, by its complete owner reference.

    Metacontroller compares nothing but the uid. Users write owner references, too: the garbage collector and the
    policies protect what belongs to an owner only if its kind and its name are right.
    """
    return any(
        each.controller and (each.group, each.kind, each.name, each.uid) == (*kind, owner.name, owner.uid)
        for each in meta.owner_references
    )


def is_attached(meta: ParentMetadata) -> bool:
    """Whether a request belongs to a claim or a Service, which gets its address by it (hooks/integrations)."""
    kinds = {owner.kind for owner in meta.owner_references if owner.controller}
    return DECORATOR_ANNOTATION in meta.annotations and bool(kinds & {CLAIM_KIND, SERVICE_KIND})
