"""The history of blocks, from the lines that the hooks have logged (hooks/ranges/events.py)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import attrgetter

import msgspec

from hooks.protocol.decoding import UNREADABLE
from hooks.ranges.events import LOGGER, Event
from ipam.address import InvalidAddress, Prefix, read_prefix

_DECODER = msgspec.json.Decoder(Event)
_MARK = f'"logger":"{LOGGER}"'


@dataclass(frozen=True)
class Log:
    """What logs say.

    Attributes:
        events: each event once, in order of time.
        unreadable_count: lines of such a log that can't be read.
    """

    events: list[Event] = field(default_factory=list)
    unreadable_count: int = 0

    @property
    def begins(self) -> datetime | None:
        """When the first event took place; None without any."""
        return self.events[0].time if self.events else None


def read_log(lines: Iterable[str]) -> Log:
    """Read logs in which these lines are among others, behind a prefix or not, and each of them any number of times."""
    found: list[Event] = []
    unreadable_count = 0
    for line in lines:
        if _MARK in line:
            try:
                found.append(_DECODER.decode(line[line.index("{") :]))
            except (*UNREADABLE, ValueError):
                unreadable_count += 1
    return Log(sorted(_once(found), key=_order), unreadable_count)


def _order(event: Event) -> tuple[datetime, int, str, str]:
    return event.time, event.revision, event.uid, event.cidr


def _once(events: list[Event]) -> Iterator[Event]:
    """Each event once: of equal ones of a uid that follow each other by revision, the first."""
    key = attrgetter("range_uid", "uid", "cidr", "generation")
    events.sort(key=lambda event: (key(event), event.revision, event.time))
    for _, group in groupby(events, key):
        last = ""
        for event in group:
            if event.event != last:
                yield event
            last = event.event


def of_block(log: Log, block: Prefix) -> list[Event]:
    """The events of blocks that have an address of a block; of edits, those that retire one, or put all back into use.

    An edit that put them back is an event without a cidr.
    """
    retiring: dict[tuple[str, int], list[Event]] = {}
    for event in log.events:
        if event.event == "retired":
            retiring.setdefault((event.range_uid, event.generation), []).append(event)
    found = [each for each in log.events if each.event != "retired" and _overlaps(each, block)]
    retired: set[str] = set()
    for (range_uid, _), events in sorted(retiring.items(), key=lambda item: item[0]):
        hits = [event for event in events if _overlaps(event, block)]
        if not hits and range_uid in retired:
            hits = [msgspec.structs.replace(events[0], cidr="")]
            retired.discard(range_uid)
        elif hits:
            retired.add(range_uid)
        found += hits
    return sorted(found, key=_order)


def _overlaps(event: Event, block: Prefix) -> bool:
    try:
        return bool(event.cidr) and read_prefix(event.cidr).overlaps(block)
    except InvalidAddress:
        return False


def of_request(log: Log, name: str) -> list[Event]:
    """The events of the requests of this "namespace/name"."""
    return [event for event in log.events if event.request == name]


def holders_at_end(events: Iterable[Event]) -> list[Event]:
    """The grants that no later event ended."""
    held: dict[tuple[str, str], Event] = {}
    for event in events:
        if event.event == "granted":
            held[event.range_uid, event.uid] = event
        else:
            held.pop((event.range_uid, event.uid), None)
    return list(held.values())
