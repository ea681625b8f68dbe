"""The invariants of ledgers, checked at each commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.judge.addresses import BITS, Block, block_of, covers, named_block
from simulator.judge.claim_forms import counts_by_index, wanted_by
from simulator.judge.holdings import LEDGER
from simulator.judge.lives import pool_of, space_of
from simulator.judge.reserved import is_reserved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.judge.facts import Cooled, Drop, Grant
    from simulator.judge.history import History
    from simulator.judge.lives import RangeLife, RequestLife
    from simulator.kubernetes.objects import Obj


def monotone(history: History) -> Iterator[str]:
    """Monotone (S2): a ledger changes only with its revision, which increases by one and never decreases.

    An older CRD may drop a part of a ledger with any write.
    """
    for life, before, now, is_changed in history.facts.revisions:
        if now not in {before, before + 1} or (is_changed and now == before and not history.schemas_changed):
            yield f"{life.name} changed from revision {before} to {now}{' with another ledger' if is_changed else ''}"


def proven(history: History) -> Iterator[str]:
    """Proven (S5): an entry leaves a ledger only with proof of its release; a range is deleted without entries."""
    for life, uid, cidr, is_proven in history.facts.drops:
        if not is_proven:
            yield f"{life.name} drops {cidr} of {uid} without proof"
    for life in history.facts.deleted:
        if life.ledger.entries and not life.is_forced:
            yield f"{life.name} was deleted with {len(life.ledger.entries)} entries in its ledger"


def no_early_reuse(history: History) -> Iterator[str]:
    """NoEarlyReuse: a block is not granted again before its release was proven and it has cooled down.

    While it cools down, only a request of the namespace and name of its former holder may get it; and the owner of the
    range may end the cool-down.
    """
    for grant in history.facts.grants:
        yield from _reused(history, grant)
    for cooled in history.facts.cooled:
        yield from _cooled_too_briefly(history, cooled)
    for drop in history.facts.drops:
        yield from _freed_at_once(history, drop)


def _reused(history: History, grant: Grant) -> Iterator[str]:
    life, uid, cidr, _ = grant
    for holding in history.holdings.overlapping(block_of(cidr)):
        if (holding.range_uid, holding.place) != (life.uid, LEDGER):
            continue
        if holding.holder in life.ledger.cooling:
            yield f"{life.name} grants {cidr} to {uid}, but {life.ledger.cidr_of(holding.holder)} cools down"
        elif holding.holder != uid and not history.is_free_of(life, holding.holder):
            yield f"{life.name} grants {cidr} to {uid}, but {holding.holder} holds {life.granted[holding.holder]}"


def _cooled_too_briefly(history: History, cooled: Cooled) -> Iterator[str]:
    life, cidr, since, is_early = cooled
    if is_early or history.now is None or history.clocks_were_wrong or life.is_ending or _may_lose_cool_downs(history):
        return
    lasted = history.now - since
    if lasted < life.cooldown - history.clock_spread:
        yield f"{life.name} lets {cidr} cool down for {lasted} instead of {life.cooldown}"


def _freed_at_once(history: History, drop: Drop) -> Iterator[str]:
    life, uid, cidr, _ = drop
    is_cooled = uid in life.ledger.cooling or uid in life.cooled
    if life.cooldown and not (is_cooled or life.is_ending or _may_lose_cool_downs(history)):
        yield f"{life.name} frees {cidr} of {uid} without a cool-down"


def _may_lose_cool_downs(history: History) -> bool:
    """Whether an older CRD may have dropped how long blocks cool down, or since when, which the policies prevent."""
    return history.schemas_changed and not history.has_policies


def inside_range(history: History) -> Iterator[str]:
    """InsideRange: a granted block lies in the pool of its range, or is a former one; later, still in the range."""
    for life, uid, cidr, _ in history.facts.grants:
        if not (had_before(history, life, uid, cidr) or _is_of_the_pool(history, life, cidr)):
            yield f"{cidr} of {uid} is not inside {life.name}"
    for life, uid, cidr in _all_entries(history.facts.respecified):
        if not covers(space_of(life.spec), block_of(cidr)):
            yield f"{cidr} of {uid} is not inside {life.name} any more"


def _is_of_the_pool(history: History, life: RangeLife, cidr: str) -> bool:
    """Whether a block lies in the pool by the spec of the ledger; an older CRD may change a spec unseen."""
    specs, block = life.specs if history.schemas_changed else [life.committed_spec], block_of(cidr)
    return any(covers(pool_of(spec), block) and not is_reserved(spec, block) for spec in specs)


def had_before(history: History, life: RangeLife, uid: str, cidr: str) -> bool:
    """Whether a request had a block of a range before: it shows it, or records it while the range is on hold."""
    request = history.requests.get(uid)
    if request is None or not covers(space_of(life.committed_spec), block_of(cidr)):
        return False
    is_recorded = any(named_block(text) == block_of(cidr) for text in request.records)
    return request.cidr == cidr or (is_recorded and "onHold" in life.ledger.fields)


def fenced(history: History) -> Iterator[str]:
    """Fenced: once a ledger shows an edit, nothing is granted by an older spec, and nothing new by a closed range."""
    for life, before, now in history.facts.older_specs:
        if not history.schemas_changed:
            yield f"the ledger of {life.name} was proposed by generation {before}, now by {now}"
    for life, uid, cidr, _ in history.facts.grants:
        if (
            life.committed_spec.get("closed")
            and not had_before(history, life, uid, cidr)
            and not history.schemas_changed
        ):
            yield f"{life.name} is closed, but grants {cidr} to {uid}"


def withheld(history: History) -> Iterator[str]:
    """Withheld: no gateway that a holder has in its network settings is granted to another request."""
    for life, uid, cidr, _ in history.facts.grants:
        if not life.committed_gateways or history.schemas_changed or had_before(history, life, uid, cidr):
            continue
        for holder in life.ledger.entries:
            gateway = _gateway_of(history, holder) if holder != uid else ""
            if gateway in life.committed_gateways and block_of(gateway).overlaps(block_of(cidr)):
                yield f"{life.name} grants {cidr} to {uid}, but {holder} uses it as its gateway"


def _gateway_of(history: History, uid: str) -> str:
    """The gateway that a holder has; "" for none."""
    request = history.requests.get(uid)
    if request is None or request.is_edited or not request.cidr:
        return ""
    return str((request.obj.get("status") or {}).get("network", {}).get("gateway", ""))


def _all_entries(lives: list[RangeLife]) -> Iterator[tuple[RangeLife, str, str]]:
    for life in lives:
        for uid, cidr in life.ledger.kept:
            yield life, uid, cidr


def allowed(history: History) -> Iterator[str]:
    """Allowed: a block is granted only to a request of a namespace that the range serves, or once served."""
    for life, uid, cidr, _ in history.facts.grants:
        request = history.requests.get(uid)
        if request is not None and not history.allows(life, request, life.committed_spec, ever=True):
            yield f"{life.name} grants {cidr} to {request.name}, whose namespace it does not allow"


def asked(history: History) -> Iterator[str]:
    """Asked: a granted block is the one, or has the prefix length, that the request wants or already shows."""
    for life, uid, cidr, _ in history.facts.grants:
        request = history.requests.get(uid)
        if request is None or cidr == request.cidr or _is_recorded_by_index(request, cidr):
            continue
        if not _is_wanted(life, request, block_of(cidr)):
            yield f"{life.name} grants {cidr} to {request.name}, which asks for {_wish(life, request)}"


def _is_recorded_by_index(request: RequestLife, cidr: str) -> bool:
    """Whether a request by index ever recorded this block, and the block has the length that the index names."""
    is_recorded = any(named_block(text) == block_of(cidr) for text in request.records)
    return is_recorded and counts_by_index(request.spec, cidr)


def _is_wanted(life: RangeLife, request: RequestLife, block: Block) -> bool:
    """Whether a request wants a block by any spec that the range has had: an index counts in the pool of its time.

    What is withheld is that of the ledger that a call has seen, or of its proposal. A call may have seen a spec of the
    request of which an older schema dropped a part before the commit.
    """
    specs = [request.spec] if request.spec == request.first_spec else [request.spec, request.first_spec]
    return any(
        _is_wanted_by(spec, each, wish, block) for spec in life.specs for each in life.withheld[-2:] for wish in specs
    )


def _is_wanted_by(range_spec: Obj, withheld: tuple[str, ...], request_spec: Obj, block: Block) -> bool:
    pool = pool_of(range_spec, withheld)
    wanted = wanted_by(request_spec, range_spec, pool) if pool else None
    if isinstance(wanted, Block) or wanted is None:
        return block == wanted
    return block.size == 1 << (BITS[block.version] - wanted)


def _wish(life: RangeLife, request: RequestLife) -> str:
    wanted = {name: request.spec[name] for name in ("request", "size") if name in request.spec}
    return str(wanted or f"a block of the default length {life.spec.get('chunkSize', '')}".strip())


def disjoint(history: History) -> Iterator[str]:
    """Disjoint: no two living ranges of a domain hold an address, unless another writer took an extent from one.

    So the one from which it was taken must still respect the other, unless its extent comes back.
    """
    for life, uid, cidr, _ in history.facts.grants:
        if life.was_disowned:
            continue
        for holding in history.holdings.overlapping(block_of(cidr)):
            other = history.ranges[holding.range_uid]
            is_rival = other is not life and not other.was_tampered and other.domain == life.domain
            if holding.place == LEDGER and is_rival and history.is_current(holding):
                yield f"{life.name} grants {cidr} to {uid}, of which {other.name} holds a part in {life.domain}"
    for life in history.facts.unannounced:
        yield f"an extent of {life.name} is changed or deleted, though the range is there"
