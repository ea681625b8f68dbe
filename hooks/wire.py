"""Bytes to typed values and back: what Metacontroller 4.17 sends to hooks of version v2, and what it takes as answer.

A body of 10,000 requests is 20 to 40 MB, most of it fields that nobody here reads. msgspec's structs name the fields
that are read, skip all others unread, and check types on the way.

The objects of a body are decoded one by one (`Raw`): one malformed request among thousands must not stop the others.
What cannot be understood as a whole raises `ProtocolError`. An answer that is computed from half a body would delete
allocations, because Metacontroller deletes every child that is missing from an answer.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from hooks import names
from hooks.explain import ProtocolError, excerpt, explained

#: What msgspec raises for bytes that are not what they should be.
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

#: A moment, with its zone: the API server writes UTC.
Moment = Annotated[datetime, Meta(tz=True)]


class OwnerReference(Struct, frozen=True, gc=False, rename="camel"):
    """Who owns an object; of several owners one may be its controller."""

    kind: str
    name: str
    uid: str
    controller: bool = False


class Metadata(Struct, frozen=True, gc=False, rename="camel"):
    """The fields of `metadata` that the hooks read of every object."""

    name: str
    uid: str
    creation_timestamp: Moment
    namespace: str = ""
    generation: int = 0
    deletion_timestamp: Moment | None = None
    finalizers: list[str] = []


class RecordedAddress(Struct, frozen=True, gc=False):
    """The one annotation that is read of requests that come by the thousand."""

    cidr: str = field(default="", name=names.CIDR_ANNOTATION)


class RequestMetadata(Metadata, frozen=True, gc=False, rename="camel"):
    """What is read of each request of a range."""

    annotations: RecordedAddress = RecordedAddress()


class ParentMetadata(Metadata, frozen=True, gc=False, rename="camel"):
    """What is read besides of the one object that a call is about."""

    annotations: dict[str, str] = {}


class OwnedMetadata(Metadata, frozen=True, gc=False, rename="camel"):
    """What is read of an allocation besides, where it matters whose it is."""

    labels: dict[str, str] = {}
    owner_references: list[OwnerReference] = []


class ExtentMetadata(OwnedMetadata, frozen=True, gc=False, kw_only=True, rename="camel"):
    """What is read of an extent: also where its last change stands in the order of all changes."""

    resource_version: Annotated[str, Meta(pattern="^[1-9][0-9]{0,17}$")]


class Condition(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """A condition as in Kubernetes' API conventions."""

    type: str
    status: str
    reason: str
    message: str
    last_transition_time: str
    observed_generation: int = 0


class Entry(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """A line of the ledger: the block `cidr` belongs to the request with this uid; `request` is "namespace/name"."""

    cidr: str
    request: str
    uid: str
    absent_since: Moment | None = None
    released_at: Moment | None = None


class Capacity(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """Numbers of addresses as decimal text; and of blocks, by prefix length. Nothing here is read back."""

    total: str = ""
    allocated: str = ""
    free: str = ""
    used: str = ""
    shared: str = ""
    largest_free: str = ""
    free_blocks: dict[str, str] = {}
    room: str = ""


class LabelRequirement(Struct, frozen=True, gc=False, omit_defaults=True):
    """A condition of a label selector that is not plain equality."""

    key: str
    operator: str
    values: list[str] = []


class LabelSelector(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """A label selector as in Kubernetes: all of its conditions must hold; without any it selects everything."""

    match_labels: dict[str, str] = {}
    match_expressions: list[LabelRequirement] = []


class AllowedNamespaces(Struct, frozen=True, gc=False, omit_defaults=True):
    """Whose requests a range serves; `source` is called `from` on the wire, which is no name in Python."""

    source: str = field(default="Same", name="from")
    selector: LabelSelector | None = None


class Network(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """What a consumer must know besides its block, as text and as the user wrote it; each part may be absent."""

    gateway: str = ""
    prefix_length: int | None = None
    dns_servers: list[str] = []


class RangeSpec(Struct, frozen=True, gc=False, rename="camel"):
    """What the user wrote; `ranges` and `excludes` are still text."""

    ranges: list[str]
    excludes: list[str] = []
    chunk_size: int = 0
    mode: Literal["FirstMatch", "RoundRobin"] = "FirstMatch"
    cooldown_seconds: Annotated[int, Meta(ge=0, le=31_536_000)] = 0
    network: Network | None = None
    allowed_namespaces: AllowedNamespaces = AllowedNamespaces()
    domain: str = ""


class RangeStatus(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """The status of a range; all above `state` is its ledger."""

    revision: int | UnsetType = UNSET
    allocations: list[Entry] = []
    round_robin: dict[str, str] = {}
    released: list[str] = []
    held: bool = False
    closing: bool = False
    state: str = ""
    message: str = ""
    pending: int | UnsetType = UNSET
    capacity: Capacity | None = None
    observed_generation: int = 0
    conditions: list[Condition] = []


class RangeObject(Struct, frozen=True, gc=False, rename="camel"):
    """An IPAMRange. The spec is decoded apart, for a bad one is an answer and not a broken call."""

    kind: str
    metadata: ParentMetadata
    spec: Raw = field(default_factory=lambda: Raw(b"{}"))
    status: RangeStatus = RangeStatus()


class RangeReference(Struct, frozen=True, gc=False):
    """The range that a request names."""

    name: str
    namespace: str = ""


class RequestSpec(Struct, frozen=True, gc=False):
    """What the user wrote; `request` is still text."""

    ipam: RangeReference
    size: int = 0
    request: str = ""


class RequestStatus(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """The status of a request."""

    cidr: str = ""
    network: Network | None = None
    state: str = ""
    message: str = ""
    observed_generation: int = 0
    conditions: list[Condition] = []


class RequestObject(Struct, frozen=True, gc=False, rename="camel"):
    """An IPAMRequest. The spec is decoded apart, as that of a range."""

    kind: str
    metadata: RequestMetadata
    spec: Raw = field(default_factory=lambda: Raw(b"{}"))
    status: RequestStatus = RequestStatus()


class RequestKey(Struct, frozen=True, gc=False):
    """Which request an allocation answers."""

    namespace: str
    name: str
    uid: str


class RequestParent(Struct, frozen=True, gc=False, rename="camel"):
    """An IPAMRequest that a call is about."""

    kind: str
    metadata: ParentMetadata
    spec: Raw = field(default_factory=lambda: Raw(b"{}"))
    status: RequestStatus = RequestStatus()


class AllocationSpec(Struct, frozen=True, gc=False, omit_defaults=True):
    """The answer of a range to one request. `revision` is that of the ledger on which Ready or Released rest."""

    range: str
    request: RequestKey
    state: str
    cidr: str = ""
    network: Network | None = None
    revision: int = 0
    reason: str = ""
    message: str = ""


class AllocationObject(Struct, frozen=True, gc=False):
    """An IPAMAllocation among the children of its range."""

    metadata: Metadata
    spec: AllocationSpec


class OwnedAllocationObject(Struct, frozen=True, gc=False):
    """An IPAMAllocation of which it matters whose it is."""

    metadata: OwnedMetadata
    spec: AllocationSpec


class LabelledMetadata(Metadata, frozen=True, gc=False, rename="camel"):
    """What is read of a namespace besides."""

    labels: dict[str, str] = {}


class ExtentSpec(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """The addresses that a range announces in its domain; `ranges` is still text. And whose requests it serves.

    `number` is its place in the order in which extents came; None if it has not been written yet.
    """

    range: str
    domain: str
    ranges: list[str]
    allowed_namespaces: AllowedNamespaces = AllowedNamespaces()
    number: Annotated[int, Meta(gt=0)] | None = None


class ExtentObject(Struct, frozen=True, gc=False):
    """An IPAMExtent of some range."""

    metadata: ExtentMetadata
    spec: ExtentSpec


class NamespaceObject(Struct, frozen=True, gc=False):
    """A core Namespace."""

    metadata: LabelledMetadata


class RangeBody(Struct, frozen=True, gc=False):
    """Body of POST /ipamrange/{sync,finalize}."""

    parent: RangeObject
    children: dict[str, dict[str, Raw]]
    related: dict[str, dict[str, Raw]]
    finalizing: bool = False


class RequestBody(Struct, frozen=True, gc=False):
    """Body of POST /ipamrequest/{sync,finalize}."""

    object: RequestParent
    related: dict[str, dict[str, Raw]]
    finalizing: bool = False


class RangeCustomizeBody(Struct, frozen=True, gc=False):
    """Body of POST /ipamrange/customize."""

    parent: RangeObject


class RequestCustomizeBody(Struct, frozen=True, gc=False):
    """Body of POST /ipamrequest/customize."""

    parent: RequestParent


Body = TypeVar("Body", RangeBody, RequestBody, RangeCustomizeBody, RequestCustomizeBody)
Object = TypeVar("Object", RequestObject, AllocationObject, OwnedAllocationObject, ExtentObject, NamespaceObject)
Spec = TypeVar("Spec", RangeSpec, RequestSpec)


#: All decoders, made while the module is imported: msgspec completes what it knows of a struct when the first decoder
#: for it is made, and two threads that do so at once crash the process (a segmentation fault, seen with msgspec 0.22).
_DECODERS: dict[type, msgspec.json.Decoder[Any]] = {
    each: msgspec.json.Decoder(each)
    for each in (
        RangeBody,
        RequestBody,
        RangeCustomizeBody,
        RequestCustomizeBody,
        RequestObject,
        AllocationObject,
        OwnedAllocationObject,
        ExtentObject,
        NamespaceObject,
        RangeSpec,
        RequestSpec,
    )
}


def decode_body(data: bytes, body_type: type[Body]) -> Body:
    """Read the body of a hook call.

    Raises:
        ProtocolError: if it is not JSON, not of this shape, or its parent is of another kind.
    """
    try:
        if not data.isascii():
            data.decode()  # msgspec does not look at the text that it skips
        body: Body = _DECODERS[body_type].decode(data)
    except UNREADABLE as error:
        raise explained(data, body_type, str(error)) from error
    parent = body.object if isinstance(body, RequestBody) else body.parent
    wanted = names.RANGE_KIND if isinstance(parent, RangeObject) else names.REQUEST_KIND
    if parent.kind != wanted:
        path = "object" if isinstance(body, RequestBody) else "parent"
        raise ProtocolError(f"$.{path}.kind", f"must be {wanted}", excerpt(parent.kind))
    return body


def decode_objects(group: Mapping[str, Raw], object_type: type[Object]) -> tuple[dict[str, Object], list[str]]:
    """Read one kind's objects: those that can be read, by "namespace/name", and the keys of those that can't."""
    decoder: msgspec.json.Decoder[Object] = _DECODERS[object_type]
    objects: dict[str, Object] = {}
    unreadable: list[str] = []
    for key, raw in group.items():
        try:
            objects[key] = decoder.decode(raw)
        except UNREADABLE:
            unreadable.append(key)
    return objects, unreadable


def decode_spec(raw: Raw, spec_type: type[Spec]) -> Spec | str:
    """Read a spec; a text that says what is wrong with it, where it can't be read."""
    try:
        spec: Spec = _DECODERS[spec_type].decode(raw)
    except UNREADABLE as error:
        return str(error).replace("`$.", "`spec.").replace("`$`", "`spec`")
    return spec


def encode(answer: Any) -> bytes:
    """Write an answer."""
    return msgspec.json.encode(answer)


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC and whole seconds, as the API server writes times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
