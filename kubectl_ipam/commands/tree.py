"""`kubectl ipam tree`: domains, their ranges, the holders of blocks, and ranges made of such a block."""

import argparse
from collections.abc import Iterator
from typing import Any

from ipam.address_set import AddressSet
from kubectl_ipam.call import Call
from kubectl_ipam.documents import allocated_count, state_of
from kubectl_ipam.options import add_output_argument, add_source_arguments
from kubectl_ipam.output.rowmap import range_words
from kubectl_ipam.output.words import percent
from kubectl_ipam.views import Piece, RangeView, State, views_in

DESCRIPTION = "Show domains, their ranges, the holders of blocks, and ranges that consist of addresses of such a block."
EPILOG = """\
examples:
  kubectl ipam tree -A                    everything, with the first ten holders of each range
  kubectl ipam tree -A --holders 1000     with up to a thousand holders
  kubectl ipam tree -A --holders 0        domains and ranges only

exit code: 0; 2 if the source can't be read.
"""

Node = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("--holders", type=int, default=10, metavar="N", help="holders of each range (default: 10)")
    add_output_argument(parser, "json", "yaml")
    add_source_arguments(parser)


def run(call: Call) -> int:
    """Print the tree."""
    snapshot = call.read()
    views = views_in(snapshot, call.only_namespace)
    domains = [_domain(name, views, call.options.holders) for name in sorted({_domain_of(view) for view in views})]
    if call.options.output:
        call.print_document({"domains": domains})
        return 0
    for domain in domains:
        call.screen.line(domain["text"])
        for line in _lines(domain["children"], "", is_plain=call.screen.is_plain):
            call.screen.line(line)
    if not domains:
        call.note("no ranges found: try -A")
    return 0


def _domain_of(view: RangeView) -> str:
    return view.terms.domain.name


def _domain(name: str, views: list[RangeView], limit: int) -> Node:
    inside = {str(view.name) for view in views if _parent(view, views)}
    members = [view for view in views if _domain_of(view) == name]
    tops = [view for view in members if str(view.name) not in inside]
    return {"text": f"domain {name}", "children": [_range(view, views, limit, ()) for view in tops]}


def _range(view: RangeView, views: list[RangeView], limit: int, above: tuple[str, ...]) -> Node:
    if view.fault or view.terms.invalid_reason or view.decision is None:
        return {"text": f"range {view.name}: {state_of(view)}", "children": []}
    used = percent(allocated_count(view), view.decision.total_count)
    held = [piece for piece in view.pieces if piece.state in (State.HELD, State.RETIRED_HELD)]
    made = {id(piece): _made_of(piece, view, views) for piece in held}
    shown = [piece for piece in held if made[id(piece)]] + [piece for piece in held if not made[id(piece)]][:limit]
    above = (*above, str(view.name))
    children = [_holder(piece, made[id(piece)], views, limit, above) for piece in sorted(shown)]
    if more := len(held) - len(shown):
        children.append({"text": f"... and {more} more: --holders {len(held)}", "children": []})
    return {"text": f"range {view.name}: {range_words(view)}, {used} used", "children": children}


def _holder(piece: Piece, ranges: list[RangeView], views: list[RangeView], limit: int, above: tuple[str, ...]) -> Node:
    nested = [_range(each, views, limit, above) for each in ranges if str(each.name) not in above]
    return {"text": f"{piece.block} {piece.holder}", "children": nested}


def _made_of(piece: Piece, view: RangeView, views: list[RangeView]) -> list[RangeView]:
    """The ranges whose addresses all lie in a held block."""
    block = AddressSet(view.family, [piece])
    return [each for each in views if each is not view and _lies_in(each, block)]


def _lies_in(view: RangeView, block: AddressSet) -> bool:
    if view.fault or view.terms.invalid_reason or view.family is not block.family:
        return False
    return not view.addresses - block


def _parent(view: RangeView, views: list[RangeView]) -> bool:
    """Whether a range consists of addresses of a block of another one."""
    if view.fault or view.terms.invalid_reason:
        return False
    others = (each for each in views if each is not view and not (each.fault or each.terms.invalid_reason))
    return any(
        entry.prefix.first <= view.addresses.intervals[0].first
        and view.addresses.intervals[-1].last <= entry.prefix.last
        for each in others
        if each.family is view.family
        for entry in each.occupancy.held
    )


def _lines(nodes: list[Node], indent: str, *, is_plain: bool) -> Iterator[str]:
    for number, node in enumerate(nodes):
        is_last = number == len(nodes) - 1
        branch, stem = ("`- ", "   ") if is_last else ("|- ", "|  ")
        if not is_plain:
            branch, stem = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
        yield f"{indent}{branch}{node['text']}"
        yield from _lines(node["children"], indent + stem, is_plain=is_plain)
