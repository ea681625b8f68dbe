"""What the hooks would see of one range, and what of its addresses is free and why the rest is not.

Everything here is computed by the code of the hooks, from the objects of a snapshot: the picture and the product can't
disagree.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from hooks.api import names
from hooks.api.kinds import RangeStatus, RequestObject
from hooks.api.names import domain_label
from hooks.protocol.bodies import RangeBody
from hooks.protocol.errors import ProtocolError
from hooks.ranges.cells import cells_to_ask_for
from hooks.ranges.delegation import Delegation
from hooks.ranges.extents import Extents, observe_extents
from hooks.ranges.grants import Grants, grant
from hooks.ranges.ledger import Ledger, LedgerEntry
from hooks.ranges.observed import Observed
from hooks.ranges.occupancy import CoolingDown, Occupancy, OwnedByOlder, ReservedFor, Unannounced, occupancy_of
from hooks.ranges.spec import Terms, read_terms
from ipam.address import Family, Prefix
from ipam.address_set import AddressSet
from ipam.allocate import Decision, Occupant, allocate
from kubectl_ipam import resources
from kubectl_ipam.objects import Range, Request
from kubectl_ipam.snapshot import Snapshot


class State(StrEnum):
    """What an address of a range is. The value is its name in every output."""

    FREE = "free"
    HELD = "held"
    COOLING = "cooling down"
    RESERVED = "reserved"
    RETIRED = "retired"
    RETIRED_HELD = "retired, held"
    OLDER = "owned by an older range"
    UNANNOUNCED = "not announced yet"


class Piece(NamedTuple):
    """Neighbouring addresses of a range that are in the same state for the same reason.

    Attributes:
        first, last: the addresses.
        state: theirs.
        holder: "namespace/name" of the request that holds or held them, or of what they wait for; "" if there is none.
        fate: what became of them, as the rest of a sentence; "" if they are free.
        block: the block that they make up or are a part of; None if they are free or retired.
    """

    first: int
    last: int
    state: State
    holder: str = ""
    fate: str = ""
    block: Prefix | None = None

    @property
    def address_count(self) -> int:
        """Number of addresses."""
        return self.last - self.first + 1


class RangeView:
    """One range of a snapshot, as a call of its hook would see it.

    Attributes:
        snapshot: where it is from.
        range: the object.
        name: its name.
        now: the time for which it is judged.
        fault: why the ledger can't be read; "" if it can. Then nothing else can be asked.
    """

    def __init__(self, snapshot: Snapshot, range_: Range, now: datetime | None = None) -> None:
        """Prepare; nothing is computed before it is asked for."""
        self.snapshot = snapshot
        self.range = range_
        self.name = range_.metadata.namespaced_name
        self.now = now or snapshot.taken_at
        self.fault = ""
        try:
            self._observed: Observed | None = Observed(self._body())
        except ProtocolError as error:
            self._observed, self.fault = None, str(error)

    @property
    def observed(self) -> Observed:
        """What a call would see."""
        assert self._observed is not None, "a range with a fault was asked for more"
        return self._observed

    @cached_property
    def terms(self) -> Terms:
        """What its spec says; if its ledger can't be read, without what that says about the spec."""
        return self._observed.terms if self._observed else read_terms(self.name, self.range.spec, RangeStatus())

    @cached_property
    def delegator(self) -> Request | None:
        """The request with the name of that from whose block it was made; None if there is none."""
        found = self.range.delegated_from
        return self.snapshot.requests.get(f"{self.name.namespace}/{found.name}") if found else None

    @cached_property
    def delegation(self) -> Delegation | None:
        """What its hook says about that request; None if its owner made it."""
        return None if self.fault else self.observed.delegation

    @property
    def lacks_delegator(self) -> bool:
        """Whether the request from whose block it was made does not exist; not if it can't be read."""
        found = self.range.delegated_from
        return found is not None and self.snapshot.lacks(resources.REQUESTS, f"{self.name.namespace}/{found.name}")

    def refuses(self, namespace: str) -> bool:
        """Whether requests of a namespace are not served; not if that depends on labels that were not read."""
        is_known = self.terms.allowed.source != "Selector" or resources.NAMESPACES in self.snapshot.raw
        return is_known and not self.observed.allows(namespace)

    @cached_property
    def ranges_above(self) -> list[Range]:
        """The ranges from which its addresses were delegated, the nearest first; none if its owner made it."""
        ranges, requests = self.snapshot.ranges, self.snapshot.requests
        found, range_ = list[Range](), self.range
        while (delegator := range_.delegated_from) and range_ not in found[:-1]:
            request = requests.get(f"{range_.metadata.namespace}/{delegator.name}")
            above = ranges.get(str(request.range_name)) if request else None
            if above is None:
                break
            found.append(above)
            range_ = above
        return found

    @property
    def outermost(self) -> "RangeView":
        """The range that its owner made, from which its addresses were delegated; itself if they were not."""
        return RangeView(self.snapshot, self.ranges_above[-1], self.now) if self.ranges_above else self

    @property
    def ledger(self) -> Ledger:
        """The ledger."""
        return self.observed.ledger

    @cached_property
    def in_ledger(self) -> AddressSet:
        """The addresses of all entries of the ledger: of blocks that are held, or cool down."""
        return AddressSet(self.family, (entry.prefix for entry in self.ledger.entries.values()))

    @property
    def family(self) -> Family:
        """The address family."""
        return self.terms.pool.family

    @cached_property
    def extents(self) -> Extents:
        """Its place in its domain; if extents were not read, as if it shared no address."""
        if resources.EXTENTS not in self.snapshot.raw:
            nothing = AddressSet(self.family)
            return Extents(self.terms.domain, [], nothing, nothing, [], [])
        return observe_extents(self.observed, self.now)

    @cached_property
    def occupancy(self) -> Occupancy:
        """What can't be granted, and why."""
        return occupancy_of(self.ledger, self.extents, self.terms)

    @cached_property
    def decision(self) -> Decision | None:
        """What is free; None if the spec is invalid."""
        return None if self.terms.invalid_reason else allocate(self.terms.pool, self.occupancy.occupants, [])

    @cached_property
    def requests(self) -> list[Request]:
        """The requests that name this range, allowed or not, in order of name."""
        return self.snapshot.requests_by_range.get(str(self.name), [])

    @cached_property
    def unserved(self) -> list[Request]:
        """Those of them that hold no block and are not being deleted, the oldest first."""
        held = self.ledger.entries
        found = [
            each
            for each in self.requests
            if each.metadata.uid not in held and not each.status.cidr and each.metadata.deletion_timestamp is None
        ]
        return sorted(found, key=lambda each: (each.metadata.creation_timestamp, str(each.metadata.namespaced_name)))

    @property
    def waiting(self) -> list[Request]:
        """Those of the unserved that may be served one day."""
        return [each for each in self.unserved if each.status.state != "Invalid"]

    @cached_property
    def grants(self) -> Grants:
        """What the next call would decide about requests that wait."""
        return grant(self.observed, self.ledger, self.occupancy, self.extents)

    def refusal_of(self, request: Request) -> str:
        """Why a request does not get a block at the moment; "" if it does, or is not judged at all."""
        refused = self.grants.refusals.get(request.metadata.uid)
        return refused.message if refused else ""

    def request_of(self, entry: LedgerEntry) -> Request | None:
        """The request that holds a block, if it still exists and was read."""
        return self.snapshot.requests_by_uid.get(entry.uid)

    def holder_fault(self, entry: LedgerEntry) -> str:
        """Why there is no request of a holder, as the rest of a sentence; "" if there is one."""
        if self.request_of(entry):
            return ""
        return "does not exist" if self.snapshot.lacks(resources.REQUESTS, entry.holder, entry.uid) else "can't be read"

    def entry_of(self, piece: Piece) -> LedgerEntry | None:
        """The holder of a piece; None if nothing of it is held."""
        return self._entries_by_block.get(piece.block) if piece.state in (State.HELD, State.RETIRED_HELD) else None

    @cached_property
    def _entries_by_block(self) -> dict[Prefix | None, LedgerEntry]:
        return {entry.prefix: entry for entry in self.occupancy.held}

    @cached_property
    def addresses(self) -> AddressSet:
        """All addresses of its `ranges`; without any, if the spec is invalid."""
        return self.terms.pool.addresses

    @cached_property
    def pieces(self) -> list[Piece]:
        """All its addresses in order, none of them twice."""
        occupants = self.occupancy.occupants
        left = self.terms.pool.addresses - AddressSet(self.family, (each.prefix for each in occupants))
        gateways = AddressSet(self.family, filter(None, (self.terms.gateway, *self.terms.former_gateways)))
        usable = self.terms.pool.usable
        pieces = [
            *_pieces_of(left & gateways, State.RETIRED, "is a gateway"),
            *_pieces_of(left - usable - gateways, State.RETIRED, "is excluded"),
        ]
        if self.terms.is_closed:
            pieces += _pieces_of(left & usable, State.RETIRED, "is retired: the range is closed")
        else:
            pieces += _pieces_of(left & usable, State.FREE, "")
        return sorted([*pieces, *(self._piece(each) for each in occupants)])

    def _piece(self, occupant: Occupant) -> Piece:
        block = occupant.prefix
        return Piece(block.first, block.last, self._state_of(occupant), _holder(occupant), _fate(occupant), block)

    def _state_of(self, occupant: Occupant) -> State:
        if isinstance(occupant, LedgerEntry):
            return State.RETIRED_HELD if self.terms.retired.overlap_with(occupant.prefix) else State.HELD
        return _STATES[type(occupant)]

    def _body(self) -> RangeBody:
        """The body of a call for this range."""
        raw, uid = self.snapshot.raw, self.range.metadata.uid
        own = {
            names.SLICE_KEY: {k: raw[resources.SLICES][k] for k in _controlled(self.snapshot.slices, uid)},
            names.EXTENT_KEY: {k: raw[resources.EXTENTS][k] for k in _controlled(self.snapshot.extents, uid)},
        }
        return RangeBody(
            parent=self.range.for_hooks,
            children=own,
            requests=self._related(),
            raw_requests={},
            namespaces=raw.get(resources.NAMESPACES, {}),
            extents={key: raw[resources.EXTENTS][key] for key in self._related_extents()},
            finalizing=self.range.metadata.deletion_timestamp is not None,
        )

    def _related_extents(self) -> list[str]:
        """The keys of the extents with which it may have addresses in common, selected as its customize hook does."""
        terms = read_terms(self.name, self.range.spec, self.range.status)
        domain, by_cell = domain_label(terms.domain.name), self.snapshot.extents_by_cell
        cells = None if terms.invalid_reason else cells_to_ask_for(terms.pool.addresses)
        if cells is None:
            return [key for (its_domain, _), keys in by_cell.items() if its_domain == domain for key in keys]
        return [key for cell in cells for key in by_cell.get((domain, cell), ())]

    def _related(self) -> Mapping[str, RequestObject]:
        """The requests that name it, and the one from whose block it was made, as the hooks read them."""
        found = list(self.snapshot.requests_by_range.get(str(self.range.metadata.namespaced_name), []))
        if request := self.delegator:
            found.append(request)
        return {str(each.metadata.namespaced_name): each.for_hooks for each in found}


def _pieces_of(addresses: AddressSet, state: State, fate: str) -> list[Piece]:
    return [Piece(each.first, each.last, state, fate=fate) for each in addresses.intervals]


_STATES: dict[type, State] = {
    CoolingDown: State.COOLING,
    OwnedByOlder: State.OLDER,
    Unannounced: State.UNANNOUNCED,
    ReservedFor: State.RESERVED,
}


def _holder(occupant: Occupant) -> str:
    match occupant:
        case LedgerEntry():
            return occupant.holder
        case CoolingDown():
            return occupant.former_holder
        case ReservedFor():
            return str(occupant.reservation.holder)
        case _:
            return ""


def _fate(occupant: Occupant) -> str:
    return f"is held by {occupant.holder}" if isinstance(occupant, LedgerEntry) else occupant.fate


def _controlled(objects: Mapping[str, object], uid: str) -> list[str]:
    """The keys of the objects that an owner controls."""
    return [
        key
        for key, each in objects.items()
        if (controller := each.metadata.controller) and controller.uid == uid  # type: ignore[attr-defined]
    ]


def views_in(snapshot: Snapshot, namespace: str | None) -> list[RangeView]:
    """The ranges of a namespace, or all, in order of name."""
    found = (each for _, each in sorted(snapshot.ranges.items()))
    return [RangeView(snapshot, each) for each in found if namespace in (None, each.metadata.namespace)]
