"""Settings of the network around a range's blocks: `spec.network`.

They are copied as they are to each grant and never change for it, because specs never change. The gateway belongs to
the network's operator: it is never allocated.
"""

from typing import NamedTuple

from hooks.api.conditions import listed
from hooks.api.kinds import Network
from ipam.address import IPV6, Family, InvalidAddress, Prefix, format_address, parse_address
from ipam.address_set import AddressSet
from ipam.pool import Pool

#: fe80::/10 (RFC 4291, 2.4): the usual gateway of an IPv6 network, whatever its addresses are.
IPV6_LINK_LOCAL = AddressSet(IPV6, [Prefix(0xFE80 << 112, 10, IPV6)])


class NetworkTerms(NamedTuple):
    """What the settings say: the gateway as a block of one address, what is wrong ("" if nothing is), and remarks."""

    gateway: Prefix | None
    invalid_reason: str
    remarks: tuple[str, ...] = ()


def read_network(network: Network | None, pool: Pool) -> NetworkTerms:
    """Read the settings of a range with this pool."""
    if network is None:
        return NetworkTerms(None, "")
    faults: list[str] = []
    family = pool.family
    gateway = _read_address("network.gateway", network.gateway, faults, family) if network.gateway else None
    length = network.prefix_length
    if length is not None and not 0 <= length <= family.bits:
        faults.append(f"network.prefixLength {length}: {family.name} prefix lengths are 0..{family.bits}")
    for index, server in enumerate(network.dns_servers):
        _read_address(f"network.dnsServers[{index}]", server, faults)
    if not faults and gateway and pool.address_count == 1 and pool.usable.covers(gateway):
        faults.append(f"network.gateway {network.gateway} is the only address of ranges: nothing is left to allocate")
    remarks = () if faults or gateway is None or length is None else _remarks(gateway, length, pool)
    return NetworkTerms(gateway, "; ".join(faults), remarks)


def _remarks(gateway: Prefix, length: int, pool: Pool) -> tuple[str, ...]:
    """A gateway outside of the network of some addresses may be on the same link, but is rather a mistake."""
    if length == pool.family.bits or IPV6_LINK_LOCAL.covers(gateway):
        return ()
    mask = pool.family.bits - length
    network = Prefix(gateway.first >> mask << mask, length, pool.family)
    outside = pool.usable - AddressSet(pool.family, [network])
    if not outside:
        return ()
    gateway_text = format_address(gateway.first, pool.family)
    where = f"is in {network}, which does not contain {listed(outside.texts)}"
    return (f"network.gateway {gateway_text} with prefixLength {length} {where}",)


def _read_address(path: str, text: str, faults: list[str], wanted: Family | None = None) -> Prefix | None:
    """The address as a block of one; None, and a fault more, if it is none or not of the wanted family."""
    try:
        address, family = parse_address(text)
    except InvalidAddress as error:
        faults.append(f"{path}: {error}")
        return None
    if wanted and family is not wanted:
        faults.append(f'{path}: "{text}" is {family.name}, but ranges is {wanted.name}')
    return Prefix(address, family.bits, family)
