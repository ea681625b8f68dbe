"""`kubectl ipam get`: the holder of an address, or why no request has it."""

import argparse
from typing import Any

from hooks.api.times import timestamp
from ipam.address import Prefix
from kubectl_ipam.call import Call
from kubectl_ipam.documents import held_since, request_document, wanted
from kubectl_ipam.lookup import SEARCHED, Found, Lookup, lookup, matching_requests, read_block, uncovered
from kubectl_ipam.objects import Request
from kubectl_ipam.options import add_output_argument, add_source_arguments
from kubectl_ipam.output.tables import Cell, print_table
from kubectl_ipam.output.words import age, span
from kubectl_ipam.snapshot import Snapshot
from kubectl_ipam.views import views_in

DESCRIPTION = "Find who has an address or a block, or why no request has it; or search requests by a text."
EPILOG = f"""\
examples:
  kubectl ipam get 10.0.0.5               the holder of an address, and since when
  kubectl ipam get 10.0.0.0/24            everything in a block
  kubectl ipam get web                    requests with "web" in their {SEARCHED}

All namespaces are searched unless -n is given.
exit code: 0 if something was found; 1 if no range has the address, or no request matches; 2 if the source is
unreadable.
"""

#: The most lines that are printed for a block.
LINES_MAX = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("what", metavar="ADDRESS|CIDR|TEXT", help="an address, a block, or a text to search for")
    add_output_argument(parser)
    add_source_arguments(parser)


def run(call: Call) -> int:
    """Print what was found."""
    block = read_block(call.options.what)
    snapshot = call.read()
    if block is None:
        return _print_requests(call, matching_requests(snapshot, call.options.what))
    found = lookup(views_in(snapshot, call.options.namespace), block)
    if call.options.output in ("json", "yaml"):
        call.print_document(_document(found, block))
    else:
        _print_found(call, snapshot, found, block)
    return 0 if found.found else 1


def _print_found(call: Call, snapshot: Snapshot, result: Lookup, block: Prefix) -> None:
    if not result.found:
        call.screen.line(f"{_words(block)} is in no range of {call.searched(snapshot)}")
        for sentence in result.neighbours:
            call.screen.line(f"  {sentence}")
        return
    for each in result.found[:LINES_MAX]:
        call.screen.line(_sentence(each, call))
    if more := len(result.found) - LINES_MAX:
        call.screen.line(f"... and {more} more: -o json lists all") if more > 0 else None
    of = f" of namespace {call.options.namespace}" if call.options.namespace else ""
    for interval in uncovered(result.found, block).intervals:
        call.screen.line(f"{span(interval.first, interval.last, block.family)} is in no range{of}")


def _sentence(found: Found, call: Call) -> str:
    piece, request = found.piece, found.request
    sentence = f"{span(piece.first, piece.last, found.view.family)} of range {found.view.name} {found.why}"
    if found.holder_fault:
        return f"{sentence}, which {found.holder_fault}: kubectl ipam explain {piece.holder}"
    return f"{sentence}{_details(request, call) if request else ''}"


def _details(request: Request, call: Call) -> str:
    """What is worth knowing of a holder."""
    details: list[str] = []
    if since := held_since(request):
        details.append(f"since {timestamp(since)} ({age(since, call.now)})")
    if network := request.status.network:
        details += [f"gateway {network.gateway}"] if network.gateway else []
        details += [f"network /{network.prefix_length}"] if network.prefix_length is not None else []
    if owner := request.metadata.controller:
        details.append(f"for {owner.kind} {owner.name}")
    if request.status.range:
        details.append(f"delegated to range {request.delegated_name}")
    if request.metadata.deletion_timestamp:
        details.append("being deleted")
    return ", " + ", ".join(details) if details else ""


def _words(block: Prefix) -> str:
    return span(block.first, block.last, block.family)


def _document(result: Lookup, block: Prefix) -> dict[str, Any]:
    return {
        "block": str(block),
        "found": [_found_document(each) for each in result.found],
        "outside": [span(each.first, each.last, block.family) for each in uncovered(result.found, block).intervals],
    }


def _found_document(found: Found) -> dict[str, Any]:
    document: dict[str, Any] = {
        "addresses": span(found.piece.first, found.piece.last, found.view.family),
        "range": str(found.view.name),
        "state": str(found.piece.state),
        "holder": found.piece.holder,
        "why": found.why,
    }
    document = {name: value for name, value in document.items() if value}
    return document | ({"request": request_document(found.request)} if found.request else {})


def _print_requests(call: Call, found: list[Request]) -> int:
    """Print the requests of a search."""
    if call.options.namespace:
        found = [each for each in found if each.metadata.namespace == call.options.namespace]
    if call.options.output in ("json", "yaml"):
        call.print_document({"requests": [request_document(each) for each in found]})
    elif found:
        print_table(call.screen, _HEADINGS, [_row(each, call) for each in found])
    else:
        call.note(f'nothing matches "{call.options.what}": give an address, a block, or a text of its {SEARCHED}')
    return 0 if found else 1


_HEADINGS = ("NAMESPACE", "REQUEST", "RANGE", "WANTS", "STATE", "CIDR", "AGE", "MESSAGE")


def _row(request: Request, call: Call) -> list[Cell]:
    meta, status = request.metadata, request.status
    return [
        meta.namespace,
        meta.name,
        str(request.range_name),
        wanted(request),
        status.state or "Pending",
        status.cidr,
        age(meta.creation_timestamp, call.now),
        status.message if status.state not in ("Ready", "Pending") else "",
    ]
