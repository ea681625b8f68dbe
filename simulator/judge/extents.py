"""What the judge knows of domains: which addresses of a range older ranges have, by the extents that truly exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.judge.addresses import Block, block_of, merged, without
from simulator.kubernetes.objects import controller_of, is_deleting, key_of, meta

if TYPE_CHECKING:
    from simulator.judge.history import History, RangeLife
    from simulator.kubernetes.objects import Obj


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


def _older(others: list[Obj], own: Obj) -> list[Obj]:
    return [obj for obj in others if _number(obj) < _number(own)]


def _number(obj: Obj) -> int:
    return int(obj["spec"].get("number") or meta(obj)["resourceVersion"])


def _blocks(extents: list[Obj]) -> list[Block]:
    return merged([block_of(text) for obj in extents for text in obj["spec"]["ranges"]])
