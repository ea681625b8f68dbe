"""Objects of other API groups that get addresses, as far as their fields are read.

An IPAddressClaim and an IPAddress belong to the contract of Cluster API for providers of addresses. Their fields are
the same in its versions v1beta1 and v1beta2, except for the conditions of a claim.
"""

from typing import Any

from msgspec import Raw, Struct, field

from hooks.api.metadata import Metadata, OwnedMetadata, ParentMetadata
from hooks.api.names import NamespacedName

#: The API group of claims and addresses, and that of Clusters; both have the same versions.
IPAM_GROUP = "ipam.cluster.x-k8s.io"
CLUSTER_GROUP = "cluster.x-k8s.io"
CLUSTER_KIND = "Cluster"
ADDRESS_KIND = "IPAddress"
#: On claims and addresses: the Cluster to which they belong.
CLUSTER_LABEL = f"{CLUSTER_GROUP}/cluster-name"
#: On a Cluster or a claim: nothing is done for it while it has this annotation.
PAUSED_ANNOTATION = f"{CLUSTER_GROUP}/paused"


class PoolReference(Struct, frozen=True, gc=False, rename="camel"):
    """The pool that a claim names. It has no namespace."""

    kind: str
    name: str
    api_group: str | None = None


class ClaimSpec(Struct, frozen=True, gc=False, rename="camel"):
    """What a consumer of addresses wrote; immutable."""

    pool_ref: PoolReference
    cluster_name: str = ""


class ClaimParent(Struct, frozen=True, gc=False, rename="camel"):
    """The IPAddressClaim that a call is about. Its status stays as it is, except for the fields that are ours."""

    api_version: str
    kind: str
    metadata: ParentMetadata
    spec: Raw = field(default_factory=lambda: Raw(b"{}"))
    status: dict[str, Any] = {}

    @property
    def version(self) -> str:
        """The version of its API group, such as v1beta2."""
        return self.api_version.rpartition("/")[2]


class ClaimObject(Struct, frozen=True, gc=False):
    """The IPAddressClaim to which a request is attached, as far as it says whether it is still used."""

    metadata: Metadata


class ClaimReference(Struct, frozen=True, gc=False):
    """The claim to which an IPAddress is the answer."""

    name: str = ""


class AddressSpec(Struct, frozen=True, gc=False, rename="camel"):
    """The address in an IPAddress, as text, and for which claim of which pool it was made."""

    address: str
    claim_ref: ClaimReference = ClaimReference()
    pool_ref: PoolReference | None = None


class AddressObject(Struct, frozen=True, gc=False):
    """An IPAddress, the answer to a claim."""

    metadata: OwnedMetadata
    spec: AddressSpec


class ClusterSpec(Struct, frozen=True, gc=False):
    """Whether a Cluster is paused."""

    paused: bool = False


class ClusterObject(Struct, frozen=True, gc=False):
    """A Cluster of Cluster API."""

    metadata: ParentMetadata
    spec: ClusterSpec = ClusterSpec()


class AliasTarget(Struct, frozen=True, gc=False):
    """The range that an alias names."""

    namespace: str
    name: str


class AliasSpec(Struct, frozen=True, gc=False):
    """What the owner of an alias wrote; immutable."""

    range: AliasTarget

    @property
    def range_name(self) -> NamespacedName:
        """The range."""
        return NamespacedName(self.range.namespace, self.range.name)


class AliasObject(Struct, frozen=True, gc=False):
    """An IPAMRangeAlias, which makes a range known to claims of all namespaces."""

    metadata: Metadata
    spec: AliasSpec


class ServiceSpec(Struct, frozen=True, gc=False):
    """The type of a Service."""

    type: str = "ClusterIP"


class Ingress(Struct, frozen=True, gc=False):
    """An address at which a load balancer serves."""

    ip: str = ""


class LoadBalancer(Struct, frozen=True, gc=False):
    """What a load balancer reports."""

    ingress: list[Ingress] = []


class ServiceStatus(Struct, frozen=True, gc=False, rename="camel"):
    """The status of a Service, written by the load balancer."""

    load_balancer: LoadBalancer = LoadBalancer()


class ServiceParent(Struct, frozen=True, gc=False):
    """The Service that a call is about."""

    kind: str
    metadata: ParentMetadata
    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()
