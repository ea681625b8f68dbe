"""Domains: which addresses of a range it can't grant, by the extents that truly exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.judge.addresses import Block, block_of, merged, without
from simulator.judge.lives import controlling_range
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
    return merged([block for obj in extents for block in _announced(obj)])


def _announced(obj: Obj) -> list[Block]:
    """What an extent announces, without what it has given up."""
    withdrawn = [block_of(text) for text in obj["spec"].get("withdrawn", ())]
    return without(merged([block_of(text) for text in obj["spec"].get("ranges", ())]), withdrawn)
