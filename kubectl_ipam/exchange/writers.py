"""The ranges and blocks of a snapshot in other formats."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from io import StringIO
from typing import Any, NamedTuple

import msgspec

from hooks.api.names import NamespacedName
from hooks.ranges.spec import DEFAULT_DOMAIN
from ipam.address import InvalidAddress, Prefix
from ipam.interval import aligned_blocks, parse_interval
from kubectl_ipam.exchange.plain import HEADINGS, SEPARATOR

Row = dict[str, Any]


class ExportedRange(NamedTuple):
    """A range: its name, its spec as in a manifest, its state, and the domain to which its addresses belong.

    The domain is that of its spec, or, if the range was made from the block of a request, that of the range above.
    """

    name: NamespacedName
    spec: dict[str, Any]
    state: str = ""
    message: str = ""
    domain: str = DEFAULT_DOMAIN.name


class ExportedRequest(NamedTuple):
    """A request: its name, its range, its block ("" if it has none), its spec as in a manifest, and its state.

    One that is attached to another object names that as `attached_to`, as "Kind namespace/name".
    """

    name: NamespacedName
    range: NamespacedName
    cidr: str
    spec: dict[str, Any]
    state: str = ""
    message: str = ""
    attached_to: str = ""

    @property
    def holder(self) -> str:
        """The object that uses the block, for people."""
        return self.attached_to or f"request {self.name}"


class Export(NamedTuple):
    """What is exported, in order of names."""

    ranges: Sequence[ExportedRange]
    requests: Sequence[ExportedRequest]


#: The fields of a range that have columns of their names in CSV ...
_COLUMNS = ("chunkSize", "mode", "domain", "description")
#: ... and all for which it has columns.
_RANGE_FIELDS = frozenset({"ranges", "excludes", "network", *_COLUMNS})
#: Values that a range has without these fields, too.
_DEFAULTS: dict[str, Any] = {"allowedNamespaces": {"from": "Same"}, "closed": False}
#: Those of a request that follow from its block.
_BLOCK_FIELDS = frozenset({"size", "request"})


def lost_in_csv(export: Export) -> list[str]:
    """The fields of specs that an import of the CSV would not restore, as "spec.closed", sorted."""
    ranges = (item for each in export.ranges for item in each.spec.items())
    lost = {field for field, value in ranges if field not in _RANGE_FIELDS and value != _DEFAULTS.get(field)}
    for each in export.requests:
        if not each.attached_to:
            lost |= each.spec.keys() - {"ipam"} - (_BLOCK_FIELDS if each.cidr else set())
    return [f"spec.{field}" for field in sorted(lost)]


def to_csv(export: Export) -> str:
    """A table with the columns of `HEADINGS`: a row for each range, and one for each request."""
    out = StringIO()
    writer = csv.DictWriter(out, HEADINGS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(_range_row, export.ranges))
    writer.writerows(map(_request_row, export.requests))
    return out.getvalue()


def _range_row(each: ExportedRange) -> Row:
    spec, network = each.spec, each.spec.get("network") or {}
    lists = {"addresses": spec.get("ranges"), "excludes": spec.get("excludes"), "dnsServers": network.get("dnsServers")}
    row = {key: SEPARATOR.join(values) for key, values in lists.items() if values}
    row |= {key: spec[key] for key in _COLUMNS if key in spec}
    row |= {key: network[key] for key in ("gateway", "prefixLength") if key in network}
    return {**each.name._asdict(), "state": each.state, "message": each.message, **row}


def _request_row(each: ExportedRequest) -> Row:
    row = {"range": str(each.range), "cidr": each.cidr, "state": each.state, "message": each.message}
    return {**each.name._asdict(), **row, "attachedTo": each.attached_to}


def to_json(export: Export) -> str:
    """Everything that an import needs to restore it."""
    ranges = [{**each.name._asdict(), "spec": each.spec} for each in export.ranges]
    return _json({"ranges": ranges, "requests": list(map(_request_entry, export.requests))})


def _request_entry(each: ExportedRequest) -> Row:
    owner = {"attachedTo": each.attached_to} if each.attached_to else {}
    entry = {"range": str(each.range), "cidr": each.cidr, **owner, "spec": _without_range(each.spec)}
    return {**each.name._asdict(), **entry}


def _without_range(spec: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key != "ipam"}


def to_netbox_prefixes(export: Export) -> str:
    """Prefixes for the import form of NetBox: those of ranges, and blocks of more than one address.

    A block that is a range of its own is one prefix.
    """
    blocks = {(each.name.namespace, each.cidr) for each in export.requests if "delegate" in each.spec}
    rows = [
        _netbox_row(each, "prefix", text, status="container", description=f"range {each.name}")
        for each in export.ranges
        for text in _cidrs(each.spec.get("ranges", []))
        if not ("delegatedFrom" in each.spec and (each.name.namespace, text) in blocks)
    ]
    for each, range_ in _with_ranges(export):
        if not _is_single(each.cidr):
            status = "container" if "delegate" in each.spec else "active"
            rows.append(_netbox_row(range_, "prefix", each.cidr, status=status, description=each.holder))
    return _json(rows)


def _cidrs(texts: Sequence[str]) -> Iterator[str]:
    """The entries of a range as CIDRs, because a prefix of NetBox is no interval."""
    for text in texts:
        with suppress(InvalidAddress):  # such an entry is ignored, so it has no address
            interval, family = parse_interval(text)
            yield from (str(Prefix(*block, family)) for block in aligned_blocks(interval, family.bits))


def to_netbox_addresses(export: Export) -> str:
    """Addresses for the import form of NetBox: the blocks of one address."""
    rows: list[Row] = []
    for each, range_ in _with_ranges(export):
        if _is_single(each.cidr):
            length = (range_.spec.get("network") or {}).get("prefixLength") if range_ else None
            address = f"{each.cidr.partition('/')[0]}/{length}" if length else each.cidr
            rows.append(_netbox_row(range_, "address", address, status="active", description=each.holder))
    return _json(rows)


def _is_single(cidr: str) -> bool:
    """Whether a block is one address, which is no prefix in NetBox: a /32, in IPv6 a /128."""
    return cidr.endswith("/128" if ":" in cidr else "/32")


def _with_ranges(export: Export) -> Iterator[tuple[ExportedRequest, ExportedRange | None]]:
    """The requests that have a block, each with its range."""
    ranges = {each.name: each for each in export.ranges}
    return ((each, ranges.get(each.range)) for each in export.requests if each.cidr)


def _netbox_row(range_: ExportedRange | None, kind: str, text: str, **fields: str) -> Row:
    domain = range_.domain if range_ else DEFAULT_DOMAIN.name
    return {kind: text, **fields} | ({"vrf": domain} if domain != DEFAULT_DOMAIN.name else {})


def _json(document: Any) -> str:
    return msgspec.json.format(json.dumps(document), indent=2) + "\n"


WRITERS: dict[str, Callable[[Export], str]] = {
    "csv": to_csv,
    "json": to_json,
    "netbox-prefixes": to_netbox_prefixes,
    "netbox-addresses": to_netbox_addresses,
}
