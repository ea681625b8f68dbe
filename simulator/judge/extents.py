"""Domains: which addresses of a range it can't grant, by the extents that truly exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.judge.addresses import Block, block_of, merged, without
from simulator.judge.lives import controlling_range, space_of
from simulator.kubernetes.objects import is_deleting, meta, uid_of

if TYPE_CHECKING:
    from simulator.judge.history import History
    from simulator.judge.lives import RangeLife
    from simulator.kubernetes.objects import Obj


def unavailable(history: History, life: RangeLife, addresses: list[Block] | None = None) -> list[Block]:
    """The addresses of a pool, or of others, that older ranges of the domain own or the range has not announced."""
    announced = [(history.ranges.get(controlling_range(obj)), obj) for obj in history.extents.values()]
    own = [obj for announcer, obj in announced if announcer is life and _counts(history, obj)]
    others = [obj for announcer, obj in announced if _is_rival(announcer, life)]
    usable = [block for obj in own for block in without(_blocks([obj]), _blocks(_older(history, others, obj)))]
    return without(life.pool if addresses is None else addresses, usable)


def useless(history: History, life: RangeLife) -> list[Obj]:
    """The extents by which a range announces nothing any more, although it announces addresses by others."""
    own = [obj for obj in history.extents.values() if history.ranges.get(controlling_range(obj)) is life]
    if not any(map(announced_by, own)):
        return []
    return [obj for obj in own if not (announced_by(obj) or _is_needed(history, life, obj))]


def _is_needed(history: History, life: RangeLife, obj: Obj) -> bool:
    """Whether requests read the allowed namespaces from an extent, or its range might announce its addresses again."""
    lines = life.ledger.fields.get("withdrawn", ())
    given_up = [block_of(line["addresses"]) for line in lines if line["number"] >= _number(history, obj)]
    wanted = space_of(life.spec)
    is_wanted = any(block.overlaps(other) for block in _ranges(obj) for other in wanted)
    return is_wanted or "allowedNamespaces" in obj["spec"] or bool(without(_ranges(obj), merged(given_up)))


def _counts(history: History, own: Obj) -> bool:
    """Whether a range may grant what its extent announces."""
    return uid_of(own) in history.numbers and not is_deleting(own)


def _is_rival(announcer: RangeLife | None, life: RangeLife) -> bool:
    return announcer is not None and announcer is not life and announcer.domain == life.domain


def _older(history: History, others: list[Obj], own: Obj) -> list[Obj]:
    return [obj for obj in others if _number(history, obj) < _number(history, own)]


def _number(history: History, obj: Obj) -> int:
    return history.numbers.get(uid_of(obj)) or int(meta(obj)["resourceVersion"])


def _blocks(extents: list[Obj]) -> list[Block]:
    return merged([block for obj in extents for block in announced_by(obj)])


def announced_by(obj: Obj) -> list[Block]:
    """What an extent announces, without what it has given up."""
    return without(_ranges(obj), [block_of(text) for text in obj["spec"].get("withdrawn", ())])


def _ranges(obj: Obj) -> list[Block]:
    return merged([block_of(text) for text in obj["spec"].get("ranges", ())])
