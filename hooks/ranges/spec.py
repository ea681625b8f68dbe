"""What the spec of a range says, read once: each part of a call works with these values, not with the texts."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple

from msgspec import Raw

from hooks.api import namespaces
from hooks.api.kinds import AllowedNamespaces, Network, RangeSpec
from hooks.api.names import NamespacedName
from hooks.protocol.decoding import decode_spec
from hooks.ranges.network import read_network
from ipam.address import IPV6, Family, Prefix
from ipam.address_set import AddressSet
from ipam.pool import InvalidPool, Pool, parse_pool


class Domain(NamedTuple):
    """An address space: one that the spec names, or that of the range's namespace.

    Attributes:
        text: its name as extents have it. A named domain is a DNS label, so it can't have the dot of the default.
        words: its name in messages.
    """

    text: str
    words: str

    @classmethod
    def of(cls, named: str, namespace: str) -> "Domain":
        """The domain that a spec names (or "" for none) in a namespace."""
        if named:
            return cls(named, f"domain {named}")
        return cls(f"namespace.{namespace}", f"namespace {namespace}")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a spec says.

    Attributes:
        is_readable: whether the spec could be read at all; if not, every other field has its default.
        invalid_reason: why no block can be granted by this spec; "" if blocks can. Then, and only then, the pool has
            addresses.
        pool: the addresses that may be allocated, without the gateway.
        gateway: as a block of one address; None if there is none.
        network: the settings that each holder of a block gets permanently, even if the range grows into an invalid one.
        allowed: the namespaces that the range serves; if that part is invalid, its own one.
        domain: the address space.
        cooldown: for how long a released block can't be granted again.
        default_length: prefix length of the block for a request without a size.
        is_round_robin: whether blocks are granted in turn.
    """

    is_readable: bool
    invalid_reason: str
    pool: Pool
    gateway: Prefix | None
    network: Network | None
    allowed: AllowedNamespaces
    domain: Domain
    cooldown: timedelta
    default_length: int
    is_round_robin: bool

    @property
    def family(self) -> Family | None:
        """Of all addresses; None if the spec is invalid."""
        return None if self.invalid_reason else self.pool.family


def read_terms(range_name: NamespacedName, raw: Raw) -> Terms:
    """Read the spec of a range."""
    spec = decode_spec(raw, RangeSpec)
    if isinstance(spec, str):
        return _invalid_terms(range_name, RangeSpec(ranges=[]), spec, is_readable=False)
    try:
        pool = parse_pool(str(range_name), spec.ranges, spec.excludes)
    except InvalidPool as error:
        return _invalid_terms(range_name, spec, str(error))
    gateway, network_reason = read_network(spec.network, pool)
    reason = _chunk_size_reason(spec, pool) or network_reason or namespaces.invalid_reason(spec.allowed_namespaces)
    if reason:
        return _invalid_terms(range_name, spec, reason)
    return _terms(range_name, spec, pool.excluding(gateway) if gateway else pool, gateway=gateway)


def _invalid_terms(range_name: NamespacedName, spec: RangeSpec, reason: str, *, is_readable: bool = True) -> Terms:
    no_pool = Pool(str(range_name), AddressSet(IPV6), AddressSet(IPV6))
    terms = _terms(range_name, spec, no_pool, gateway=None)
    return replace(terms, is_readable=is_readable, invalid_reason=reason)


def _terms(range_name: NamespacedName, spec: RangeSpec, pool: Pool, *, gateway: Prefix | None) -> Terms:
    is_allowed_readable = namespaces.invalid_reason(spec.allowed_namespaces) is None
    return Terms(
        is_readable=True,
        invalid_reason="",
        pool=pool,
        gateway=gateway,
        network=spec.network,
        allowed=namespaces.in_canonical_order(spec.allowed_namespaces) if is_allowed_readable else AllowedNamespaces(),
        domain=Domain.of(spec.domain, range_name.namespace),
        cooldown=timedelta(seconds=spec.cooldown_seconds),
        default_length=spec.chunk_size or pool.family.bits,
        is_round_robin=spec.mode == "RoundRobin",
    )


def _chunk_size_reason(spec: RangeSpec, pool: Pool) -> str | None:
    if 0 <= spec.chunk_size <= pool.family.bits:
        return None
    return f"chunkSize {spec.chunk_size}: {pool.family.name} prefix lengths are 0..{pool.family.bits}"
