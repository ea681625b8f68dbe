"""The invariants of turns: round robin and first fit, by the cursors and grants of one step; and age, by one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.judge.addresses import BITS, Block, address_of, block_of, within, without
from simulator.judge.claim_forms import wanted_by
from simulator.judge.facts import decoded
from simulator.judge.lives import Ledger, controlling_range, pool_of
from simulator.judge.reservations import named_blocks, own_blocks, reserved_blocks
from simulator.judge.reserved import places_for
from simulator.kubernetes.objects import annotations_of, finalizers_of, is_deleting, joined, key_of, meta, uid_of
from simulator.names import (
    CIDR_ANNOTATION,
    HOLD_ANNOTATION,
    RANGE_SYNC_PATH,
    REQUEST_FINALIZER,
    REQUESTS_KEY,
    of_all_shards,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.judge.facts import Turn
    from simulator.judge.history import History
    from simulator.judge.lives import RangeLife
    from simulator.kubernetes.objects import Obj


def in_turn(history: History) -> Iterator[str]:
    """InTurn: round robin grants the next free place behind the last grant of a length, first fit the lowest one.

    Only grants of round robin move a cursor. The order of the grants of one step is not known. But a place that was
    passed over, between the old and the new cursor or below a grant of first fit, was not free at that time, and free
    space only shrinks while grants are made. An older CRD may drop cursors and modes with any write, unless the
    policies reject that.
    """
    if history.schemas_changed and not history.has_policies:
        return
    for turn in history.facts.turns:
        yield from _moved_without_grant(history, turn)
        yield from _passed_over(history, turn)
    for life, uid, cidr, is_return in history.facts.grants:
        is_any = history.takes_any_block(uid) and not is_return and block_of(cidr) not in _ever_reserved(life)
        if life.spec.get("mode") == "RoundRobin" and is_any:
            size = cidr.partition("/")[2]
            if address_of(life.ledger.cursors.get(size, "")) not in _ends(history, life, size):
                yield f"{life.name} grants {cidr} to {uid}, but its cursor does not stand behind a new /{size}"
        if life.spec.get("mode") == "FirstFit" and is_any:
            yield from _not_the_lowest(history, life, cidr)


def _not_the_lowest(history: History, life: RangeLife, cidr: str) -> Iterator[str]:
    below = within(_free(history, life), 0, block_of(cidr).first - 1)
    length = int(cidr.partition("/")[2])
    if places_for(life.spec, below, length):
        yield f"{life.name} grants {cidr} by first fit, but there is a free /{length} below it"


def _moved_without_grant(history: History, turn: Turn) -> Iterator[str]:
    life, length, _, now = turn
    if not now or address_of(now) not in _ends(history, life, str(length)):
        yield f"{life.name} moves the cursor of /{length} to {now or 'nothing'}, where no new /{length} ends"


def _passed_over(history: History, turn: Turn) -> Iterator[str]:
    life, length, before, now = turn
    free = _free(history, life)
    if any(places_for(life.spec, within(free, first, last - 1), length) for first, last in _way(turn)):
        yield f"{life.name} passes over a free /{length} between {before or 'the start'} and {now}"


def _free(history: History, life: RangeLife) -> list[Block]:
    """The addresses that were free before and after the step, whatever a call saw of other ranges."""
    return without(_uncontested(history, life), life.ledger.taken)


def _way(turn: Turn) -> list[tuple[int, int]]:
    """The addresses from the old cursor to the new one, which may lead past the end of the address space."""
    start, end = address_of(turn.before), address_of(turn.now)
    if start <= end:
        return [(start, end)]
    return [(start, 1 << BITS[turn.life.pool[0].version]), (0, end)]


def _uncontested(history: History, life: RangeLife) -> list[Block]:
    """The addresses that no call can have taken for another range's, for reserved, or for not announced yet."""
    if not _was_announced_at_once(history, life):
        return []
    others = [each for each in history.ranges.values() if each is not life and each.domain == life.domain]
    contested = [block_of(text) for each in others for text in each.spec.get("ranges", ())]
    return without(life.pool, [*contested, *_ever_reserved(life)])


def _ever_reserved(life: RangeLife) -> list[Block]:
    """The blocks that the range reserved at any time, as an old cache may show them."""
    return [block for spec in life.specs for block in named_blocks(spec)]


def _was_announced_at_once(history: History, life: RangeLife) -> bool:
    """Whether a call sees all addresses of a range as announced, or none: it has one extent, and never grew."""
    extents = [obj for obj in history.extents.values() if controlling_range(obj) == life.uid]
    is_as_created = meta(life.obj).get("generation", 1) == 1  # nor is it being deleted
    return is_as_created and len(extents) == 1 and not (life.was_on_hold or life.was_tampered)


def _ends(history: History, life: RangeLife, length: str) -> set[int]:
    """For each new block of this length, the address one past it, round the address space."""
    grants = (grant for grant in history.facts.grants if grant.life is life and grant.cidr.endswith(f"/{length}"))
    blocks = [block_of(grant.cidr) for grant in grants]
    return {(block.last + 1) % (1 << BITS[block.version]) for block in blocks}


def by_age(history: History) -> Iterator[str]:
    """ByAge (S6): of two requests for which the same free block is right, the older one gets it.

    It is judged by what a call saw and proposed. The two are of one namespace, so that both are allowed or neither is.
    """
    for path, body, answered in history.calls.answered:
        if path == RANGE_SYNC_PATH:
            yield from _overtaken(decoded(body), decoded(answered))


def _overtaken(body: Obj, answer: Obj) -> Iterator[str]:
    """The requests that get nothing although a younger one is granted a block that they want."""
    parent, before, after = body["parent"], Ledger.of(body["parent"]), Ledger.of(answer)
    new = {
        uid: entry.cidr
        for uid, entry in after.entries.items()
        if uid not in before.entries and not before.cools_for(entry.cidr, entry.request)
    }
    if (
        not new
        or HOLD_ANNOTATION in annotations_of(parent)
        or {"onHold"} & (before.fields.keys() | after.fields.keys())
    ):
        return
    requests = list(body["related"].get(REQUESTS_KEY, {}).values())
    waiting = [
        obj for obj in requests if uid_of(obj) not in {*after.entries, *after.released} and _is_served_by_age(obj)
    ]
    has_quota = "quota" in parent["spec"]  # which a recorded block may exceed
    winners = [
        obj
        for obj in requests
        if uid_of(obj) in new
        and not (obj.get("status") or {}).get("cidr")
        and not (has_quota and CIDR_ANNOTATION in annotations_of(obj))
    ]
    for one in waiting:
        for other in winners:
            if _is_older(one, other) and _wants(parent, one, new[uid_of(other)]):
                yield f"{joined(key_of(other))} gets {new[uid_of(other)]}, for which {joined(key_of(one))} waits longer"


def _is_served_by_age(request: Obj) -> bool:
    """Whether nothing but its age decides when a request is served: it neither shows nor records a block."""
    is_new = not (request.get("status") or {}).get("cidr") and CIDR_ANNOTATION not in annotations_of(request)
    has_finalizer = bool(of_all_shards(finalizers_of(request), REQUEST_FINALIZER))
    return is_new and not is_deleting(request) and has_finalizer


def _is_older(one: Obj, other: Obj) -> bool:
    """Whether one of two requests of the same namespace comes first."""
    ages = [(meta(obj)["creationTimestamp"], key_of(obj), uid_of(obj)) for obj in (one, other)]
    return key_of(one)[0] == key_of(other)[0] and ages[0] < ages[1]


def _wants(parent: Obj, request: Obj, cidr: str) -> bool:
    """Whether this block is what a request asks for; a reserved one is for its holder, which waits for no other one."""
    block, ipam = block_of(cidr), request["spec"].get("ipam", {})
    named = f"{ipam.get('namespace') or key_of(request)[0]}/{ipam.get('name')}"
    pool = pool_of(parent["spec"], Ledger.of(parent).withheld)
    wanted = wanted_by(request["spec"], parent["spec"], pool) if pool else None
    size = 1 << (BITS[block.version] - wanted) if isinstance(wanted, int) else 0
    is_reserved = any(each.overlaps(block) for each in reserved_blocks(parent)) or own_blocks(parent, request)
    return named == joined(key_of(parent)) and not is_reserved and (block == wanted or block.size == size)
