"""The right answers at rest: the state and the block that a request must show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.judge.addresses import BITS, Block, covers, fits, named_block, without
from simulator.judge.claim_forms import counts_by_index, wanted_by
from simulator.judge.extents import unavailable
from simulator.judge.reservations import reserved_blocks, wanted_own
from simulator.kubernetes.objects import annotations_of, is_deleting
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

    def of(self, life: RangeLife) -> list[Block]:
        """The addresses that a range could grant to any request now."""
        return without(self.for_owners(life), reserved_blocks(life.obj))

    def for_owners(self, life: RangeLife) -> list[Block]:
        """The same with those that are reserved."""
        if life.uid not in self._known:
            taken = [*life.ledger.taken, *unavailable(self._history, life)]
            self._known[life.uid] = without(life.pool, taken)
        return self._known[life.uid]

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
    if not pool:
        return ["Invalid"]
    wanted = wanted_by(request.spec, life.spec, pool, shown=request.cidr)
    is_on_hold = HOLD_ANNOTATION in annotations_of(life.obj) and not request.cidr
    if wanted is None or not _has(pool, wanted):
        # A range on hold may refuse a request before it checks what the request asks for.
        return ["Invalid", "Busy"] if is_on_hold else ["Invalid"]
    recorded = _recorded(request, wanted, pool)
    if is_on_hold or request.cidr:  # a block that a request had before is its own, whatever is reserved
        own = [wanted] if request.cidr else [recorded]
        return ["served"] if any(each is not None and _has(free.for_owners(life), each) for each in own) else ["Busy"]
    is_served = recorded is not None and _has(free.of(life), recorded)
    if own_reserved := free.own(life, request, wanted):
        is_served |= any(_has(free.for_owners(life), each) for each in own_reserved)
    else:
        is_served |= _has(free.of(life), wanted)
    return ["served"] if is_served else ["Busy"]


def _pool(life: RangeLife) -> list[Block]:
    """The addresses that a range grants; none if it is being deleted or its spec can't be read."""
    try:
        return [] if is_deleting(life.obj) else life.pool
    except ValueError:
        return []


def _has(blocks: list[Block], wanted: Block | int) -> bool:
    """Whether the blocks have room for a certain block, or for any block of a prefix length."""
    return covers(blocks, wanted) if isinstance(wanted, Block) else fits(blocks, wanted)


def _recorded(request: RequestLife, wanted: Block | int, pool: list[Block]) -> Block | None:
    """The block that a request had in an earlier life, if the request wants it now and the pool has it."""
    text = str(annotations_of(request.obj).get(CIDR_ANNOTATION, ""))
    block = named_block(text)
    if block is None:
        return None
    if isinstance(wanted, Block):
        is_wanted = block == wanted or (counts_by_index(request.spec, text) and covers(pool, block))
    else:
        is_wanted = block.size == 1 << (BITS[pool[0].version] - wanted) and covers(pool, block)
    return block if is_wanted else None
