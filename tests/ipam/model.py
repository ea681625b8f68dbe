"""The naive model of a pool: one flag per address, and every question answered by going through all its blocks.

It shares no code with `ipam`, builds no index and keeps nothing sorted. It is slow, but a reader can see that it is
right (DESIGN.md, "Selection of a block"). It has no texts, messages or holders of claims: the tables test those.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network


@dataclass(frozen=True)
class Granted:
    """A block: its first address and its prefix length."""

    first: int
    length: int


@dataclass(frozen=True)
class Denied:
    """A refusal: whether waiting helps, and the reason."""

    verdict: str
    reason: str


Outcome = Granted | Denied


def addresses(*texts: str) -> list[int]:
    """All addresses of `first-last` texts (or single addresses), as numbers, by the standard library."""
    found: list[int] = []
    for text in texts:
        first, _, last = text.partition("-")
        found += range(int(ip_address(first)), int(ip_address(last or first)) + 1)
    return found


def blocks(*texts: str) -> list[range]:
    """The addresses of CIDRs and `first-last` texts as ranges of numbers, by the standard library."""
    found = []
    for text in texts:
        first, dash, last = text.partition("-")
        network = ip_network(text) if not dash else None
        low, high = (network[0], network[-1]) if network else (ip_address(first), ip_address(last))
        found.append(range(int(low), int(high) + 1))
    return found


class Model:
    """A pool of a few addresses of 32 or 128 bits, and which of them are taken."""

    def __init__(self, bits: int, pool: Iterable[int], excluded: Iterable[range] = ()) -> None:
        self.bits = bits
        self.pool = frozenset(pool)
        self.excluded = list(excluded)  # too many addresses to have a flag each
        self.taken: set[int] = set()
        self.cursors: dict[int, int] = {}
        # By prefix length, the largest blocks first; without the lengths of which the pool has no block at all.
        self.blocks = {length: blocks for length in range(bits + 1) if (blocks := self._blocks_of(length))}

    def _blocks_of(self, length: int) -> list[range]:
        """All aligned blocks of a length that lie wholly inside the pool, lowest first."""
        size = 1 << (self.bits - length)
        if size > len(self.pool):
            return []
        starts = (address for address in sorted(self.pool) if address % size == 0)
        blocks = (range(start, start + size) for start in starts)
        return [block for block in blocks if self.pool.issuperset(block)]

    # --- questions --------------------------------------------------------------------------------------------------

    def is_free(self, block: range) -> bool:
        """Whether no address of the block is taken."""
        return self.taken.isdisjoint(block)

    @property
    def free_count(self) -> int:
        """Number of addresses that are not taken."""
        return len(self.pool) - len(self.taken)

    @property
    def largest_free(self) -> int | None:
        """Prefix length of the largest free aligned block."""
        return next((length for length, blocks in self.blocks.items() if any(map(self.is_free, blocks))), None)

    def free_block_count(self, length: int) -> int:
        """Number of aligned blocks of this length that are free, all at the same time."""
        return sum(map(self.is_free, self.blocks.get(length, [])))

    def size_of_room(self, block: range) -> int:
        """Size of the largest free aligned block that the free block is a part of."""
        for blocks in self.blocks.values():
            for other in blocks:
                if other.start <= block.start and block.stop <= other.stop and self.is_free(other):
                    return len(other)
        raise AssertionError("the block itself is free")

    # --- actions ----------------------------------------------------------------------------------------------------

    def free_blocks(self, length: int) -> list[range] | Denied:
        """The free aligned blocks of this length, lowest first; or why there are none."""
        if not 0 <= length <= self.bits:
            return Denied("Invalid", "InvalidSize")
        if length not in self.blocks:
            return Denied("Invalid", "TooLarge")
        return [block for block in self.blocks[length] if self.is_free(block)] or Denied("Busy", "Exhausted")

    def allocate(self, length: int) -> Outcome:
        """Any block of this length: where the room around it is smallest, and of those the lowest."""
        free = self.free_blocks(length)
        if isinstance(free, Denied):
            return free
        best = min(free, key=lambda block: (self.size_of_room(block), block.start))
        self.taken.update(best)
        return Granted(best.start, length)

    def allocate_next(self, length: int) -> Outcome:
        """The next block of this length behind the last one, around the address space."""
        free = self.free_blocks(length)
        if isinstance(free, Denied):
            return free
        cursor = self.cursors.get(length, 0)
        ahead = [block for block in free if block.start >= cursor]
        first = (ahead or free)[0]
        self.taken.update(first)
        self.cursors[length] = first.stop if first.stop < 1 << self.bits else 0
        return Granted(first.start, length)

    def dedicate(self, first: int, length: int) -> Outcome:
        """Exactly this block."""
        size = 1 << (self.bits - length)
        if any(first < each.stop and each.start < first + size for each in self.excluded):
            return Denied("Invalid", "Excluded")
        if size > len(self.pool) or not self.pool.issuperset(range(first, first + size)):
            return Denied("Invalid", "OutsideRange")
        block = range(first, first + size)
        if not self.is_free(block):
            return Denied("Busy", "Taken")
        self.taken.update(block)
        return Granted(first, length)

    def release(self, granted: Granted) -> None:
        """Release a block."""
        self.taken.difference_update(range(granted.first, granted.first + (1 << (self.bits - granted.length))))
