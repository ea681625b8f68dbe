"""Judges what was published: over the whole history, and at rest.

Shares no code with the hooks: a judge that shares code with the accused shares its mistakes. What it checks (names as
in the design document):

NoOverlap  no two living requests of a range, or of ranges of one domain, hold overlapping blocks at any moment. A
           request lives until it is gone or is being deleted with no finalizer but ours left: from there on its block
           may be given to another.
InsideRange  what a ledger records lies inside of its range's addresses, as they are in the same write.
Stable     the cidr of a request, of an allocation, and of a uid in a ledger never changes.
Committed  an allocation becomes Ready only with a block that the ledger of its range has recorded before (S3), and a
           request only with the block of its allocation. Whoever a refusal names as holder was in the ledger before.
Proven     an entry leaves a ledger only if its request is released or gone, its uid is reclaimed, or the range closes.
Asked      a recorded block has the prefix length that its request or its range says, or is the one it asked for.
Steps      each stored ledger has the revision of the one before and equals it, or the next revision (S2).

What must hold at rest is in `rest.py`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address, ip_network
from itertools import pairwise
from typing import TYPE_CHECKING

from controlplane.objects import OURS, RECLAIM

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controlplane.api import Obj
    from controlplane.history import Event

RangeKey = tuple[str, str]
Interval = tuple[int, int]
IPV6_BASE = 1 << 32
#: The parts of a status that only a new revision may change.
LEDGER = ("allocations", "released", "roundRobin", "onHold", "closing")

#: How a refusal names whose block is in the way.
HELD_BY = re.compile(r"(?P<cidr>\S+) is held by (?P<holder>\S+/\S+)$")


@lru_cache(maxsize=1 << 18)
def first_and_last(cidr: str) -> tuple[int, int]:
    """First and last address of a block, as numbers; IPv6 above all of IPv4, so that the two never meet."""
    network = ip_network(cidr)
    base = 0 if network.version == 4 else IPV6_BASE
    return base + int(network.network_address), base + int(network.broadcast_address)


def interval(text: str) -> Interval:
    """A CIDR, an interval or an address, as numbers."""
    if "-" not in text:
        return first_and_last(str(ip_network(text)))
    first, _, last = text.partition("-")
    base = 0 if ip_address(first).version == 4 else IPV6_BASE
    return base + int(ip_address(first)), base + int(ip_address(last))


def merged(pool: Iterable[Interval]) -> list[Interval]:
    """The same addresses in as few intervals as there can be, sorted."""
    found: list[Interval] = []
    for first, last in sorted(pool):
        if found and first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return found


def domain_of(namespace: str, spec: Obj) -> RangeKey:
    """Where the addresses of a range mean something; the two kinds of domains never meet."""
    return ("domain", spec["domain"]) if "domain" in spec else ("namespace", namespace)


@dataclass
class HeldBlocks:
    """Blocks that are held now, sorted by address; they never overlap, for a block that would is not added."""

    _sorted: list[tuple[int, int, str]] = field(default_factory=list)
    _cidr_by_holder: dict[str, str] = field(default_factory=dict)

    def hold(self, holder: str, cidr: str) -> str | None:
        """Adds a block; returns the holder of a block that is in the way."""
        if holder in self._cidr_by_holder:
            return None
        first, last = first_and_last(cidr)
        place = bisect_left(self._sorted, (first, 0, ""))
        for other_first, other_last, other in self._sorted[max(place - 1, 0) : place + 1]:
            if other_first <= last and first <= other_last:
                return other
        self._sorted.insert(place, (first, last, holder))
        self._cidr_by_holder[holder] = cidr
        return None

    def release(self, holder: str) -> None:
        """Removes the block of a holder, if it has one."""
        if cidr := self._cidr_by_holder.pop(holder, None):
            self._sorted.remove((*first_and_last(cidr), holder))


@dataclass
class HistoryAudit:
    """Sees each write once, in order, and notes what must not be."""

    violations: list[str] = field(default_factory=list)
    grants: int = 0
    commits: int = 0
    published: dict[str, str] = field(default_factory=dict)
    _requests: dict[RangeKey, HeldBlocks] = field(default_factory=lambda: defaultdict(HeldBlocks))
    _allocations: dict[RangeKey, HeldBlocks] = field(default_factory=lambda: defaultdict(HeldBlocks))
    _released: set[str] = field(default_factory=set)
    _allocated: dict[tuple[RangeKey, str], str] = field(default_factory=dict)
    _committed: dict[RangeKey, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    _holders: dict[RangeKey, set[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(set))
    _ledgers: dict[str, tuple[int, Obj]] = field(default_factory=dict)
    _domains: dict[RangeKey, RangeKey] = field(default_factory=dict)
    _wanted: dict[str, Obj] = field(default_factory=dict)

    def see(self, event: Event) -> None:
        """Takes the next write into account."""
        match event.resource:
            case "ipamranges":
                self._see_range(event)
            case "ipamrequests":
                self._see_request(event)
            case "ipamallocations":
                self._see_allocation(event)

    def _see_range(self, event: Event) -> None:
        if event.deleted:
            return
        meta, spec, status = event.obj["metadata"], event.obj["spec"], event.obj.get("status", {})
        ledger, revision = status.get("allocations", []), status.get("revision", 0)
        self._domains[meta["namespace"], meta["name"]] = domain_of(meta["namespace"], spec)
        committed = (revision, {part: status[part] for part in LEDGER if status.get(part)})
        old = self._ledgers.get(meta["uid"])
        self._ledgers[meta["uid"]] = committed
        self._check_drops(event, old[1].get("allocations", []) if old else [], ledger)
        if old == committed:
            return
        self.commits += 1
        if old is not None and revision != old[0] + 1:
            self._note(event, f"Steps: revision {old[0]} became {revision}, ledger changed")
        key = meta["namespace"], meta["name"]
        self._check_ledger(event, self._committed[key], ledger)
        self._holders[key].update((item["cidr"], item["request"]) for item in ledger)

    def _check_drops(self, event: Event, before: list[Obj], now: list[Obj]) -> None:
        reclaimed = event.obj["metadata"].get("annotations", {}).get(RECLAIM, "")
        kept = {item["uid"] for item in now}
        for item in before:
            is_proven = item["uid"] in kept | self._released or item["uid"] in reclaimed
            if not (is_proven or event.obj["status"].get("closing")):
                self._note(event, f"Proven: {item['cidr']} of {item['request']} is dropped without proof")

    def _check_ledger(self, event: Event, committed: dict[str, str], ledger: list[Obj]) -> None:
        for item in ledger:
            if item["uid"] not in committed and (wanted := self._wanted.get(item["uid"])):
                self._check_size(event, item, wanted)
            known = committed.setdefault(item["uid"], item["cidr"])
            if known != item["cidr"]:
                self._note(event, f"Stable: the ledger gives {item['request']} first {known}, then {item['cidr']}")
        blocks = sorted((*first_and_last(item["cidr"]), item["request"]) for item in ledger)
        pool = merged(interval(text) for text in event.obj["spec"]["ranges"])
        for first, last, holder in blocks:
            if not any(low <= first and last <= high for low, high in pool):
                self._note(event, f"InsideRange: the ledger gives {holder} what is no part of the range")
        for (_, last, holder), (first, _, other) in pairwise(blocks):
            if first <= last:
                self._note(event, f"NoOverlap: the ledger gives {holder} and {other} overlapping blocks")

    def _check_size(self, event: Event, item: Obj, wanted: Obj) -> None:
        spec, cidr = event.obj["spec"], ip_network(item["cidr"])
        asked, length = wanted.get("request", ""), wanted.get("size") or spec.get("chunkSize") or cidr.max_prefixlen
        is_block = "." in asked or ":" in asked  # of the other forms nothing is known here
        if (is_block and cidr != ip_network(asked)) or (not asked and cidr.prefixlen != length):
            self._note(event, f"Asked: the ledger gives {cidr} to {item['request']}, who wants {asked or f'/{length}'}")

    def _see_request(self, event: Event) -> None:
        uid, key = event.obj["metadata"]["uid"], range_of(event.obj)
        self._wanted[uid] = event.obj["spec"]
        cidr = event.obj.get("status", {}).get("cidr", "")
        known = self.published.get(uid, "")
        if known and cidr != known and not event.deleted:
            self._note(event, f"Stable: published {known}, then {cidr or 'nothing'}")
        if event.deleted or is_released(event.obj):
            self._release(key, uid)
        elif cidr and not known:
            self._publish(event, key, uid, cidr)

    def _publish(self, event: Event, key: RangeKey, uid: str, cidr: str) -> None:
        self.grants += 1
        self.published[uid] = cidr
        if self._allocated.get((key, uid)) != cidr:
            self._note(event, f"Committed: published {cidr}, allocated {self._allocated.get((key, uid))}")
        if other := self._requests[self._domain(key)].hold(uid, cidr):
            self._note(event, f"NoOverlap: published {cidr} while {other} holds {self.published[other]}")

    def _see_allocation(self, event: Event) -> None:
        spec, namespace = event.obj["spec"], event.obj["metadata"]["namespace"]
        key, uid, cidr = (namespace, spec["range"]), spec["request"]["uid"], spec.get("cidr", "")
        if event.deleted:
            self._allocations[self._domain(key)].release(uid)
        elif spec["state"] == "Ready":
            if self._committed[key].get(uid) != cidr:
                self._note(event, f"Committed: {cidr} for {uid}, the ledger says {self._committed[key].get(uid)}")
            known = self._allocated.setdefault((key, uid), cidr)
            if known != cidr:
                self._note(event, f"Stable: allocated {known}, then {cidr}")
            if uid not in self._released and (other := self._allocations[self._domain(key)].hold(uid, cidr)):
                self._note(event, f"NoOverlap: allocated {cidr} to {uid} while {other} holds it")
        elif (named := HELD_BY.search(spec.get("message", ""))) and named.groups() not in self._holders[key]:
            self._note(event, f"Committed: says {named[0]}, to whom the ledger never gave that")

    def _release(self, key: RangeKey, uid: str) -> None:
        self._released.add(uid)
        self._requests[self._domain(key)].release(uid)
        self._allocations[self._domain(key)].release(uid)

    def _domain(self, key: RangeKey) -> RangeKey:
        """The domain of a range; a range that was never seen has one of its own."""
        return self._domains.get(key, key)

    def _note(self, event: Event, text: str) -> None:
        meta = event.obj["metadata"]
        self.violations.append(
            f"at etcd revision {event.revision}: {event.resource} {meta['namespace']}/{meta['name']}: {text}"
        )


def audit_history(events: Iterable[Event]) -> HistoryAudit:
    """The verdict over all these writes."""
    audit = HistoryAudit()
    for event in events:
        audit.see(event)
    return audit


def range_of(request: Obj) -> RangeKey:
    """Namespace and name of the range that a request asks."""
    ipam = request["spec"]["ipam"]
    return ipam.get("namespace") or request["metadata"]["namespace"], ipam["name"]


def is_released(request: Obj) -> bool:
    """Whether a request is being deleted and nobody but us holds it."""
    meta = request["metadata"]
    return "deletionTimestamp" in meta and set(meta.get("finalizers", ())) <= {OURS}
