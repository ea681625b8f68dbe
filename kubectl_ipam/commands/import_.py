"""`kubectl ipam import`: what another address manager exports, as manifests in which each request records its block."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml

from kubectl_ipam.call import Call
from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.exchange.book import Severity
from kubectl_ipam.exchange.conflicts import Checked, check
from kubectl_ipam.exchange.formats import FORMATS, File, read_book
from kubectl_ipam.exchange.manifests import Manifest, manifests, namespaces_of
from kubectl_ipam.exchange.present import Present, PresentRange
from kubectl_ipam.options import add_output_argument, add_source_arguments
from kubectl_ipam.output.words import count
from kubectl_ipam.progress import progress
from kubectl_ipam.snapshot import Snapshot
from kubectl_ipam.views import RangeView

DESCRIPTION = """\
Turn what another address manager exports into manifests of ranges and requests. Each request records the block that it
has there, and the ranges are on hold, so that all blocks are restored exactly, in whatever order the manifests are
applied. Nothing is applied: the manifests are printed, and conflicts are reported before.
"""
EPILOG = """\
formats (recognized by their columns and kinds, unless --from names one):
  csv          a table with the columns name and cidr, and for ranges addresses (kubectl ipam export -o csv shows all)
  json         kubectl ipam export -o json
  netbox       prefixes and IP addresses, exported as CSV, or answers of its API (with ?limit=0, or all pages)
  phpipam      subnets and IP addresses, exported and saved as CSV
  metal3       IPPools, IPClaims and IPAddresses: kubectl get ippools,ipclaims,ipaddresses.ipam.metal3.io -A -o yaml
  in-cluster   InClusterIPPools, GlobalInClusterIPPools, their prefix pools, IPAddressClaims and IPAddresses

examples:
  kubectl ipam import prefixes.csv addresses.csv -n network > import.yaml
  kubectl ipam import pools.yaml --compare > import.yaml         also compares with the cluster
  kubectl apply --server-side --field-manager=ipam-import -f import.yaml
  kubectl annotate ipamranges -A --all ipam.mandelsoft.org/hold-  once all requests are Ready

exit code: 0; 1 if there are conflicts (then nothing is printed, unless --skip-conflicts leaves out what is in
conflict); 2 if a file can't be read.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="an exported file, or - for standard input")
    parser.add_argument("--from", dest="format", choices=FORMATS, help="the format of all files")
    parser.add_argument("--skip-conflicts", action="store_true", help="print what is not in conflict")
    parser.add_argument("--compare", action="store_true", help="also find conflicts with the source below")
    add_output_argument(parser, "yaml", "json")
    add_source_arguments(parser)


def run(call: Call) -> int:
    """Report conflicts on standard error, and print the manifests."""
    options = call.options
    with progress("reading files"):
        book = read_book([_file(path) for path in options.files], _namespace(call), options.format)
        checked = check(book, _present_in(call.read(), call) if options.compare else None)
    _report(checked, call)
    if not checked.is_clean and not options.skip_conflicts:
        call.note("Nothing is printed. Mend the files, or leave out what is in conflict by --skip-conflicts.")
        return 1
    if not (checked.ranges or checked.requests):
        call.note("Nothing is printed: no range and no address was found.")
        return 1
    made = manifests(checked)
    if options.output == "json":
        json.dump({"apiVersion": "v1", "kind": "List", "items": made}, call.out, indent=2)
        call.out.write("\n")
    else:
        call.out.write(_heading(checked))
        _dump(made, call)
    return 0 if checked.is_clean else 1


def _namespace(call: Call) -> str:
    """The namespace of what names none; the cluster is not asked for it."""
    return call.namespace if call.options.compare else call.options.namespace or "default"


def _file(path: str) -> File:
    if path == "-":
        return File("standard input", sys.stdin.buffer.read())
    try:
        return File(path, Path(path).read_bytes())
    except OSError as fault:
        raise Unanswerable(f'"{path}" can\'t be read: {fault.strerror}') from fault


def _present_in(snapshot: Snapshot, call: Call) -> Present:
    """What a snapshot has, as far as it can be in conflict with an import, and notes about what can't be compared."""
    views = [RangeView(snapshot, each) for each in snapshot.ranges.values()]
    for view in views:
        if view.fault:
            call.note(f"range {view.name} is not compared, because its ledger can't be read: {view.fault}")
    requests = frozenset(each.metadata.namespaced_name for each in snapshot.requests.values())
    return Present({view.name: _present_range(view) for view in views if not view.fault}, requests)


def _present_range(view: RangeView) -> PresentRange:
    is_ending = view.range.metadata.deletion_timestamp is not None
    return PresentRange(view.terms, view.occupancy, on_hold=view.observed.wants_hold, is_ending=is_ending)


def _report(checked: Checked, call: Call) -> None:
    for finding in checked.findings:
        call.note(f"{finding.severity}: {finding.place}: {finding.message}")
    errors = sum(finding.severity is Severity.ERROR for finding in checked.findings)
    recorded = sum(each.block is not None for each in checked.requests)
    conflicts = "no conflict" if not errors else count(errors, "conflict")
    where = "" if call.options.compare else " (not compared with a cluster: add --compare)"
    call.note(
        f"{count(len(checked.ranges), 'range')}, {count(len(checked.requests), 'request')} of which {recorded} record "
        f"a block, {conflicts}{where}"
    )


def _heading(checked: Checked) -> str:
    """What to do with the manifests, as comments before them."""
    return f"""\
# Namespaces that must exist: {", ".join(namespaces_of(checked))}.
# Apply with: kubectl apply --server-side --field-manager=ipam-import -f FILE
# The user needs the ClusterRoles ipam-edit, ipam-ranges and ipam-restore, bound in the whole cluster. The ranges are
# on hold: they serve only requests that record a block. Once all of these are Ready, end it to serve the others:
#   kubectl annotate ipamranges -A --all ipam.mandelsoft.org/hold-
# If requests delegate their blocks, end it for these, too (docs/import.md).
"""


def _dump(made: list[Manifest], call: Call) -> None:
    dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    yaml.dump_all(
        made, call.out, dumper, default_flow_style=False, sort_keys=False, explicit_start=True, width=2**31 - 1
    )
