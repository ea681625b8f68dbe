"""The invariant of capacities: the numbers in the status of a range are right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.judge.addresses import BITS, block_of, without
from simulator.judge.extents import unavailable
from simulator.judge.lives import pool_of, space_of
from simulator.judge.reservations import reserved_blocks
from simulator.judge.reserved import grantable, places_for

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
            yield from min(_all_miscounted(life, capacity, each) for each in life.withheld[-2:])


def _all_miscounted(life: RangeLife, capacity: Obj, withheld: tuple[str, ...]) -> list[str]:
    """All faults, if this is not granted: what this ledger withholds, or the one before it."""
    pool = pool_of(life.spec, withheld)
    not_taken = without(pool, life.ledger.taken)
    free = without(not_taken, reserved_blocks(life.obj, withheld))
    found = [*_miscounted(life, capacity, pool, not_taken), *_misjudged_largest(life, capacity, free)]
    found += _miscounted_reserved(life, capacity, _count(not_taken) - _count(free))
    found += _miscounted_retired(life, pool)
    if not _unavailable(capacity):
        found += _miscounted_blocks(life, capacity, free)
    return found


def _miscounted_retired(life: RangeLife, pool: list[Block]) -> Iterator[str]:
    """Wrong numbers of retired addresses: all of a closed range, else those that excludes contains."""
    space, retired = space_of(life.spec), life.status.get("retired")
    excluded = without(space, without(space, [block_of(text) for text in life.spec.get("excludes", ())]))
    kept = space if life.spec.get("closed") else without(space, pool)
    held = _count(kept) - _count(without(kept, life.ledger.taken))
    is_drained = {each["status"] for each in life.status.get("conditions", ()) if each["type"] == "Drained"}
    if retired is None:
        if life.spec.get("closed") or excluded or held:
            yield f"{life.name} shows no retired addresses, but has some"
    elif int(retired["held"]) != held or is_drained != {"False" if held else _drained_if_not_held(life)}:
        yield f"{life.name} says that {retired['held']} retired addresses are held ({is_drained}), but {held} are"


def _drained_if_not_held(life: RangeLife) -> str:
    """The condition Drained without holders; on hold former ones may still come back."""
    return "Unknown" if "onHold" in life.ledger.fields else "True"


def _count(blocks: list[Block]) -> int:
    return sum(block.size for block in blocks)


def unavailable_accounted(history: History) -> Iterator[str]:
    """Accounted at rest: the unavailable addresses of a range are those that it can't grant and does not hold.

    A range that is being deleted does not ask for extents, and counts none. Only one that can grant nothing by its spec
    shows no numbers.
    """
    for life in history.judged_ranges():
        capacity = life.status.get("capacity")
        if not life.is_up_to_date or history.is_pruned(life):
            continue
        if capacity:
            lost = [] if life.is_ending else unavailable(history, life)
            count = _count(without(lost, life.ledger.taken))
            if _unavailable(capacity) != count:
                yield f"{life.name} counts {_unavailable(capacity)} unavailable addresses, but has {count}"
        elif grantable(life):
            yield f"{life.name} shows no capacity, but has {_count(life.pool)} addresses"


def _unavailable(capacity: Obj) -> int:
    return int(capacity.get("unavailable", "0"))


def _miscounted(life: RangeLife, capacity: Obj, pool: list[Block], not_taken: list[Block]) -> Iterator[str]:
    total, allocated = _count(pool), _count(pool) - _count(not_taken)
    counted, rest = tuple(capacity.get(name) for name in ("total", "allocated", "free")), _unavailable(capacity)
    kept = _reserved(capacity)
    if counted != (str(total), str(allocated), str(total - allocated - rest - kept)):
        more = f"{kept} reserved and {rest} unavailable ones"
        yield f"{life.name} counts {counted} (total, allocated, free), {more}, but has {total} and {allocated}"


def _miscounted_reserved(life: RangeLife, capacity: Obj, count: int) -> Iterator[str]:
    """A wrong number of reserved addresses, of which some may be unavailable."""
    if _reserved(capacity) > count or (_reserved(capacity) < count and not _unavailable(capacity)):
        yield f"{life.name} counts {_reserved(capacity)} reserved addresses, but has {count}"


def _reserved(capacity: Obj) -> int:
    return int(capacity.get("reserved", "0"))


def _misjudged_largest(life: RangeLife, capacity: Obj, free: list[Block]) -> Iterator[str]:
    """A wrong `largestFree`; without unavailable addresses there must be no larger free block either."""
    largest, is_partial = capacity.get("largestFree", ""), bool(_unavailable(capacity))
    bits = BITS[space_of(life.spec)[0].version]

    def fits(length: int) -> bool:
        return places_for(life.spec, free, length) > 0

    if not largest:
        is_right = is_partial or not fits(bits)
    else:
        length = int(largest[1:])
        is_right = fits(length) and (length == 0 or is_partial or not fits(length - 1))
    if not is_right:
        yield f"{life.name} says that its largest free block is {largest or 'none'}"


def _miscounted_blocks(life: RangeLife, capacity: Obj, free: list[Block]) -> Iterator[str]:
    default = life.spec.get("chunkSize") or BITS[space_of(life.spec)[0].version]
    largest = int(capacity.get("largestFree", "")[1:] or default)
    first = max(min(largest, default), default - LENGTHS_MAX)
    counts = {f"/{length}": str(places_for(life.spec, free, length)) for length in range(first, default + 1)}
    if capacity.get("freeBlocks") != counts:
        yield f"{life.name} counts free blocks as {capacity.get('freeBlocks')}, but has {counts}"
    room = counts[f"/{default}"]
    room = room if len(room) < 10 else f"10^{len(room) - 1}+"
    if capacity.get("room") != f"{room} more /{default}":
        yield f"{life.name} says {capacity.get('room')}, but has {room} blocks of its default length"
