"""`kubectl ipam check`: audits a cluster or a dump, without locking anything."""

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import sleep
from typing import Any

from hooks.api.times import timestamp
from kubectl_ipam.audit.findings import Finding, Severity
from kubectl_ipam.audit.run import confirmed, findings_in, in_one_snapshot
from kubectl_ipam.call import Call, left_out
from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.options import add_source_arguments, seconds
from kubectl_ipam.output.words import count
from kubectl_ipam.progress import progress
from kubectl_ipam.resources import INSTALLATION, IPAM, NAMESPACES
from kubectl_ipam.snapshot import Snapshot

DESCRIPTION = """\
Audit ledgers, answers, requests, extents, the installation and clocks, and say what to do about each finding.
Nothing is locked: if something is found, the cluster is read again, and only what both readings show is reported.
"""
EPILOG = """\
examples:
  kubectl ipam check                      the whole cluster, as far as your rights reach
  kubectl ipam check -n team-a            only findings about namespace team-a
  kubectl ipam check -o report.json       the same as a document, in a file; -o json prints it
  kubectl ipam check -f dump.json         a dump; findings that may be delays are left out unless they are old

exit code: 0 if nothing was found; 1 if something was; 2 if the source can't be read.
"""

#: The pause before the second reading, in seconds: as long as a proposed ledger may take until it is committed.
SETTLE_SECONDS = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "-o", "--output", metavar="json|yaml|FILE", help="print a report as a document, or write it to a file"
    )
    parser.add_argument(
        "--settle",
        metavar="SECONDS",
        type=seconds,
        default=SETTLE_SECONDS,
        help=f"pause before the second reading (default: {SETTLE_SECONDS:g})",
    )
    add_source_arguments(parser)


def run(call: Call) -> int:
    """Print the findings."""
    snapshot = call.read((*IPAM, *INSTALLATION))
    _require_namespace(call, snapshot)
    everything = audited(call, snapshot)
    found = [each for each in everything if is_about(each, call.options.namespace)]
    _report(call, snapshot, found)
    if more := len(everything) - len(found):
        call.note(f"{count(more, 'finding')} about other namespaces: list all without -n")
    return 1 if found else 0


def _require_namespace(call: Call, snapshot: Snapshot) -> None:
    """Do nothing if the namespace that is checked exists, as far as is known: one that does not has no findings.

    Raises:
        Unanswerable: if it does not. A dump may lack namespaces.
    """
    namespace = call.options.namespace
    if namespace and call.source.is_live and namespace not in snapshot.raw.get(NAMESPACES, {namespace}):
        raise Unanswerable(f'no namespace "{namespace}" in {snapshot.origin}: list them: kubectl get namespaces')


def audited(call: Call, snapshot: Snapshot) -> list[Finding]:
    """The findings of a snapshot; of a cluster, those that a second one confirms."""
    if not call.source.is_live:
        return in_one_snapshot(snapshot)
    with progress("auditing"):
        found = findings_in(snapshot)
    if not found:
        return []
    with progress(f"{count(len(found), 'possible finding')}: waiting to read again"):
        sleep(call.options.settle if any(each.may_be_delay for each in found) else 0)
    return confirmed(snapshot, call.read((*IPAM, *INSTALLATION)))


def is_about(finding: Finding, namespace: str | None) -> bool:
    """Whether a finding concerns a namespace; those about no namespace concern all."""
    if namespace is None:
        return True
    subject = finding.subject.rpartition(" ")[2]
    return "/" not in subject or subject.startswith(f"{namespace}/") or finding.range_name.startswith(f"{namespace}/")


def _report(call: Call, snapshot: Snapshot, found: Sequence[Finding]) -> None:
    output = call.options.output
    if output in ("json", "yaml"):
        call.print_document(report(call, snapshot, found))
        return
    if output:
        try:
            Path(output).write_text(json.dumps(report(call, snapshot, found), indent=2) + "\n")
        except OSError as error:
            raise Unanswerable(f'"{output}" can\'t be written: {error.strerror}') from error
        call.note(f"wrote {output}")
    for each in found:
        call.screen.line(f"{each.severity.upper()} {each.rule}: {each.subject}")
        call.screen.line(f"  {each.message}")
        call.screen.line(f"  to do: {each.remedy}")
    _print_summary(call, snapshot, found)


def _print_summary(call: Call, snapshot: Snapshot, found: Sequence[Finding]) -> None:
    for resource, reason in snapshot.denied.items():
        call.note(f"{resource.plural} were not checked: {reason}")
    namespace = call.options.namespace
    ranges, requests = _number_in(namespace, snapshot.ranges), _number_in(namespace, snapshot.requests)
    checked = f"{count(ranges, 'range')} and {count(requests, 'request')} of {call.searched(snapshot)}"
    if not found:
        call.screen.line(f"OK: {checked} are as they should be")
        return
    errors = sum(each.severity is Severity.ERROR for each in found)
    warnings = len(found) - errors
    call.screen.line(f"{count(errors, 'error')} and {count(warnings, 'warning')} in {checked}")


def _number_in(namespace: str | None, keys: Iterable[str]) -> int:
    """How many objects a namespace has, or all have, by their "namespace/name"."""
    return sum(namespace in (None, key.partition("/")[0]) for key in keys)


def _not_checked(snapshot: Snapshot) -> dict[str, str]:
    """What was not read, and why: kinds of objects by their plural, and all namespaces but one."""
    kinds = {**snapshot.denied, **dict.fromkeys(left_out(snapshot), f"{snapshot.origin} has none")}
    found = {resource.plural: reason for resource, reason in kinds.items()}
    if only := snapshot.namespace:
        has = f"{snapshot.origin} has" if snapshot.is_dump else "your rights reach"
        found["otherNamespaces"] = f"{has} only namespace {only}"
    return found


def report(call: Call, snapshot: Snapshot, found: Sequence[Finding]) -> dict[str, Any]:
    """The findings as a document."""
    namespace = call.options.namespace
    return {
        "origin": snapshot.origin,
        "time": timestamp(snapshot.taken_at),
        "ranges": _number_in(namespace, snapshot.ranges),
        "requests": _number_in(namespace, snapshot.requests),
        "notChecked": _not_checked(snapshot),
        "findings": [
            {
                "severity": str(each.severity),
                "rule": each.rule,
                "subject": each.subject,
                "range": each.range_name,
                "message": each.message,
                "remedy": each.remedy,
            }
            for each in found
        ],
    }
