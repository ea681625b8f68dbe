"""Sets of addresses of one family: immutable values with the operators of sets."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from ipam.address import Family, Prefix
from ipam.interval import Interval, Span, aligned_blocks, without


class AddressSet:
    """A set of addresses of one family.

    The operators `|`, `&` and `-`, and `divided_among`, take sets of the same family. `str` gives the intervals as
    users write them.

    Attributes:
        family: of all its addresses.
        intervals: in normal form: sorted, and between two neighbours there is always a gap. So a free block is never
            cut in two by the way in which a user wrote the set.
    """

    __slots__ = ("family", "intervals")

    family: Family
    intervals: tuple[Interval, ...]

    def __init__(self, family: Family, spans: Iterable[Span] = ()) -> None:
        """The addresses of all spans, which may overlap and come in any order."""
        self._set(family, _normal_form(spans))

    @classmethod
    def _of_normal_form(cls, family: Family, intervals: Iterable[Interval]) -> "AddressSet":
        made = cls.__new__(cls)
        made._set(family, intervals)
        return made

    def _set(self, family: Family, intervals: Iterable[Interval]) -> None:
        object.__setattr__(self, "family", family)
        object.__setattr__(self, "intervals", tuple(intervals))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an AddressSet never changes: {name} can't be set")

    @property
    def address_count(self) -> int:
        """Number of addresses."""
        return sum(interval.address_count for interval in self.intervals)

    @property
    def texts(self) -> list[str]:
        """The intervals as users write them, in order."""
        return [interval.text(self.family) for interval in self.intervals]

    def covers(self, prefix: Prefix) -> bool:
        """Whether every address of the prefix belongs to the set."""
        found = self.overlap_with(prefix)
        return found is not None and found.covers(prefix)

    def overlap_with(self, prefix: Prefix) -> Interval | None:
        """The lowest of its intervals that has an address of the prefix; None if none has."""
        return self._overlap_with(prefix) if prefix.family is self.family else None

    def overlaps(self, span: Span) -> bool:
        """Whether it has an address of a span of its family."""
        return self._overlap_with(span) is not None

    def _overlap_with(self, span: Span) -> Interval | None:
        at = bisect_left(self.intervals, span.first, key=attrgetter("last"))  # the first that does not end before it
        found = at < len(self.intervals) and self.intervals[at].first <= span.last
        return self.intervals[at] if found else None

    def blocks(self) -> Iterator[Prefix]:
        """The fewest aligned blocks that make up the set, in order."""
        for interval in self.intervals:
            for first, length in aligned_blocks(interval, self.family.bits):
                yield Prefix(first, length, self.family)

    def divided_among(self, takers: Iterable["AddressSet"]) -> list["AddressSet"]:
        """What each of these sets gets of this one, if the first one that has an address gets it."""
        left, shares = list(self.intervals), list[AddressSet]()
        for taker in takers:
            self._assert_same_family(taker)
            share = [each for span in taker.intervals for each in _taken(left, span)]
            shares.append(AddressSet._of_normal_form(self.family, share))
        return shares

    def __or__(self, other: "AddressSet") -> "AddressSet":
        self._assert_same_family(other)
        return AddressSet(self.family, (*self.intervals, *other.intervals))

    def __and__(self, other: "AddressSet") -> "AddressSet":
        self._assert_same_family(other)
        few, many = sorted((self.intervals, other.intervals), key=len)
        return AddressSet._of_normal_form(self.family, _common(few, many))

    def __sub__(self, other: "AddressSet") -> "AddressSet":
        self._assert_same_family(other)
        # Which of many intervals few have an address of is found by bisection.
        lost = self & other if len(self.intervals) < len(other.intervals) else other
        return AddressSet._of_normal_form(self.family, without(self.intervals, lost.intervals))

    def __bool__(self) -> bool:
        return bool(self.intervals)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AddressSet) and (self.family, self.intervals) == (other.family, other.intervals)

    def __hash__(self) -> int:
        return hash((self.family, self.intervals))

    def __str__(self) -> str:
        return ", ".join(self.texts)

    def __repr__(self) -> str:
        return f"AddressSet({self.family.name}: {self})"

    def _assert_same_family(self, other: "AddressSet") -> None:
        assert self.family is other.family, f"{self!r} and {other!r} are of two families"


def _common(few: Sequence[Interval], many: Sequence[Interval]) -> Iterator[Interval]:
    """What two sets in normal form have in common, found by bisection in the larger one."""
    for interval in few:
        at = bisect_left(many, interval.first, key=attrgetter("last"))
        while at < len(many) and many[at].first <= interval.last:
            yield Interval(max(interval.first, many[at].first), min(interval.last, many[at].last))
            at += 1


def _taken(left: list[Interval], span: Interval) -> list[Interval]:
    """Cut the addresses of a span out of what is left, which is in normal form; returns those that were there."""
    start = bisect_left(left, span.first, key=attrgetter("last"))
    end = bisect_right(left, span.last, start, key=attrgetter("first"))
    met = left[start:end]
    left[start:end] = without(met, [span])
    return [Interval(max(each.first, span.first), min(each.last, span.last)) for each in met]


def _normal_form(spans: Iterable[Span]) -> list[Interval]:
    merged: list[Interval] = []
    for first, last in sorted((span.first, span.last) for span in spans):
        if merged and first <= merged[-1].last + 1:
            #   |----- merged[-1] -----|            or  |-- merged[-1] --|
            #            |---- span ----|                                |-- span --|
            merged[-1] = Interval(merged[-1].first, max(merged[-1].last, last))
        else:
            merged.append(Interval(first, last))
    return merged
