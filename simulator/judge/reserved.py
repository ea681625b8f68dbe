"""Reserved addresses: the ends of networks, which a range does not grant as single addresses unless it says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.judge.addresses import BITS, Block, places

if TYPE_CHECKING:
    from simulator.judge.lives import RangeLife
    from simulator.kubernetes.objects import Obj


def grantable(life: RangeLife) -> list[Block]:
    """The pool of a range; empty if nothing can be granted by its spec: all addresses are excluded or reserved."""
    try:
        pool = life.pool
    except ValueError:
        return []
    return pool if pool and places_for(life.spec, pool, BITS[pool[0].version]) else []


def is_reserved(range_spec: Obj, block: Block) -> bool:
    """Whether a block is a single address that a range with this spec does not grant."""
    return block.size == 1 and _count(range_spec, block) == 1


def places_for(range_spec: Obj, free: list[Block], length: int) -> int:
    """The number of blocks of this prefix length that a range with this spec can grant of what is free."""
    if not free or length < BITS[free[0].version]:
        return places(free, length)
    return sum(block.size - _count(range_spec, block) for block in free)


def _count(range_spec: Obj, block: Block) -> int:
    """The number of reserved addresses in a block."""
    length = range_spec.get("network", {}).get("prefixLength", BITS[block.version])
    size = 1 << (BITS[block.version] - length)
    if size <= 2 or range_spec.get("allocateReservedIPAddresses"):
        return 0
    ends = (0, size - 1) if block.version == 4 else (0,)
    return sum((block.last - end) // size - (block.first - 1 - end) // size for end in ends)
