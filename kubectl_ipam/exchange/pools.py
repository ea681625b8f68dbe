"""Pools and claims of Cluster API: those of metal3's address manager and of the in-cluster provider.

IPPool (ipam.metal3.io)                                   a range, or several if its pools have different networks
InClusterIPPool, GlobalInClusterIPPool                    a range of single addresses
InClusterPrefixPool, GlobalInClusterPrefixPool            a range of blocks
IPClaim, IPAddressClaim                                   a request of the same namespace and name
IPAddress (of both groups)                                the block of its claim
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from hooks.api.names import NamespacedName
from ipam.address import Family, InvalidAddress, format_address
from ipam.interval import Interval, parse_interval
from kubectl_ipam.exchange.blocks import NoBlock, canonical, network_of, read_block
from kubectl_ipam.exchange.book import Book, BookRange, BookRequest, error, warning
from kubectl_ipam.exchange.naming import Names
from kubectl_ipam.exchange.pool_objects import (
    CLUSTER_API,
    METAL3,
    Address,
    AddressPoolSpec,
    Claim,
    Document,
    Metal3Part,
    Metal3Pool,
    Metal3PoolSpec,
    Misshapen,
    Pool,
    PoolObject,
    PrefixPoolSpec,
    Reference,
    group_of,
    read_object,
    unknown_fields,
)

Spec = dict[str, Any]


class PoolKey(NamedTuple):
    """Which pool: its kind, and its name; the namespace is empty for a kind of the whole cluster."""

    kind: str
    name: NamespacedName


class ClaimKey(NamedTuple):
    """Which claim, by its API group and its name."""

    group: str
    name: NamespacedName


def is_pool_object(document: Document) -> bool:
    """Whether an object is one of those that are read here."""
    return group_of(document) in (METAL3, CLUSTER_API)


def book_of_pools(documents: Iterable[Document], namespace: str, source: str) -> Book:
    """The ranges and requests that pools and claims make up.

    Args:
        documents: objects of these kinds.
        namespace: for the ranges of pools of the whole cluster.
        source: where they were read.
    """
    return _Reading(list(documents), namespace, source).book()


class _Reading:
    """One pass over the objects."""

    def __init__(self, documents: list[Document], namespace: str, source: str) -> None:
        self._documents, self._namespace, self._source = documents, namespace, source
        self._book = Book()
        self._range_names, self._request_names = Names(), Names()
        self._ranges: dict[PoolKey, list[NamespacedName]] = {}
        self._blocks: dict[ClaimKey, str] = {}
        self._pool_of_block: dict[ClaimKey, PoolKey] = {}
        self._indexed: dict[NamespacedName, str] = {}

    def book(self) -> Book:
        found = list(self._read())
        for address in found:
            if isinstance(address, Address):
                self._note_address(address)
        for pool in found:
            if isinstance(pool, Pool):
                self._add_pool(pool)
        for group in (METAL3, CLUSTER_API):
            for claim in found:
                if isinstance(claim, Claim) and claim.group == group:
                    self._add_claim(claim)
        for key, cidr in sorted(self._blocks.items()):  # addresses whose claims were not exported
            self._add_request(key, self._pool_of_block[key], cidr, self._place_of("IPAddress", key.name))
        return self._book

    def _read(self) -> Iterator[PoolObject]:
        """The objects whose fields can be read; the others are reported."""
        for number, document in enumerate(self._documents, 1):
            try:
                found = read_object(document)
            except Misshapen as fault:
                place = f"{self._source}: object {number} ({_title_of(document)})"
                self._book.findings.append(error(place, str(fault)))
                continue
            if isinstance(found, Pool) and (unknown := unknown_fields(document, found)):
                text = f"spec has {', '.join(unknown)}, which such a pool does not have: check for a typing error"
                self._book.findings.append(warning(self._place(found), text))
            yield found

    def _note_address(self, address: Address) -> None:
        """Remember the block of a claim."""
        spec, namespace, place = address.spec, self._name(address).namespace, self._place(address)
        pool = _pool_key(spec.pool, namespace, address.group)
        name = NamespacedName(spec.claim.namespace or namespace, spec.claim.name)
        length = f"/{spec.prefix}" if pool.kind.endswith("PrefixPool") else ""
        try:
            block = read_block(f"{spec.address}{length}")
        except NoBlock as fault:
            self._book.findings.append(error(place, f"address: {fault}"))
            return
        key = ClaimKey(address.group, name)
        if self._blocks.setdefault(key, str(block)) != str(block):
            self._book.findings.append(error(place, f"claim {name} has two addresses, {self._blocks[key]} and {block}"))
        self._pool_of_block[key] = pool

    def _add_pool(self, pool: Pool) -> None:
        name, place = self._name(pool), self._place(pool)
        try:
            specs = list(_specs_of(pool))
        except NoBlock as fault:
            self._book.findings.append(error(place, f"spec: {fault}"))
            return
        if not name.namespace:
            specs = [{**each, "allowedNamespaces": {"from": "All"}} for each in specs]
        made: list[NamespacedName] = []
        for each in specs:
            unused = self._range_names.unused(name.namespace or self._namespace, name.name)
            made.append(unused)
            self._book.ranges.append(BookRange(unused, each, place))
        self._ranges[PoolKey(pool.kind, name)] = made
        if isinstance(pool, Metal3Pool) and pool.status:
            for claim, address in (pool.status.indexes or {}).items():
                self._indexed[NamespacedName(name.namespace, claim)] = canonical(address or "")

    def _add_claim(self, claim: Claim) -> None:
        name, key = self._name(claim), ClaimKey(claim.group, self._name(claim))
        cidr = self._blocks.pop(key, "") or self._indexed.get(name, "")
        self._add_request(key, _pool_key(claim.spec.pool, name.namespace, claim.group), cidr, self._place(claim))

    def _add_request(self, key: ClaimKey, pool: PoolKey, cidr: str, place: str) -> None:
        ranges = self._ranges.get(pool, [])
        name = self._request_names.unused(key.name.namespace, key.name.name, f"{key.name.name}-claim")
        if name != key.name:
            text = f"{key.name} is the name of two claims: this one becomes the request {name}"
            self._book.findings.append(warning(place, text))
        if not ranges:
            self._book.findings.append(error(place, f"{pool.kind} {pool.name} is not among the imported pools: add it"))
            return
        self._book.requests.append(BookRequest(name, tuple(ranges), cidr, place))

    def _name(self, found: PoolObject) -> NamespacedName:
        own = "" if found.kind.startswith("Global") else found.metadata.namespace or self._namespace
        return NamespacedName(own, found.metadata.name)

    def _place(self, found: PoolObject) -> str:
        return self._place_of(found.kind, self._name(found))

    def _place_of(self, kind: str, name: NamespacedName) -> str:
        return f"{self._source}: {kind} {str(name).removeprefix('/')}"


def _title_of(document: Document) -> str:
    """What is known of an object that can't be read."""
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{document.get('kind')} {name}" if name else str(document.get("kind"))


def _pool_key(reference: Reference, namespace: str, group: str) -> PoolKey:
    kind = "IPPool" if group == METAL3 else reference.kind or ""
    own = "" if kind.startswith("Global") else reference.namespace or namespace
    return PoolKey(kind, NamespacedName(own, reference.name))


def _specs_of(pool: Pool) -> Iterator[Spec]:
    """The specs of the ranges that a pool becomes.

    Raises:
        NoBlock: if there is something wrong with its addresses.
    """
    match pool.spec:
        case Metal3PoolSpec():
            yield from _metal3_specs(pool.spec)
        case AddressPoolSpec():
            yield _address_spec(pool.spec)
        case PrefixPoolSpec():
            yield _prefix_spec(pool.spec)


def _metal3_specs(spec: Metal3PoolSpec) -> Iterator[Spec]:
    """One range for each network: metal3 lets each pool of an IPPool have a network of its own."""
    groups: dict[str, Spec] = {}
    for part in spec.pools or []:
        servers = part.dns_servers or spec.dns_servers or []
        network = _network(part.prefix or spec.prefix, part.gateway or spec.gateway, servers)
        made = groups.setdefault(str(network), {"ranges": [], "mode": "FirstFit", **network})
        made["ranges"].append(_metal3_interval(part))
    for made in groups.values():
        if reserved := list(_reserved(spec.pre_allocations or {}, made["ranges"])):
            made["reservations"] = reserved
        yield made


def _reserved(addresses: dict[str, str | None], texts: list[str]) -> Iterator[Spec]:
    """The addresses of a range that wait for a claim."""
    intervals = list(_readable(texts))
    for claim, address in sorted(addresses.items()):
        block = read_block(address or "")
        if any(family is block.family and interval.covers(block) for interval, family in intervals):
            yield {"cidr": str(block), "holder": {"name": claim}}


def _readable(texts: list[str]) -> Iterator[tuple[Interval, Family]]:
    """The intervals that can be read; the others are reported with their range."""
    for text in texts:
        with suppress(InvalidAddress):
            yield parse_interval(text)


def _metal3_interval(part: Metal3Part) -> str:
    """The addresses of a pool: from `start`, or behind the first one of `subnet`, to `end`, or to that of `subnet`."""
    start, end, subnet = (canonical(text or "") for text in (part.start, part.end, part.subnet))
    if start and end:
        return f"{start}-{end}"
    if not subnet:
        raise NoBlock(f'a pool that begins at "{start}" has neither end nor subnet: add one of them')
    network = network_of(subnet)
    first, last = (format_address(each, network.family) for each in (network.first + 1, network.last))
    return f"{start or first}-{end or last}"


def _network(prefix: int | None, gateway: str | None, servers: list[str], *, allocates_reserved: bool = True) -> Spec:
    """The part of a spec about the network. By default every address of it may be allocated, as metal3 does."""
    network: Spec = {}
    if gateway:
        network["gateway"] = canonical(gateway)
    if servers:
        network["dnsServers"] = [canonical(each) for each in servers]
    if prefix:
        network["prefixLength"] = prefix
    if not network:
        return {}
    return {"network": network} | ({"allocateReservedIPAddresses": True} if prefix and allocates_reserved else {})


def _address_spec(spec: AddressPoolSpec) -> Spec:
    texts = [canonical(each) for each in spec.addresses or []] or [_first_version_interval(spec)]
    prefix = spec.prefix or (network_of(spec.subnet).length if spec.subnet else None)
    network = _network(prefix, spec.gateway, [], allocates_reserved=bool(spec.allocate_reserved))
    made: Spec = {"ranges": texts, "mode": "FirstFit", **network}
    if excludes := [canonical(each) for each in spec.excluded_addresses or []]:
        made["excludes"] = excludes
    if spec.address_reuse_grace_period_seconds:
        made["cooldownSeconds"] = spec.address_reuse_grace_period_seconds
    return made


def _first_version_interval(spec: AddressPoolSpec) -> str:
    """The addresses of a pool of v1alpha1: `subnet` without its ends, or from `start` to `end`."""
    start, end = canonical(spec.start or ""), canonical(spec.end or "")
    if start and end:
        return f"{start}-{end}"
    if not spec.subnet:
        raise NoBlock("has neither addresses nor subnet, nor both start and end")
    return str(network_of(spec.subnet))


def _prefix_spec(spec: PrefixPoolSpec) -> Spec:
    made: Spec = {
        "ranges": [canonical(each) for each in spec.prefixes or []],
        "chunkSize": spec.allocation_prefix_length or 64,
        "mode": "FirstFit",
    }
    if excludes := [canonical(each) for each in spec.excluded_prefixes or []]:
        made["excludes"] = excludes
    return made
