"""`kubectl ipam plan`: what would be granted if manifests were applied now."""

import argparse
from typing import Any

from hooks.api import names
from kubectl_ipam.call import Call
from kubectl_ipam.documents import allocated_count, range_document, room
from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.options import add_cluster_arguments, add_output_argument
from kubectl_ipam.output.tables import print_table
from kubectl_ipam.output.words import percent
from kubectl_ipam.planning import Outcome, Plan, freed, plan_of
from kubectl_ipam.progress import progress
from kubectl_ipam.resources import DECORATORS, DUMP, FOREIGN, IPAM
from kubectl_ipam.snapshot import Snapshot
from kubectl_ipam.sources.files import FileSource, documents_of
from kubectl_ipam.views import RangeView

DESCRIPTION = """\
Show what would be granted if manifests were applied (or deleted) now: to requests, to claims of Cluster API, and to
Services. Nothing is written: the hooks of this version decide about a copy of the cluster's state, in a cluster in a
box.
"""
EPILOG = f"""\
examples:
  kubectl ipam plan -f requests.yaml                      against the cluster of your kubeconfig
  kubectl ipam plan -f requests.yaml --delete             what would be free, and which waiting requests be served
  kubectl ipam plan -f requests.yaml --state dump.json    against a dump, which this command writes:
      {DUMP} > dump.json
  helm template . | kubectl ipam plan -f - --empty        against an empty cluster

The blocks are those of objects that are created at once. Created one after the other, equal requests may get each
other's blocks.

exit code: 0 if all requests would be served; 3 if some would wait; 4 if some are invalid, or manifests would be
rejected; 2 if something can't be read.
"""

EXIT_WAITS, EXIT_INVALID = 3, 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "-f",
        "--filename",
        action="append",
        required=True,
        metavar="FILE",
        help="the manifests to try: a file, a folder, or - for standard input; may be repeated",
    )
    parser.add_argument("--delete", action="store_true", help="delete the objects of the manifests instead")
    parser.add_argument(
        "--state", action="append", metavar="FILE", help="read the state from a dump, not from a cluster"
    )
    parser.add_argument("--empty", action="store_true", help="start with an empty cluster")
    add_output_argument(parser, "json", "yaml")
    add_cluster_arguments(parser)


def run(call: Call) -> int:
    """Print the plan."""
    options = call.options
    manifests = documents_of(options.filename)
    snapshot = _state(call)
    namespace = options.namespace or ("default" if options.empty or options.state else call.source.default_namespace)
    is_of_manifests = bool(options.state) and not snapshot.is_dump  # what an empty cluster would make of them
    with progress("trying the manifests in a cluster in a box"):
        plan = plan_of(snapshot, manifests, namespace, is_deletion=options.delete, creates_namespaces=is_of_manifests)
    _note_what_is_missing(call, snapshot, plan)
    if not plan.outcomes and not plan.rejected and not plan.after and not plan.before:
        files = ", ".join(options.filename)
        others = f"no IPAddressClaim of a range, and no Service with the annotation {names.RANGES_ANNOTATION}"
        raise Unanswerable(f"no IPAMRange or IPAMRequest in {files}, {others}")
    if options.output:
        call.print_document(_document(plan))
    else:
        _print(call, plan)
    return exit_code(plan)


def _state(call: Call) -> Snapshot:
    options = call.options
    if options.state and options.empty:
        raise Unanswerable("--state reads a dump, --empty starts with nothing: choose one")
    if options.empty:
        return Snapshot({}, call.now, "an empty cluster")
    if options.state:
        snapshot = FileSource(options.state).read((*IPAM, *FOREIGN, DECORATORS))
        call.note_left_out(snapshot)
    else:
        snapshot = call.read((*IPAM, *FOREIGN, DECORATORS))
    if snapshot.namespace:
        call.note("the plan knows only this namespace: requests of other namespaces may hold what it shows as free")
    return snapshot


def _note_what_is_missing(call: Call, snapshot: Snapshot, plan: Plan) -> None:
    """Say so if a plan has claims or Services, but the cluster has no controller for them, or hides what they need."""
    kinds = {outcome.kind for outcome in plan.outcomes} - {names.REQUEST_KIND}
    if kinds:
        for resource in (each for each in FOREIGN if each in snapshot.denied):
            call.note(f"{resource.plural} are not a part of the plan: {snapshot.denied[resource]}")
    if DECORATORS not in snapshot.raw:
        return
    installed = {str(each["metadata"]["name"]) for each in snapshot.documents(DECORATORS).values()}
    for kind, (controller, folder) in _CONTROLLERS.items():
        if kind in kinds and not any(each == controller or each.startswith(f"{controller}-") for each in installed):
            call.note(
                f"this cluster has no DecoratorController {controller}, without which no {kind} gets an address: "
                f"kubectl apply -k {folder}"
            )


#: The controllers of claims and Services, and where they are.
_CONTROLLERS = {
    names.CLAIM_KIND: ("ipaddressclaim", "deploy/cluster-api"),
    names.SERVICE_KIND: ("service", "deploy/services/metallb (or kube-vip, or cilium)"),
}


def exit_code(plan: Plan) -> int:
    """The exit code for CI pipelines."""
    states = {outcome.state for outcome in plan.outcomes if outcome.is_planned}
    if plan.rejected or "Invalid" in states:
        return EXIT_INVALID
    return EXIT_WAITS if states & {"Busy", "Pending", "Deleting", "Releasing"} else 0


def _print(call: Call, plan: Plan) -> None:
    planned = [each for each in plan.outcomes if each.is_planned]
    others = [each for each in plan.outcomes if not each.is_planned]
    if planned:
        print_table(call.screen, ("REQUEST", "RANGE", "RESULT", "BLOCK", "WHY"), [_row(each) for each in planned])
    if others:
        call.screen.line()
        print_table(call.screen, ("ALSO AFFECTED", "RANGE", "RESULT", "BLOCK", "WHY"), [_row(each) for each in others])
    if plan.rejected:
        call.screen.line()
        print_table(call.screen, ("REJECTED", "WHY"), [list(each) for each in plan.rejected])
    rows = [_capacity(name, plan) for name in sorted({*plan.before, *plan.after})]
    if rows:
        call.screen.line()
        print_table(call.screen, ("RANGE", "USED", "ROOM", "WAITING"), rows)


def _row(outcome: Outcome) -> list[str]:
    block = outcome.cidr or (f"releases {freed(outcome)}" if freed(outcome) else "")
    result = outcome.state
    if outcome.state == "Ready" and outcome.before == ("Ready", outcome.cidr):
        result = "unchanged"
    name = outcome.name if outcome.kind == names.REQUEST_KIND else f"{outcome.kind} {outcome.name}"
    return [name, outcome.range_name, result, block, outcome.message]


def _capacity(name: str, plan: Plan) -> list[str]:
    old, new = plan.before.get(name), plan.after.get(name)
    columns = [_numbers(view) for view in (old, new)]
    return [name, *(_change(*pair) for pair in zip(*columns, strict=True))]


def _numbers(view: RangeView | None) -> tuple[str, str, str]:
    if view is None or view.fault or view.decision is None:
        return ("none" if view is None else "invalid", "", "")
    used = percent(allocated_count(view), view.decision.total_count)
    return used, room(view), str(len(view.waiting))


def _change(old: str, new: str) -> str:
    return old if old == new else f"{old or 'none'} -> {new or 'none'}"


def _document(plan: Plan) -> dict[str, Any]:
    planned = [each for each in plan.outcomes if each.is_planned]
    return {
        "requests": [_outcome_document(each) for each in planned if each.kind == names.REQUEST_KIND],
        "owners": [_outcome_document(each) for each in planned if each.kind != names.REQUEST_KIND],
        "alsoAffected": [_outcome_document(each) for each in plan.outcomes if not each.is_planned],
        "rejected": [{"object": each.name, "reason": each.reason} for each in plan.rejected],
        "before": [range_document(each) for each in plan.before.values()],
        "after": [range_document(each) for each in plan.after.values()],
        "exitCode": exit_code(plan),
    }


def _outcome_document(outcome: Outcome) -> dict[str, Any]:
    is_request = outcome.kind == names.REQUEST_KIND
    document = {
        "request" if is_request else "owner": outcome.name if is_request else f"{outcome.kind} {outcome.name}",
        "range" if is_request else "ranges": outcome.range_name,
        "state": outcome.state,
        "cidr" if is_request else "addresses": outcome.cidr,
        "releases": freed(outcome),
        "message": outcome.message,
    }
    return {name: value for name, value in document.items() if value}
