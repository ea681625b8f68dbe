"""`kubectl ipam show`: all ranges in a table, or one range with everything that is known of it."""

import argparse

from kubectl_ipam.audit.run import in_one_snapshot
from kubectl_ipam.call import Call
from kubectl_ipam.commands.detail import print_range
from kubectl_ipam.documents import allocated_count, range_document, room, state_of
from kubectl_ipam.options import add_output_argument, add_source_arguments
from kubectl_ipam.output.bars import bar
from kubectl_ipam.output.console import joined
from kubectl_ipam.output.tables import Cell, print_table
from kubectl_ipam.output.words import age, count, percent, rough
from kubectl_ipam.resources import DUMP
from kubectl_ipam.snapshot import Snapshot
from kubectl_ipam.views import RangeView, views_in

DESCRIPTION = "List ranges with what is used, free and waiting; or show one range with its map."
EPILOG = f"""\
examples:
  kubectl ipam show -A                    all ranges of the cluster
  kubectl ipam show net                   the range net: its map, holders, and why requests wait
  kubectl ipam show -A -o json            the same numbers for programs
  kubectl ipam show -f dump.json          the ranges of a dump, which this command writes:
      {DUMP} > dump.json

exit code: 0; 1 if there is no such range; 2 if the source can't be read.
"""

_HEADINGS = ("NAMESPACE", "RANGE", "STATE", "USED", "FREE", "LARGEST", "ROOM", "HOLDERS", "WAITING", "RETIRED", "NOTES")
_WIDE_HEADINGS = ("MODE", "DOMAIN", "AGE", "MESSAGE")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("range", nargs="?", metavar="RANGE", help="a range: NAME or NAMESPACE/NAME")
    add_output_argument(parser)
    add_source_arguments(parser)


def run(call: Call) -> int:
    """Print the ranges."""
    snapshot = call.read()
    if call.options.range:
        views = [RangeView(snapshot, call.range_called(snapshot, call.options.range))]
    else:
        views = views_in(snapshot, call.only_namespace)
    if call.options.output in ("json", "yaml"):
        call.print_document({"ranges": [range_document(view) for view in views]})
        return 0
    if call.options.range:
        print_range(call, views[0])
        return 0
    if not views:
        where = f" in namespace {call.only_namespace}: try -A" if call.only_namespace else f" in {snapshot.origin}"
        call.note(f"no ranges found{where}")
        return 0
    _print_ranges(call, views)
    call.screen.line(_verdict(call, snapshot))
    return 0


def _verdict(call: Call, snapshot: Snapshot) -> str:
    """The last line: whether the audit finds something at once; `check` finds more, and says what to do."""
    found = in_one_snapshot(snapshot)
    if found and call.source.is_live:
        again = {each.key for each in in_one_snapshot(call.read())}
        found = [each for each in found if each.key in again]
    if found:
        return f"{count(len(found), 'finding')}: kubectl ipam check says what to do"
    lines = [line for each in snapshot.ranges.values() for line in each.status.allocations]
    in_use = sum(line.released_at is None for line in lines)
    return f"OK: {count(len(snapshot.ranges), 'range')}, {count(in_use, 'block')} in use"


def _print_ranges(call: Call, views: list[RangeView]) -> None:
    is_wide = call.options.output == "wide"
    headings = _HEADINGS + (_WIDE_HEADINGS if is_wide else ())
    rows = [_row(view, call, is_wide=is_wide) for view in views]
    if call.only_namespace:
        headings, rows = headings[1:], [row[1:] for row in rows]
    print_table(call.screen, headings, rows)


def _row(view: RangeView, call: Call, *, is_wide: bool) -> list[Cell]:
    meta, status = view.range.metadata, view.range.status
    row: list[Cell] = [meta.namespace, meta.name, state_of(view), *_numbers(view, call), status.notes]
    if is_wide:
        message = view.fault or view.terms.invalid_reason or status.message
        row += [view.terms.mode, view.terms.domain.name, age(meta.creation_timestamp, call.now), message]
    return row


def _numbers(view: RangeView, call: Call) -> list[Cell]:
    """The columns USED to RETIRED."""
    decision = None if view.fault else view.decision
    if decision is None:
        return ["", "", "", "", "", "", ""]
    used, total, largest = allocated_count(view), decision.total_count, decision.largest_free_length
    retired = view.terms.retired.address_count
    return [
        joined(bar(used / total, call.screen), f" {percent(used, total):>4}"),
        rough(decision.free_count),
        "none" if largest is None else f"/{largest}",
        room(view),
        str(len(view.occupancy.held)),
        str(len(view.waiting)) if view.waiting else "",
        count(retired, "address") if retired else "",
    ]
