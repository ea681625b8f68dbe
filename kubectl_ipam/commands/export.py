"""`kubectl ipam export`: ranges and the blocks of requests in formats of others."""

import argparse
from collections.abc import Iterator

import msgspec

from hooks.api.conditions import listed
from hooks.api.names import NamespacedName
from hooks.ranges.ledger import LedgerEntry
from kubectl_ipam.call import Call
from kubectl_ipam.documents import state_of
from kubectl_ipam.exchange.writers import WRITERS, Export, ExportedRange, ExportedRequest, lost_in_csv
from kubectl_ipam.objects import Request
from kubectl_ipam.options import add_output_argument, add_source_arguments
from kubectl_ipam.resources import REQUESTS
from kubectl_ipam.snapshot import Snapshot
from kubectl_ipam.views import RangeView, views_in

DESCRIPTION = "Write ranges and the blocks of their requests as CSV, as JSON, or for NetBox."
EPILOG = """\
formats:
  csv                a row for each range and for each request, as a spreadsheet reads it; what it can't hold is named
  json               everything that kubectl ipam import needs to restore it
  netbox-prefixes    JSON for the import form of NetBox: ranges, and blocks of several addresses
  netbox-addresses   the same with the blocks of one address

examples:
  kubectl ipam export -A > addresses.csv
  kubectl ipam export net -o json > net.json
  kubectl ipam export -A -o netbox-prefixes > prefixes.json      (in NetBox: Prefixes, Import, JSON)

exit code: 0; 1 if there is no such range; 2 if the source can't be read.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("range", nargs="?", metavar="RANGE", help="a range: NAME or NAMESPACE/NAME")
    add_output_argument(parser, *WRITERS)
    add_source_arguments(parser)


def run(call: Call) -> int:
    """Print the export."""
    snapshot = call.read()
    if call.options.range:
        views, alone = [RangeView(snapshot, call.range_called(snapshot, call.options.range))], list[Request]()
    else:
        views, alone = views_in(snapshot, call.only_namespace), _of_missing_ranges(snapshot, call.only_namespace)
    export, format_ = export_of(snapshot, views, alone), call.options.output or "csv"
    for sentence in _incomplete(views, alone):
        call.note(sentence)
    if format_ == "csv" and (lost := lost_in_csv(export)):
        call.note(f"CSV has no columns for {', '.join(lost)}: an import needs -o json, which keeps them")
    call.out.write(WRITERS[format_](export))
    return 0


def _incomplete(views: list[RangeView], alone: list[Request]) -> Iterator[str]:
    """What no format can have completely, as sentences."""
    for view in views:
        if not view.terms.is_readable:
            reason = view.terms.invalid_reason
            yield f"range {view.name} is exported without its spec, which can't be read: {reason}"
    if alone:
        names = sorted({str(each.range_name) for each in alone})
        yield f"exported without their ranges, which were not found: the requests of {listed(names)}"


def _of_missing_ranges(snapshot: Snapshot, namespace: str | None) -> list[Request]:
    """The requests that name a range of a namespace, or any, which does not exist or can't be read."""
    return [
        each
        for name, requests in snapshot.requests_by_range.items()
        for each in requests
        if name not in snapshot.ranges and namespace in (None, each.range_name.namespace)
    ]


def export_of(snapshot: Snapshot, views: list[RangeView], alone: list[Request]) -> Export:
    """What these ranges and the requests that name them come to, and some requests without their ranges."""
    requests = [each for view in views for each in _requests_of(view, snapshot)]
    requests += [_request_of(each, snapshot, each.status.cidr) for each in alone]
    return Export([_range_of(view) for view in views], sorted(requests, key=lambda each: each.name))


def _range_of(view: RangeView) -> ExportedRange:
    spec = msgspec.json.decode(view.range.spec) if view.terms.is_readable else {}
    message = view.fault or view.terms.invalid_reason or view.range.status.message
    return ExportedRange(view.name, spec, state_of(view), message, view.outermost.terms.domain.name)


def _requests_of(view: RangeView, snapshot: Snapshot) -> Iterator[ExportedRequest]:
    """The requests that name a range, and the holders whose requests do not exist any more, or can't be read."""
    held = {} if view.fault else view.occupancy.held
    entries = {each.uid: each for each in held}
    for request in view.requests:
        entry = entries.pop(request.metadata.uid, None)
        yield _request_of(request, snapshot, request.status.cidr or (entry.written.cidr if entry else ""))
    for entry in entries.values():
        yield _without_request(entry, view)


def _request_of(request: Request, snapshot: Snapshot, cidr: str) -> ExportedRequest:
    name, status = request.metadata.namespaced_name, request.status
    spec = msgspec.json.decode(snapshot.raw[REQUESTS][str(name)]).get("spec", {})
    state, owner = status.state or "Pending", request.attached_to
    return ExportedRequest(name, request.range_name, cidr, spec, state, status.message, owner)


def _without_request(entry: LedgerEntry, view: RangeView) -> ExportedRequest:
    state, text = "Unreadable", "its request can't be read"
    if view.snapshot.lacks(REQUESTS, entry.holder, entry.uid):
        state, text = "Absent", "disappeared without a release: its block stays allocated"
    return ExportedRequest(NamespacedName.parse(entry.holder), view.name, entry.written.cidr, {}, state, text)
