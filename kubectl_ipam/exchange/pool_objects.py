"""The objects of pools and claims of Cluster API, as far as their fields are read.

Of most fields null means the same as if they were missing, as in Kubernetes.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

METAL3, CLUSTER_API = "ipam.metal3.io", "ipam.cluster.x-k8s.io"

Document = dict[str, Any]

_Name = Annotated[str, Meta(min_length=1)]


class Metadata(Struct, frozen=True):
    """Which object it is."""

    name: _Name
    namespace: str | None = None


class PoolObject(Struct, frozen=True, rename="camel"):
    """Any of these objects."""

    api_version: str
    kind: str
    metadata: Metadata
    spec: Any

    @property
    def group(self) -> str:
        """The API group of its kind."""
        return self.api_version.rpartition("/")[0]


class Reference(Struct, frozen=True):
    """The pool or the claim that an object names."""

    name: _Name
    kind: str | None = None
    namespace: str | None = None


class Pool(PoolObject, frozen=True, rename="camel"):
    """A pool of any kind."""


class Metal3Network(Struct, frozen=True, rename="camel"):
    """The part of a spec about the network."""

    prefix: int | None = None
    gateway: str | None = None
    dns_servers: list[str] | None = None


class Metal3Part(Metal3Network, frozen=True, rename="camel"):
    """One of the pools of an IPPool."""

    start: str | None = None
    end: str | None = None
    subnet: str | None = None


class Metal3PoolSpec(Metal3Network, frozen=True, rename="camel"):
    """The spec of an IPPool. What has any type means nothing here."""

    pools: list[Metal3Part] | None = None
    pre_allocations: dict[str, str | None] | None = None
    cluster_name: Any = None
    name_prefix: Any = None
    allocation_strategy: Any = None


class Metal3PoolStatus(Struct, frozen=True):
    """The addresses of an IPPool that are allocated, by name of the claim."""

    indexes: dict[str, str | None] | None = None


class Metal3Pool(Pool, frozen=True, rename="camel"):
    """An IPPool."""

    spec: Metal3PoolSpec
    status: Metal3PoolStatus | None = None


class AddressPoolSpec(Struct, frozen=True, rename="camel"):
    """The spec of a pool of single addresses: the fields of all versions."""

    addresses: list[str] | None = None
    excluded_addresses: list[str] | None = None
    prefix: int | None = None
    gateway: str | None = None
    allocate_reserved: bool | None = field(default=None, name="allocateReservedIPAddresses")
    address_reuse_grace_period_seconds: int | None = None
    subnet: str | None = None
    start: str | None = None
    end: str | None = None


class AddressPool(Pool, frozen=True, rename="camel"):
    """An InClusterIPPool or GlobalInClusterIPPool."""

    spec: AddressPoolSpec


class PrefixPoolSpec(Struct, frozen=True, rename="camel"):
    """The spec of a pool of blocks. What has any type means nothing here."""

    prefixes: list[str] | None = None
    allocation_prefix_length: int | None = None
    excluded_prefixes: list[str] | None = None
    gateway: Any = None


class PrefixPool(Pool, frozen=True, rename="camel"):
    """An InClusterPrefixPool or GlobalInClusterPrefixPool."""

    spec: PrefixPoolSpec


class ClaimSpec(Struct, frozen=True):
    """The spec of an IPAddressClaim."""

    pool: Reference = field(name="poolRef")


class Claim(PoolObject, frozen=True, rename="camel"):
    """An IPAddressClaim."""

    spec: ClaimSpec


class Metal3ClaimSpec(ClaimSpec, frozen=True):
    """The spec of an IPClaim."""

    pool: Reference = field(name="pool")


class Metal3Claim(Claim, frozen=True, rename="camel"):
    """An IPClaim."""

    spec: Metal3ClaimSpec


class AddressSpec(Struct, frozen=True):
    """The spec of an IPAddress of Cluster API."""

    address: str
    pool: Reference = field(name="poolRef")
    claim: Reference = field(name="claimRef")
    prefix: int | None = None


class Address(PoolObject, frozen=True, rename="camel"):
    """An IPAddress of Cluster API."""

    spec: AddressSpec


class Metal3AddressSpec(AddressSpec, frozen=True):
    """The spec of an IPAddress of metal3."""

    pool: Reference = field(name="pool")
    claim: Reference = field(name="claim")


class Metal3Address(Address, frozen=True, rename="camel"):
    """An IPAddress of metal3."""

    spec: Metal3AddressSpec


#: By kind and API group.
TYPES: dict[tuple[str, str], type[PoolObject]] = {
    ("IPPool", METAL3): Metal3Pool,
    ("IPClaim", METAL3): Metal3Claim,
    ("IPAddress", METAL3): Metal3Address,
    ("InClusterIPPool", CLUSTER_API): AddressPool,
    ("GlobalInClusterIPPool", CLUSTER_API): AddressPool,
    ("InClusterPrefixPool", CLUSTER_API): PrefixPool,
    ("GlobalInClusterPrefixPool", CLUSTER_API): PrefixPool,
    ("IPAddressClaim", CLUSTER_API): Claim,
    ("IPAddress", CLUSTER_API): Address,
}


class Misshapen(ValueError):
    """A document that is none of these objects; the message says which of its fields is wrong."""


def read_object(document: Document) -> PoolObject:
    """Read one of these objects.

    Raises:
        Misshapen: if a field that is read has another type, or is missing.
    """
    kind, group = document.get("kind"), group_of(document)
    if (type_ := TYPES.get((str(kind), group))) is None:
        raise Misshapen(f"the kind {kind} of {group} can't be imported: remove it, or check for a typing error")
    try:
        return msgspec.convert(document, type_)
    except msgspec.ValidationError as fault:
        raise Misshapen(str(fault).replace("`$.", "`")) from fault


def group_of(document: Document) -> str:
    """The API group of an object."""
    return str(document.get("apiVersion", "")).rpartition("/")[0]


def unknown_fields(document: Document, found: PoolObject) -> list[str]:
    """The fields of the spec of a document that such an object does not have."""
    return sorted(document["spec"].keys() - set(found.spec.__struct_encode_fields__))
