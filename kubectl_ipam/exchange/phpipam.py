"""phpIPAM: its exports of subnets and of IP addresses, saved as CSV."""

from collections.abc import Iterable

from kubectl_ipam.exchange.blocks import NoBlock, network_of, read_block, read_host
from kubectl_ipam.exchange.book import Finding, error
from kubectl_ipam.exchange.nets import Host, Net
from kubectl_ipam.exchange.tables import Row, Table

_DEFAULT_VRF = "default"


class PhpIpam:
    """Subnets and addresses, as far as they were read; attributes as those of `NetBox`."""

    def __init__(self) -> None:
        self.nets: list[Net] = []
        self.hosts: list[Host] = []
        self.findings: list[Finding] = []
        self._subnets: list[Net] = []

    def add_table(self, table: Table) -> None:
        """Add the rows of an export: addresses, if it has such a column, otherwise subnets."""
        is_of_addresses = "ipaddress" in table.headings
        for row in table.rows:
            try:
                self._add_address(row) if is_of_addresses else self._add_subnet(row)
            except NoBlock as fault:
                self.findings.append(error(row.place, str(fault)))

    def complete(self) -> None:
        """Add the subnets that are only known from their addresses."""
        known = {(net.space, net.block) for net in self.nets}
        for net in self._subnets:
            if (net.space, net.block) not in known:
                known.add((net.space, net.block))
                self.nets.append(net)

    def _add_subnet(self, row: Row) -> None:
        text = row.text("subnet")
        if text.endswith("(folder)"):
            return
        self.nets.append(Net(read_block(text), _space(row), row.text("description"), row.place))

    def _add_address(self, row: Row) -> None:
        name = row.text("hostname", "description", "owner")
        is_gateway = row.is_true("gateway")
        self.hosts.append(Host(read_host(row.text("ipaddress")), _space(row), name, row.place, is_gateway))
        if subnet := row.text("subnet"):
            self._subnets.append(Net(network_of(subnet), _space(row), "", row.place))


def _space(row: Row) -> str:
    vrf = row.text("vrf")
    return "" if vrf.lower() == _DEFAULT_VRF else vrf


def is_phpipam(headings: Iterable[str]) -> bool:
    """Whether a table with these headings is an export of phpIPAM."""
    keys = set(headings)
    return "subnet" in keys and bool(keys & {"mastersubnet", "section", "vlandomain", "ipaddress", "hostcheck"})
