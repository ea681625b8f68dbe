"""What the spec of a range says, read once: each part of a call works with these values, not with the texts."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple

from msgspec import Raw

from hooks.api import namespaces
from hooks.api.conditions import listed
from hooks.api.kinds import AllowedNamespaces, Network, RangeSpec, RangeStatus
from hooks.api.names import NamespacedName
from hooks.protocol.decoding import decode_spec
from hooks.ranges.network import read_network
from hooks.ranges.reservations import Reservation, read_reservations
from ipam.address import IPV4, IPV6, Family, Prefix
from ipam.address_set import AddressSet
from ipam.pool import InvalidPool, Pool, parse_pool


class Domain(NamedTuple):
    """An address space, in which no address is allocated twice.

    Attributes:
        name: a DNS label.
    """

    name: str

    @property
    def words(self) -> str:
        """Its name in messages."""
        return f"domain {self.name}"


#: The domain of all ranges that name none, in whatever namespaces.
DEFAULT_DOMAIN = Domain("default")
#: How long released blocks cool down while the spec can't be read: longer than any range may say.
UNKNOWN_COOLDOWN = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a spec says.

    Attributes:
        is_readable: whether the spec could be read at all; if not, every other field has its default.
        invalid_reason: why no block can be granted by this spec; "" if blocks can. Then, and only then, the pool has
            addresses.
        pool: the addresses that may be allocated, without the gateway.
        remarks: what the spec says in vain or probably by mistake, though blocks can be granted by it.
        gateway: as a block of one address; None if there is none.
        network: the settings that each holder of a block gets permanently, even if the range grows into an invalid one.
        allowed: the namespaces that the range serves; if that part is invalid, its own one.
        domain: the address space.
        cooldown: for how long a released block can't be granted again.
        default_length: prefix length of the block for a request without a size.
        is_round_robin: whether blocks are granted in turn.
        reservations: blocks of the pool that only their holders get, in order of addresses; no two of them overlap.
    """

    is_readable: bool
    invalid_reason: str
    pool: Pool
    remarks: tuple[str, ...]
    gateway: Prefix | None
    network: Network | None
    allowed: AllowedNamespaces
    domain: Domain
    cooldown: timedelta
    default_length: int
    is_round_robin: bool
    reservations: tuple[Reservation, ...] = ()

    @property
    def family(self) -> Family | None:
        """Of all addresses; None if the spec is invalid."""
        return None if self.invalid_reason else self.pool.family


def read_terms(range_name: NamespacedName, raw: Raw, status: RangeStatus) -> Terms:
    """Read the spec of a range; its status says of which family the blocks are that it has granted already."""
    spec = decode_spec(raw, RangeSpec)
    if isinstance(spec, str):
        unreadable = _invalid_terms(range_name, RangeSpec(ranges=[]), spec, is_readable=False)
        return replace(unreadable, cooldown=UNKNOWN_COOLDOWN)
    try:
        pool = parse_pool(str(range_name), spec.ranges, spec.excludes, _family_in_use(status))
    except InvalidPool as error:
        return _invalid_terms(range_name, spec, str(error))
    gateway, network_reason, network_remarks = read_network(spec.network, pool)
    reason = _chunk_size_reason(spec, pool) or network_reason or namespaces.invalid_reason(spec.allowed_namespaces)
    if reason:
        return _invalid_terms(range_name, spec, reason)
    pool = pool.excluding(gateway) if gateway else pool
    reservations, ignored = read_reservations(spec.reservations, pool, gateway, range_name.namespace)
    remarks = (*_pool_remarks(pool), *network_remarks, *([listed(ignored)] if ignored else []))
    return replace(_terms(spec, pool, gateway=gateway, remarks=remarks), reservations=tuple(reservations))


def _family_in_use(status: RangeStatus) -> Family | None:
    if not status.allocations:
        return None
    return IPV6 if ":" in status.allocations[0].cidr else IPV4


def _pool_remarks(pool: Pool) -> list[str]:
    if not pool.idle_excludes:
        return []
    return [f"excludes has {listed(pool.idle_excludes)}, where the range has no address: check for a typing error"]


def _invalid_terms(range_name: NamespacedName, spec: RangeSpec, reason: str, *, is_readable: bool = True) -> Terms:
    no_pool = Pool(str(range_name), AddressSet(IPV6), AddressSet(IPV6))
    terms = _terms(spec, no_pool, gateway=None)
    return replace(terms, is_readable=is_readable, invalid_reason=reason)


def _terms(spec: RangeSpec, pool: Pool, *, gateway: Prefix | None, remarks: tuple[str, ...] = ()) -> Terms:
    is_allowed_readable = namespaces.invalid_reason(spec.allowed_namespaces) is None
    return Terms(
        is_readable=True,
        invalid_reason="",
        pool=pool,
        remarks=remarks,
        gateway=gateway,
        network=spec.network,
        allowed=namespaces.in_canonical_order(spec.allowed_namespaces) if is_allowed_readable else AllowedNamespaces(),
        domain=Domain(spec.domain) if spec.domain else DEFAULT_DOMAIN,
        cooldown=timedelta(seconds=spec.cooldown_seconds),
        default_length=spec.chunk_size or pool.family.bits,
        is_round_robin=spec.mode == "RoundRobin",
    )


def _chunk_size_reason(spec: RangeSpec, pool: Pool) -> str | None:
    if 0 <= spec.chunk_size <= pool.family.bits:
        return None
    return f"chunkSize {spec.chunk_size}: {pool.family.name} prefix lengths are 0..{pool.family.bits}"
