"""Prefixes inside each other and addresses in them, as NetBox and phpIPAM have them, as ranges and requests.

    a prefix with addresses directly in it, or one that is a pool     a range of single addresses
    a prefix without addresses that lies in another one               a request of the range around it
    a prefix with such requests in it                                 a range of blocks
    a prefix in which there are only ranges                           left out: nothing can be allocated beside them
    any other prefix                                                  an empty range
    an address                                                        a request of the smallest range around it

A range excludes the ranges inside it, so that no two of them overlap. The lowest gateway of a prefix becomes that of
its range; further ones become requests.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hooks.api.names import NamespacedName
from ipam.address import Prefix
from kubectl_ipam.exchange.book import Book, BookRange, BookRequest, Finding, error, warning
from kubectl_ipam.exchange.naming import Names, label_from, name_from, name_of_block
from kubectl_ipam.exchange.nets import Host, Net

DESCRIPTION_LENGTH_MAX = 1024


@dataclass
class _Node:
    """A prefix with what lies directly in it."""

    net: Net
    parent: "_Node | None" = None
    children: "list[_Node]" = field(default_factory=list)
    hosts: list[Host] = field(default_factory=list)
    is_range: bool = False
    is_request: bool = False

    @property
    def gateways(self) -> list[Host]:
        """The gateways among its addresses, in order."""
        return [host for host in self.hosts if host.is_gateway]


def book_of(nets: Iterable[Net], hosts: Iterable[Host], namespace: str) -> Book:
    """The ranges and requests that prefixes and addresses make up, all in one namespace."""
    book, names = Book(), Names()
    for space, members in sorted(_by_space(nets, hosts).items()):
        _add_space(space, *members, _Names(namespace, names, Names()), book)
    return book


class _Names(NamedTuple):
    namespace: str
    ranges: Names
    requests: Names


def _by_space(nets: Iterable[Net], hosts: Iterable[Host]) -> dict[str, tuple[list[Net], list[Host]]]:
    spaces: dict[str, tuple[list[Net], list[Host]]] = {}
    for net in nets:
        spaces.setdefault(net.space, ([], []))[0].append(net)
    for host in hosts:
        spaces.setdefault(host.space, ([], []))[1].append(host)
    return spaces


def _add_space(space: str, nets: list[Net], hosts: list[Host], names: _Names, book: Book) -> None:
    domain = label_from(space)
    nodes = list(_tree(nets, book.findings))
    _place_hosts(hosts, nodes, domain, names, book)
    for node in reversed(nodes):  # those inside come before those around them
        _classify(node)
    for node in nodes:
        if node.is_range:
            _add_range(node, domain, names, book)
        elif not node.is_request:
            book.findings.append(
                warning(node.net.place, f"{node.net.block} is left out: it only contains prefixes that become ranges")
            )


def _order(each: Net | Host) -> tuple[int, int, int]:
    return each.block.family.bits, each.block.first, each.block.length


def _tree(nets: list[Net], findings: list[Finding]) -> Iterator[_Node]:
    """The prefixes in order of addresses, each with its parent; those around others come first."""
    way: list[_Node] = []
    for net in sorted(nets, key=_order):
        while way and not _contains(way[-1].net.block, net.block):
            way.pop()
        parent = way[-1] if way else None
        if parent and parent.net.block == net.block:
            findings.append(error(net.place, f"{net.block} is listed twice, first in {parent.net.place}: remove one"))
            continue
        node = _Node(net, parent)
        if parent:
            parent.children.append(node)
        way.append(node)
        yield node


def _contains(outer: Prefix, inner: Prefix) -> bool:
    return outer.family is inner.family and outer.first <= inner.first and inner.last <= outer.last


def _place_hosts(hosts: list[Host], nodes: Sequence[_Node], domain: str, names: _Names, book: Book) -> None:
    """Put each address into the smallest prefix around it; one without any becomes a request that has no range."""
    remaining, way = iter(nodes), list[_Node]()
    upcoming = next(remaining, None)
    for host in sorted(hosts, key=_order):
        while upcoming and _order(upcoming.net) <= _order(host):
            way = [*(each for each in way if _contains(each.net.block, upcoming.net.block)), upcoming]
            upcoming = next(remaining, None)
        way = [each for each in way if _contains(each.net.block, host.block)]
        if way:
            way[-1].hosts.append(host)
        else:
            book.requests.append(_request_of(host, (), domain, names))


def _classify(node: _Node) -> None:
    """Decide what a prefix becomes; those inside it are decided already."""
    has_requests = any(child.is_request for child in node.children)
    is_leaf = not node.children and not node.hosts
    node.is_request = is_leaf and node.parent is not None and not (node.net.is_pool or node.net.is_container)
    only_ranges = bool(node.children) and not has_requests and not node.hosts and not node.net.is_pool
    node.is_range = not node.is_request and not only_ranges


def _add_range(node: _Node, domain: str, names: _Names, book: Book) -> None:
    net = node.net
    fallback = f"range-{name_of_block(str(net.block))}"
    name = names.ranges.unused(names.namespace, name_from(net.name), fallback)
    book.ranges.append(BookRange(name, _spec_of(node, domain), net.place))
    members: list[Net | Host] = [child.net for child in node.children if child.is_request]
    gateways = node.gateways
    members += [host for host in node.hosts if host not in gateways[:1]]
    for each in sorted(members, key=_order):
        book.requests.append(_request_of(each, (name,), domain, names))
    for other in gateways[1:]:
        text = f"becomes a request, because {_address_of(gateways[0])} is the gateway of {net.block}"
        book.findings.append(warning(other.place, f"{_address_of(other)} {text}"))


def _request_of(each: Net | Host, ranges: tuple[NamespacedName, ...], domain: str, names: _Names) -> BookRequest:
    fallback = f"ip-{name_of_block(str(each.block))}"
    name = names.requests.unused(names.namespace, name_from(each.name), fallback)
    return BookRequest(name, ranges, str(each.block), each.place, domain=domain)


def _spec_of(node: _Node, domain: str) -> dict[str, Any]:
    net = node.net
    spec: dict[str, Any] = {"ranges": [str(net.block)]}
    if excludes := [str(each.net.block) for each in _ranges_inside(node)]:
        spec["excludes"] = excludes
    lengths = Counter(child.net.block.length for child in node.children if child.is_request)
    if lengths and not node.hosts and not net.is_pool:
        spec["chunkSize"] = lengths.most_common(1)[0][0]
    else:
        spec["network"] = {"prefixLength": net.block.length}
        if gateways := node.gateways:
            spec["network"]["gateway"] = _address_of(gateways[0])
        if net.is_pool:
            spec["allocateReservedIPAddresses"] = True
    if domain:
        spec["domain"] = domain
    if net.name:
        spec["description"] = net.name[:DESCRIPTION_LENGTH_MAX]
    return spec


def _ranges_inside(node: _Node) -> Iterator[_Node]:
    """The ranges that lie in a prefix and in no smaller range."""
    for child in node.children:
        if child.is_range:
            yield child
        elif not child.is_request:
            yield from _ranges_inside(child)


def _address_of(host: Host) -> str:
    """An address as text, without a prefix length."""
    return str(host.block).partition("/")[0]
