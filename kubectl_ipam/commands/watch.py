"""`kubectl ipam watch`: grants and releases as they happen."""

import argparse
import json

from kubectl_ipam.call import Call
from kubectl_ipam.changes import change_document, watched
from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.options import add_cluster_arguments, add_output_argument, cluster_source
from kubectl_ipam.resources import RANGES

DESCRIPTION = "Print a line for each request that is created, served, refused or released, until it is interrupted."
EPILOG = """\
examples:
  kubectl ipam watch -A                   all namespaces
  kubectl ipam watch net                  only requests for the range net
  kubectl ipam watch -A -o json           a JSON object in each line

What happened before is not shown: kubectl ipam history reads it from the log of the hooks.
exit code: 130 when interrupted; 1: no such range; 2 if the cluster can't be watched.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "range", nargs="?", metavar="RANGE", help="only requests for this range: NAME or NAMESPACE/NAME"
    )
    parser.add_argument("--count", type=int, metavar="N", help="end after N lines")
    add_output_argument(parser, "json")
    add_cluster_arguments(parser)
    parser.add_argument("-f", "--filename", help=argparse.SUPPRESS)  # as other commands have it, to say what to type


def run(call: Call) -> int:
    """Print the changes."""
    if file := call.options.filename:
        advice = f"kubectl ipam show -f {file} prints what it has"
        raise Unanswerable(f'-f "{file}": a file does not change, so watch reads a cluster only: {advice}')
    if call.options.count is not None and call.options.count < 1:
        raise Unanswerable(f"--count {call.options.count}: must be at least 1")
    source = cluster_source(call.options)
    wanted, namespace = "", None if call.options.all_namespaces else call.namespace
    if name := call.options.range:
        snapshot = call.read((RANGES,))
        wanted = str(call.range_called(snapshot, name).metadata.namespaced_name)
        namespace = snapshot.namespace  # a range may serve other namespaces, but the user's rights may end here
    left = call.options.count
    for change in watched(source, namespace):
        if wanted and change.range_name != wanted:
            continue
        if call.options.output:
            print(json.dumps(change_document(change)), file=call.out, flush=True)
        else:
            time = change.time.strftime("%H:%M:%S")
            block = change.cidr or "-"
            line = f"{time}  {change.what:<8}  {block:<18}  {change.request}  of {change.range_name}  {change.message}"
            print(line.rstrip(), file=call.out, flush=True)
        left = left - 1 if left is not None else None
        if left == 0:
            return 0
    return 0
