"""The invariant of restores: each request has the block again that it had at the backup.

It is judged when the cluster is at rest after a restore, for each request that was created again with its record and
its spec. A range that is missing, is being deleted, or does not serve the namespace of the request is the fault of
the people who did that. Where ranges were not on hold before their requests, as docs/operating.md demands, another
request may have the block; then the message must say which one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from simulator.judge.addresses import block_of, covers, is_meant, named_block
from simulator.judge.holdings import LEDGER
from simulator.judge.lives import gateway_of
from simulator.judge.reservations import reservations_of
from simulator.judge.reserved import grantable, is_reserved
from simulator.kubernetes.objects import is_deleting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.judge.history import History
    from simulator.judge.lives import RangeLife, RequestLife
    from simulator.kubernetes.objects import Obj

#: A part of messages that give two reasons, one of which is not true.
VAGUE = "or is not what the spec asks for"
#: Ways of a restore in which every range was on hold from the beginning.
HELD = ("on-hold", "velero")


class Saved(NamedTuple):
    """What a backup has of a request, and of its range."""

    cidr: str
    spec: Obj
    range_spec: Obj


def note_backup(history: History, way: str) -> None:
    """Note the blocks of all requests at the time of a backup; `way` is how they will be restored."""
    found = [(request, life) for request in history.judged_requests() if (life := _granting(history, request))]
    history.restore_way = way
    history.saved = {
        request.name: Saved(request.cidr, request.spec, life.spec)
        for request, life in found
        if not _is_contested(history, request, life)
    }


def restored(history: History) -> Iterator[str]:
    """Restored: after a restore each request has its block again, or its message says the one true reason."""
    if history.schemas_changed:
        return
    for request in history.judged_requests():
        before, life = history.saved.get(request.name), history.range_of(request)
        if before is None or life is None or not _is_the_same(history, request, life, before):
            continue
        if request.cidr != before.cidr and not _is_explained(history, request, life, before):
            status = request.obj.get("status") or {}
            yield (
                f"{request.name} had {before.cidr}, but is {status.get('state', 'Pending')} "
                f"with {request.cidr or 'nothing'} after the restore: {status.get('message', '')}"
            )


def _granting(history: History, request: RequestLife) -> RangeLife | None:
    """The range whose ledger has the block that a request shows."""
    life = history.range_of(request)
    if life is None or life.is_ending or is_deleting(request.obj) or life.was_tampered:
        return None
    if request.is_written_by_person:
        return None  # perhaps another block than its spec asks for
    return life if request.cidr and life.ledger.cidr_of(request.uid) == request.cidr else None


def _is_contested(history: History, request: RequestLife, life: RangeLife) -> bool:
    """Whether another request holds a part of the block, as it may after the loss of a range."""
    holdings = history.holdings.overlapping(block_of(request.cidr))
    rivals = (each for each in holdings if each.holder != request.uid and each.place == LEDGER)
    return any(history.ranges[each.range_uid].domain == life.domain and history.is_current(each) for each in rivals)


def _is_the_same(history: History, request: RequestLife, life: RangeLife, before: Saved) -> bool:
    """Whether a request was restored as the backup has it, and its range serves it."""
    is_served = history.allows(life, request) and not life.is_ending and not history.takes_no_answers(life)
    is_recorded = is_meant(request.first_record, before.cidr)
    specs, specs_before = (request.spec, _lasting(life.spec)), (before.spec, _lasting(before.range_spec))
    is_same = specs == specs_before and not request.is_edited
    return is_same and is_served and not is_deleting(request.obj) and is_recorded


def _lasting(range_spec: Obj) -> Obj:
    """The spec of a range without what names the request from whose block it was made: that has another uid now."""
    return range_spec | {"domain": "", "delegatedFrom": None} if "delegatedFrom" in range_spec else range_spec


def _is_explained(history: History, request: RequestLife, life: RangeLife, before: Saved) -> bool:
    """Whether a message says why the record is not used: it can't be read, or was taken for want of a hold."""
    message = str((request.obj.get("status") or {}).get("message", ""))
    record, block = request.first_record, block_of(before.cidr)
    if not grantable(life):  # as long as its spec is invalid, no other request gets the block either
        return "is invalid" in message
    if record not in message or VAGUE in message:
        return False
    gateway = gateway_of(life.spec)
    if gateway and block_of(gateway).overlaps(block):  # a former address of hosts: the gateway is never granted
        return gateway in message
    is_withheld = life.spec.get("closed") or not covers(life.pool, block) or is_reserved(life.spec, block)
    if history.restore_way not in HELD and is_withheld:
        return True  # without a hold such blocks are not returned
    may_be_taken = history.restore_way not in HELD
    return named_block(record) is None or (may_be_taken and _names_a_holder(history, message, life, before))


def _names_a_holder(history: History, message: str, life: RangeLife, before: Saved) -> bool:
    """Whether a message names a request that holds a part of the block, a holder of a reservation, or another range."""
    holdings = history.holdings.overlapping(block_of(before.cidr))
    holders = (each.holder for each in holdings if each.place == LEDGER and history.is_current(each))
    names = [history.requests[uid].name for uid in holders if uid in history.requests]
    names += [each.name for each in history.judged_ranges() if each is not life and each.domain == life.domain]
    names += [each.name for each in reservations_of(life.obj) if each.block.overlaps(block_of(before.cidr))]
    return any(name in message for name in names)
