"""What the spec of a range says, read once: each part of a call works with these values, not with the texts."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple

from msgspec import Raw

from hooks.api import namespaces
from hooks.api.conditions import listed
from hooks.api.kinds import AllowedNamespaces, Delegator, Mode, Network, Quota, RangeSpec, RangeStatus
from hooks.api.names import DELEGATED_DOMAIN_PREFIX, NamespacedName
from hooks.protocol.decoding import decode_spec
from hooks.protocol.errors import ProtocolError, excerpt
from hooks.ranges.network import read_network
from hooks.ranges.reservations import Reservation, read_reservations
from ipam.address import IPV4, IPV6, Family, InvalidAddress, Prefix, read_address
from ipam.address_set import AddressSet
from ipam.interval import Interval, Span, parse_interval
from ipam.pool import InvalidPool, Pool, parse_pool
from ipam.reserved import Reserved, reserved_in_networks


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
#: The most gateways, former ones included, that the CRD admits (crds/ipamranges.yaml).
GATEWAY_COUNT_MAX = 64
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
        former_gateways: those of earlier specs that holders may still use; they are not allocated either.
        removable: the addresses of entries of `ranges` that may be removed at any moment; nothing of them is allocated.
        network: the settings that each new holder of a block gets permanently, even if the spec becomes invalid.
        allowed: the namespaces that the range serves; if that part is invalid, its own one.
        knows_allowed: whether that part is valid, whatever the rest is.
        quota: how many addresses each of them may hold; None if that is not limited.
        domain: the address space.
        cooldown: for how long a released block can't be granted again.
        default_length: prefix length of the block for a request without a size.
        mode: how a free block is selected.
        is_closed: whether no request gets a new block.
        delegated_from: the request from whose block it was made; None if it was made by its owner.
        reservations: blocks of the pool that only their holders get, in order of addresses; no two of them overlap.
    """

    is_readable: bool
    invalid_reason: str
    pool: Pool
    remarks: tuple[str, ...]
    gateway: Prefix | None
    former_gateways: tuple[Prefix, ...]
    removable: AddressSet
    network: Network | None
    allowed: AllowedNamespaces
    knows_allowed: bool
    quota: Quota | None
    domain: Domain
    cooldown: timedelta
    default_length: int
    mode: Mode
    is_closed: bool
    delegated_from: Delegator | None
    reservations: tuple[Reservation, ...] = ()

    @property
    def retired(self) -> AddressSet:
        """The addresses that are not allocated any more: of a closed range, all."""
        return self.pool.addresses if self.is_closed else self.pool.retired

    @property
    def family(self) -> Family | None:
        """Of all addresses; None if the spec is invalid."""
        return None if self.invalid_reason else self.pool.family


def read_terms(range_name: NamespacedName, raw: Raw, status: RangeStatus) -> Terms:
    """Read the spec of a range; its status says of which family its blocks are, and which gateways it had before.

    Raises:
        ProtocolError: if a former gateway is no address.
    """
    spec = decode_spec(raw, RangeSpec)
    if isinstance(spec, str):
        unreadable = _invalid_terms(range_name, RangeSpec(ranges=[]), spec, is_readable=False)
        return replace(unreadable, cooldown=UNKNOWN_COOLDOWN)
    try:
        pool = parse_pool(str(range_name), spec.ranges, spec.excludes, _family_in_use(status))
    except InvalidPool as error:
        return _invalid_terms(range_name, spec, str(error))
    gateway, network_reason, network_remarks = read_network(spec.network, pool)
    network_reason = network_reason or _gateways_reason(spec, status)
    reason = _delegation_reason(spec) or _chunk_size_reason(spec, pool)
    reason = reason or network_reason or namespaces.invalid_reason(spec.allowed_namespaces)
    if reason:
        return _invalid_terms(range_name, spec, reason)
    former = tuple(each for each in _gateways(status) if each != gateway and each.family is pool.family)
    gateways = (*former, gateway) if gateway else former
    removable = _removable(status, pool.family)
    withheld: list[Span] = [*gateways, *removable.intervals]
    pool = pool.excluding(withheld) if withheld else pool
    pool = replace(pool, reserved=_reserved(spec, pool.family))
    if not pool.usable:
        return _invalid_terms(range_name, spec, _NOTHING_BESIDE_REMOVABLE if removable else _NOTHING_BESIDE_GATEWAYS)
    if pool.is_reserved:
        return _invalid_terms(range_name, spec, _ONLY_RESERVED)
    reservations, ignored = read_reservations(spec.reservations, pool, gateways, range_name.namespace)
    remarks = (*_pool_remarks(pool), *network_remarks, *_idle_reserve(spec), *([listed(ignored)] if ignored else []))
    terms = _terms(spec, pool, gateway=gateway, remarks=remarks)
    return replace(terms, former_gateways=former, removable=removable, reservations=tuple(reservations))


def _gateways(status: RangeStatus) -> list[Prefix]:
    """The gateways that the ledger has, each as a block of one address."""
    prefixes: list[Prefix] = []
    for index, text in enumerate(status.gateways):
        try:
            address, family = read_address(text)
        except InvalidAddress as error:
            raise ProtocolError(f"$.parent.status.gateways[{index}]", str(error), excerpt(text)) from error
        prefixes.append(Prefix(address, family.bits, family))
    return prefixes


def _removable(status: RangeStatus, family: Family) -> AddressSet:
    """The addresses of which nothing may be granted, because their entries of `ranges` may be removed at any moment."""
    intervals: list[Interval] = []
    for text in status.removable:
        with suppress(InvalidAddress):  # such an entry is ignored, so it has no address
            interval, its_family = parse_interval(text)
            intervals += [interval] if its_family is family else []
    return AddressSet(family, intervals)


def _family_in_use(status: RangeStatus) -> Family | None:
    if not status.allocations:
        return None
    return IPV6 if ":" in status.allocations[0].cidr else IPV4


_NOTHING_BESIDE_GATEWAYS = "nothing is left to allocate beside the gateways, former ones included"
#: An edit of excludes, while the owner may remove entries: no ledger of an invalid range names any.
_NOTHING_BESIDE_REMOVABLE = "nothing is left to allocate beside what status.removable names until the next revision"
_ONLY_RESERVED = (
    "all addresses of ranges are reserved by network.prefixLength as network, broadcast or subnet-router anycast "
    "addresses: nothing is left to allocate unless allocateReservedIPAddresses is true"
)


def _network_length(spec: RangeSpec) -> int | None:
    return spec.network.prefix_length if spec.network else None


def _reserved(spec: RangeSpec, family: Family) -> Reserved | None:
    """The addresses of the networks of a valid spec that are not allocated as single addresses."""
    length = _network_length(spec)
    return None if length is None or spec.allocate_reserved else reserved_in_networks(length, family)


def _idle_reserve(spec: RangeSpec) -> list[str]:
    if spec.allocate_reserved is None or _network_length(spec) is not None:
        return []
    return ["allocateReservedIPAddresses has no effect without network.prefixLength, which names the networks"]


def _pool_remarks(pool: Pool) -> list[str]:
    if not pool.idle_excludes:
        return []
    return [f"excludes has {listed(pool.idle_excludes)}, where the range has no address: check for a typing error"]


def _invalid_terms(range_name: NamespacedName, spec: RangeSpec, reason: str, *, is_readable: bool = True) -> Terms:
    no_pool = Pool(str(range_name), AddressSet(IPV6), AddressSet(IPV6), AddressSet(IPV6))
    terms = _terms(spec, no_pool, gateway=None)
    knows_allowed = is_readable and terms.knows_allowed
    return replace(terms, is_readable=is_readable, knows_allowed=knows_allowed, invalid_reason=reason)


def _terms(spec: RangeSpec, pool: Pool, *, gateway: Prefix | None, remarks: tuple[str, ...] = ()) -> Terms:
    knows_allowed = namespaces.invalid_reason(spec.allowed_namespaces) is None
    return Terms(
        is_readable=True,
        invalid_reason="",
        pool=pool,
        remarks=remarks,
        gateway=gateway,
        former_gateways=(),
        removable=AddressSet(pool.family),
        network=spec.network,
        allowed=namespaces.in_canonical_order(spec.allowed_namespaces) if knows_allowed else AllowedNamespaces(),
        knows_allowed=knows_allowed,
        quota=spec.quota,
        domain=Domain(spec.domain) if spec.domain else DEFAULT_DOMAIN,
        cooldown=timedelta(seconds=spec.cooldown_seconds),
        default_length=spec.chunk_size or pool.family.bits,
        mode=spec.mode,
        is_closed=spec.closed,
        delegated_from=spec.delegated_from,
    )


def _gateways_reason(spec: RangeSpec, status: RangeStatus) -> str:
    """Why a gateway can't become the present one: of the former ones none that is in use may be forgotten."""
    present = spec.network.gateway if spec.network else ""
    if len(status.gateways) < GATEWAY_COUNT_MAX or present in ("", *status.gateways):
        return ""
    return f"network.gateway {present}: holders use {len(status.gateways)} other gateways: wait for their release"


def _delegation_reason(spec: RangeSpec) -> str:
    """A delegated range without its request would grant blocks unfenced: an older CRD drops the field."""
    if spec.delegated_from or not spec.domain.startswith(DELEGATED_DOMAIN_PREFIX):
        return ""
    return f"domain {spec.domain} is that of a delegated range, but delegatedFrom is missing: delete this range"


def _chunk_size_reason(spec: RangeSpec, pool: Pool) -> str | None:
    if 0 <= spec.chunk_size <= pool.family.bits:
        return None
    return f"chunkSize {spec.chunk_size}: {pool.family.name} prefix lengths are 0..{pool.family.bits}"
