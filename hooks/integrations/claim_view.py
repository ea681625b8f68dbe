"""What one call sees of a claim: its pool, its Cluster, its request and its IPAddress."""

from functools import cached_property
from typing import TYPE_CHECKING

from hooks.api import foreign, names
from hooks.api.foreign import AddressObject, AliasObject, ClaimParent, ClaimSpec, ClusterObject, PoolReference
from hooks.api.names import NamespacedName
from hooks.api.ownership import CLAIM, is_controlled_by
from hooks.integrations.attachments import observed_requests, single_address
from hooks.protocol.bodies import ClaimBody
from hooks.protocol.decoding import decode_objects, decode_spec
from hooks.protocol.errors import ProtocolError

if TYPE_CHECKING:
    from hooks.api.kinds import RequestParent


def spec_of(claim: ClaimParent) -> ClaimSpec | None:
    """The spec of a claim; None if its pool is not one of ours."""
    spec = decode_spec(claim.spec, ClaimSpec)
    return spec if isinstance(spec, ClaimSpec) and spec.pool_ref.api_group == names.GROUP else None


def cluster_name(claim: ClaimParent, spec: ClaimSpec) -> str:
    """The Cluster of a claim; "" if it has none. Many controllers name it only by the label, which is deprecated."""
    return spec.cluster_name or claim.metadata.labels.get(foreign.CLUSTER_LABEL, "")


class ClaimView:
    """The picture of one call about a living claim of one of our pools.

    Attributes:
        claim: the claim.
        pool_ref: the pool that it names.
        range_name: the range behind that pool; a text that says why there is none.
        request: the attached request; None if there is none.
        address: the attached IPAddress; None if there is none.
    """

    def __init__(self, body: ClaimBody, spec: ClaimSpec) -> None:
        """Read the attachments, and find the pool.

        Raises:
            ProtocolError: if an attachment can't be read.
        """
        self._related = body.related
        self._cluster_name = cluster_name(body.object, spec)
        self.claim, self.pool_ref = body.object, spec.pool_ref
        requests = observed_requests(body.attachments, self.claim.metadata, CLAIM)
        self.request: RequestParent | None = next(iter(requests), None)
        self.address = _attached_address(body, spec.pool_ref)
        self.range_name = self._found_range(spec.pool_ref)

    @property
    def name(self) -> NamespacedName:
        """The name of the claim, and of its IPAddress."""
        return self.claim.metadata.namespaced_name

    @cached_property
    def is_paused(self) -> bool:
        """Whether nothing is to be done for it: it or its Cluster is paused, or that Cluster does not exist."""
        if foreign.PAUSED_ANNOTATION in self.claim.metadata.annotations:
            return True
        if not self._cluster_name:
            return False
        key = f"{foreign.CLUSTER_KIND}.{foreign.CLUSTER_GROUP}/{self.claim.version}"
        clusters, _ = decode_objects(self._related.get(key, {}), ClusterObject)
        wanted = NamespacedName(self.name.namespace, self._cluster_name)
        found = [each for each in clusters.values() if each.metadata.namespaced_name == wanted]
        return not found or any(
            each.spec.paused or foreign.PAUSED_ANNOTATION in each.metadata.annotations for each in found
        )

    @cached_property
    def former_address(self) -> str:
        """The address that it had before, as text: that of its IPAddress, or the one that it records; "" if none."""
        if self.address:
            return self.address.spec.address
        return self.claim.metadata.annotations.get(names.ADDRESSES_ANNOTATION, "")

    @cached_property
    def recorded(self) -> str:
        """The same in canonical form; "" also if it is no address."""
        return single_address(self.former_address)

    def _found_range(self, reference: PoolReference) -> NamespacedName | str:
        if reference.kind == names.RANGE_KIND:
            return NamespacedName(self.name.namespace, reference.name)
        if reference.kind != names.ALIAS_KIND:
            kinds = f"{names.RANGE_KIND} or {names.ALIAS_KIND}"
            return f'poolRef.kind is "{reference.kind}": the pools of {names.GROUP} are of kind {kinds}'
        aliases, _ = decode_objects(self._related.get(names.ALIAS_KEY, {}), AliasObject)
        for alias in aliases.values():
            if alias.metadata.name == reference.name:
                return alias.spec.range_name
        return f"there is no {names.ALIAS_KIND} {reference.name}: create it, or correct the claim"


def _attached_address(body: ClaimBody, pool: PoolReference) -> AddressObject | None:
    """The attached IPAddress. Without one that can't be read, a second one could be created.

    One that was made for another claim or pool is not taken at its word: the policy that protects IPAddresses protects
    those of our pools only.
    """
    claim = body.object.metadata
    key = f"{foreign.ADDRESS_KIND}.{body.object.api_version}"
    addresses, unreadable = decode_objects(body.attachments.get(key, {}), AddressObject)
    if unreadable:
        raise ProtocolError(f'$.attachments["{key}"]["{min(unreadable)}"]', f"must be an {foreign.ADDRESS_KIND}")
    mine = (
        each
        for _, each in sorted(addresses.items())
        if is_controlled_by(each.metadata, claim, CLAIM)
        and (each.spec.claim_ref.name, each.spec.pool_ref) == (claim.name, pool)
    )
    return next(mine, None)
