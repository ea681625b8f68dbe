"""The free space of a pool as maximal aligned blocks, kept so that the best fitting one is found at once.

Every gap between held blocks is cut into the fewest aligned blocks (`aligned_blocks`). For each prefix length there is
a heap of the blocks of that length, lowest address first, so that best fit is a walk over at most 129 heaps. Nothing is
ever merged here: within one decision space is only taken, and the next decision rebuilds its free space. Building it
for 10,000 held blocks takes about as long as sorting them.
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from ipam.address import Prefix
from ipam.interval import Interval, aligned_blocks
from ipam.reserved import Reserved


class FreeSpace:
    """The free blocks of one family; shrinks by `take` and `take_exactly`."""

    def __init__(self, gaps: Iterable[Interval], bits: int) -> None:
        """Start with the gaps, which must not overlap or touch each other."""
        self._bits = bits
        # A heap may still hold blocks that `take_exactly` has removed from the set; the set is the truth.
        self._heaps: list[list[int]] = [[] for _ in range(bits + 1)]
        for gap in gaps:
            for first, length in aligned_blocks(gap, bits):
                self._heaps[length].append(first)
        for heap in self._heaps:
            heapify(heap)
        self._blocks: list[set[int]] = [set(heap) for heap in self._heaps]
        self._exhausted_length = -1  # no block of this length is free, nor a larger one: free space only shrinks

    @property
    def largest_length(self) -> int | None:
        """Prefix length of the largest free block; None when nothing is free."""
        return next((length for length, blocks in enumerate(self._blocks) if blocks), None)

    @property
    def block_counts(self) -> tuple[int, ...]:
        """Number of free blocks by prefix length; each is maximal, so that none is a part of another one."""
        return tuple(map(len, self._blocks))

    def take(self, length: int) -> int | None:
        """Take a block of this prefix length by best fit; gives its first address, or None when there is no room.

        Of the free blocks that are large enough the smallest is used, of several of one size the lowest, and of that
        one the low end.
        """
        for candidate in range(length, self._exhausted_length, -1):
            if self._blocks[candidate]:
                first = self._pop_lowest(candidate)
                self._return_remainder(first, length, first, candidate)
                return first
        self._exhausted_length = max(self._exhausted_length, length)
        return None

    def take_exactly(self, prefix: Prefix) -> bool:
        """Take just this block; False, and nothing is changed, unless it is wholly free."""
        for candidate in range(prefix.length, -1, -1):
            size = self._bits - candidate
            first = prefix.first >> size << size
            if first in self._blocks[candidate]:
                self._blocks[candidate].remove(first)
                self._return_remainder(prefix.first, prefix.length, first, candidate)
                return True
        return False

    def _pop_lowest(self, length: int) -> int:
        while True:
            first = heappop(self._heaps[length])
            if first in self._blocks[length]:
                self._blocks[length].remove(first)
                return first

    def _return_remainder(self, taken: int, taken_length: int, first: int, length: int) -> None:
        """Return what is left of a block (first, length) when (taken, taken_length) is cut out of it."""
        #   |---------------- first/length ----------------|
        #   |---- half -----------|--------- half ---------|   one half goes back, the other one is halved again,
        #                         |--taken--|--half--|         until it is the taken one
        while length < taken_length:
            length += 1
            half = 1 << (self._bits - length)
            back = first
            if taken >= first + half:
                first += half
            else:
                back += half
            self._blocks[length].add(back)
            heappush(self._heaps[length], back)


class PartlyReservedSpace(FreeSpace):
    """Free space with reserved addresses, which are not taken as single addresses.

    A reserved address that is a free block by itself is of no use, so it is left out. Each larger block has another
    address: its first one, or the one behind that.
    """

    def __init__(self, gaps: Iterable[Interval], bits: int, reserved: Reserved) -> None:
        """Start with the gaps, as `FreeSpace`."""
        super().__init__(gaps, bits)
        self._reserved = reserved
        self._blocks[bits] = {address for address in self._blocks[bits] if address not in reserved}

    def take(self, length: int) -> int | None:
        """Take a block of this prefix length by best fit, as `FreeSpace`; a single address behind a reserved one."""
        first = super().take(length)
        if first is None or length < self._bits or first not in self._reserved:
            return first
        self.take_exactly(Prefix(first + 1, length, self._reserved.family))
        return first + 1

    def _return_remainder(self, taken: int, taken_length: int, first: int, length: int) -> None:
        super()._return_remainder(taken, taken_length, first, length)
        neighbour = taken ^ 1
        if taken_length == self._bits and neighbour in self._reserved:
            self._blocks[taken_length].discard(neighbour)
