"""One range in full: its head, its map, the holders of its blocks, and why requests wait."""

from collections.abc import Iterator

from rich.text import Text

from hooks.api.times import timestamp
from hooks.ranges.ledger import LedgerEntry
from kubectl_ipam.call import Call
from kubectl_ipam.documents import allocated_count, held_since, retired_held_count, room, state_of, wanted
from kubectl_ipam.objects import Request
from kubectl_ipam.output.bars import bar
from kubectl_ipam.output.console import joined
from kubectl_ipam.output.rowmap import print_map, range_words
from kubectl_ipam.output.tables import Cell, print_table
from kubectl_ipam.output.words import age, count, percent, rough
from kubectl_ipam.views import RangeView

#: The most holders, and the most waiting requests, that are listed unless -o wide asks for all.
LINES_MAX = 25


def print_range(call: Call, view: RangeView) -> None:
    """Print everything that is known of a range."""
    for line in _head(view, call):
        call.screen.line(line)
    if view.fault or view.terms.invalid_reason:
        return
    call.screen.line()
    print_map(call.screen, view)
    _print_holders(call, view)
    _print_cooling(call, view)
    _print_waiting(call, view)


def _head(view: RangeView, call: Call) -> Iterator[Text]:
    terms, status, meta = view.terms, view.range.status, view.range.metadata
    facts = [range_words(view), f"{terms.mode}, /{terms.default_length} by default", _domain(view)]
    notes = f" ({status.notes})" if status.notes else ""
    yield Text(f"range {view.name}: {state_of(view)}{notes}, created {age(meta.creation_timestamp, call.now)} ago")
    if view.fault or terms.invalid_reason:
        yield Text(view.fault or terms.invalid_reason)
        return
    yield Text("; ".join(facts))
    yield _use(view, call)
    yield from map(Text, _settings(view))
    if status.message:
        yield Text(status.message)


def _domain(view: RangeView) -> str:
    if view.delegation is None:
        return f"domain {view.terms.domain.name}"
    request = view.delegator
    absent = ", which does not exist" if view.lacks_delegator else ", which can't be read"
    parent = f" from range {request.range_name}" if request else absent
    return f"the block of request {view.delegation.request}{parent}"


def _use(view: RangeView, call: Call) -> Text:
    decision = view.decision
    assert decision is not None, "a valid range has a decision"
    used, total, largest = allocated_count(view), decision.total_count, decision.largest_free_length
    free = "nothing is free" if largest is None else f"{rough(decision.free_count)} free, largest /{largest}"
    text = f" {percent(used, total)} of {count(total, 'address')} used; {free}: {room(view)}"
    return joined(bar(used / total, call.screen), text)


def _settings(view: RangeView) -> Iterator[str]:
    terms = view.terms
    if terms.network:
        servers = f", name servers {', '.join(terms.network.dns_servers)}" if terms.network.dns_servers else ""
        length = "" if terms.network.prefix_length is None else f", network /{terms.network.prefix_length}"
        yield f"gateway {terms.network.gateway or 'none'}{length}{servers}"
    if terms.cooldown:
        yield f"released blocks cool down for {int(terms.cooldown.total_seconds())}s"
    if terms.allowed.source != "Same":
        yield f"serves namespaces: {terms.allowed.source}"
    if terms.retired:
        retired, held = terms.retired.address_count, retired_held_count(view)
        yield f"{count(retired, 'address')} retired, {held} of them held"
    if view.ledger.on_hold:
        yield "on hold: only requests with a recorded address are served"


def _print_holders(call: Call, view: RangeView) -> None:
    held = view.occupancy.held
    if not held:
        return
    shown = held if call.options.output == "wide" else held[:LINES_MAX]
    call.screen.line()
    print_table(call.screen, ("CIDR", "HOLDER", "SINCE", "FOR", "REMARK"), [_holder(each, view) for each in shown])
    _print_rest(call, len(held) - len(shown))


def _holder(entry: LedgerEntry, view: RangeView) -> list[Cell]:
    request = view.request_of(entry)
    if request is None:
        fault = view.holder_fault(entry)
        return [entry.written.cidr, entry.holder, "", "", f"{fault}: kubectl ipam explain {entry.holder}"]
    since, owner = held_since(request), request.metadata.controller
    remarks = [f"delegated to range {request.delegated_name}"] if request.status.range else []
    remarks += ["being deleted"] if request.metadata.deletion_timestamp else []
    return [
        entry.written.cidr,
        entry.holder,
        timestamp(since) if since else "",
        f"{owner.kind} {owner.name}" if owner else "",
        ", ".join(remarks),
    ]


def _print_cooling(call: Call, view: RangeView) -> None:
    if not view.occupancy.cooling:
        return
    call.screen.line()
    rows = [[str(each.prefix), each.former_holder, timestamp(each.until)] for each in view.occupancy.cooling]
    print_table(call.screen, ("CIDR", "RELEASED BY", "COOLS DOWN UNTIL"), rows[:LINES_MAX])
    _print_rest(call, len(rows) - LINES_MAX)


def _print_waiting(call: Call, view: RangeView) -> None:
    waiting = view.unserved
    if not waiting:
        return
    shown = waiting if call.options.output == "wide" else waiting[:LINES_MAX]
    call.screen.line()
    headings = ("REQUEST WITHOUT A BLOCK", "WANTS", "STATE", "AGE", "WHY")
    print_table(call.screen, headings, [_waiting(each, view, call) for each in shown])
    _print_rest(call, len(waiting) - len(shown))


def _waiting(request: Request, view: RangeView, call: Call) -> list[Cell]:
    name, status = str(request.metadata.namespaced_name), request.status
    wants = wanted(request) or f"/{view.terms.default_length}"
    created = age(request.metadata.creation_timestamp, call.now)
    return [name, wants, status.state or "Pending", created, view.refusal_of(request) or status.message]


def _print_rest(call: Call, more: int) -> None:
    if more > 0:
        call.screen.line(f"... and {more} more: -o wide lists all")
