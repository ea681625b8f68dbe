"""The objects as the plugin reads them: the hooks' kinds, with the fields that only people look at."""

from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from hooks.api.kinds import (
    AttachedSpec,
    Delegator,
    ExtentSpec,
    RangeObject,
    RangeStatus,
    RequestObject,
    RequestSpec,
    RequestStatus,
    ShownStatus,
    SliceSpec,
)
from hooks.api.metadata import (
    Metadata,
    OwnerReference,
    ParentMetadata,
    RecordedAddress,
    RequestMetadata,
)
from hooks.api.names import CIDR_ANNOTATION, NOT_IN_BACKUPS, RANGE_KIND, NamespacedName
from hooks.protocol.decoding import UNREADABLE

_ATTACHED_DECODER = msgspec.json.Decoder(AttachedSpec)


class ObjectMetadata(Metadata, frozen=True, gc=False, rename="camel"):
    """The metadata of any object."""

    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    owner_references: list[OwnerReference] = field(default_factory=list)
    resource_version: str = ""

    @property
    def controller(self) -> OwnerReference | None:
        """The owner that controls the object; None if none does."""
        return next((owner for owner in self.owner_references if owner.controller), None)


def _fields_of(kind: type[Struct], meta: ObjectMetadata) -> dict[str, Any]:
    """The fields of the metadata that a kind of object has for the hooks."""
    return {name: getattr(meta, name) for name in kind.__struct_fields__}


class Range(Struct, frozen=True, gc=False):
    """An IPAMRange; its spec is read by `hooks.ranges.spec.read_terms`."""

    metadata: ObjectMetadata
    spec: Raw = field(default_factory=lambda: Raw(b"{}"))
    status: RangeStatus = RangeStatus()

    @property
    def delegated_from(self) -> Delegator | None:
        """The request from whose block it was made; None if its owner made it, or its spec can't be read."""
        return self._attached.delegated_from if b"delegatedFrom" in bytes(self.spec) else None

    @property
    def addresses(self) -> list[str]:
        """The entries of its `ranges` as text; none if its spec can't be read."""
        return self._attached.ranges

    @property
    def _attached(self) -> AttachedSpec:
        try:
            return _ATTACHED_DECODER.decode(self.spec)
        except UNREADABLE:
            return AttachedSpec()

    @property
    def for_hooks(self) -> RangeObject:
        """The same as the hooks read it."""
        parent = ParentMetadata(**_fields_of(ParentMetadata, self.metadata))
        return RangeObject(RANGE_KIND, parent, self.spec, self.status)


class Request(Struct, frozen=True, gc=False):
    """An IPAMRequest with its whole status."""

    metadata: ObjectMetadata
    spec: RequestSpec
    status: RequestStatus = RequestStatus()

    @property
    def range_name(self) -> NamespacedName:
        """The range that it names."""
        return self.spec.range_name(self.metadata.namespace)

    @property
    def attached_to(self) -> str:
        """The object to which it is attached, as "Kind namespace/name"; "" if it is an ordinary request.

        Such a request has the label that keeps it out of backups, because its owner makes it again.
        """
        meta, owner = self.metadata, self.metadata.controller
        if owner is None or not NOT_IN_BACKUPS.items() <= meta.labels.items():
            return ""
        return f"{owner.kind} {meta.namespace}/{owner.name}"

    @property
    def delegated_name(self) -> NamespacedName | None:
        """The range that is made from its block; None if it delegates nothing."""
        if self.spec.delegate is None:
            return None
        return NamespacedName(self.metadata.namespace, self.spec.delegate.name or self.metadata.name)

    @property
    def for_hooks(self) -> RequestObject:
        """The same as the hooks read it among the requests of its range."""
        meta, status = self.metadata, self.status
        recorded = RecordedAddress(meta.annotations.get(CIDR_ANNOTATION, ""))
        related = RequestMetadata(**_fields_of(RequestMetadata, meta) | {"annotations": recorded})
        shown = ShownStatus(status.cidr, status.network, status.range, status.schema_v1)
        return RequestObject(related, self.spec, shown)


class Slice(Struct, frozen=True, gc=False):
    """An IPAMAllocationSlice."""

    metadata: ObjectMetadata
    spec: SliceSpec


class Extent(Struct, frozen=True, gc=False):
    """An IPAMExtent."""

    metadata: ObjectMetadata
    spec: ExtentSpec


class Namespace(Struct, frozen=True, gc=False):
    """A core Namespace."""

    metadata: ObjectMetadata
