"""Releases: which holders no longer exist, by proof, and what the ledger keeps of them.

S5: an entry leaves only by proof that its holder no longer exists:

    (a) the request is observed with a deletionTimestamp and with no finalizer but ours: no update undoes that, and a
        second deletion, which could, is rejected (policy `ipamrequests-deletion`). If it names a range to which its
        block was delegated, also with the mark that this range is finished (delegation.py), or with its uid in the
        annotation of (b), by which the owner declares that this range does not exist any more;
    (b) the annotation `ipam.mandelsoft.org/reclaim` of the range names its uid, and the request has not been observed
        for a minute.

Absence alone proves nothing, not even while the range is being deleted: a stale cache or a missing label look the same.
Such a holder keeps its block and is marked with `absentSince`.

A release is committed like a grant: the entry leaves and the uid joins `released` in one step. Only then is the request
released, and no request whose uid is there is ever granted anything. So a cache in which the request still lives,
however old, can't make the range hold a block for a request that no longer exists.

Where the range has a cool-down, the entry stays that long, with `releasedAt`: held by no request, but not free yet. The
annotation `ipam.mandelsoft.org/end-cooldown` of the range ends it for the uids that it names: like (b) by uid, because
a uid never has another block, so that an old annotation ends nothing else.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate, takewhile

from hooks.api.times import plausible
from hooks.ranges.ledger import (
    ABSENT_BYTES,
    BYTES_FOR_MARKS_MAX,
    BYTES_FOR_RELEASES_MAX,
    COOLING_BYTES,
    RELEASED_COUNT_MAX,
    Ledger,
    LedgerEntry,
    release_byte_count,
)

#: S5 (b): how long a holder must have been absent before it can be reclaimed.
ABSENCE_BEFORE_RECLAIM = timedelta(minutes=1)
#: At least so many releases are remembered, and beyond them those of requests or answers that are still observed.
RELEASED_COUNT_MIN = 1_000


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one call observed about holders, by uid. A holder that is present keeps its block, whatever the rest says.

    Attributes:
        present: requests that exist and are not released, or can't be read.
        deleted: proof (a), with the time of the deletion by the API server's clock.
        reclaimed: proof (b), if absent for long enough.
        cooled: former holders whose blocks need not cool down any longer.
        answered: uids to which an answer exists.
        closing: the range is being deleted.
    """

    present: Collection[str]
    deleted: Mapping[str, datetime]
    reclaimed: Collection[str]
    cooled: Collection[str]
    answered: Collection[str]
    closing: bool


def after_releases(ledger: Ledger, evidence: Evidence, now: datetime, cooldown: timedelta = timedelta()) -> Ledger:
    """The ledger after releases, absent holders marked; of the same revision, as nothing is committed.

    Args:
        ledger: as observed.
        evidence: of this call.
        now: when it takes place.
        cooldown: for how long a released block can't be granted again; a range that is being deleted has none.
    """
    closing = ledger.closing or evidence.closing
    cooldown = timedelta() if closing else cooldown
    freed = _freed(ledger, evidence, now)
    if cooldown:
        freed = _within_budget(ledger, freed)
    entries: dict[str, LedgerEntry] = {}
    for uid, entry in ledger.entries.items():
        if uid in freed or entry.written.released_at:
            if cooling := _cooling_entry(entry, evidence, now, cooldown):
                entries[uid] = cooling
        else:
            entries[uid] = _held_entry(entry, evidence, now) if entry.written.absent_since else entry
    kept_ledger = replace(ledger, entries=entries, closing=closing)
    marked_ledger = _with_absence_marks(kept_ledger, evidence, now)
    return _with_releases(marked_ledger, _unrecorded(ledger, freed, evidence), evidence, before=ledger)


def _unrecorded(ledger: Ledger, freed: set[str], evidence: Evidence) -> list[str]:
    """The releases to be recorded: those of holders first, as their entries have made room."""
    new = set(evidence.deleted) - set(ledger.released)
    if not new:
        return []
    holding = {uid for uid in new & ledger.entries.keys() if not ledger.entries[uid].released_at} - freed
    return sorted(new - holding, key=lambda uid: (uid not in ledger.entries, uid))


def _freed(ledger: Ledger, evidence: Evidence, now: datetime) -> set[str]:
    """The holders that no longer exist (S5)."""
    candidates = ledger.entries.keys() & {*evidence.deleted, *evidence.reclaimed}
    return {uid for uid in candidates if _is_released(ledger.entries[uid], evidence, now)}


def _is_released(entry: LedgerEntry, evidence: Evidence, now: datetime) -> bool:
    """Whether there is proof that the holder of an entry no longer exists (S5)."""
    line = entry.written
    if line.uid in evidence.present or line.released_at:
        return False
    if line.uid in evidence.deleted:
        return True
    is_long_absent = line.absent_since is not None and now - line.absent_since >= ABSENCE_BEFORE_RECLAIM
    return is_long_absent and line.uid in evidence.reclaimed


def _within_budget(ledger: Ledger, freed: Collection[str]) -> set[str]:
    """As many of them as can cool down now: that makes a ledger longer. The others wait until it is shorter again."""
    room = BYTES_FOR_RELEASES_MAX - ledger.byte_count
    costs = accumulate(COOLING_BYTES + release_byte_count(uid) for uid in sorted(freed))
    return {uid for uid, cost in zip(sorted(freed), costs, strict=True) if cost <= room}


def _cooling_entry(entry: LedgerEntry, evidence: Evidence, now: datetime, cooldown: timedelta) -> LedgerEntry | None:
    """A released entry, as long as it cools down: since its release, which can't be earlier than the deletion.

    The owner of the range may end that.
    """
    since = plausible(entry.released_at, now) if entry.released_at else max(now, evidence.deleted.get(entry.uid, now))
    if not cooldown or entry.uid in evidence.cooled or now - since >= cooldown:
        return None
    return entry.marked(released_at=since)


def _held_entry(entry: LedgerEntry, evidence: Evidence, now: datetime) -> LedgerEntry:
    """An entry with a mark; a holder that is present again loses it, and a mark of a wrong clock is corrected."""
    since = None if entry.uid in evidence.present else plausible(entry.absent_since or now, now)
    return entry if since == entry.absent_since else entry.marked(absent_since=since)


def _with_absence_marks(ledger: Ledger, evidence: Evidence, now: datetime) -> Ledger:
    """The ledger with as many absent holders marked as have room."""
    present = evidence.present
    not_present = [entry for uid, entry in ledger.entries.items() if uid not in present]
    unmarked = [entry for entry in not_present if _is_newly_absent(entry, evidence)]
    room = (BYTES_FOR_MARKS_MAX - ledger.byte_count) // ABSENT_BYTES if unmarked else 0
    if room < len(unmarked):  # this is a write, so that what may be forgotten can leave with it
        ledger = replace(ledger, released=_remembered(ledger.released, evidence))
        room = (BYTES_FOR_MARKS_MAX - ledger.byte_count) // ABSENT_BYTES
    marked = {each.uid: each.marked(absent_since=now) for each in unmarked[: max(room, 0)]}
    return replace(ledger, entries=ledger.entries | marked) if marked else ledger


def _is_newly_absent(entry: LedgerEntry, evidence: Evidence) -> bool:
    """Whether an entry whose holder is not present is to be marked."""
    line = entry.written
    return not (line.uid in evidence.deleted or line.absent_since or line.released_at)


def _with_releases(ledger: Ledger, unrecorded: list[str], evidence: Evidence, *, before: Ledger) -> Ledger:
    """The ledger with as many releases recorded as have room.

    A ledger that is too long, because the spec has grown, may stay as long as it was before: an entry that has left was
    longer than the record of its release.

    The oldest ones of which nothing is observed any more are forgotten in the same step, but not for its own sake:
    forgetting alone would be one more write.
    """
    if not unrecorded:
        return ledger
    room = BYTES_FOR_RELEASES_MAX - ledger.byte_count
    new = unrecorded[: RELEASED_COUNT_MAX - len(ledger.released)]
    costs = list(accumulate(map(release_byte_count, new)))
    if costs and costs[-1] > room:  # otherwise the length of the former ledger is not counted
        room = max(room, before.byte_count - ledger.byte_count)
    fitting = takewhile(lambda byte_count: byte_count <= room, costs)
    return replace(ledger, released=_remembered((*ledger.released, *new[: len(list(fitting))]), evidence))


def _remembered(released: tuple[str, ...], evidence: Evidence) -> tuple[str, ...]:
    """The latest releases, and of the older ones those of which something is still observed."""
    old, late = released[:-RELEASED_COUNT_MIN], released[-RELEASED_COUNT_MIN:]
    groups = (evidence.present, evidence.deleted, evidence.answered)
    return (*(uid for uid in old if any(uid in group for group in groups)), *late)
