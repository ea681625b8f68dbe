"""The ledger: which request holds which block, and what else of the status decides about blocks.

The fields `revision`, `allocations`, `roundRobin`, `released`, `onHold`, `closing`, `gateways`, `wasShared`,
`removable`, `withdrawn` and `observedGeneration` of the status.

The rules of this file, by the names that DESIGN.md uses:

    S1  Nothing but the ledger says whether an address is taken.
    S2  A changed ledger has the next revision; the API server accepts it only if no other change was faster.
    S4  Entries are sticky: the block of a uid never changes.

`observedGeneration` is the generation of the spec by which the ledger was proposed. As it is a part of the ledger, an
edit of the spec is fenced like a grant: once it is committed, no call that saw an older spec commits anything.

S5, by which entries leave, is in releases.py.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from msgspec import UNSET, Struct
from msgspec.structs import replace

from hooks.api.kinds import Entry, RangeStatus, RequestObject, Withdrawn
from hooks.protocol.errors import ProtocolError, excerpt
from ipam.address import Family, InvalidAddress, Prefix, format_address, read_address, read_prefix
from ipam.address_set import AddressSet
from ipam.allocate import fate_of_held
from ipam.interval import overlapping

#: The most entries that the CRD admits (crds/ipamranges.yaml).
ENTRY_COUNT_MAX = 13_000
#: etcd takes objects of 1.5 MiB. Grants end below it, so that metadata and the rest of the status have room ...
BYTES_FOR_GRANTS_MAX = 1_400_000
#: ... and so have marks for about 1,200 absent holders: a full ledger must still be able to name them.
BYTES_FOR_MARKS_MAX = 1_450_000
#: Releases are recorded last of all: requests that never held a block would otherwise wait forever.
BYTES_FOR_RELEASES_MAX = 1_490_000
#: The most releases that the CRD admits.
RELEASED_COUNT_MAX = 20_000
#: Spec and annotations of a range have this much room beside the ledger; where they take more, the ledger has less.
BYTES_FOR_THE_RANGE = 40_000

_ENTRY_BYTES = len('{"cidr":"","request":"","uid":""},')
#: Of a line with the longest cidr, but without the names and the uid of its holder.
_GRANT_BYTES = _ENTRY_BYTES + len("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128") + len("/")
ABSENT_BYTES = len(',"absentSince":"2026-11-23T19:57:49Z"')
COOLING_BYTES = len(',"releasedAt":"2026-11-23T19:57:49Z"')
_RELEASE_BYTES = len('"",')


class LedgerEntry(Struct, frozen=True, gc=False):
    """A line of the ledger with the block that its text names. A call has ten thousand, which gc need not visit."""

    prefix: Prefix
    written: Entry

    @property
    def uid(self) -> str:
        """Of the holder."""
        return self.written.uid

    @property
    def holder(self) -> str:
        """The holder as "namespace/name"."""
        return self.written.holder

    @property
    def absent_since(self) -> datetime | None:
        """When the holder was found missing without a release; None while it exists."""
        return self.written.absent_since

    @property
    def released_at(self) -> datetime | None:
        """When the holder released the block, which is cooling down since then; None while it is held."""
        return self.written.released_at

    @property
    def byte_count(self) -> int:
        """Size of the line as JSON; names and cidrs are ASCII."""
        line = self.written
        marks = (ABSENT_BYTES if line.absent_since else 0) + (COOLING_BYTES if line.released_at else 0)
        return _ENTRY_BYTES + len(line.cidr) + len(line.holder) + len(line.uid) + marks

    def marked(self, *, absent_since: datetime | None = None, released_at: datetime | None = None) -> "LedgerEntry":
        """The same line with these marks and no others."""
        return LedgerEntry(self.prefix, replace(self.written, absent_since=absent_since, released_at=released_at))

    @property
    def fate(self) -> str:
        """The holder, as the rest of a sentence."""
        return fate_of_held(self.written.holder)


@dataclass(frozen=True)
class Ledger:
    """The facts as committed at one revision.

    Attributes:
        revision: number of the last change.
        entries: by uid of the holder, in order of addresses.
        round_robin: by prefix length, the address from which the next block is looked for.
        released: uids of released requests; the latest release is the last.
        on_hold: whether only requests with a recorded address are served.
        closing: whether the range is being deleted, so that nothing is granted any more.
        gateways: the present gateway and former ones, which holders may still use (gateways.py).
        was_shared: whether requests of other namespaces could ever be served.
        removable: entries of `ranges` that may be removed from the spec (withdrawals.py).
        withdrawn: addresses that earlier extents announced and the range gave up since, in order.
        generation: that of the spec by which the ledger was proposed.
        excess_bytes: by how much spec and annotations of the range exceed BYTES_FOR_THE_RANGE.
    """

    revision: int
    entries: dict[str, LedgerEntry]
    round_robin: dict[str, str]
    released: tuple[str, ...]
    on_hold: bool
    closing: bool
    gateways: tuple[str, ...] = ()
    was_shared: bool = False
    removable: tuple[str, ...] = ()
    withdrawn: tuple[Withdrawn, ...] = ()
    generation: int = 0
    excess_bytes: int = 0

    @cached_property
    def byte_count(self) -> int:
        """Size of the entries and releases as JSON, and what the range itself takes from their room."""
        entries, released = self.entries.values(), self.released
        return self.excess_bytes + sum(each.byte_count for each in entries) + sum(map(release_byte_count, released))


def read_ledger(status: RangeStatus, family: Family | None = None, range_bytes: int = 0) -> Ledger:
    """The ledger of an observed status.

    Args:
        status: as observed.
        family: that of the range; None if it is not known.
        range_bytes: size of the range's spec and annotations as JSON.

    Raises:
        ProtocolError: if it is not one that this program wrote: unreadable, unsorted, overlapping, a uid twice, a
            cursor that is none. No answer is better than one that rests on it.
    """
    entries: dict[str, LedgerEntry] = {}
    last = -1
    for index, line in enumerate(status.allocations):
        prefix = _prefix_of(line, index)
        if prefix.family is not (family := family or prefix.family):
            raise _unusable(index, "cidr", f"is not {family.name} as the range is", line.cidr)
        if prefix.first <= last:
            raise _unusable(index, "cidr", "overlaps the entry before it, or is out of order", line.cidr)
        if line.uid in entries:
            raise _unusable(index, "uid", f"holds {entries[line.uid].written.cidr} already", excerpt(line.uid))
        last = prefix.last
        entries[line.uid] = LedgerEntry(prefix, line)
    lengths = sorted(read_cursors(status.round_robin, family))  # never in the order of the wire (S6)
    return Ledger(
        revision=0 if status.revision is UNSET else status.revision,
        entries=entries,
        round_robin={str(length): status.round_robin[str(length)] for length in lengths},
        released=tuple(status.released),
        on_hold=status.on_hold,
        closing=status.closing,
        gateways=tuple(status.gateways),
        was_shared=status.was_shared,
        removable=tuple(status.removable),
        withdrawn=tuple(status.withdrawn),
        generation=status.observed_generation,
        excess_bytes=max(range_bytes - BYTES_FOR_THE_RANGE, 0),
    )


def _prefix_of(line: Entry, index: int) -> Prefix:
    try:
        return read_prefix(line.cidr)
    except InvalidAddress as error:
        raise _unusable(index, "cidr", str(error), excerpt(line.cidr)) from error


def _unusable(index: int, field: str, message: str, value: str) -> ProtocolError:
    return ProtocolError(f"$.parent.status.allocations[{index}].{field}", message, value)


def read_cursors(texts: Mapping[str, str], family: Family | None) -> dict[int, int]:
    """The cursors of round robin, by prefix length.

    Raises:
        ProtocolError: if one can't be read.
    """
    cursors: dict[int, int] = {}
    for key, text in texts.items():
        path = f'$.parent.status.roundRobin["{key}"]'
        try:
            address, text_family = read_address(text)
        except InvalidAddress as error:
            raise ProtocolError(path, str(error), excerpt(text)) from error
        if text_family is not (family := family or text_family):
            raise ProtocolError(path, f"is not {family.name} as the range is", text)
        if key not in {str(length) for length in range(family.bits + 1)}:
            raise ProtocolError(path, f"{family.name} prefix lengths are 0..{family.bits}", excerpt(key))
        cursors[int(key)] = address
    return cursors


def written_cursors(cursors: Mapping[int, int], family: Family) -> dict[str, str]:
    """The cursors as a status has them."""
    return {str(length): format_address(address, family) for length, address in sorted(cursors.items())}


def with_grants(ledger: Ledger, grants: list[LedgerEntry], round_robin: dict[str, str]) -> Ledger:
    """The ledger with new entries, in order of addresses; and all cursors, if any has moved."""
    if not grants:
        return ledger
    entries = sorted([*ledger.entries.values(), *grants], key=_first_address)
    by_uid = {entry.uid: entry for entry in entries}
    assert len(by_uid) == len(entries), "a uid is granted a second block"
    return dataclasses.replace(ledger, entries=by_uid, round_robin=round_robin or ledger.round_robin)


def grant_count_max(ledger: Ledger, claimants: Sequence[RequestObject]) -> int:
    """How many more grants one object can record, if all were as long as the longest of these claimants can get."""
    if not claimants:
        return 0
    metas = [each.metadata for each in claimants]
    longest = max(len(meta.namespace) + len(meta.name) + len(meta.uid) for meta in metas)
    by_bytes = (BYTES_FOR_GRANTS_MAX - ledger.byte_count) // (_GRANT_BYTES + longest)
    return max(min(by_bytes, ENTRY_COUNT_MAX - len(ledger.entries)), 0)


def entries_within(ledger: Ledger, addresses: AddressSet) -> list[LedgerEntry]:
    """The entries that have an address of a set, in order of addresses."""
    entries, found = list(ledger.entries.values()) if addresses else [], dict[str, LedgerEntry]()
    for interval in addresses.intervals:
        found |= {entry.uid: entry for entry in overlapping(entries, interval, "prefix")}
    return list(found.values())


def release_byte_count(uid: str) -> int:
    """Size of a recorded release as JSON."""
    return _RELEASE_BYTES + len(uid)


def _first_address(entry: LedgerEntry) -> int:
    return entry.prefix.first
