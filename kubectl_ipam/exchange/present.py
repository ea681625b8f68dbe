"""What a cluster has already, as far as an import can be in conflict with it."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from hooks.api.names import HOLD_ANNOTATION, REQUEST_KIND, NamespacedName
from hooks.ranges.occupancy import CoolingDown, Occupancy, ReservedFor, Unannounced
from hooks.ranges.reservations import Holder
from hooks.ranges.spec import Domain, Terms
from ipam.address import Prefix
from ipam.address_set import AddressSet
from ipam.allocate import Occupant, not_free
from ipam.interval import overlapping


class PresentRange(NamedTuple):
    """A range of the cluster.

    Attributes:
        terms: what its spec says.
        occupancy: what it can't grant, and why.
        on_hold: whether it serves recorded blocks only, also those that it does not allocate any more.
        is_ending: whether it is being deleted.
    """

    terms: Terms
    occupancy: Occupancy
    on_hold: bool = False
    is_ending: bool = False

    def refusal_of(self, block: Prefix, name: NamespacedName) -> str:
        """Why the range, which has this name, would not restore a block of its addresses; "" if it would."""
        if self.is_ending:
            return f"range {name} is being deleted: name another range"
        if self.on_hold or (self.terms.pool.has(block) and not self.terms.is_closed):
            return ""
        reason = (
            f"range {name} is closed" if self.terms.is_closed else f"{block} is excluded or reserved in range {name}"
        )
        command = f"kubectl annotate iprange -n {name.namespace} {name.name} {HOLD_ANNOTATION}=restore"
        return f"{reason}, and restores such a block only on hold: {command}"


class _Taken(NamedTuple):
    """What the holders of a domain have, or had until a moment ago, in one address family."""

    addresses: AddressSet
    occupants: Sequence[Occupant]


@dataclass(frozen=True)
class Present:
    """What the cluster has already.

    Attributes:
        ranges: those whose ledger can be read.
        requests: the names of its requests.
    """

    ranges: Mapping[NamespacedName, PresentRange] = field(default_factory=dict)
    requests: Set[NamespacedName] = frozenset()

    def refusal_of(self, request: NamespacedName, block: Prefix, range_: NamespacedName, domain: Domain) -> str:
        """Why a new request would not get a block of a range; "" if the cluster does not prevent it.

        Args:
            request: its name.
            block: addresses of the range.
            range_: a range of the cluster, or another one that is imported, too.
            domain: that of the range.
        """
        present = self.ranges.get(range_)
        if present and (reason := present.refusal_of(block, range_)):
            return reason
        found = self._taken_of(domain.name, block)
        if present:
            occupancy = present.occupancy.without_reservations if present.on_hold else present.occupancy
            found += overlapping(occupancy.occupants, block, "prefix")
        occupant = next((each for each in found if not _gives_way(each, request, block)), None)
        return f"in the cluster {not_free(block, occupant)}: leave it out, or free these addresses" if occupant else ""

    def _taken_of(self, domain: str, block: Prefix) -> list[Occupant]:
        taken = self._taken.get((domain, block.family.bits))
        if taken is None or not taken.addresses.overlaps(block):
            return []
        return [each for each in taken.occupants if each.prefix.overlaps(block)]

    @cached_property
    def _taken(self) -> dict[tuple[str, int], _Taken]:
        """By domain and number of bits of its addresses."""
        groups: dict[tuple[str, int], list[Occupant]] = {}
        for domain, occupant in self._holdings():
            groups.setdefault((domain, occupant.prefix.family.bits), []).append(occupant)
        return {
            key: _Taken(AddressSet(group[0].prefix.family, (each.prefix for each in group)), group)
            for key, group in groups.items()
        }

    def _holdings(self) -> Iterator[tuple[str, Occupant]]:
        for each in self.ranges.values():
            occupants: list[Occupant] = [*each.occupancy.held, *each.occupancy.cooling]
            yield from ((each.terms.domain.name, occupant) for occupant in occupants)


def _gives_way(occupant: Occupant, request: NamespacedName, block: Prefix) -> bool:
    """Whether a request with this name gets the block nevertheless: it waits for it, or will be announced at once."""
    match occupant:
        case Unannounced():
            return True
        case CoolingDown():
            return occupant.former_holder == str(request) and occupant.prefix == block
        case ReservedFor():
            return occupant.reservation == (block, Holder(REQUEST_KIND, *request))
        case _:
            return False
