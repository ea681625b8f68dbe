"""`kubectl ipam tree`: domains, their ranges, the holders of blocks, and ranges made of such a block."""

import argparse
from collections.abc import Iterator
from typing import Any

from hooks.ranges.ledger import LedgerEntry
from kubectl_ipam.call import Call
from kubectl_ipam.documents import allocated_count, state_of
from kubectl_ipam.options import add_output_argument, add_source_arguments, whole_number
from kubectl_ipam.output.rowmap import range_words
from kubectl_ipam.output.words import percent
from kubectl_ipam.views import RangeView, views_in

DESCRIPTION = """\
Show domains, their ranges, the holders of blocks, and the ranges that are made from such a block. A range that its
owner made is shown in its domain, and also named below a block that has all its addresses.
"""
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
    parser.add_argument(
        "--holders", type=whole_number, default=10, metavar="N", help="holders of each range (default: 10)"
    )
    add_output_argument(parser, "json", "yaml")
    add_source_arguments(parser)


def run(call: Call) -> int:
    """Print the tree."""
    snapshot = call.read()
    tree = Tree(views_in(snapshot, None), call.options.holders)
    domains = tree.domains(call.only_namespace)
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


class Tree:
    """Ranges, each of them in its domain, or below the request from whose block it was made.

    Any other range is also named below the smallest held block that has all its addresses. It may have been made from
    that block by hand; or it has nothing to do with it, and another domain only uses the same addresses.
    """

    def __init__(self, views: list[RangeView], limit: int) -> None:
        """Sort the ranges; `limit` is the number of holders that are shown of each."""
        self._views, self._limit = views, limit
        self._by_name = {str(view.name): view for view in views}
        self._above: dict[str, str] = {}
        self._below: dict[str, list[RangeView]] = {}
        self._inside: dict[str, list[RangeView]] = {}
        uids = {entry.uid: view for view in views if not view.fault for entry in view.ledger.entries.values()}
        for view in views:
            made_from = view.range.delegated_from
            if made_from is None:
                if uid := self._uid_around(view):
                    self._inside.setdefault(uid, []).append(view)
            elif made_from.uid in uids and not self._is_above(str(view.name), str(uids[made_from.uid].name)):
                self._above[str(view.name)] = str(uids[made_from.uid].name)
                self._below.setdefault(made_from.uid, []).append(view)

    def domains(self, namespace: str | None) -> list[Node]:
        """The ranges of a namespace, or all, by domain, except those that are shown below others of them."""
        tops = [
            view
            for view in self._views
            if namespace in (None, view.name.namespace) and not self._is_shown_above(view, namespace)
        ]
        by_domain: dict[str, list[RangeView]] = {}
        for view in sorted(tops, key=lambda view: view.terms.domain.name):
            by_domain.setdefault(view.terms.domain.name, []).append(view)
        return [
            {"text": f"domain {name}{_of_request(members[0])}", "children": [self._range(view) for view in members]}
            for name, members in by_domain.items()
        ]

    def _is_shown_above(self, view: RangeView, namespace: str | None) -> bool:
        """Whether a range of the namespace, or any, has this one below it."""
        name = self._above.get(str(view.name))
        while name is not None:
            if namespace in (None, self._by_name[name].name.namespace):
                return True
            name = self._above.get(name)
        return False

    def _is_above(self, name: str, other: str | None) -> bool:
        """Whether a range is another one, or above it."""
        while other is not None and other != name:
            other = self._above.get(other)
        return other is not None

    def _uid_around(self, view: RangeView) -> str:
        """The holder of the smallest block that has all addresses of a range; "" if there is none."""
        if view.fault or view.terms.invalid_reason:
            return ""
        first, last = view.addresses.intervals[0].first, view.addresses.intervals[-1].last
        around = [
            (entry.prefix.length, entry.uid)
            for other in self._views
            if other is not view and not (other.fault or other.terms.invalid_reason) and other.family is view.family
            for entry in other.occupancy.held
            if entry.prefix.first <= first and last <= entry.prefix.last
        ]
        return max(around, default=(0, ""))[1]

    def _range(self, view: RangeView) -> Node:
        if view.fault or view.terms.invalid_reason or view.decision is None:
            return {"text": f"range {view.name}: {state_of(view)}", "children": []}
        used = percent(allocated_count(view), view.decision.total_count)
        held = sorted(view.occupancy.held, key=lambda entry: entry.prefix.first)
        divided = [entry for entry in held if self._is_divided(entry, view)]
        uids = {entry.uid for entry in divided}
        shown = divided + [entry for entry in held if entry.uid not in uids][: self._limit]
        children = [self._holder(entry, view) for entry in sorted(shown, key=lambda entry: entry.prefix.first)]
        if more := len(held) - len(shown):
            children.append({"text": f"... and {more} more: --holders {len(held)}", "children": []})
        state = "" if state_of(view) == "Ready" else f", {state_of(view)}"
        return {"text": f"range {view.name}: {range_words(view)}, {used} used{state}", "children": children}

    def _is_divided(self, entry: LedgerEntry, view: RangeView) -> bool:
        """Whether a block has, or is to have, a range of its own, or has the addresses of another one."""
        request = view.request_of(entry)
        is_delegated = request is not None and request.delegated_name is not None
        return is_delegated or entry.uid in self._below or entry.uid in self._inside

    def _holder(self, entry: LedgerEntry, view: RangeView) -> Node:
        nested, request = self._below.get(entry.uid, []), view.request_of(entry)
        wanted = request.delegated_name if request else None
        text = f"{entry.prefix} {entry.holder}"
        text += f": no range {wanted} has been made from it" if wanted and not nested else ""
        named = [
            {"text": f"range {each.name} (domain {each.terms.domain.name}): {range_words(each)}", "children": []}
            for each in self._inside.get(entry.uid, [])
        ]
        return {"text": text, "children": [*map(self._range, nested), *named]}


def _of_request(view: RangeView) -> str:
    """The request of which the domain is the block; "" for the domain of ranges that their owners made."""
    made_from = view.range.delegated_from
    if made_from is None:
        return ""
    missing = ", which does not exist" if view.lacks_delegator else ""
    return f", the block of request {view.name.namespace}/{made_from.name}{missing}"


def _lines(nodes: list[Node], indent: str, *, is_plain: bool) -> Iterator[str]:
    for number, node in enumerate(nodes):
        is_last = number == len(nodes) - 1
        branch, stem = ("`- ", "   ") if is_last else ("|- ", "|  ")
        if not is_plain:
            branch, stem = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
        yield f"{indent}{branch}{node['text']}"
        yield from _lines(node["children"], indent + stem, is_plain=is_plain)
