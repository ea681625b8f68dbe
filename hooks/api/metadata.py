"""The metadata of objects, as far as the hooks read it of each kind."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Raw, Struct, field

from hooks.api import names
from hooks.api.names import NamespacedName

#: A moment, with its zone: the API server writes UTC.
Moment = Annotated[datetime, Meta(tz=True)]


class OwnerReference(Struct, frozen=True, gc=False, rename="camel"):
    """An owner of an object; one of several owners may be its controller."""

    kind: str
    name: str
    uid: str
    controller: bool = False
    api_version: str = ""

    @property
    def group(self) -> str:
        """The API group of its kind; "" is that of Services."""
        return self.api_version.rpartition("/")[0]


class Metadata(Struct, frozen=True, gc=False, rename="camel"):
    """The fields of `metadata` that the hooks read of every object."""

    name: str
    uid: str
    creation_timestamp: Moment
    namespace: str = ""
    generation: int = 0
    deletion_timestamp: Moment | None = None
    finalizers: list[str] = []

    @property
    def namespaced_name(self) -> NamespacedName:
        """Namespace and name together."""
        return NamespacedName(self.namespace, self.name)


class RecordedAddress(Struct, frozen=True, gc=False):
    """The one annotation that is read of requests, which come by the thousand."""

    cidr: str = field(default="", name=names.CIDR_ANNOTATION)


class RequestMetadata(Metadata, frozen=True, gc=False, rename="camel"):
    """What is read of each request of a range."""

    annotations: RecordedAddress = RecordedAddress()
    owner_references: list[OwnerReference] = []


class ParentMetadata(Metadata, frozen=True, gc=False, rename="camel"):
    """The metadata of the one object that a call is about, with all its labels and annotations."""

    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: list[OwnerReference] = []


class OwnedMetadata(Metadata, frozen=True, gc=False, rename="camel"):
    """The metadata of a child, where it matters which range controls it."""

    labels: dict[str, str] = {}
    owner_references: list[OwnerReference] = []


class LastApplied(Struct, frozen=True, gc=False):
    """The one annotation that is read of extents: the child as Metacontroller wrote it last, as JSON."""

    text: str = field(default="", name=names.LAST_APPLIED_ANNOTATION)


class RawLastApplied(Struct, frozen=True, gc=False):
    """The same annotation of slices, as a JSON string that is decoded only where it is needed."""

    text: Raw = field(default_factory=lambda: Raw(b'""'), name=names.LAST_APPLIED_ANNOTATION)


class SliceMetadata(Metadata, frozen=True, gc=False, rename="camel"):
    """The metadata of a slice among the children of its range."""

    annotations: RawLastApplied = RawLastApplied()


class ExtentMetadata(OwnedMetadata, frozen=True, gc=False, kw_only=True, rename="camel"):
    """The metadata of an extent, with the place of its last change in the order of all changes."""

    resource_version: Annotated[str, Meta(pattern="^[1-9][0-9]{0,17}$")]
    annotations: LastApplied = LastApplied()


class LabelledMetadata(Metadata, frozen=True, gc=False, rename="camel"):
    """The metadata of a namespace."""

    labels: dict[str, str] = {}
