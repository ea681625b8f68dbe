"""`kubectl ipam history`: the former holders of a block, from the log of the hooks."""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from msgspec import to_builtins

from hooks.api.names import NamespacedName
from hooks.api.times import timestamp
from hooks.ranges.events import Event
from ipam.address import Prefix, block_named_by
from kubectl_ipam.call import Call
from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.history import Log, holders_at_end, of_block, of_request, read_log
from kubectl_ipam.options import add_output_argument
from kubectl_ipam.output.tables import print_table
from kubectl_ipam.output.words import count
from kubectl_ipam.progress import progress

DESCRIPTION = "Show which requests had an address or a block, and when, from the lines that the hooks log."
EPILOG = """\
examples:
  kubectl ipam history 10.0.0.5                         from the logs of the hooks that still run
  kubectl ipam history 10.0.0.0/24 -f hooks.log         from logs that were collected
  zcat hooks-*.gz | kubectl ipam history team-a/web -f -

The hooks log what happens to blocks (IPAM_HISTORY_LOG), and nothing else records it: what is in no log that is read
here is lost. Collect the logs of the hooks if you need the history of more than the present pods.

exit code: 0; 1 if the logs have no such event; 2 if they can't be read.
"""

HOOKS_NAMESPACE, HOOKS_LABELS = "ipam-system", "app.kubernetes.io/name=ipam,app.kubernetes.io/component=hooks"
_HEADINGS = ("TIME", "EVENT", "BLOCK", "REQUEST", "RANGE")
_WIDE_HEADINGS = ("REVISION", "UID")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("what", metavar="ADDRESS|CIDR|REQUEST", help="an address, a block, or NAMESPACE/NAME")
    add_output_argument(parser)
    group = parser.add_argument_group("source")
    group.add_argument(
        "-f", "--filename", action="append", metavar="LOG",
        help="read this log instead of those of the running hooks, or - for standard input; may be repeated",
    )  # fmt: skip
    group.add_argument("--hooks-namespace", default=HOOKS_NAMESPACE, metavar="NAME", help="namespace of the hooks")
    group.add_argument("--context", metavar="NAME", help="the context of the kubeconfig to use")
    group.add_argument("--kubeconfig", metavar="FILE", help="path of the kubeconfig")
    group.add_argument("-n", "--namespace", metavar="NAME", default="default", help="namespace of a request")


def run(call: Call) -> int:
    """Print the events."""
    with progress("reading logs"):
        log = read_log(_lines(call))
    block = block_named_by(call.options.what)
    events = of_block(log, block) if block else of_request(log, _request_name(call))
    if call.options.output in ("json", "yaml"):
        begins = timestamp(log.begins) if log.begins else None
        call.print_document({"logBegins": begins, "events": to_builtins(events)})
    elif events:
        _print(events, call)
    _note_limits(log, events, block, call)
    return 0 if events else 1


def _request_name(call: Call) -> str:
    text = call.options.what
    name = NamespacedName.parse(text)
    if text[:1].isdigit() and ("." in text or ":" in text):
        raise Unanswerable(f'"{text}" is neither an address nor a CIDR, such as 10.0.0.5 or 10.0.0.0/24')
    return str(name if name.namespace else NamespacedName(call.options.namespace, name.name))


def _print(events: list[Event], call: Call) -> None:
    is_wide = call.options.output == "wide"
    headings = (*_HEADINGS, *_WIDE_HEADINGS) if is_wide else _HEADINGS
    rows = [_row(event)[: len(headings)] for event in events]
    print_table(call.screen, headings, rows)


def _row(event: Event) -> list[str]:
    name: str = event.event
    if name == "retired" and not event.cidr:
        name = "in use again"
    times = timestamp(event.time), name, event.cidr, event.request, event.range
    return [*times, str(event.revision), event.uid]


def _note_limits(log: Log, events: list[Event], block: Prefix | None, call: Call) -> None:
    """What the answer means, and what it can't say."""
    if log.unreadable_count:
        call.note(f"{count(log.unreadable_count, 'line')} of the history can't be read: of a newer version?")
    if log.begins is None:
        files = " or ".join(call.options.filename or [])
        hint = "do the hooks log it (IPAM_HISTORY_LOG)?"
        call.note(
            f"no line of the history is in {files}: {hint}"
            if files
            else f"no line of the history was found: {hint} Name collected logs by -f FILE"
        )
        return
    if not events:
        call.note(f"no event of {block or _request_name(call)} was found")
    for event in holders_at_end(events) if block else []:
        call.note(f"by these logs, {event.request} still has {event.cidr}; kubectl ipam get {block} shows the present")
    call.note(
        f"These logs begin at {timestamp(log.begins)}. What happened before, or is only in logs that are not read "
        "here, is not shown: a lost log is lost history."
    )


def _lines(call: Call) -> Iterator[str]:
    if not call.options.filename:
        yield from _lines_of_pods(call)
    for path in call.options.filename or []:
        if path == "-":
            yield from sys.stdin
            continue
        try:
            with Path(path).open(encoding="utf-8", errors="replace") as file:
                yield from file
        except OSError as error:
            raise Unanswerable(f'"{path}" can\'t be read: {error.strerror}') from error


def _lines_of_pods(call: Call) -> list[str]:
    """The logs of all pods of the hooks, by kubectl."""
    program = shutil.which("kubectl")
    if program is None:
        raise Unanswerable("kubectl is not in PATH: install it, or name collected logs by -f FILE")
    options = call.options
    flags = [f"--{name}={value}" for name in ("context", "kubeconfig") if (value := getattr(options, name))]
    which = ["-n", options.hooks_namespace, "-l", HOOKS_LABELS, "--all-containers", "--max-log-requests=100"]
    command = [program, *flags, "logs", *which, "--tail=-1"]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 (kubectl, without a shell)
    if done.returncode:
        message = (done.stderr.decode(errors="replace").strip().splitlines() or ["kubectl logs failed"])[-1]
        raise Unanswerable(
            f"the logs of the hooks can't be read: {message.rstrip('.')}. Name collected logs by -f FILE"
        )
    return done.stdout.decode(errors="replace").splitlines()
