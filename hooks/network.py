"""What the consumers of a range must know besides their blocks: `spec.network`.

It is copied as it is to each grant, and never changes for it, because specs never change. The gateway belongs to the
network's operator: it is never handed out.
"""

from collections.abc import Iterator

from hooks.wire import Network
from ipam.address import Family, InvalidAddress, Prefix, parse_address
from ipam.allocate import Refused, Verdict
from ipam.pool import Pool


def fault_of(network: Network, pool: Pool) -> str | None:
    """What is wrong with it in the range of this pool; None if nothing is."""
    if faults := list(_faults(network, pool.family)):
        return "; ".join(faults)
    gateway = gateway_of(network)
    if gateway and pool.address_count == 1 and pool.covers(gateway):
        return f"network.gateway {network.gateway} is the only address of ranges: nothing is left to hand out"
    return None


def gateway_of(network: Network | None) -> Prefix | None:
    """The gateway of a network without faults, as a block of one address."""
    if network is None or not network.gateway:
        return None
    address, family = parse_address(network.gateway)
    return Prefix(address, family.bits, family)


def refusal_of(wanted: Prefix, network: Network | None, range_text: str) -> Refused | None:
    """Why a certain block is not given, if the gateway is in it."""
    gateway = gateway_of(network)
    if gateway is None or gateway.family is not wanted.family or not wanted.first <= gateway.first <= wanted.last:
        return None
    message = f"{wanted} has the gateway of {range_text} in it, {gateway}, which is never handed out"
    if wanted == gateway:
        message = f"{gateway} is the gateway of {range_text}, which is never handed out"
    return Refused(Verdict.INVALID, "Gateway", message)


def _faults(network: Network, family: Family) -> Iterator[str]:
    if network.gateway:
        yield from _address_faults("network.gateway", network.gateway, family)
    length = network.prefix_length
    if length is not None and not 0 <= length <= family.bits:
        yield f"network.prefixLength {length}: {family.name} prefix lengths are 0..{family.bits}"
    for index, server in enumerate(network.dns_servers):
        yield from _address_faults(f"network.dnsServers[{index}]", server)


def _address_faults(path: str, text: str, wanted: Family | None = None) -> Iterator[str]:
    try:
        _, family = parse_address(text)
    except InvalidAddress as error:
        yield f"{path}: {error}"
        return
    if wanted and family is not wanted:
        yield f'{path}: "{text}" is {family.name}, but ranges is {wanted.name}'
