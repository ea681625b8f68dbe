"""Reservations: `spec.reservations`, blocks that wait for one holder and are allocated to no other request.

A holder is a request, or another object that gets addresses by requests that it controls, as an IPAddressClaim does.
The names of these can't be known in advance, so the controller in their owner references names the holder. Users that
may create requests in a namespace choose both, the names and the owner references. So a reservation is one for a
namespace, and its users decide which request is the holder.
"""

from bisect import insort
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from hooks.api import names
from hooks.api.conditions import listed
from hooks.api.kinds import RequestObject, ReservedBlock
from ipam.address import InvalidAddress, Prefix, parse_prefix
from ipam.allocate import refusal_of_block
from ipam.interval import overlapping
from ipam.pool import Pool


class Holder(NamedTuple):
    """The object for which a block is reserved."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


class Reservation(NamedTuple):
    """A block and its holder."""

    block: Prefix
    holder: Holder


def read_reservations(
    items: Sequence[ReservedBlock], pool: Pool, gateways: Sequence[Prefix], namespace: str
) -> tuple[list[Reservation], list[str]]:
    """The reservations of a range in order of addresses, and why the others are ignored.

    One that is wrong is ignored, because the list of a range in use may change. Of two that overlap the first counts.

    Args:
        items: as users write them.
        pool: that of the range, without the gateways.
        gateways: of the range, former ones included.
        namespace: of the range, and of holders without one.
    """
    reservations: list[Reservation] = []
    ignored: list[str] = []
    for index, item in enumerate(items):
        block = _read_block(item, pool, gateways)
        if isinstance(block, str):
            ignored.append(f"reservations[{index}] is ignored: {block}")
            continue
        if earlier := overlapping(reservations, block, "block"):
            reason = f"{block} overlaps {earlier[-1].block}, which is reserved for {earlier[-1].holder}"
            ignored.append(f"reservations[{index}] is ignored: {reason}")
            continue
        holder = Holder(item.holder.kind, item.holder.namespace or namespace, item.holder.name)
        insort(reservations, Reservation(block, holder), key=attrgetter("block.first"))
    return reservations, ignored


def _read_block(item: ReservedBlock, pool: Pool, gateways: Sequence[Prefix]) -> Prefix | str:
    """The block of a reservation; or why it can't be reserved."""
    try:
        block = parse_prefix(item.cidr)
    except InvalidAddress as error:
        return str(error)
    if not item.holder.name:
        return f"{block} has no holder"
    if any(gateway.overlaps(block) for gateway in gateways):
        return f"{block} has a gateway, which is not allocated"
    refused = refusal_of_block(pool, block)
    return refused.message if refused else block


def reservation_in(reservations: Sequence[Reservation], block: Prefix) -> Reservation | None:
    """The lowest reservation that has an address of a block; they are in order of addresses."""
    found = overlapping(reservations, block, "block")
    return found[0] if found and found[0].block.family is block.family else None


def reserved_words(blocks: Sequence[Prefix]) -> str:
    """The beginning of a sentence about reserved blocks."""
    return f"{listed(blocks)} {'is' if len(blocks) == 1 else 'are'} reserved"


def holders_of(request: RequestObject) -> tuple[Holder, ...]:
    """The holders that a request stands for: itself, and the object that controls it."""
    meta = request.metadata
    itself = Holder(names.REQUEST_KIND, meta.namespace, meta.name)
    controllers = (each for each in meta.owner_references if each.controller)
    return (itself, *(Holder(each.kind, meta.namespace, each.name) for each in controllers))
