"""The ledger: who holds what. It is `revision`, `allocations` and `closing` in the status of a range.

The rules of this file, by the names that DESIGN.md uses:

    S1  Nothing but the ledger says whether an address is taken.
    S2  A changed ledger has the next revision; the API server takes it only if nobody was faster.
    S4  Entries are sticky: a uid's block never changes.
    S5  An entry goes only by proof that its holder is gone:
        (a) the request is seen with a deletionTimestamp and with no finalizer but ours: that never turns back. An
            allocation in state Released says the same, because it is written upon seeing just that;
        (b) the annotation `ipam.mandelsoft.org/reclaim` of the range names its uid, and the request is not seen;
        (c) the range itself is being deleted, and the request has not been seen for a minute.
        Absence alone proves nothing: a stale cache or a removed label look the same. Such a holder keeps its block and
        is marked with `absentSince`.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from hooks.explain import ProtocolError
from hooks.wire import Entry, RangeStatus
from ipam.address import Family, InvalidAddress, read_prefix

#: S5 (c): how long a holder must have been absent from a range that is being deleted.
ABSENCE_BEFORE_RELEASE = timedelta(minutes=1)

#: The most entries that the CRD admits (crds/ipamranges.yaml).
ENTRY_COUNT_MAX = 13_000
#: etcd takes objects of 1.5 MiB. Grants end below it, so that metadata and the rest of the status have room ...
BYTES_FOR_GRANTS_MAX = 1_400_000
#: ... and so have marks for about 1,200 absent holders: a full ledger must still be able to say who is missing.
BYTES_FOR_MARKS_MAX = 1_450_000

_ENTRY_BYTES = len('{"cidr":"","request":"","uid":""},')
_MARK_BYTES = len(',"absentSince":"2026-11-23T19:57:49Z"')


@dataclass(frozen=True, slots=True)
class Ledger:
    """The facts as committed at one revision."""

    revision: int
    entries: dict[str, Entry]  # by uid of the holder; in order of addresses
    closing: bool

    @property
    def byte_count(self) -> int:
        """Size of the entries as JSON."""
        return sum(entry_byte_count(entry) for entry in self.entries.values())


@dataclass(frozen=True, slots=True)
class Sightings:
    """What one call sees of holders, by uid. Who is present holds on, whatever else is said of it."""

    present: Collection[str]  # requests that are there and not released, or can't be read
    released: Collection[str]  # proof (a): requests that are going, and allocations in state Released
    reclaimed: Collection[str]  # proof (b), if absent
    closing: bool  # the range is being deleted: proof (c), if absent for long enough


def read_ledger(status: RangeStatus, family: Family | None = None) -> Ledger:
    """The ledger of an observed status.

    Args:
        status: as observed.
        family: that of the range; None if it is not known.

    Raises:
        ProtocolError: if it is not one that this program wrote: unreadable, unsorted, overlapping, a uid twice. No
            answer is better than one that rests on it.
    """
    entries: dict[str, Entry] = {}
    last = -1
    for index, entry in enumerate(status.allocations):
        path = f"$.parent.status.allocations[{index}]"
        try:
            prefix = read_prefix(entry.cidr)
        except InvalidAddress as error:
            raise ProtocolError(f"{path}.cidr", str(error), entry.cidr) from error
        if prefix.family is not (family := family or prefix.family):
            raise ProtocolError(f"{path}.cidr", f"is not {family.name} as the range is", entry.cidr)
        if prefix.first <= last:
            raise ProtocolError(f"{path}.cidr", "overlaps the entry before it, or is out of order", entry.cidr)
        if entry.uid in entries:
            raise ProtocolError(f"{path}.uid", f"holds {entries[entry.uid].cidr} already", entry.uid)
        last = prefix.last
        entries[entry.uid] = entry
    revision = 0 if status.revision is msgspec.UNSET else status.revision
    return Ledger(revision, entries, status.closing)


def settled(ledger: Ledger, seen: Sightings, now: datetime) -> Ledger:
    """The ledger without the released entries, absent holders marked; of the same revision, as nothing is committed."""
    kept: dict[str, Entry] = {}
    unmarked: list[str] = []
    for uid, entry in ledger.entries.items():
        if uid in seen.present:
            kept[uid] = entry if entry.absent_since is None else msgspec.structs.replace(entry, absent_since=None)
        elif not _is_released(entry, seen, now):
            kept[uid] = entry
            if entry.absent_since is None:
                unmarked.append(uid)
    room = (BYTES_FOR_MARKS_MAX - ledger.byte_count) // _MARK_BYTES if unmarked else 0
    for uid in unmarked[: max(room, 0)]:
        kept[uid] = msgspec.structs.replace(kept[uid], absent_since=now)
    return replace(ledger, entries=kept, closing=ledger.closing or seen.closing)


def _is_released(entry: Entry, seen: Sightings, now: datetime) -> bool:
    """Whether there is proof that the holder of an entry, which is not present, is gone."""
    if entry.uid in seen.released or entry.uid in seen.reclaimed:
        return True
    return seen.closing and entry.absent_since is not None and now - entry.absent_since >= ABSENCE_BEFORE_RELEASE


def with_grants(ledger: Ledger, grants: list[Entry]) -> Ledger:
    """The ledger with new entries, in order of addresses."""
    if not grants:
        return ledger
    entries = sorted([*ledger.entries.values(), *grants], key=_first_address)
    by_uid = {entry.uid: entry for entry in entries}
    assert len(by_uid) == len(entries), "a uid is granted a second block"
    return replace(ledger, entries=by_uid)


def fitting_count(ledger: Ledger, grants: list[Entry | None]) -> int:
    """How many of the outcomes, from the first one on, one object can record; None is one that needs no entry."""
    if not grants:
        return 0
    byte_count, entry_count = ledger.byte_count, len(ledger.entries)
    for index, entry in enumerate(grants):
        if entry:
            byte_count += entry_byte_count(entry)
            entry_count += 1
            if byte_count > BYTES_FOR_GRANTS_MAX or entry_count > ENTRY_COUNT_MAX:
                return index
    return len(grants)


def _first_address(entry: Entry) -> int:
    return read_prefix(entry.cidr).first


def entry_byte_count(entry: Entry) -> int:
    """Size of an entry as JSON; names and cidrs are ASCII."""
    mark = _MARK_BYTES if entry.absent_since else 0
    return _ENTRY_BYTES + len(entry.cidr) + len(entry.request) + len(entry.uid) + mark
