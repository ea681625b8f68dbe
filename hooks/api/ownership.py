"""Ownership: which range controls an object. Metacontroller decides what belongs to a range by exactly this."""

from hooks.api.metadata import OwnedMetadata, OwnerReference, ParentMetadata
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
    """Whether this range controls an object and maintains it, which it does while the object carries its label."""
    controller = controller_of(meta)
    return (
        controller is not None
        and NamespacedName(meta.namespace, controller.name) == range_name
        and meta.labels.get(CONTROLLER_UID_LABEL) == controller.uid
    )


def is_attached(meta: ParentMetadata) -> bool:
    """Whether a request belongs to a claim or a Service, which gets its address by it (hooks/integrations)."""
    kinds = {owner.kind for owner in meta.owner_references if owner.controller}
    return DECORATOR_ANNOTATION in meta.annotations and bool(kinds & {CLAIM_KIND, SERVICE_KIND})
