"""The ledger: who holds what. It is a range's `status.{revision,allocations,roundRobin,released,held,closing}`.

The rules of this file, by the names that DESIGN.md uses:

    S1  Nothing but the ledger says whether an address is taken.
    S2  A changed ledger has the next revision; the API server takes it only if nobody was faster.
    S4  Entries are sticky: a uid's block never changes.
    S5  An entry goes only by proof that its holder is gone:
        (a) the request is seen with a deletionTimestamp and with no finalizer but ours: that never turns back;
        (b) the annotation `ipam.mandelsoft.org/reclaim` of the range names its uid, and the request is not seen;
        (c) the range itself is being deleted, and the request has not been seen for a minute.
        Absence alone proves nothing: a stale cache or a removed label look the same. Such a holder keeps its block and
        is marked with `absentSince`.

A release is committed like a grant: the entry leaves and the uid joins `released` in one step. Only then is the request
told that it may go, and nobody whose uid is there is ever granted anything. So a cache in which the request still
lives, be it ever so old, can't make the range hold a block for somebody who is gone.

Where the range has a cool-down, the entry stays that long, with `releasedAt`: nobody's, but not free yet.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate, takewhile

import msgspec

from hooks.clocks import believed
from hooks.explain import ProtocolError, excerpt
from hooks.wire import Entry, Metadata, RangeStatus, RequestObject
from ipam.address import Family, InvalidAddress, format_address, read_address, read_prefix

#: S5 (c): how long a holder must have been absent from a range that is being deleted.
ABSENCE_BEFORE_RELEASE = timedelta(minutes=1)

#: The most entries that the CRD admits (crds/ipamranges.yaml).
ENTRY_COUNT_MAX = 13_000
#: etcd takes objects of 1.5 MiB. Grants end below it, so that metadata and the rest of the status have room ...
BYTES_FOR_GRANTS_MAX = 1_400_000
#: ... and so have marks for about 1,200 absent holders: a full ledger must still be able to say who is missing.
BYTES_FOR_MARKS_MAX = 1_450_000
#: Releases are recorded last of all: those of requests that never held a block would else wait for ever.
BYTES_FOR_RELEASES_MAX = 1_490_000
#: The most releases that the CRD admits.
RELEASED_COUNT_MAX = 20_000
#: So many releases are remembered at least, and beyond them those of requests or answers that are still seen.
RELEASED_COUNT_MIN = 1_000
#: Spec and annotations of a range have this much room beside the ledger; where they take more, the ledger has less.
BYTES_FOR_THE_RANGE = 40_000

_ENTRY_BYTES = len('{"cidr":"","request":"","uid":""},')
_CIDR_BYTES_MAX = len("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128")
_ABSENT_BYTES = len(',"absentSince":"2026-11-23T19:57:49Z"')
_COOLING_BYTES = len(',"releasedAt":"2026-11-23T19:57:49Z"')
_RELEASE_BYTES = len('"",')


@dataclass(frozen=True, slots=True)
class Ledger:
    """The facts as committed at one revision."""

    revision: int
    entries: dict[str, Entry]  # by uid of the holder; in order of addresses
    round_robin: dict[str, str]  # by prefix length: the address from which the next block is looked for
    released: tuple[str, ...]  # uids of released requests; the latest release is the last
    held: bool  # only requests with a recorded address are served
    closing: bool
    excess_bytes: int = 0  # by which spec and annotations of the range exceed BYTES_FOR_THE_RANGE

    @property
    def byte_count(self) -> int:
        """Size of the entries and releases as JSON, and what the range itself takes from their room."""
        entries, released = self.entries.values(), self.released
        return self.excess_bytes + sum(map(entry_byte_count, entries)) + sum(map(_release_byte_count, released))

    def cooling_ends(self, cooldown: timedelta) -> list[datetime]:
        """When the blocks that cool down will be free."""
        return [entry.released_at + cooldown for entry in self.entries.values() if entry.released_at]


@dataclass(frozen=True, slots=True)
class Sightings:
    """What one call sees of holders, by uid. Who is present holds on, whatever else is said of it."""

    present: Collection[str]  # requests that are there and not released, or can't be read
    released: Collection[str]  # proof (a)
    reclaimed: Collection[str]  # proof (b), if absent
    answered: Collection[str]  # whom an allocation answers
    on_hold: bool  # the range's owner wants it held
    closing: bool  # the range is being deleted: proof (c), if absent for long enough


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
    entries: dict[str, Entry] = {}
    last = -1
    for index, entry in enumerate(status.allocations):
        path = f"$.parent.status.allocations[{index}]"
        try:
            prefix = read_prefix(entry.cidr)
        except InvalidAddress as error:
            raise ProtocolError(f"{path}.cidr", str(error), excerpt(entry.cidr)) from error
        if prefix.family is not (family := family or prefix.family):
            raise ProtocolError(f"{path}.cidr", f"is not {family.name} as the range is", entry.cidr)
        if prefix.first <= last:
            raise ProtocolError(f"{path}.cidr", "overlaps the entry before it, or is out of order", entry.cidr)
        if entry.uid in entries:
            raise ProtocolError(f"{path}.uid", f"holds {entries[entry.uid].cidr} already", excerpt(entry.uid))
        last = prefix.last
        entries[entry.uid] = entry
    lengths = sorted(read_cursors(status.round_robin, family))  # never in the order of the wire (S6)
    round_robin = {str(length): status.round_robin[str(length)] for length in lengths}
    revision = 0 if status.revision is msgspec.UNSET else status.revision
    excess_bytes = max(range_bytes - BYTES_FOR_THE_RANGE, 0)
    released = tuple(status.released)
    return Ledger(revision, entries, round_robin, released, status.held, status.closing, excess_bytes)


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
    """The cursors as a status holds them."""
    return {str(length): format_address(address, family) for length, address in sorted(cursors.items())}


def settled(ledger: Ledger, seen: Sightings, now: datetime, cooldown: timedelta = timedelta()) -> Ledger:
    """The ledger after releases, absent holders marked; of the same revision, as nothing is committed.

    Args:
        ledger: as observed.
        seen: the proofs of this call.
        now: when it takes place.
        cooldown: for how long a released block can't be granted again; a range that is being deleted has none.
    """
    closing = ledger.closing or seen.closing
    cooldown = timedelta() if closing else cooldown
    freed = {uid for uid, entry in ledger.entries.items() if _is_released(entry, seen, now)}
    if cooldown:
        freed = _within_budget(ledger, freed)
    entries: dict[str, Entry] = {}
    for uid, entry in ledger.entries.items():
        kept = _cooling(entry, now, cooldown) if entry.released_at or uid in freed else _held(entry, seen, now)
        if kept:
            entries[uid] = kept
    kept_ledger = _with_marks(replace(ledger, entries=entries, held=seen.on_hold, closing=closing), seen, now)
    holding = {uid for uid, entry in ledger.entries.items() if not entry.released_at} - freed
    unrecorded = set(seen.released) - set(ledger.released) - holding
    # Holders first: their entries have made room.
    in_order = sorted(unrecorded, key=lambda uid: (uid not in ledger.entries, uid))
    return _with_releases(kept_ledger, in_order, seen) if in_order else kept_ledger


def _is_released(entry: Entry, seen: Sightings, now: datetime) -> bool:
    """Whether there is proof that the holder of an entry is gone (S5)."""
    if entry.uid in seen.present or entry.released_at:
        return False
    if entry.uid in seen.released or entry.uid in seen.reclaimed:
        return True
    return seen.closing and entry.absent_since is not None and now - entry.absent_since >= ABSENCE_BEFORE_RELEASE


def _within_budget(ledger: Ledger, freed: Collection[str]) -> set[str]:
    """As many of them as can cool down now: that makes a ledger longer. The others wait until it is shorter again."""
    room = BYTES_FOR_RELEASES_MAX - ledger.byte_count
    costs = accumulate(_COOLING_BYTES + _release_byte_count(uid) for uid in sorted(freed))
    return {uid for uid, cost in zip(sorted(freed), costs, strict=True) if cost <= room}


def _cooling(entry: Entry, now: datetime, cooldown: timedelta) -> Entry | None:
    """A released entry, as long as it cools down."""
    since = believed(entry.released_at or now, now)
    if not cooldown or now - since >= cooldown:
        return None
    return msgspec.structs.replace(entry, absent_since=None, released_at=since)


def _held(entry: Entry, seen: Sightings, now: datetime) -> Entry:
    """An entry that stays; a holder that is there again loses its mark, and that of a wrong clock is put right."""
    if entry.absent_since is None:
        return entry
    since = None if entry.uid in seen.present else believed(entry.absent_since, now)
    return entry if since == entry.absent_since else msgspec.structs.replace(entry, absent_since=since)


def _with_marks(ledger: Ledger, seen: Sightings, now: datetime) -> Ledger:
    """The ledger with as many absent holders marked as have room."""
    unmarked = [
        entry
        for uid, entry in ledger.entries.items()
        if not (uid in seen.present or uid in seen.released or entry.absent_since or entry.released_at)
    ]
    room = (BYTES_FOR_MARKS_MAX - ledger.byte_count) // _ABSENT_BYTES if unmarked else 0
    if room < len(unmarked):  # this is a write, so that what may be forgotten can go with it
        ledger = replace(ledger, released=_remembered(ledger.released, seen))
        room = (BYTES_FOR_MARKS_MAX - ledger.byte_count) // _ABSENT_BYTES
    marked = {each.uid: msgspec.structs.replace(each, absent_since=now) for each in unmarked[: max(room, 0)]}
    return replace(ledger, entries=ledger.entries | marked) if marked else ledger


def _with_releases(ledger: Ledger, unrecorded: list[str], seen: Sightings) -> Ledger:
    """The ledger with as many releases recorded as have room.

    The oldest ones of whom nothing is seen any more are forgotten with it, but not for its own sake: forgetting alone
    would be one more write.
    """
    room = BYTES_FOR_RELEASES_MAX - ledger.byte_count
    new = unrecorded[: RELEASED_COUNT_MAX - len(ledger.released)]
    fitting = takewhile(lambda byte_count: byte_count <= room, accumulate(map(_release_byte_count, new)))
    return replace(ledger, released=_remembered((*ledger.released, *new[: len(list(fitting))]), seen))


def _remembered(released: tuple[str, ...], seen: Sightings) -> tuple[str, ...]:
    """The latest releases, and of the older ones those of whom something is still seen."""
    old, late = released[:-RELEASED_COUNT_MIN], released[-RELEASED_COUNT_MIN:]
    return (*(uid for uid in old if uid in seen.present or uid in seen.released or uid in seen.answered), *late)


def with_grants(ledger: Ledger, grants: list[Entry], round_robin: dict[str, str]) -> Ledger:
    """The ledger with new entries, in order of addresses; and all cursors, if any has moved."""
    if not grants:
        return ledger
    entries = sorted([*ledger.entries.values(), *grants], key=_first_address)
    by_uid = {entry.uid: entry for entry in entries}
    assert len(by_uid) == len(entries), "a uid is granted a second block"
    return replace(ledger, entries=by_uid, round_robin=round_robin or ledger.round_robin)


def grant_count_max(ledger: Ledger, claimants: Iterable[RequestObject]) -> int:
    """How many more grants one object can record, if all were as long as the longest of these claimants can get."""
    longest = max((_grant_byte_count_max(each.metadata) for each in claimants), default=1)
    by_bytes = (BYTES_FOR_GRANTS_MAX - ledger.byte_count) // longest
    return max(min(by_bytes, ENTRY_COUNT_MAX - len(ledger.entries)), 0)


def _first_address(entry: Entry) -> int:
    return read_prefix(entry.cidr).first


def entry_byte_count(entry: Entry) -> int:
    """Size of an entry as JSON; names and cidrs are ASCII."""
    marks = (_ABSENT_BYTES if entry.absent_since else 0) + (_COOLING_BYTES if entry.released_at else 0)
    return _ENTRY_BYTES + len(entry.cidr) + len(entry.request) + len(entry.uid) + marks


def _grant_byte_count_max(meta: Metadata) -> int:
    return _ENTRY_BYTES + _CIDR_BYTES_MAX + len(f"{meta.namespace}/{meta.name}") + len(meta.uid)


def _release_byte_count(uid: str) -> int:
    return _RELEASE_BYTES + len(uid)
