"""`kubectl ipam explain`: the way of a request, where it stands and why, and what to type next."""

import argparse
from typing import Any

from rich.text import Text

from hooks.api import names
from hooks.api.names import NamespacedName
from kubectl_ipam.call import Call
from kubectl_ipam.documents import request_document
from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.explanation import Explanation, Mark, explained
from kubectl_ipam.objects import Request
from kubectl_ipam.options import add_output_argument, add_source_arguments
from kubectl_ipam.output.console import joined
from kubectl_ipam.resources import CLAIMS, IPAM, REQUESTS
from kubectl_ipam.snapshot import Snapshot

DESCRIPTION = "Explain where a request stands: its way from creation to its block, what it waits for, what to do."
EPILOG = """\
examples:
  kubectl ipam explain web                        a request
  kubectl ipam explain team-a/web                 in another namespace
  kubectl ipam explain ipaddressclaim/worker-0    the requests of a Cluster API claim
  kubectl ipam explain service/frontend           the requests of a Service

exit code: 0 if it has its block, and the range that is to be made from it; 3 if it waits; 4 if it is invalid; 1 if
there is no such request; 2 if the source is unreadable.
"""

_KINDS = {"ipamrequest": names.REQUEST_KIND, "ipreq": names.REQUEST_KIND, "svc": "Service"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "request", metavar="REQUEST", help="a request (NAME or NAMESPACE/NAME), or KIND/NAME of an object that owns one"
    )
    add_output_argument(parser, "json", "yaml")
    add_source_arguments(parser)


def run(call: Call) -> int:
    """Print the explanation of each request that is meant."""
    snapshot = call.read((*IPAM, CLAIMS))
    found = [explained(snapshot, each) for each in requests_called(call, snapshot, call.options.request)]
    if call.options.output:
        call.print_document({"requests": [_document(each) for each in found]})
    else:
        for number, each in enumerate(found):
            if number:
                call.screen.line()
            _print(call, each)
    return max(exit_code(each) for each in found)


def requests_called(call: Call, snapshot: Snapshot, text: str) -> list[Request]:
    """The requests that an argument names: itself, or those of the object that it names.

    Raises:
        Unanswerable: if there is none.
    """
    kind, _, name = text.partition("/")
    if kind.lower() in _KINDS and _KINDS[kind.lower()] == names.REQUEST_KIND:
        kind, text = "", name
    if found := snapshot.requests.get(str(call.name_of(text))):
        return [found]
    if owned := _owned_by(snapshot, call.namespace, kind, name):
        return owned
    raise Unanswerable(_not_found(call, snapshot, call.name_of(text), kind if name else ""), exit_code=1)


def _owned_by(snapshot: Snapshot, namespace: str, kind: str, name: str) -> list[Request]:
    """The requests that an object of this kind and name owns, in any spelling of its kind."""
    wanted = _KINDS.get(kind.lower(), kind).lower().partition(".")[0]
    return [
        each
        for _, each in sorted(snapshot.requests.items())
        if each.metadata.namespace == namespace
        for owner in each.metadata.owner_references
        if name and owner.name == name and wanted in (owner.kind.lower(), f"{owner.kind.lower()}s")
    ]


def _not_found(call: Call, snapshot: Snapshot, name: NamespacedName, kind: str) -> str:
    ledgers = [
        f"{entry.cidr} of range {key}"
        for key, range_ in snapshot.ranges.items()
        for entry in range_.status.allocations
        if entry.holder == str(name)
    ]
    if not snapshot.lacks(REQUESTS, str(name)):
        holds = f", but holds {', '.join(ledgers)}" if ledgers else ""
        return f"request {name} can't be read{holds}: {_why_unreadable(snapshot)}"
    if ledgers:
        return (
            f"request {name} does not exist, but holds {', '.join(ledgers)}: kubectl ipam check says how to release it"
        )
    what = f"request {name}, and no request that belongs to {kind} {name.name}," if kind else f"request {name}"
    return f"no {what} in {call.source.origin}: search for it: kubectl ipam get {name.name} {call.same_files}".rstrip()


def _why_unreadable(snapshot: Snapshot) -> str:
    """Why a request that may exist can't be read."""
    if snapshot.namespace and snapshot.is_dump:
        return f"{snapshot.origin} has only namespace {snapshot.namespace}"
    if snapshot.namespace:
        return f"with your rights only namespace {snapshot.namespace} can"
    is_left_out = REQUESTS not in snapshot.raw and REQUESTS not in snapshot.denied
    return f"{snapshot.origin} has no {REQUESTS.plural}" if is_left_out else "see kubectl ipam check"


def exit_code(explanation: Explanation) -> int:
    """The exit code: whether it has its block. A step behind this that is unknown is no reason to call it waiting."""
    if explanation.request.status.state == "Invalid":
        return 4
    return 0 if explanation.steps[-1].mark in (Mark.DONE, Mark.UNKNOWN) else 3


_SIGNS = {
    Mark.DONE: ("[x]", "✓", "green"),
    Mark.WAITING: ("[ ]", "…", "yellow"),
    Mark.FAILED: ("[!]", "✗", "red"),
    Mark.UNKNOWN: ("[?]", "?", "yellow"),
}


def _print(call: Call, explanation: Explanation) -> None:
    request, screen = explanation.request, call.screen
    owner = request.metadata.controller
    suffix = f", of {owner.kind} {owner.name}" if owner else ""
    screen.line(f"request {request.metadata.namespaced_name}{suffix}: {request.status.state or 'Pending'}")
    for step in explanation.steps:
        ascii_sign, sign, colour = _SIGNS[step.mark]
        marked = Text(f"  {ascii_sign if screen.is_plain else sign} ", colour)
        screen.line(joined(marked, f"{step.name:<10} {step.text}"))
    goal = "removed" if request.metadata.deletion_timestamp else "served"
    for remedy in explanation.remedies:
        label = f"to be {goal}:" if remedy is explanation.remedies[0] else ""
        screen.line(f"  {label:<{len(goal) + 7}} {remedy}")
    screen.line(f"next: {explanation.next_command}")


def _document(explanation: Explanation) -> dict[str, Any]:
    return {
        "request": request_document(explanation.request),
        "steps": [{"step": each.name, "state": str(each.mark), "text": each.text} for each in explanation.steps],
        "remedies": explanation.remedies,
        "next": explanation.next_command,
    }
