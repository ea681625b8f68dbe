"""The free space of a pool for round robin: sorted gaps, and for each prefix length a cursor where to look next.

A block is the lowest aligned free place at or above the cursor of its length; past the end, from the start. The cursor
then moves to the address one past it, and past the last address of the family to the first one. So a released block
is the last to be allocated again.

Looking walks over the gaps that are too small. Free space only shrinks here, so a gap that was too small stays so, and
a walk that went all the way round says that nothing of that length, or larger, will be found again. All the walks of
one length together go round twice at most, and ten thousand claims in ten thousand gaps cost little more than one.

Without cursors from an earlier decision, the lowest free place is found: this is first fit.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping

from ipam.address import Prefix
from ipam.interval import Interval
from ipam.reserved import Reserved


class RoundRobinSpace:
    """The free space of one family; shrinks by `take` and `take_exactly`."""

    def __init__(
        self, gaps: Iterable[Interval], bits: int, cursors: Mapping[int, int], reserved: Reserved | None = None
    ) -> None:
        """Start with the gaps, in order, which must not overlap or touch each other."""
        self._bits = bits
        self._reserved = reserved
        self._gaps = list(gaps)
        self.cursors = dict(cursors)  # by prefix length
        self._exhausted_length = -1  # no block of this length is free, nor a larger one

    @property
    def gaps(self) -> list[Interval]:
        """What is free now, in order."""
        return self._gaps

    def take(self, length: int) -> int | None:
        """Take the next block of this prefix length; gives its first address, or None when there is no room."""
        if length <= self._exhausted_length:
            return None
        size = 1 << (self._bits - length)
        place = self._place_from(self.cursors.get(length, 0), size) or self._place_from(0, size)
        if place is None:
            self._exhausted_length = length
            return None
        index, first = place
        self._cut(index, Interval(first, first + size - 1))
        self.cursors[length] = (first + size) % (1 << self._bits)
        return first

    def take_exactly(self, prefix: Prefix) -> bool:
        """Take just this block and move no cursor; False, and nothing is changed, unless it is wholly free."""
        wanted = Interval(prefix.first, prefix.last)
        index = bisect_right(self._gaps, (wanted.first, 1 << self._bits)) - 1
        if index < 0 or not self._gaps[index].covers(wanted):
            return False
        self._cut(index, wanted)
        return True

    def _place_from(self, cursor: int, size: int) -> tuple[int, int] | None:
        """The lowest aligned free place at or above the cursor, as (index of its gap, first address).

        A reserved address is no place for a single address.
        """
        lowest = -(-cursor // size) * size
        reserved = self._reserved if size == 1 else None
        start = max(bisect_left(self._gaps, (lowest, 0)) - 1, 0)  # the gap before may reach beyond it
        for index in range(start, len(self._gaps)):
            gap_first, gap_last = self._gaps[index]
            first = max(-(-gap_first // size) * size, lowest)
            while reserved and first in reserved:  # of three addresses in a row, one is not
                first += 1
            if first + size - 1 <= gap_last:
                return index, first
        return None

    def _cut(self, index: int, taken: Interval) -> None:
        """Leave of a gap what lies before and behind the taken block."""
        first, last = self._gaps[index]
        remainder = [Interval(first, taken.first - 1), Interval(taken.last + 1, last)]
        self._gaps[index : index + 1] = [each for each in remainder if each.first <= each.last]
