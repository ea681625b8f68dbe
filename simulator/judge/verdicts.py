"""The right answers at rest: the state and the block that a request must show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.judge.addresses import BITS, Block, block_of, covers, named_block, without
from simulator.judge.claim_forms import counts_by_index, wanted_by
from simulator.judge.extents import unavailable
from simulator.judge.lives import gateway_of, space_of
from simulator.judge.quotas import is_within
from simulator.judge.reservations import reserved_blocks, wanted_own
from simulator.judge.reserved import grantable, is_reserved, places_for
from simulator.kubernetes.objects import annotations_of, key_of
from simulator.names import CIDR_ANNOTATION, HOLD_ANNOTATION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simulator.judge.history import History
    from simulator.judge.lives import RangeLife, RequestLife

#: (state, cidr) that a request may show.
Shown = tuple[str, str]
STATES = ("Ready", "Busy", "Invalid", "Pending")


class FreeSpace:
    """The free addresses of ranges, each computed once."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._known: dict[str, list[Block]] = {}

    def is_named(self, life: RangeLife) -> bool:
        """Whether the request from whose block a range was made names it, if there is one."""
        return self._history.is_named(life)

    def of(self, life: RangeLife) -> list[Block]:
        """The addresses that a range could grant to any request now."""
        return without(self.for_owners(life), reserved_blocks(life.obj))

    def for_owners(self, life: RangeLife) -> list[Block]:
        """The same with those that are reserved."""
        if life.uid not in self._known:
            taken = [*life.ledger.taken, *unavailable(self._history, life)]
            self._known[life.uid] = without(life.pool, taken)
        return self._known[life.uid]

    def to_return(self, life: RangeLife, block: Block) -> bool:
        """Whether a range could return a block of its addresses, retired or not, to a former holder."""
        gateway = gateway_of(life.spec)
        if not covers(space_of(life.spec), block) or (gateway and block_of(gateway).overlaps(block)):
            return False
        taken = [*life.ledger.taken, *unavailable(self._history, life, [block])]
        return not any(each.overlaps(block) for each in taken)

    def own(self, life: RangeLife, request: RequestLife, wanted: Block | int) -> list[Block]:
        """The blocks that are reserved for a request and are what it wants."""
        requests = self._history.requests
        held = [(each.cidr, requests[uid].obj) for uid, each in life.ledger.entries.items() if uid in requests]
        return wanted_own(life.obj, request.obj, wanted, held)


def right_answers(history: History, request: RequestLife, free: FreeSpace) -> list[Shown]:
    """The right answers of a request that is not being deleted."""
    life = history.range_of(request)
    if life is None:
        return _shown(request, _states_without_range(history, request))
    entry = life.ledger.entries.get(request.uid)
    if entry is None and not history.allows(life, request):
        return _shown(request, STATES if request.cidr else ("Pending",))
    right = [_of_holder(history, request, entry.cidr)] if entry else _shown(request, _states(request, life, free))
    # Where no answer can arrive, the last one stays, even if a person wrote it. So it does where an older schema has
    # dropped the domain of a range, which policies reject: what the range has announced lies in another domain then.
    stays = history.takes_no_answers(life) or (history.is_pruned(life) and not history.has_policies)
    # An older schema may drop the block from the status as it is written, and show the marker by default afterwards.
    is_dropped = entry is not None and history.schemas_changed and not history.has_policies and not request.cidr
    return right + (_shown(request, STATES) if stays or is_dropped else [])


def _shown(request: RequestLife, states: Iterable[str]) -> list[Shown]:
    """These states, each with the block that the request shows already."""
    return [(state, request.cidr) for state in states]


def _states_without_range(history: History, request: RequestLife) -> tuple[str, ...]:
    """Any state that a former range or a person has left; otherwise Pending, or Ready with a published block."""
    if history.lives_of_range(request.range_name) or request.is_edited:
        return STATES
    return ("Ready",) if request.cidr else ("Pending",)


def _of_holder(history: History, request: RequestLife, cidr: str) -> Shown:
    """A holder shows its block, unless it shows another one that no living range has to respect."""
    may_contradict = request.is_written_by_person or history.is_lost(request.published_by)
    contradicts = may_contradict and request.cidr not in {"", cidr}
    return ("Invalid", request.cidr) if contradicts else ("Ready", cidr)


def _states(request: RequestLife, life: RangeLife, free: FreeSpace) -> list[str]:
    """The right states of a request without an entry; "served", which is no state, if it must have one."""
    pool = _pool(life)
    if not pool or not free.is_named(life):
        return ["Busy" if pool else "Invalid"]
    wanted = _wanted(request, life, pool)
    is_on_hold = HOLD_ANNOTATION in annotations_of(life.obj) and not request.cidr
    if (returned := _returned(request, life, wanted, pool, is_on_hold)) and covers(space_of(life.spec), returned):
        return ["served"] if free.to_return(life, returned) else ["Busy", "Invalid"]
    is_closed = life.spec.get("closed") and not (request.cidr or is_on_hold)
    if is_closed or wanted is None or not _has(life, pool, wanted):
        # A range on hold or a closed one may refuse a request before it checks what the request asks for.
        return ["Invalid", "Busy"] if is_on_hold or is_closed else ["Invalid"]
    recorded = _recorded(request, wanted, pool)
    if is_on_hold or request.cidr:  # a block that a request had before is its own, whatever is reserved
        own = wanted if request.cidr else recorded
        return ["served"] if own is not None and _has(life, free.for_owners(life), own) else ["Busy"]
    own_reserved = free.own(life, request, wanted)
    if recorded and _has(life, free.for_owners(life) if recorded in own_reserved else free.of(life), recorded):
        return ["served"]
    if own_reserved:
        has_room = any(_has(life, free.for_owners(life), each) for each in own_reserved)
    else:
        has_room = _has(life, free.of(life), wanted)
    return ["served"] if has_room and _has_quota(life, request, wanted) else ["Busy"]


def _wanted(request: RequestLife, life: RangeLife, pool: list[Block]) -> Block | int | None:
    """What a request wants; if its index is beyond the pool by now, the block that it records, of that length."""
    wanted = wanted_by(request.spec, life.spec, pool, shown=request.cidr)
    text = str(annotations_of(request.obj).get(CIDR_ANNOTATION, ""))
    return named_block(text) if wanted is None and counts_by_index(request.spec, text) else wanted


def _has_quota(life: RangeLife, request: RequestLife, wanted: Block | int) -> bool:
    """Whether a request may have what it wants on top of what its namespace holds."""
    size = wanted.size if isinstance(wanted, Block) else 1 << (BITS[life.pool[0].version] - wanted)
    return is_within(life.spec, life.ledger, key_of(request.obj)[0], size)


def _pool(life: RangeLife) -> list[Block]:
    """The addresses that a range grants; none if it is being deleted, or has nothing to grant by its spec."""
    return [] if life.is_ending else grantable(life)


def _has(life: RangeLife, blocks: list[Block], wanted: Block | int) -> bool:
    """Whether a range can grant of these blocks a certain one, or any block of a prefix length."""
    if isinstance(wanted, Block):
        return covers(blocks, wanted) and not is_reserved(life.spec, wanted)
    return places_for(life.spec, blocks, wanted) > 0


def _returned(
    request: RequestLife, life: RangeLife, wanted: Block | int | None, pool: list[Block], is_on_hold: bool
) -> Block | None:
    """A block that is not granted any more and that a request had before: the one that it shows, or on hold records."""
    block = _recorded(request, wanted, None) if is_on_hold and wanted is not None else None
    if request.cidr:
        block = block_of(request.cidr)
    return block if block and not (covers(pool, block) and not is_reserved(life.spec, block)) else None


def _recorded(request: RequestLife, wanted: Block | int, pool: list[Block] | None) -> Block | None:
    """The block that a request had in an earlier life, if the request wants it now and the pool, if given, has it."""
    text = str(annotations_of(request.obj).get(CIDR_ANNOTATION, ""))
    block = named_block(text)
    if block is None:
        return None
    if isinstance(wanted, Block):
        is_wanted = block == wanted or (counts_by_index(request.spec, text) and (pool is None or covers(pool, block)))
    else:
        is_wanted = block.size << wanted == 1 << BITS[block.version] and (pool is None or covers(pool, block))
    return block if is_wanted else None
