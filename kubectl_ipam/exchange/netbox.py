"""NetBox: its prefixes and addresses, exported as CSV, or as its API and its import forms have them in JSON."""

from collections.abc import Iterable, Mapping
from typing import Any

from kubectl_ipam.exchange.blocks import NoBlock, read_block, read_host
from kubectl_ipam.exchange.book import Finding, error
from kubectl_ipam.exchange.nets import Host, Net
from kubectl_ipam.exchange.tables import Table, heading_key

#: The heading of the column that only such a table has.
PREFIX, ADDRESS = "prefix", "address"
_ADDRESS_HEADINGS = (ADDRESS, "ipaddress")
#: What an address for the import form has without a VRF; a table with other columns may be one of a person.
_FORM = {ADDRESS, "status", "description"}
_GLOBAL = "global"
#: What NetBox puts before prefixes inside others, by their depth.
_BULLETS = "• \u00a0\n"


class NetBox:
    """Prefixes and addresses, as far as they were read.

    Attributes:
        nets: the prefixes.
        hosts: the addresses.
        findings: what could not be read.
    """

    def __init__(self) -> None:
        self.nets: list[Net] = []
        self.hosts: list[Host] = []
        self.findings: list[Finding] = []

    def add_table(self, table: Table) -> None:
        """Add the rows of an export."""
        for row in table.rows:
            self._add(row.place, row.cells)

    def add_objects(self, name: str, objects: Iterable[Mapping[str, Any]]) -> None:
        """Add objects of the API, or of an import form."""
        for number, each in enumerate(objects, 1):
            self._add(f"{name}: object {number}", {heading_key(key): _text(value) for key, value in each.items()})

    def _add(self, place: str, cells: Mapping[str, str]) -> None:
        prefix = _first(cells, PREFIX, "prefixflat").strip(_BULLETS)
        address = _first(cells, *_ADDRESS_HEADINGS)
        space = _first(cells, "vrf")
        space = "" if space.lower() == _GLOBAL else space
        try:
            if prefix:
                self.nets.append(_net(place, prefix, space, cells))
            elif address:
                name = _first(cells, "dnsname", "description")
                self.hosts.append(Host(read_host(address), space, name, place))
            else:
                self.findings.append(error(place, "has neither a prefix nor an address"))
        except NoBlock as fault:
            self.findings.append(error(place, str(fault)))


def _net(place: str, prefix: str, space: str, cells: Mapping[str, str]) -> Net:
    is_container = _first(cells, "status").lower() == "container"
    is_pool = _first(cells, "ispool", "pool").lower() in ("true", "✔")
    return Net(read_block(prefix), space, _first(cells, "description"), place, is_container, is_pool)


def is_netbox(headings: Iterable[str]) -> bool:
    """Whether a table or an object with these keys is one of NetBox."""
    keys = set(headings)
    is_address = bool(keys & {*_ADDRESS_HEADINGS}) and bool(keys & {"dnsname", "vrf"})
    return "status" in keys and (PREFIX in keys or is_address or keys == _FORM)


def _first(cells: Mapping[str, str], *headings: str) -> str:
    return next((cells[each].strip() for each in headings if cells.get(each)), "")


def _text(value: Any) -> str:
    """A field of the API as a table would have it: of a choice its value, of a related object its name."""
    if isinstance(value, dict):
        return _text(value.get("value", value.get("name", value.get("display", ""))))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
