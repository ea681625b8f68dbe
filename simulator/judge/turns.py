"""The invariant of round robin, checked by the cursors and the grants of one step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.judge.addresses import BITS, Block, address_of, block_of, fits, within, without
from simulator.kubernetes.objects import meta

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.judge.facts import Turn
    from simulator.judge.history import History
    from simulator.judge.lives import RangeLife


def in_turn(history: History) -> Iterator[str]:
    """InTurn: round robin grants the next free place behind the last grant of a length; only grants move a cursor.

    The order of the grants of one step is not known. But a place that was passed over between the old and the new
    cursor was not free at that time, and free space only shrinks while grants are made.
    """
    for turn in history.facts.turns:
        yield from _moved_without_grant(history, turn)
        yield from _passed_over(history, turn)
    for life, uid, cidr in history.facts.grants:
        if life.spec.get("mode") == "RoundRobin" and history.takes_any_block(uid):
            size = cidr.partition("/")[2]
            if address_of(life.ledger.cursors.get(size, "")) not in _ends(history, life, size):
                yield f"{life.name} grants {cidr} to {uid}, but its cursor does not stand behind a new /{size}"


def _moved_without_grant(history: History, turn: Turn) -> Iterator[str]:
    life, length, _, now = turn
    if not now or address_of(now) not in _ends(history, life, str(length)):
        yield f"{life.name} moves the cursor of /{length} to {now or 'nothing'}, where no new /{length} ends"


def _passed_over(history: History, turn: Turn) -> Iterator[str]:
    life, length, before, now = turn
    free = without(_uncontested(history, life), life.ledger.taken)
    if any(fits(within(free, first, last - 1), length) for first, last in _way(turn)):
        yield f"{life.name} passes over a free /{length} between {before or 'the start'} and {now}"


def _way(turn: Turn) -> list[tuple[int, int]]:
    """The addresses from the old cursor to the new one, which may lead past the end of the address space."""
    start, end = address_of(turn.before), address_of(turn.now)
    if start <= end:
        return [(start, end)]
    return [(start, 1 << BITS[turn.life.pool[0].version]), (0, end)]


def _uncontested(history: History, life: RangeLife) -> list[Block]:
    """The addresses that no call can have taken for another range's, or for not announced yet."""
    if meta(life.obj).get("generation", 1) > 1:  # it has grown, or is being deleted
        return []
    others = [each for each in history.ranges.values() if each is not life and each.domain == life.domain]
    return without(life.pool, [block_of(text) for each in others for text in each.spec.get("ranges", ())])


def _ends(history: History, life: RangeLife, length: str) -> set[int]:
    """For each new block of this length, the address one past it, round the address space."""
    blocks = [block_of(cidr) for each, _, cidr in history.facts.grants if each is life and cidr.endswith(f"/{length}")]
    return {(block.last + 1) % (1 << BITS[block.version]) for block in blocks}
