"""The invariant of capacities: the numbers in the status of a range are right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.judge.addresses import BITS, fits, merged, places, without
from simulator.judge.extents import unavailable
from simulator.judge.reservations import reserved_blocks
from simulator.kubernetes.objects import is_deleting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.judge.addresses import Block
    from simulator.judge.history import History
    from simulator.judge.lives import RangeLife
    from simulator.kubernetes.objects import Obj

#: The most lengths beyond the default one of which the free blocks are counted.
LENGTHS_MAX = 32


def accounted(history: History) -> Iterator[str]:
    """Accounted: free + allocated + reserved + unavailable = total.

    All but unavailable follow from the ledger and the spec. An older CRD drops numbers, and changes a spec without a
    new generation.
    """
    if history.schemas_changed:
        return
    for life in history.facts.changed.values():
        capacity = life.status.get("capacity")
        if capacity and life.is_up_to_date and not life.is_deleted:
            free = without(life.pool, [*life.ledger.taken, *reserved_blocks(life.obj)])
            yield from _miscounted(life, capacity)
            yield from _misjudged_largest(life, capacity, free)
            if not _unavailable(capacity):
                yield from _miscounted_blocks(life, capacity, free)


def unavailable_accounted(history: History) -> Iterator[str]:
    """Accounted at rest: the unavailable addresses of a range are those that it can't grant and does not hold.

    A range that is being deleted does not ask for extents, and counts none.
    """
    for life in history.judged_ranges():
        capacity = life.status.get("capacity")
        if capacity and life.is_up_to_date and not history.is_pruned(life):
            lost = [] if is_deleting(life.obj) else unavailable(history, life)
            count = sum(block.size for block in without(lost, life.ledger.taken))
            if _unavailable(capacity) != count:
                yield f"{life.name} counts {_unavailable(capacity)} unavailable addresses, but has {count}"


def _unavailable(capacity: Obj) -> int:
    return int(capacity.get("unavailable", "0"))


def _miscounted(life: RangeLife, capacity: Obj) -> Iterator[str]:
    total, allocated = (sum(block.size for block in blocks) for blocks in (life.pool, life.ledger.taken))
    counted, rest = tuple(capacity.get(name) for name in ("total", "allocated", "free")), _unavailable(capacity)
    kept, kept_max = int(capacity.get("reserved", "0")), _reserved_count(life)
    if counted != (str(total), str(allocated), str(total - allocated - rest - kept)):
        more = f"{kept} reserved and {rest} unavailable ones"
        yield f"{life.name} counts {counted} (total, allocated, free), {more}, but has {total} and {allocated}"
    if kept != kept_max and not (rest and kept < kept_max):  # reserved addresses may be unavailable
        yield f"{life.name} counts {kept} reserved addresses, but has {kept_max}"


def _reserved_count(life: RangeLife) -> int:
    return sum(block.size for block in without(merged(reserved_blocks(life.obj)), life.ledger.taken))


def _misjudged_largest(life: RangeLife, capacity: Obj, free: list[Block]) -> Iterator[str]:
    """A wrong `largestFree`; without unavailable addresses there must be no larger free block either."""
    largest, is_partial = capacity.get("largestFree", ""), bool(_unavailable(capacity))
    if not largest:
        is_right = is_partial or not free
    else:
        length = int(largest[1:])
        is_right = fits(free, length) and (length == 0 or is_partial or not fits(free, length - 1))
    if not is_right:
        yield f"{life.name} says that its largest free block is {largest or 'none'}"


def _miscounted_blocks(life: RangeLife, capacity: Obj, free: list[Block]) -> Iterator[str]:
    default = life.spec.get("chunkSize") or BITS[life.pool[0].version]
    largest = int(capacity.get("largestFree", "")[1:] or default)
    first = max(min(largest, default), default - LENGTHS_MAX)
    counts = {f"/{length}": str(places(free, length)) for length in range(first, default + 1)}
    if capacity.get("freeBlocks") != counts:
        yield f"{life.name} counts free blocks as {capacity.get('freeBlocks')}, but has {counts}"
    room = counts[f"/{default}"]
    if capacity.get("room") != f"{room} more /{default}":
        yield f"{life.name} says {capacity.get('room')}, but has {room} blocks of its default length"
