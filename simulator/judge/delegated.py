"""The invariant of delegation: a range allocates from the block of a request only as long as the request has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.judge.addresses import block_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.judge.facts import Drop, Grant
    from simulator.judge.history import History
    from simulator.judge.lives import RangeLife


def delegated(history: History) -> Iterator[str]:
    """Delegated: as long as a holder has a block of a delegated range, the block of its request is not released.

    A range whose ledger a cluster administrator has removed by force proves nothing.
    """
    for drop in history.facts.drops:
        yield from _released_too_early(history, drop)
    for grant in history.facts.grants:
        yield from _granted_in_vain(history, grant)


def _released_too_early(history: History, drop: Drop) -> Iterator[str]:
    for life in history.made_from(drop.uid):
        for holding in history.holdings.overlapping(block_of(drop.cidr)):
            if holding.range_uid == life.uid and history.is_current(holding):
                holder = f"{holding.holder} has a block of {life.name}"
                yield f"{drop.life.name} drops {drop.cidr} of {drop.uid}, but {holder}"


def _granted_in_vain(history: History, grant: Grant) -> Iterator[str]:
    life, uid, cidr, _ = grant
    if not life.delegator or _is_backed(history, life):
        return
    yield f"{life.name} grants {cidr} to {uid}, but its request {life.delegator} does not hold {life.spec['ranges']}"


def _is_backed(history: History, life: RangeLife) -> bool:
    """Whether the request of a delegated range holds its block, or the range that had granted it was lost."""
    request = history.requests.get(life.delegator)
    if request is None:
        return False
    (block,) = life.spec["ranges"]
    granting = history.lives_of_range(request.range_name)
    return any(each.ledger.cidr_of(request.uid) == block or each.is_lost for each in granting)
