"""Reservations that wait: those whose holder does not have the block yet, and why it does not."""

from collections.abc import Iterator

from hooks.api.conditions import listed
from hooks.ranges.ledger import Ledger, LedgerEntry
from hooks.ranges.observed import Observed
from hooks.ranges.occupancy import Occupancy, ReservedFor, Unannounced
from hooks.ranges.reservations import Holder, Reservation, holders_of, reserved_words
from ipam.address import Prefix


def waiting_blocks(observed: Observed, occupancy: Occupancy) -> dict[Holder, list[Prefix]]:
    """The reserved blocks that no request of their holder has, by holder; first those that are free for it."""
    blocks: dict[Holder, list[Prefix]] = {}
    waiting = [each for each in observed.terms.reservations if not _is_met(each, observed, occupancy)]
    for block, holder in sorted(waiting, key=lambda each: not _is_free(each, occupancy)):
        blocks.setdefault(holder, []).append(block)
    return blocks


def _is_met(reservation: Reservation, observed: Observed, occupancy: Occupancy) -> bool:
    """Whether a request of the holder has the block."""
    occupant = occupancy.first_in_the_way_of(reservation.block)
    if not isinstance(occupant, LedgerEntry) or occupant.prefix != reservation.block:
        return False
    request = observed.requests.get(occupant.uid)
    return request is not None and reservation.holder in holders_of(request)


def _is_free(reservation: Reservation, occupancy: Occupancy) -> bool:
    occupant = occupancy.first_in_the_way_of(reservation.block)
    return isinstance(occupant, ReservedFor) and occupant.prefix == reservation.block


def reservation_remarks(observed: Observed, proposal: Ledger, occupancy: Occupancy) -> list[str]:
    """Why reserved blocks are not with their holders, for the message of the range; nothing of those that just wait."""
    waiting = waiting_blocks(observed, occupancy)
    if not waiting:
        return []
    kinds = (_taken(waiting, occupancy), _unused(waiting, observed, proposal), _not_allowed(waiting, observed))
    return [listed(sentences) for kind in kinds if (sentences := list(kind))]


def _taken(waiting: dict[Holder, list[Prefix]], occupancy: Occupancy) -> Iterator[str]:
    """The blocks that are not free."""
    others = occupancy.without_reservations
    for holder, blocks in waiting.items():
        for block in blocks:
            occupant = others.first_in_the_way_of(block)
            if occupant and not isinstance(occupant, Unannounced):  # another remark is about these
                subject = "" if occupant.prefix == block else f"{occupant.prefix} "
                yield f"{block} is reserved for {holder}, but {subject}{occupant.fate}"


def _unused(waiting: dict[Holder, list[Prefix]], observed: Observed, proposal: Ledger) -> Iterator[str]:
    """The holders of other blocks, which stay theirs (S4)."""
    others: dict[Holder, list[Prefix]] = {}
    for uid, entry in proposal.entries.items():
        request = observed.requests.get(uid)
        for holder in holders_of(request) if request else ():
            if holder in waiting:
                others.setdefault(holder, []).append(entry.prefix)
    for holder, prefixes in others.items():
        yield f"{reserved_words(waiting[holder])} for {holder}, which keeps {listed(prefixes)} instead"


def _not_allowed(waiting: dict[Holder, list[Prefix]], observed: Observed) -> Iterator[str]:
    """The holders whose requests the range does not serve."""
    for holder, blocks in waiting.items():
        if not observed.allows(holder.namespace):
            yield f"{reserved_words(blocks)} for {holder}, but its namespace is not allowed"
