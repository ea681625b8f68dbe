"""What the judge knows of domains: which addresses of a range older ranges have, by the extents that truly exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.blocks import Block, block_of, merged, without
from simulator.objects import controller_of, is_deleting, key_of, labels_of, meta

if TYPE_CHECKING:
    from simulator.history import History, RangeLife
    from simulator.objects import Obj


def domain_of(life: RangeLife) -> str:
    """The domain of a range: that which it names, or its namespace's own."""
    named = life.obj["spec"].get("domain")
    return f"domain {named}" if named else f"namespace {key_of(life.obj)[0]}"


def foreign(history: History, life: RangeLife) -> list[Block]:
    """The addresses of a range that it can't grant: older ones have them, or it has not announced them."""
    own, others = [], []
    for obj in history.extents.values():
        controller = controller_of(obj)
        announcer = history.ranges.get(controller["uid"]) if controller else None
        if announcer is life and "number" in obj["spec"] and not is_deleting(obj):
            own.append(obj)
        elif announcer is not None and announcer is not life and domain_of(announcer) == domain_of(life):
            others.append(obj)
    usable = [block for obj in own for block in without(_blocks([obj]), _blocks(_older(others, obj)))]
    return without(life.pool, usable)


def is_still_announced(before: Obj, now: Obj | None) -> bool:
    """Whether an extent says what it said, to the same ranges; it may have got its number, or been stored anew."""
    if now is None or is_deleting(now):
        return False
    number = before["spec"].get("number", now["spec"].get("number"))
    said = [(obj["spec"] | {"number": number}, labels_of(obj), controller_of(obj)) for obj in (before, now)]
    return said[0] == said[1] and now["spec"].get("number") == number


def _older(others: list[Obj], own: Obj) -> list[Obj]:
    return [obj for obj in others if _number(obj) < _number(own)]


def _number(obj: Obj) -> int:
    return int(obj["spec"].get("number") or meta(obj)["resourceVersion"])


def _blocks(extents: list[Obj]) -> list[Block]:
    return merged([block_of(text) for obj in extents for text in obj["spec"]["ranges"]])
