"""What must hold once nothing moves any more: three views of one truth, and every refusal is right.

Computed from the objects as an outsider sees them, with the simplest arithmetic that is right: free intervals in a
list.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from controlplane.api import ALLOCATIONS, EXTENTS, RANGES, REQUESTS
from controlplane.audit import IPV6_BASE, Interval, RangeKey, first_and_last, interval, merged, range_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from controlplane.api import Api, Obj

Labels = dict[str, str]


def differences_at_rest(api: Api, namespaces: Collection[str]) -> list[str]:
    """What is wrong, or has not happened yet, in these namespaces."""
    everybody = api.list(REQUESTS)
    ranges, requests, allocations = (
        [obj for obj in objects if obj["metadata"]["namespace"] in namespaces]
        for objects in (api.list(RANGES), everybody, api.list(ALLOCATIONS))
    )
    by_key = {(obj["metadata"]["namespace"], obj["metadata"]["name"]): obj for obj in ranges}
    extents = api.list(EXTENTS)
    foreign = {key: _foreign(key, extents) for key in by_key}
    labels = {obj["metadata"]["name"]: obj["metadata"]["labels"] for obj in _namespaces(api)}
    found = [f"{_name(obj)} is still being deleted" for obj in requests if _is_going(obj)]
    for key, range_ in by_key.items():
        asking = [obj for obj in everybody if range_of(obj) == key and not _is_going(obj)]
        found += _ledger_differences(key, range_, asking, allocations)
    return found + [
        text for obj in requests if not _is_going(obj) and (text := _wrong_state(obj, by_key, foreign, labels))
    ]


def _ledger_differences(key: RangeKey, range_: Obj, requests: list[Obj], allocations: list[Obj]) -> list[str]:
    ledger = range_.get("status", {}).get("allocations", [])
    recorded = {(item["uid"], item["cidr"]) for item in ledger if not {"absentSince", "releasedAt"} & set(item)}
    published = {(obj["metadata"]["uid"], obj["status"]["cidr"]) for obj in requests if _cidr(obj)}
    mine = [obj for obj in allocations if (obj["metadata"]["namespace"], obj["spec"]["range"]) == key]
    absent = {item["uid"] for item in ledger if "absentSince" in item}
    present = {obj["metadata"]["uid"] for obj in requests}
    answered = Counter(obj["spec"]["request"]["uid"] for obj in mine)
    allocated = {
        (obj["spec"]["request"]["uid"], obj["spec"]["cidr"])
        for obj in mine
        if obj["spec"]["state"] == "Ready" and obj["spec"]["request"]["uid"] not in absent
    }
    pairs = (
        ("ledger and requests differ in", recorded ^ published),
        ("ledger and allocations differ in", recorded ^ allocated),
        ("an allocation answers nobody:", answered.keys() - present - absent),
        ("two allocations answer", {uid for uid, count in answered.items() if count > 1}),
    )
    return [f"{key[0]}/{key[1]}: {what} {sorted(diff)[:5]}" for what, diff in pairs if diff]


def _foreign(key: RangeKey, extents: list[Obj]) -> list[str]:
    """The addresses that other ranges of the domain announced before a range announced its first ones."""
    own = [obj for obj in extents if (obj["metadata"]["namespace"], obj["spec"]["range"]) == key]
    first = min(own, key=_number, default=None)
    older = [obj for obj in extents if first and _number(obj) < _number(first) and obj not in own]
    return [
        text
        for obj in older
        if first and obj["spec"]["domain"] == first["spec"]["domain"]
        for text in obj["spec"]["ranges"]
    ]


def _number(obj: Obj) -> int:
    return int(obj["spec"].get("number") or obj["metadata"]["resourceVersion"])


def _wrong_state(
    request: Obj, ranges: dict[RangeKey, Obj], foreign: dict[RangeKey, list[str]], labels: dict[str, Labels]
) -> str | None:
    status = request.get("status", {})
    range_ = ranges.get(range_of(request))
    if range_ is not None and not _is_allowed(request, range_, labels):
        range_ = None
    wanted = {"Ready"} if _cidr(request) else _states_without_cidr(request, range_, foreign.get(range_of(request), []))
    if status.get("state") in wanted:
        return None
    return f"{_name(request)} is {status.get('state')} and should be {' or '.join(sorted(wanted))}"


def _states_without_cidr(request: Obj, range_: Obj | None, foreign: list[str]) -> set[str]:
    """States that a request without a block may rightly be in."""
    if range_ is None:
        return {"Pending"}
    if _is_going(range_) or range_["status"].get("state") == "Invalid":
        return {"Invalid"}
    pool = [interval(text) for text in range_["spec"]["ranges"]]
    if gateway := range_["spec"].get("network", {}).get("gateway"):
        pool = _free(merged(pool), [interval(gateway)])
    held = [first_and_last(item["cidr"]) for item in range_["status"].get("allocations", [])]
    held += [interval(text) for text in foreign]
    if wanted := request["spec"].get("request"):
        return _states_of_dedicated(interval(wanted), pool, held)
    bits = 32 if pool[0][0] < IPV6_BASE else 128
    length = request["spec"].get("size") or range_["spec"].get("chunkSize") or bits
    if length > bits:
        return {"Invalid"}
    block = 1 << (bits - length)
    if not any(_has_aligned(space, block) for space in merged(pool)):
        return {"Busy", "Invalid"}
    return {"Ready"} if any(_has_aligned(space, block) for space in _free(merged(pool), held)) else {"Busy"}


def _is_allowed(request: Obj, range_: Obj, labels: dict[str, Labels]) -> bool:
    """Whether a range serves the namespace of a request; of selectors this knows matchLabels."""
    allowed, namespace = range_["spec"]["allowedNamespaces"], request["metadata"]["namespace"]
    if allowed["from"] == "Selector":
        return bool(labels.get(namespace, {}).items() >= allowed["selector"]["matchLabels"].items())
    return bool(allowed["from"] == "All") or namespace == range_["metadata"]["namespace"]


def _states_of_dedicated(wanted: Interval, pool: list[Interval], held: list[Interval]) -> set[str]:
    if not any(first <= wanted[0] and wanted[1] <= last for first, last in merged(pool)):
        return {"Invalid"}
    return {"Busy"} if any(first <= wanted[1] and wanted[0] <= last for first, last in held) else {"Ready"}


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


def _namespaces(api: Api) -> list[Obj]:
    return list(api.ask_patiently("GET", "/api/v1/namespaces")["items"])


def _cidr(request: Obj) -> str:
    return str(request.get("status", {}).get("cidr", ""))


def _is_going(obj: Obj) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def _name(obj: Obj) -> str:
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"
