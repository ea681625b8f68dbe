"""Where addresses are: for a block, an address or a text, what each range of a snapshot knows of it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ipam.address import InvalidAddress, Prefix, parse_prefix
from ipam.address_set import AddressSet
from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.objects import Request
from kubectl_ipam.output.words import span
from kubectl_ipam.snapshot import Snapshot
from kubectl_ipam.views import Piece, RangeView, State

#: What is meant as an address or a CIDR; everything else is a text to search for.
_ADDRESS_LIKE = re.compile(r"([0-9]+\.[0-9.]+|[0-9a-fA-F]*:[0-9a-fA-F:.]*)(/.*)?")


#: Where a text is searched: these parts of each request.
SEARCHED = "name, labels, owners, uid or block"


class Found(NamedTuple):
    """A piece of a range that has something of what was asked for.

    Attributes:
        view: the range.
        piece: the piece, cut to what was asked for unless it is a block.
        request: the request that holds it, if it was read.
        holder_fault: why it was not, as the rest of a sentence; "" if it was, or if there is no holder.
        why: the rest of a sentence that begins with its addresses.
    """

    view: RangeView
    piece: Piece
    request: Request | None
    holder_fault: str
    why: str


@dataclass(frozen=True)
class Lookup:
    """What was found.

    Attributes:
        found: in order of range and address; those of a range that was made from a block before that block.
        neighbours: if no range has any of it, sentences about the nearest ranges.
    """

    found: list[Found]
    neighbours: list[str]


def read_block(text: str) -> Prefix | None:
    """The block that an argument names; None if it is a text to search for.

    Raises:
        Unanswerable: if it is meant as an address, but is none.
    """
    try:
        return parse_prefix(text)
    except InvalidAddress as error:
        if _ADDRESS_LIKE.fullmatch(text):
            raise Unanswerable(str(error)) from error
        return None


def lookup(views: Sequence[RangeView], block: Prefix) -> Lookup:
    """What the ranges know of a block."""
    innermost_first = sorted(views, key=lambda view: -len(view.ranges_above))
    found = [each for view in innermost_first for each in _in_range(view, block)]
    return Lookup(found, [] if found else list(_neighbours(views, block)))


def _in_range(view: RangeView, block: Prefix) -> Iterator[Found]:
    if view.fault or view.terms.invalid_reason or view.family is not block.family:
        return
    for piece in _overlapping(view.pieces, block):
        cut = piece if piece.block else _cut(piece, block)
        entry = view.entry_of(piece)
        request, fault = (view.request_of(entry), view.holder_fault(entry)) if entry else (None, "")
        yield Found(view, cut, request, fault, _why(view, cut, block))


def _overlapping(pieces: Sequence[Piece], block: Prefix) -> list[Piece]:
    return [piece for piece in pieces if piece.first <= block.last and block.first <= piece.last]


def _cut(piece: Piece, block: Prefix) -> Piece:
    return piece._replace(first=max(piece.first, block.first), last=min(piece.last, block.last))


def _why(view: RangeView, piece: Piece, block: Prefix) -> str:
    pool, single = view.terms.pool, Prefix(piece.first, view.family.bits, view.family)
    if piece.state is State.FREE and block.length == view.family.bits and pool.reserved and pool.reserves(single):
        role = pool.reserved.role_of(single.first)
        return f"is the {role} of {pool.reserved.network_of(single.first)}: allocated only inside larger blocks"
    if piece.state is State.FREE:
        reason = "being deleted" if view.range.metadata.deletion_timestamp else "on hold" if view.ledger.on_hold else ""
        return f"is free, but the range is {reason}" if reason else "is free"
    if piece.state is State.RETIRED and piece.first == piece.last and view.terms.gateway == single:
        return "is the gateway"
    if piece.state is State.RETIRED_HELD:
        return f"{piece.fate}, although it is retired"
    return piece.fate


def _neighbours(views: Sequence[RangeView], block: Prefix) -> Iterator[str]:
    """The ranges next to a block, below and above."""
    readable = [each for each in views if not (each.fault or each.terms.invalid_reason)]
    all_ = [(view, each) for view in readable if view.family is block.family for each in view.addresses.intervals]
    below = [item for item in all_ if item[1].last < block.first]
    above = [item for item in all_ if item[1].first > block.last]
    if below:
        view, each = max(below, key=lambda item: item[1].last)
        yield f"the nearest range below is {view.name} with {span(each.first, each.last, view.family)}"
    if above:
        view, each = min(above, key=lambda item: item[1].first)
        yield f"the nearest range above is {view.name} with {span(each.first, each.last, view.family)}"


def matching_requests(snapshot: Snapshot, text: str) -> list[Request]:
    """The requests that have a text in one of the parts that `SEARCHED` names, in any case, in order of name."""
    wanted = text.lower()
    return [each for _, each in sorted(snapshot.requests.items()) if wanted in _searched(each)]


def _searched(request: Request) -> str:
    meta = request.metadata
    owners = (f"{owner.kind}/{owner.name}" for owner in meta.owner_references)
    labels = (f"{key}={value}" for key, value in meta.labels.items())
    return "\n".join([str(meta.namespaced_name), meta.uid, request.status.cidr, *labels, *owners]).lower()


def uncovered(found: Sequence[Found], block: Prefix) -> AddressSet:
    """What no range has of a block."""
    return AddressSet(block.family, [block]) - AddressSet(block.family, [each.piece for each in found])
