"""What must be true once all faults have ended and nothing happens any more; one function for each invariant.

Exceptions are facts of the history, not guesses: a holder may stay in the ledger without a request only if a person
removed the finalizer by which its release would have been seen, or if its request was let go for silence (no answer
could be seen for 10 seconds, though there was a range); and it must be marked. They are counted, and end by `reclaim`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.judge.addresses import BITS, Block, block_of, covers, fits, is_canonical, without
from simulator.judge.claim_forms import wanted_block
from simulator.judge.extents import foreign
from simulator.judge.history import controlling_range, named_range
from simulator.kubernetes.objects import annotations_of, is_deleting, key_of
from simulator.kubernetes.resources import NAMESPACE
from simulator.names import CIDR_ANNOTATION, HOLD_ANNOTATION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.judge.history import History, RangeLife, RequestLife

INVARIANTS = ("Live", "Informed", "NoLeak", "Gone", "Calm")


def live(history: History) -> Iterator[str]:
    """Live: every request that fits is Ready, and the rest is rightly Busy, Invalid or Pending."""
    for request in history.requests.values():
        if request.is_gone or is_deleting(request.obj):
            continue
        status: dict[str, Any] = request.obj.get("status") or {}
        told = (status.get("state", "Pending"), status.get("cidr", ""))
        allowed = _right_answers(history, request)
        if told not in allowed:
            yield f"{request.name} is {told}, right is {' or '.join(map(str, allowed))}: {status.get('message')}"


def _right_answers(history: History, request: RequestLife) -> list[tuple[str, str]]:
    """(state, cidr) that a living request may show."""
    life = history.range_of(request.obj)
    shown = request.cidr
    if life is None:
        # What was published stays; what was said by a range that is gone stays too, until somebody asks again.
        return [("Ready", shown), ("Busy", shown), ("Invalid", shown), ("Pending", shown)]
    entry = life.ledger.get(request.uid)
    if entry is None and not history.allows(life, request.obj):
        return [(state, shown) for state in (("Ready", "Busy", "Invalid", "Pending") if shown else ("Pending",))]
    # Where no answer can come, what was said last stays, be it said by a person.
    states = ("Pending", "Busy", "Invalid", "Ready") if _takes_no_answers(history, life) else ()
    silent = [(state, shown) for state in states]
    if entry is not None:
        may_contradict = request.is_written_by_person or history.is_lost(request.published_by)
        contradicts = may_contradict and shown not in {"", entry[0]}
        return [("Invalid", shown) if contradicts else ("Ready", entry[0]), *silent]
    return [*((state, shown) for state in _verdict(history, life, request)), *silent]


def _takes_no_answers(history: History, life: RangeLife) -> bool:
    """Whether the API server refuses new allocations, because the range's namespace is going."""
    namespace = history.world.store.find(NAMESPACE, ("", key_of(life.obj)[0]))
    return namespace is not None and is_deleting(namespace)


def _verdict(history: History, life: RangeLife, request: RequestLife) -> list[str]:
    """What a request without a block must be told."""
    try:
        pool = [] if is_deleting(life.obj) else life.pool
    except ValueError:
        pool = []
    if not pool:
        return ["Invalid"]
    spec = request.obj["spec"]
    bits = BITS[pool[0].version]
    text = request.cidr or spec.get("request")
    length = spec.get("size") or life.obj["spec"].get("chunkSize") or bits
    wanted = wanted_block(text or f"/{length}", pool)
    is_held_up = annotations_of(life.obj).get(HOLD_ANNOTATION) == "true" and not request.cidr
    if wanted is None or not _has(pool, wanted):
        # A range on hold need not look at what is asked for.
        return ["Invalid", "Busy"] if is_held_up else ["Invalid"]
    if is_held_up:
        recorded = _recorded(request, wanted, pool)
        if recorded is None:
            return ["Busy"]
        wanted = recorded
    free = without(pool, [*life.taken, *foreign(history, life)])
    return ["served"] if _has(free, wanted) else ["Busy"]


def _has(blocks: list[Block], wanted: Block | int) -> bool:
    """Whether the blocks have room for a certain block, or for any one of a prefix length."""
    return covers(blocks, wanted) if isinstance(wanted, Block) else fits(blocks, wanted)


def _recorded(request: RequestLife, wanted: Block | int, pool: list[Block]) -> Block | None:
    """The block that a request had in an earlier life, if it is what it wants now; any block must be in the pool."""
    text = str(annotations_of(request.obj).get(CIDR_ANNOTATION, ""))
    try:
        block = block_of(text)
    except ValueError:
        return None
    if not is_canonical(text):
        return None
    if isinstance(wanted, Block):
        return block if block == wanted else None
    is_wanted = block.size == 1 << (BITS[pool[0].version] - wanted)
    return block if is_wanted and covers(pool, block) else None


def informed(history: History) -> Iterator[str]:
    """Informed: who shows a block of a range shows what the range says of its network."""
    for request in history.requests.values():
        life = history.range_of(request.obj)
        granted = life.ledger.get(request.uid) if life else None
        if request.is_gone or life is None or granted is None or request.cidr != granted[0]:
            continue  # a block that a person wrote contradicts the answer, of which then nothing is shown
        shown = request.obj["status"].get("network", {})
        if shown != life.obj["spec"].get("network", {}):
            yield f"{request.name} shows {shown}, but {life.name} says {life.obj['spec'].get('network')}"


def accounted(history: History) -> Iterator[str]:
    """Accounted: the addresses that a range calls shared are those that it can't grant and does not hold."""
    for life in history.ranges.values():
        capacity = None if life.is_gone else life.status.get("capacity")
        if capacity and life.is_up_to_date:
            shared = sum(block.size for block in without(foreign(history, life), life.taken))
            if int(capacity.get("unavailable", "0")) != shared:
                yield f"{life.name} counts {capacity.get('shared')} shared addresses, but has {shared}"


def no_leak(history: History, *, excused: bool = True) -> Iterator[str]:
    """NoLeak: every entry has its request, but for holders whose going could not be seen."""
    for life, uid, cidr, is_marked in _absent(history):
        request = history.requests.get(uid)
        excuse = excused and is_marked and is_excused(request)
        if not excuse:
            yield f"{life.name} keeps {cidr} for {uid} ({request.name if request else 'unknown'}), which is gone"


def excuses(history: History) -> dict[str, int]:
    """How many holders are absent at rest, by the reason."""
    counts = {"finalizer stripped by hand": 0, "let go for silence": 0}
    for _, uid, _, _ in _absent(history):
        request = history.requests.get(uid)
        counts["finalizer stripped by hand"] += bool(request and request.is_forced)
        counts["let go for silence"] += bool(request and not request.is_forced and request.is_let_go_unanswered)
    return counts


def is_excused(request: RequestLife | None) -> bool:
    """Whether the going of a request could not be seen."""
    return request is not None and (request.is_forced or request.is_let_go_unanswered)


def _absent(history: History) -> Iterator[tuple[RangeLife, str, str, bool]]:
    for life in history.ranges.values():
        for uid, (cidr, is_marked) in life.ledger.items() if not life.is_gone else ():
            request = history.requests.get(uid)
            if request is None or request.is_gone:
                yield life, uid, cidr, is_marked


def gone(history: History) -> Iterator[str]:
    """Gone: nothing that was deleted is still there, and no answer is there without its question."""
    referred = {named_range(item.obj) for item in history.requests.values() if _is_heard(history, item)}
    for request in history.requests.values():
        if not request.is_gone and is_deleting(request.obj):
            yield f"{request.name} was deleted and is still there"
    for life in history.ranges.values():
        if not life.is_gone and is_deleting(life.obj) and life.name not in referred:
            yield f"{life.name} was deleted and is still there: {life.status.get('message')}"
    for name, obj in history.allocations.items():
        uid = obj["spec"]["request"]["uid"]
        asker, answerer = history.requests.get(uid), history.ranges.get(controlling_range(obj))
        if answerer is not None and uid in answerer.ledger:
            continue  # `no_leak` judges it
        if asker is None or asker.is_gone:
            yield f"allocation {name} ({obj['spec']['state']}) answers a request that is gone"
        elif controlling_range(obj) not in history.ranges:
            yield f"allocation {name} belongs to nobody"


def _is_heard(history: History, request: RequestLife) -> bool:
    """Whether a request is there for its range: allowed, or a holder from when it was."""
    life = history.range_of(request.obj)
    return bool(not request.is_gone and life and (history.allows(life, request.obj) or request.uid in life.ledger))


def requests_gone(history: History) -> Iterator[str]:
    """Gone: a deleted request goes, whatever stands in the way of its answer."""
    for request in history.requests.values():
        if not request.is_gone and is_deleting(request.obj):
            yield f"{request.name} was deleted and is still there"


def calm(history: History) -> Iterator[str]:
    """Calm: no sync fails any more."""
    for name, instance in history.world.instances.items():
        for controller in instance.metacontroller.controllers:
            for key, message in controller.failing.items():
                yield f"{controller.name} of {name} still fails for {'/'.join(key[1])}: {message}"


def empty(history: History) -> Iterator[str]:
    """Gone, after everything was deleted: nothing is left."""
    world = history.world
    for plural in ("ipamrequests", "ipamallocations", "ipamextents", "ipamranges"):
        for obj in world.store.list(world.plural(plural)):
            yield f"everything was deleted, but {plural} {'/'.join(key_of(obj))} is left"
