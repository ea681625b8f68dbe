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

METAL3, CLUSTER_API = "ipam.metal3.io", "ipam.cluster.x-k8s.io"

Document = dict[str, Any]


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
    return _group(document) in (METAL3, CLUSTER_API)


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
        of_kind: dict[str, list[Document]] = {}
        for document in self._documents:
            of_kind.setdefault(f"{document.get('kind')}.{_group(document)}", []).append(document)
        addresses = [*of_kind.get(f"IPAddress.{METAL3}", []), *of_kind.get(f"IPAddress.{CLUSTER_API}", [])]
        for document in addresses:
            self._note_address(document)
        for key, group in of_kind.items():
            for document in group if key in _POOLS else []:
                self._add_pool(document)
        claims = [*of_kind.get(f"IPClaim.{METAL3}", []), *of_kind.get(f"IPAddressClaim.{CLUSTER_API}", [])]
        for document in claims:
            self._add_claim(document)
        for claim, cidr in sorted(self._blocks.items()):  # addresses whose claims were not exported
            self._add_request(claim, self._pool_of_block[claim], cidr, self._place_of("IPAddress", claim.name))
        return self._book

    def _note_address(self, document: Document) -> None:
        """Remember the block of a claim."""
        spec, namespace = document.get("spec") or {}, self._name(document).namespace
        is_metal3 = _group(document) == METAL3
        claim, pool = (
            (spec.get("claim"), spec.get("pool")) if is_metal3 else (spec.get("claimRef"), spec.get("poolRef"))
        )
        pool_key = _pool_key(pool or {}, namespace, is_metal3=is_metal3)
        name = NamespacedName((claim or {}).get("namespace") or namespace, str((claim or {}).get("name", "")))
        length = f"/{spec.get('prefix')}" if pool_key.kind.endswith("PrefixPool") else ""
        place = self._place(document)
        try:
            block = read_block(f"{spec.get('address', '')}{length}")
        except NoBlock as fault:
            self._book.findings.append(error(place, f"address: {fault}"))
            return
        key = ClaimKey(_group(document), name)
        if self._blocks.setdefault(key, str(block)) != str(block):
            self._book.findings.append(error(place, f"claim {name} has two addresses, {self._blocks[key]} and {block}"))
        self._pool_of_block[key] = pool_key

    def _add_pool(self, document: Document) -> None:
        kind, name, place = str(document["kind"]), self._name(document), self._place(document)
        spec = document.get("spec") or {}
        if unknown := sorted(spec.keys() - _FIELDS[kind.removeprefix("Global")]):
            text = f"spec has {', '.join(unknown)}, which such a pool does not have: check for a typing error"
            self._book.findings.append(warning(place, text))
        try:
            specs = list(_POOLS[f"{kind}.{_group(document)}"](spec))
        except (NoBlock, KeyError) as fault:
            self._book.findings.append(error(place, f"spec: {fault}"))
            return
        if not name.namespace:
            specs = [{**each, "allowedNamespaces": {"from": "All"}} for each in specs]
        made: list[NamespacedName] = []
        for each in specs:
            unused = self._range_names.unused(name.namespace or self._namespace, name.name)
            made.append(unused)
            self._book.ranges.append(BookRange(unused, each, place))
        self._ranges[PoolKey(kind, name)] = made
        for claim, address in ((document.get("status") or {}).get("indexes") or {}).items():
            self._indexed[NamespacedName(name.namespace, claim)] = canonical(str(address or ""))

    def _add_claim(self, document: Document) -> None:
        spec, name, group = document.get("spec") or {}, self._name(document), _group(document)
        pool = spec.get("pool") if group == METAL3 else spec.get("poolRef")
        pool_key = _pool_key(pool or {}, name.namespace, is_metal3=group == METAL3)
        cidr = self._blocks.pop(ClaimKey(group, name), "") or self._indexed.get(name, "")
        self._add_request(ClaimKey(group, name), pool_key, cidr, self._place(document))

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

    def _name(self, document: Document) -> NamespacedName:
        return _name(document, self._namespace)

    def _place(self, document: Document) -> str:
        return self._place_of(str(document.get("kind")), self._name(document))

    def _place_of(self, kind: str, name: NamespacedName) -> str:
        return f"{self._source}: {kind} {str(name).removeprefix('/')}"


def _group(document: Document) -> str:
    return str(document.get("apiVersion", "")).rpartition("/")[0]


def _name(document: Document, namespace: str) -> NamespacedName:
    metadata = document.get("metadata") or {}
    own = "" if str(document.get("kind", "")).startswith("Global") else str(metadata.get("namespace") or namespace)
    return NamespacedName(own, str(metadata.get("name", "")))


def _pool_key(reference: Document, namespace: str, *, is_metal3: bool) -> PoolKey:
    kind = "IPPool" if is_metal3 else str(reference.get("kind", ""))
    own = "" if kind.startswith("Global") else str(reference.get("namespace") or namespace)
    return PoolKey(kind, NamespacedName(own, str(reference.get("name", ""))))


def _metal3_specs(spec: Document) -> Iterator[Document]:
    """One range for each network: metal3 lets each pool of an IPPool have a network of its own."""
    groups: dict[str, Document] = {}
    for pool in spec.get("pools") or []:
        network = _network(pool.get("prefix") or spec.get("prefix"), pool, spec)
        made = groups.setdefault(str(network), {"ranges": [], "mode": "FirstFit", **network})
        made["ranges"].append(_metal3_interval(pool))
    for made in groups.values():
        if reserved := list(_reserved(spec.get("preAllocations") or {}, made["ranges"])):
            made["reservations"] = reserved
        yield made


def _reserved(addresses: dict[str, Any], texts: list[str]) -> Iterator[Document]:
    """The addresses of a range that wait for a claim."""
    intervals = list(_readable(texts))
    for claim, address in sorted(addresses.items()):
        block = read_block(str(address or ""))
        if any(family is block.family and interval.covers(block) for interval, family in intervals):
            yield {"cidr": str(block), "holder": {"name": claim}}


def _readable(texts: list[str]) -> Iterator[tuple[Interval, Family]]:
    """The intervals that can be read; the others are reported with their range."""
    for text in texts:
        with suppress(InvalidAddress):
            yield parse_interval(text)


def _metal3_interval(pool: Document) -> str:
    """The addresses of a pool: from `start`, or behind the first one of `subnet`, to `end`, or to that of `subnet`."""
    start, end, subnet = (canonical(str(pool.get(key) or "")) for key in ("start", "end", "subnet"))
    if start and end:
        return f"{start}-{end}"
    if not subnet:
        raise NoBlock(f'a pool that begins at "{start}" has neither end nor subnet: add one of them')
    network = network_of(subnet)
    first, last = (format_address(each, network.family) for each in (network.first + 1, network.last))
    return f"{start or first}-{end or last}"


def _network(prefix: Any, *sources: Document) -> Document:
    """The part of a spec about the network: every address of it may be allocated, as these pools say."""
    network: Document = {}
    for key, theirs in (("gateway", "gateway"), ("dnsServers", "dnsServers")):
        if value := next((source[theirs] for source in sources if source.get(theirs)), None):
            network[key] = canonical(value) if isinstance(value, str) else [canonical(each) for each in value]
    if prefix:
        network["prefixLength"] = prefix
    if not network:
        return {}
    return {"network": network} | ({"allocateReservedIPAddresses": True} if prefix else {})


def _in_cluster_specs(spec: Document) -> Iterator[Document]:
    texts = [canonical(str(each)) for each in spec.get("addresses") or []] or [_first_version_interval(spec)]
    prefix = spec.get("prefix") or (network_of(str(spec["subnet"])).length if spec.get("subnet") else None)
    made: Document = {"ranges": texts, "mode": "FirstFit", **_network(prefix, spec)}
    if prefix and not spec.get("allocateReservedIPAddresses"):
        made.pop("allocateReservedIPAddresses", None)
    if excludes := [canonical(str(each)) for each in spec.get("excludedAddresses") or []]:
        made["excludes"] = excludes
    if seconds := spec.get("addressReuseGracePeriodSeconds"):
        made["cooldownSeconds"] = seconds
    yield made


def _first_version_interval(spec: Document) -> str:
    """The addresses of a pool of v1alpha1: `subnet` without its ends, or from `start` to `end`."""
    start, end = canonical(str(spec.get("start") or "")), canonical(str(spec.get("end") or ""))
    if start and end:
        return f"{start}-{end}"
    if not spec.get("subnet"):
        raise NoBlock("has neither addresses nor subnet, nor both start and end")
    return str(network_of(str(spec["subnet"])))


def _prefix_specs(spec: Document) -> Iterator[Document]:
    made: Document = {
        "ranges": [canonical(str(each)) for each in spec.get("prefixes") or []],
        "chunkSize": spec.get("allocationPrefixLength") or 64,
        "mode": "FirstFit",
    }
    if excludes := [canonical(str(each)) for each in spec.get("excludedPrefixes") or []]:
        made["excludes"] = excludes
    yield made


_POOLS = {
    f"IPPool.{METAL3}": _metal3_specs,
    f"InClusterIPPool.{CLUSTER_API}": _in_cluster_specs,
    f"GlobalInClusterIPPool.{CLUSTER_API}": _in_cluster_specs,
    f"InClusterPrefixPool.{CLUSTER_API}": _prefix_specs,
    f"GlobalInClusterPrefixPool.{CLUSTER_API}": _prefix_specs,
}

#: The fields of these pools in all versions; those that mean nothing here are among them.
_FIELDS = {
    "IPPool": frozenset(
        {
            "clusterName",
            "namePrefix",
            "pools",
            "allocationStrategy",
            "preAllocations",
            "prefix",
            "gateway",
            "dnsServers",
        }
    ),
    "InClusterIPPool": frozenset(
        {"addresses", "prefix", "gateway", "allocateReservedIPAddresses", "excludedAddresses", "subnet", "start", "end"}
        | {"addressReuseGracePeriodSeconds"}
    ),
    "InClusterPrefixPool": frozenset({"prefixes", "allocationPrefixLength", "gateway", "excludedPrefixes"}),
}
