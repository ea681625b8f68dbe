"""Every block that a ledger, an answer or a status ever gave to a request, found by its addresses.

Holdings are never removed, because the answer to "is it still true?" is in the history; `History.is_current` gives it.
So a block that was granted again and again has a few holdings of former holders beside the current one, and a search
costs as much as there are holdings on these very addresses, not as there are holdings at all.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from simulator.judge.addresses import BITS, Block

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The places in which a block can be given to a request.
LEDGER, ANSWER, STATUS = "ledger", "answer", "status"


class Holding(NamedTuple):
    """A block, the uids of the range life that gave it and of the request that has it, and where that is written."""

    block: Block
    range_uid: str
    holder: str
    place: str
    #: `namespace/name` of the slice that has the answer; "" in other places.
    slice_name: str = ""


@dataclass(slots=True)
class HoldingIndex:
    """Holdings by their blocks, each of which is a CIDR block: two of them are nested, or have no address in common."""

    _holdings: dict[Block, dict[Holding, None]] = field(default_factory=dict)
    _sorted: list[Block] = field(default_factory=list)
    #: (IP version, number of addresses) of all blocks.
    _sizes: set[tuple[int, int]] = field(default_factory=set)

    def add(self, holding: Holding) -> None:
        """Add a holding; a holding that is known already is not added again."""
        if holding.block not in self._holdings:
            insort(self._sorted, holding.block)
            self._sizes.add((holding.block.version, holding.block.size))
        self._holdings.setdefault(holding.block, {})[holding] = None

    def overlapping(self, block: Block) -> Iterator[Holding]:
        """All holdings on an address of the block."""
        for each in (*self._around(block), *self._inside(block)):
            yield from self._holdings[each]

    def _around(self, block: Block) -> Iterator[Block]:
        """The blocks that begin before the block and contain it."""
        for version, size in sorted(self._sizes):
            first = block.first - block.first % size
            outer = Block(version, first, first + size - 1)
            if version == block.version and first < block.first and outer in self._holdings:
                yield outer

    def _inside(self, block: Block) -> Iterator[Block]:
        """The blocks that begin in the block."""
        at = bisect_left(self._sorted, Block(block.version, block.first, 0))
        end = bisect_left(self._sorted, Block(block.version, block.last, 1 << BITS[block.version]))
        yield from self._sorted[at:end]
