"""Occupancy: the addresses of a range that can't be granted, each with what became of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple, TypeVar

from hooks.api.times import end_of, timestamp
from hooks.ranges.extents import Extents
from hooks.ranges.ledger import Ledger, LedgerEntry
from hooks.ranges.reservations import Reservation
from hooks.ranges.spec import Terms
from ipam.address import Prefix
from ipam.address_set import AddressSet
from ipam.allocate import Occupant
from ipam.interval import overlapping


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


class ReservedFor(NamedTuple):
    """A reserved block that is free for its holder; or what is left of it, if a part is not free."""

    prefix: Prefix
    reservation: Reservation

    @property
    def fate(self) -> str:
        """The holder that it waits for."""
        return f"is reserved for {self.reservation.holder}"


@dataclass(frozen=True)
class Occupancy:
    """Everything that is in the way of a claim; no two of these overlap.

    Attributes:
        held: entries whose holders have not released them, in order of addresses.
        cooling: released blocks that are cooling down.
        unavailable: addresses of the pool that neither the ledger nor the free space has.
        beyond: the same of the retired addresses, which do not count.
        reserved: what the others leave of the blocks of reservations, in order of addresses.
    """

    held: list[LedgerEntry]
    cooling: list[CoolingDown]
    unavailable: list[OwnedByOlder | Unannounced]
    beyond: list[OwnedByOlder | Unannounced]
    reserved: list[ReservedFor]

    @cached_property
    def occupants(self) -> Sequence[Occupant]:
        """All of them, in order of addresses."""
        found: list[Occupant] = [*self.cooling, *self.unavailable, *self.beyond, *self.reserved]
        return sorted([*self.held, *found], key=_first_address) if found else self.held

    @cached_property
    def without_reservations(self) -> "Occupancy":
        """The same for requests that no reservation keeps from a block."""
        return replace(self, reserved=[])

    def with_grants(self, entries: Sequence[LedgerEntry], reservations: Sequence[Reservation]) -> "Occupancy":
        """The same after these grants."""
        if not entries:
            return self
        held = sorted([*self.held, *entries], key=_first_address)
        return _reserving(replace(self, held=held, reserved=[]), reservations)

    def reservation_in(self, block: Prefix) -> Reservation | None:
        """The lowest reservation that keeps others from an address of a block."""
        found = _first_overlapping(self.reserved, block)
        return found.reservation if found else None

    def first_in_the_way_of(self, block: Prefix) -> Occupant | None:
        """The lowest one that has an address of a block; None if the block is free."""
        return _first_overlapping(self.occupants, block)

    @property
    def first_cooling_end(self) -> datetime | None:
        """When the first block has cooled down; None if none is cooling down."""
        return min((each.until for each in self.cooling), default=None)

    @property
    def unavailable_address_count(self) -> int:
        """Number of addresses that are neither allocated nor free."""
        return sum(each.prefix.address_count for each in self.unavailable)

    @property
    def reserved_address_count(self) -> int:
        """Number of addresses that wait for their holders."""
        return sum(each.prefix.address_count for each in self.reserved)


_first_address = attrgetter("prefix.first")
_OccupantT = TypeVar("_OccupantT", bound=Occupant)


def _first_overlapping(occupants: Sequence[_OccupantT], block: Prefix) -> _OccupantT | None:
    """The lowest one that has an address of a block, which may be of another family."""
    found = overlapping(occupants, block, "prefix")
    return found[0] if found and found[0].prefix.family is block.family else None


def occupancy_of(kept: Ledger, extents: Extents, terms: Terms) -> Occupancy:
    """What can't be granted on top of this ledger."""
    held: list[LedgerEntry] = []
    cooling: list[CoolingDown] = []
    for entry in kept.entries.values():
        if released_at := entry.written.released_at:
            cooling.append(CoolingDown(entry.prefix, entry.holder, end_of(released_at, terms.cooldown)))
        else:
            held.append(entry)
    taken = [entry.prefix for entry in kept.entries.values()] if extents.unannounced or extents.owned_by_older else []
    retired = terms.pool.retired
    occupancy = Occupancy(
        held,
        cooling,
        unavailable=_unavailable(extents, AddressSet(terms.pool.family, taken) | retired),
        beyond=_unavailable(extents, AddressSet(terms.pool.family, taken) | terms.pool.usable) if retired else [],
        reserved=[],
    )
    return _reserving(occupancy, terms.reservations)


def _reserving(occupancy: Occupancy, reservations: Sequence[Reservation]) -> Occupancy:
    """The occupancy with what it leaves of the blocks of reservations."""
    if not reservations:
        return occupancy
    return replace(occupancy, reserved=list(_left_of(reservations, occupancy.occupants)))


def _left_of(reservations: Sequence[Reservation], occupants: Sequence[Occupant]) -> Iterator[ReservedFor]:
    """What occupants leave of reserved blocks; both come in order of addresses."""
    for reservation in reservations:
        block = reservation.block
        taken = AddressSet(block.family, (each.prefix for each in overlapping(occupants, block, "prefix")))
        left = AddressSet(block.family, [block]) - taken
        yield from (ReservedFor(piece, reservation) for piece in left.blocks())


def _unavailable(extents: Extents, taken: AddressSet) -> list[OwnedByOlder | Unannounced]:
    """What the extents reserve, without addresses that count as something else."""
    words = extents.domain.words
    unavailable: list[OwnedByOlder | Unannounced] = [
        Unannounced(block, words) for block in (extents.unannounced - taken).blocks()
    ]
    for range_name, addresses in extents.owned_by_older:
        unavailable += [OwnedByOlder(block, range_name, words) for block in (addresses - taken).blocks()]
    return unavailable
