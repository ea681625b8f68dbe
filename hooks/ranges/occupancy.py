"""Occupancy: the addresses of a range that can't be granted, each with what became of it."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple

from hooks.api.times import timestamp
from hooks.ranges.extents import Extents
from hooks.ranges.ledger import Ledger, LedgerEntry
from hooks.ranges.spec import Terms
from ipam.address import Prefix
from ipam.address_set import AddressSet
from ipam.allocate import Occupant


class CoolingDown(NamedTuple):
    """A released block that is not free yet."""

    prefix: Prefix
    former_holder: str
    until: datetime

    @property
    def fate(self) -> str:
        """Until when, and the former holder."""
        return f"is cooling down until {timestamp(self.until)} (released by {self.former_holder})"


class OwnedByOlder(NamedTuple):
    """Addresses that an older range of the domain announced first."""

    prefix: Prefix
    range_name: str
    domain_words: str

    @property
    def fate(self) -> str:
        """Whose they are."""
        return f"belongs to range {self.range_name}, which is older in {self.domain_words}"


class Unannounced(NamedTuple):
    """Addresses that can be granted once they are announced."""

    prefix: Prefix
    domain_words: str

    @property
    def fate(self) -> str:
        """What they wait for."""
        return f"has not been announced in {self.domain_words} yet"


@dataclass(frozen=True)
class Occupancy:
    """Everything that is in the way of a claim; no two of these overlap.

    Attributes:
        held: entries whose holders have not released them, in order of addresses.
        cooling: released blocks that are cooling down.
        unavailable: addresses of the pool that neither the ledger nor the free space has.
        beyond: the same of the retired addresses, which do not count.
    """

    held: list[LedgerEntry]
    cooling: list[CoolingDown]
    unavailable: list[OwnedByOlder | Unannounced]
    beyond: list[OwnedByOlder | Unannounced]

    def with_grants(self, entries: Sequence[LedgerEntry]) -> "Occupancy":
        """The same with new entries."""
        held = sorted([*self.held, *entries], key=attrgetter("prefix.first")) if entries else self.held
        return replace(self, held=held)

    @cached_property
    def occupants(self) -> Sequence[Occupant]:
        """All of them, in order of addresses."""
        others = [*self.cooling, *self.unavailable, *self.beyond]
        return sorted([*self.held, *others], key=attrgetter("prefix.first")) if others else self.held

    def first_in_the_way_of(self, block: Prefix) -> Occupant | None:
        """The lowest one that has an address of a block; None if the block is free."""
        at = bisect_left(self.occupants, block.first, key=attrgetter("prefix.last"))
        found = at < len(self.occupants) and self.occupants[at].prefix.overlaps(block)
        return self.occupants[at] if found else None

    @property
    def first_cooling_end(self) -> datetime | None:
        """When the first block has cooled down; None if none is cooling down."""
        return min((each.until for each in self.cooling), default=None)

    @property
    def unavailable_address_count(self) -> int:
        """Number of addresses that are neither allocated nor free."""
        return sum(each.prefix.address_count for each in self.unavailable)


def occupancy_of(kept: Ledger, extents: Extents, terms: Terms) -> Occupancy:
    """What can't be granted on top of this ledger."""
    held: list[LedgerEntry] = []
    cooling: list[CoolingDown] = []
    for entry in kept.entries.values():
        if released_at := entry.written.released_at:
            cooling.append(CoolingDown(entry.prefix, entry.holder, released_at + terms.cooldown))
        else:
            held.append(entry)
    taken = [entry.prefix for entry in kept.entries.values()] if extents.unannounced or extents.owned_by_older else []
    retired = terms.pool.retired
    return Occupancy(
        held,
        cooling,
        unavailable=_unavailable(extents, AddressSet(terms.pool.family, taken) | retired),
        beyond=_unavailable(extents, AddressSet(terms.pool.family, taken) | terms.pool.usable) if retired else [],
    )


def _unavailable(extents: Extents, taken: AddressSet) -> list[OwnedByOlder | Unannounced]:
    """What the extents reserve, without addresses that count as something else."""
    words = extents.domain.words
    unavailable: list[OwnedByOlder | Unannounced] = [
        Unannounced(block, words) for block in (extents.unannounced - taken).blocks()
    ]
    for range_name, addresses in extents.owned_by_older:
        unavailable += [OwnedByOlder(block, range_name, words) for block in (addresses - taken).blocks()]
    return unavailable
