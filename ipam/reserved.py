"""Reserved addresses: those at the ends of a network, which have a meaning of their own and are no host's address."""

from dataclasses import dataclass

from ipam.address import IPV4, Family, Prefix
from ipam.interval import Span


@dataclass(frozen=True, slots=True)
class Reserved:
    """The reserved addresses of all networks of one prefix length.

    In IPv4 they are the first address of each network (the network address) and the last one (for broadcasts), in IPv6
    only the first one (the subnet-router anycast address, RFC 4291, 2.6.1).
    """

    network_length: int
    family: Family

    def __contains__(self, address: int) -> bool:
        return bool(self.role_of(address))

    def role_of(self, address: int) -> str:
        """What a reserved address is in its network; "" for any other address."""
        place, last = address & (self._size - 1), self._size - 1
        if place == 0:
            return "network address" if self.family is IPV4 else "subnet-router anycast address"
        return "broadcast address" if place == last and self.family is IPV4 else ""

    def network_of(self, address: int) -> Prefix:
        """The network with an address."""
        return Prefix(address & -self._size, self.network_length, self.family)

    def count_in(self, span: Span) -> int:
        """Number of reserved addresses in a span."""
        first, end = span.first, span.last + 1
        count = -(-end // self._size) - -(-first // self._size)
        return count + (end // self._size - first // self._size if self.family is IPV4 else 0)

    @property
    def _size(self) -> int:
        return 1 << (self.family.bits - self.network_length)


def reserved_in_networks(network_length: int, family: Family) -> Reserved | None:
    """The reserved addresses of networks of a valid prefix length; those of one or two addresses have none.

    (RFC 3021 and RFC 6164: both addresses of a point-to-point link are those of hosts.)
    """
    return Reserved(network_length, family) if network_length < family.bits - 1 else None
