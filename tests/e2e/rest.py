"""What must hold once nothing moves any more: three views of one truth, and every refusal is right.

Computed from the objects as an outsider sees them, with the simplest arithmetic that is right: free intervals in a
list.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from tests.e2e.api import ALLOCATIONS, RANGES, REQUESTS
from tests.e2e.audit import RangeKey, first_and_last, range_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.e2e.api import Api, Obj

IPV6_BASE = 1 << 32
Interval = tuple[int, int]


def differences_at_rest(api: Api, namespaces: Collection[str]) -> list[str]:
    """What is wrong, or has not happened yet, in these namespaces."""
    ranges, requests, allocations = (
        [obj for obj in api.list(resource) if obj["metadata"]["namespace"] in namespaces]
        for resource in (RANGES, REQUESTS, ALLOCATIONS)
    )
    by_key = {(obj["metadata"]["namespace"], obj["metadata"]["name"]): obj for obj in ranges}
    found = [f"{_name(obj)} is still being deleted" for obj in requests if _is_going(obj)]
    for key, range_ in by_key.items():
        asking = [obj for obj in requests if range_of(obj) == key and not _is_going(obj)]
        found += _ledger_differences(key, range_, asking, allocations)
    return found + [text for obj in requests if not _is_going(obj) and (text := _wrong_state(obj, by_key))]


def _ledger_differences(key: RangeKey, range_: Obj, requests: list[Obj], allocations: list[Obj]) -> list[str]:
    ledger = range_.get("status", {}).get("allocations", [])
    recorded = {(item["uid"], item["cidr"]) for item in ledger if not {"absentSince", "releasedAt"} & set(item)}
    published = {(obj["metadata"]["uid"], obj["status"]["cidr"]) for obj in requests if _cidr(obj)}
    mine = [obj for obj in allocations if (obj["metadata"]["namespace"], obj["spec"]["range"]) == key]
    present = {obj["metadata"]["uid"] for obj in requests}
    allocated = {
        (obj["spec"]["request"]["uid"], obj["spec"]["cidr"])
        for obj in mine
        if obj["spec"]["state"] == "Ready" and obj["spec"]["request"]["uid"] in present
    }
    pairs = (("ledger and requests", recorded ^ published), ("ledger and allocations", recorded ^ allocated))
    return [f"{key[0]}/{key[1]}: {what} differ in {sorted(diff)[:5]}" for what, diff in pairs if diff]


def _wrong_state(request: Obj, ranges: dict[RangeKey, Obj]) -> str | None:
    status = request.get("status", {})
    wanted = {"Ready"} if _cidr(request) else _states_without_cidr(request, ranges.get(range_of(request)))
    if status.get("state") in wanted:
        return None
    return f"{_name(request)} is {status.get('state')} and should be {' or '.join(sorted(wanted))}"


def _states_without_cidr(request: Obj, range_: Obj | None) -> set[str]:
    """States that a request without a block may rightly be in."""
    if range_ is None or range_["metadata"]["namespace"] != request["metadata"]["namespace"]:
        return {"Pending"}
    if _is_going(range_) or range_["status"].get("state") == "Invalid":
        return {"Invalid"}
    pool = [_interval(text) for text in range_["spec"]["ranges"]]
    held = [first_and_last(item["cidr"]) for item in range_["status"].get("allocations", [])]
    if wanted := request["spec"].get("request"):
        return _states_of_dedicated(_interval(wanted), pool, held)
    bits = 32 if pool[0][0] < IPV6_BASE else 128
    length = request["spec"].get("size") or range_["spec"].get("chunkSize") or bits
    if length > bits:
        return {"Invalid"}
    block = 1 << (bits - length)
    if not any(_has_aligned(space, block) for space in _merged(pool)):
        return {"Busy", "Invalid"}
    return {"Ready"} if any(_has_aligned(space, block) for space in _free(_merged(pool), held)) else {"Busy"}


def _states_of_dedicated(wanted: Interval, pool: list[Interval], held: list[Interval]) -> set[str]:
    if not any(first <= wanted[0] and wanted[1] <= last for first, last in _merged(pool)):
        return {"Invalid"}
    return {"Busy"} if any(first <= wanted[1] and wanted[0] <= last for first, last in held) else {"Ready"}


def _interval(text: str) -> Interval:
    """A CIDR, an interval or an address, as numbers."""
    if "-" not in text:
        return first_and_last(str(ip_network(text)))
    first, _, last = text.partition("-")
    base = 0 if ip_address(first).version == 4 else IPV6_BASE
    return base + int(ip_address(first)), base + int(ip_address(last))


def _merged(pool: list[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for first, last in sorted(pool):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(merged[-1][1], last)
        else:
            merged.append((first, last))
    return merged


def _free(pool: list[Interval], held: list[Interval]) -> list[Interval]:
    free: list[Interval] = []
    for first, last in pool:
        start = first
        for held_first, held_last in sorted(held):
            if held_last < start or held_first > last:
                continue
            if held_first > start:
                free.append((start, held_first - 1))
            start = held_last + 1
        if start <= last:
            free.append((start, last))
    return free


def _has_aligned(space: Interval, size: int) -> bool:
    base = IPV6_BASE if space[0] >= IPV6_BASE else 0
    first = base + -(-(space[0] - base) // size) * size
    return first + size - 1 <= space[1]


def _cidr(request: Obj) -> str:
    return str(request.get("status", {}).get("cidr", ""))


def _is_going(obj: Obj) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def _name(obj: Obj) -> str:
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"
