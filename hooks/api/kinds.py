"""The objects, as far as their fields are read or written.

msgspec's structs name the fields that the hooks read, skip all others unread, and check types on the way: of a body of
20 to 40 MB most are fields that nothing here needs. Field names are the API's in snake case; where a Python name says
more, `name=` keeps the name on the wire.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from hooks.api import names
from hooks.api.metadata import (
    ExtentMetadata,
    LabelledMetadata,
    Metadata,
    Moment,
    OwnedMetadata,
    ParentMetadata,
    RequestMetadata,
    SliceMetadata,
)
from hooks.api.names import NamespacedName


class Condition(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """A condition as in Kubernetes' API conventions."""

    type: str
    status: str
    reason: str
    message: str
    last_transition_time: str
    observed_generation: int = 0


class Entry(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """A line of the ledger: the block `cidr` belongs to the request `holder` ("namespace/name") with this uid."""

    cidr: str
    holder: str = field(name="request")
    uid: str
    absent_since: Moment | None = None
    released_at: Moment | None = None


class Capacity(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """Numbers of addresses as decimal text; and of blocks, by prefix length. Nothing here is read back."""

    total: str = ""
    allocated: str = ""
    free: str = ""
    used: str = ""
    reserved: str = ""
    unavailable: str = ""
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
    """Which namespaces a range serves; `source` is called `from` on the wire, which is no name in Python."""

    source: str = field(default="Same", name="from")
    selector: LabelSelector | None = None


class Network(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """Settings of the network around the blocks of a range, as text and as the user wrote it; each may be absent."""

    gateway: str = ""
    prefix_length: int | None = None
    dns_servers: list[str] = []


class ReservationHolder(Struct, frozen=True, gc=False):
    """The object for which a block is reserved; without a namespace one in the namespace of the range."""

    name: str = ""
    namespace: str = ""
    kind: str = names.REQUEST_KIND


class ReservedBlock(Struct, frozen=True, gc=False):
    """A block, still as text, that is allocated to one holder only. Without either of them it is ignored."""

    cidr: str = ""
    holder: ReservationHolder = ReservationHolder()


#: A number of addresses; IPv6 counts exceed 64 bits, so it may be decimal text.
AddressCount = Annotated[int, Meta(ge=0)] | Annotated[str, Meta(pattern="^(0|[1-9][0-9]{0,38})$")]


class NamespaceQuota(Struct, frozen=True, gc=False):
    """How many addresses of a range one namespace may hold."""

    name: str
    addresses: AddressCount


class Quota(Struct, frozen=True, gc=False):
    """How many addresses of a range each namespace may hold, and some of them instead; None means any number."""

    addresses: AddressCount | None = None
    namespaces: list[NamespaceQuota] = []


#: How a free block is selected: the smallest that is large enough, the lowest, or the next one.
Mode = Literal["BestFit", "FirstFit", "RoundRobin"]


class Delegator(Struct, frozen=True, gc=False):
    """The request, in the namespace of the range, from whose block a range was made."""

    name: str
    uid: str


class RangeSpec(Struct, frozen=True, gc=False, rename="camel"):
    """What the user wrote; `ranges`, `excludes` and the blocks of `reservations` are still text."""

    ranges: list[str]
    excludes: list[str] = []
    reservations: list[ReservedBlock] = []
    chunk_size: int = 0
    mode: Mode = "BestFit"
    cooldown_seconds: Annotated[int, Meta(ge=0, le=31_536_000)] = 0
    closed: bool = False
    network: Network | None = None
    allowed_namespaces: AllowedNamespaces = AllowedNamespaces()
    allocate_reserved: bool | None = field(default=None, name="allocateReservedIPAddresses")
    quota: Quota | None = None
    domain: str = ""
    delegated_from: Delegator | None = None


class Retired(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """Numbers of addresses that are not allocated any more, as decimal text: all, and those that are still held."""

    addresses: str
    held: str


class Withdrawn(Struct, frozen=True, gc=False):
    """Addresses, as text, that no extent of the range with this number or a lower one announces any more."""

    addresses: str
    number: int


class RangeStatus(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """The status of a range; all from `revision` to `observed_generation` is its ledger.

    Here and in the other kinds, `schema_v1` shows that the API server that served the object knows this version of the
    schema: it has dropped no field that the hooks depend on (docs/decisions/0019-schema-markers.md).
    """

    schema_v1: bool = False
    revision: int | UnsetType = UNSET
    allocations: list[Entry] = []
    round_robin: dict[str, str] = {}
    released: list[str] = []
    on_hold: bool = False
    closing: bool = False
    gateways: list[str] = []
    was_shared: bool = False
    removable: list[str] = []
    withdrawn: list[Withdrawn] = []
    observed_generation: int = 0
    finished: bool = False
    state: str = ""
    notes: str = ""
    message: str = ""
    pending: int | UnsetType = UNSET
    capacity: Capacity | None = None
    retired: Retired | None = None
    conditions: list[Condition] = []


class RangeObject(Struct, frozen=True, gc=False, rename="camel"):
    """An IPAMRange. The spec is decoded separately, because a bad one is an answer and not a broken call."""

    kind: str
    metadata: ParentMetadata
    spec: Raw = field(default_factory=lambda: Raw(b"{}"))
    status: RangeStatus = RangeStatus()


class RangeReference(Struct, frozen=True, gc=False):
    """The range that a request names."""

    name: str
    namespace: str = ""


class Delegate(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """What the range is like that is to be made from the block of a request; each field as in the spec of a range."""

    name: str = ""
    chunk_size: int = 0
    mode: Mode = "BestFit"
    cooldown_seconds: int = 0
    allowed_namespaces: AllowedNamespaces | None = None


class RequestSpec(Struct, frozen=True, gc=False):
    """What the user wrote; `wanted` is still text."""

    ipam: RangeReference
    size: int = 0
    wanted: str = field(default="", name="request")
    delegate: Delegate | None = None

    def range_name(self, own_namespace: str) -> NamespacedName:
        """The range that a request of this namespace names."""
        return NamespacedName(self.ipam.namespace or own_namespace, self.ipam.name)


class DelegatedRange(Struct, frozen=True, gc=False, omit_defaults=True):
    """The one range that may allocate from the block of a request; `finished` once it never will again."""

    name: str
    uid: str
    finished: bool = False


class RequestStatus(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """The status of a request; `address` is that of a block of one address, without its prefix length.

    `revision` is that of the answer from which `network` was copied.
    """

    schema_v1: bool = False
    cidr: str = ""
    address: str = ""
    network: Network | None = None
    revision: int = 0
    range: DelegatedRange | None = None
    state: str = ""
    message: str = ""
    observed_generation: int = 0
    conditions: list[Condition] = []


class ShownStatus(Struct, frozen=True, gc=False, rename="camel"):
    """What is read of the status of requests that come by the thousand."""

    cidr: str = ""
    network: Network | None = None
    range: DelegatedRange | None = None
    schema_v1: bool = False


class RequestObject(Struct, frozen=True, gc=False):
    """An IPAMRequest among those of its range."""

    metadata: RequestMetadata
    spec: RequestSpec
    status: ShownStatus = ShownStatus()


class RequestWithBadSpec(Struct, frozen=True, gc=False):
    """An IPAMRequest among those of its range whose spec can't be read."""

    metadata: RequestMetadata
    spec: Raw = field(default_factory=lambda: Raw(b"{}"))
    status: ShownStatus = ShownStatus()


class RequestParent(Struct, frozen=True, gc=False, rename="camel"):
    """The IPAMRequest that a call is about. The spec is decoded separately, as that of a range."""

    kind: str
    metadata: ParentMetadata
    spec: Raw = field(default_factory=lambda: Raw(b"{}"))
    status: RequestStatus = RequestStatus()


class AttachedSpec(Struct, frozen=True, gc=False, rename="camel"):
    """What a request reads of the spec of the range that was made from its block."""

    ranges: list[str] = []
    delegated_from: Delegator | None = None


class AttachedStatus(Struct, frozen=True, gc=False, rename="camel"):
    """What it reads of the status."""

    schema_v1: bool = False
    finished: bool = False


class AttachedRange(Struct, frozen=True, gc=False):
    """An IPAMRange among the attachments of a request."""

    metadata: Metadata
    spec: AttachedSpec = AttachedSpec()
    status: AttachedStatus = AttachedStatus()


class Answer(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """The answer of a range to one request, an item of a slice; `request` is "namespace/name".

    Ready and Released rest on the ledger of this `revision`.
    """

    uid: str
    request: str
    state: str
    cidr: str = ""
    network: Network | None = None
    revision: int = 0
    reason: str = ""
    message: str = ""


class Proposal(Struct, frozen=True, gc=False):
    """The revision of the ledger that a call proposed, and when."""

    revision: int
    at: Moment


class SliceSpec(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """The answers of a range to requests that were created in the same second.

    `proposed` is what the call proposed that wrote the slice last. `answers` has no default, so that it is written even
    if it is empty: Metacontroller removes a field that is no longer written as a whole, with items that it did not
    write.
    """

    range: str
    answers: list[Answer]
    proposed: Proposal | None = None
    schema_v1: bool = False


class SliceObject(Struct, frozen=True, gc=False):
    """An IPAMAllocationSlice among the children of its range."""

    metadata: SliceMetadata
    spec: SliceSpec


class OwnedSliceObject(Struct, frozen=True, gc=False):
    """An IPAMAllocationSlice seen from a request, where it matters which range controls it."""

    metadata: OwnedMetadata
    spec: SliceSpec


class ExtentSpec(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """The addresses that a range announces in its domain, still as text.

    `allowed_namespaces` are those that the range serves; they are large, so the first extent of a range has them for
    all. `number` is its place in the order in which extents were created; None if it has not been written yet.
    `withdrawn` are those of its addresses that it does not announce any more.
    """

    range: str
    domain: str
    ranges: list[str]
    allowed_namespaces: AllowedNamespaces | None = None
    number: Annotated[int, Meta(gt=0)] | None = None
    withdrawn: list[str] = []
    schema_v1: bool = False


class ExtentObject(Struct, frozen=True, gc=False):
    """An IPAMExtent of some range."""

    metadata: ExtentMetadata
    spec: ExtentSpec


class NamespaceObject(Struct, frozen=True, gc=False):
    """A core Namespace."""

    metadata: LabelledMetadata
