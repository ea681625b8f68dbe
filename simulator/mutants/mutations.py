"""The changes of the mutants: of bodies before the hooks get them, and of the hooks' answers.

A mutation of a hook gets the body of a call and a function that calls the hooks with a body, and returns the answer.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

from simulator.judge.slices import items_of
from simulator.kubernetes.objects import Obj, copied, key_of
from simulator.names import (
    RECLAIM_ANNOTATION,
    REQUEST_FINALIZER,
    REQUESTS_KEY,
    SLICES_KEY,
    UID_LABEL,
)


@dataclass(frozen=True, slots=True)
class Ask:
    """Calls the hooks with a body and gives their answer; `now` is the time that they get."""

    call: Callable[[Obj], Obj]
    now: Callable[[], str]

    def __call__(self, body: Obj) -> Obj:
        """The answer of the hooks."""
        return self.call(body)


Mutation = Callable[[str, Obj, Ask], Obj]


# --- parts of bodies and answers


def entries_of(obj: Obj) -> list[Obj]:
    """The ledger of a range, or the one that an answer proposes."""
    return list((obj.get("status") or {}).get("allocations") or [])


def requests_of(body: Obj) -> dict[str, Obj]:
    """The requests that a call sees, by `namespace/name`."""
    found: dict[str, Obj] = body["related"].get(REQUESTS_KEY, {})
    return found


def observed_slices(body: Obj) -> dict[str, Obj]:
    """The slices of a range that a call sees, by `namespace/name`."""
    found: dict[str, Obj] = body["children"].get(SLICES_KEY, {})
    return found


def uids_of(body: Obj) -> set[str]:
    """The uids of the requests that a call sees."""
    return {obj["metadata"]["uid"] for obj in requests_of(body).values()}


def _with_ledger(body: Obj, answer: Obj, entries: list[Obj]) -> Obj:
    """The answer with another ledger, as a change that is to be committed."""
    before = body["parent"].get("status", {})
    status = {name: value for name, value in answer["status"].items() if name not in {"allocations", "capacity"}}
    is_changed = any(status.get(name) != before.get(name) for name in ("closing", "released"))
    is_changed |= entries != entries_of(body["parent"])
    revision = before.get("revision", 0) + is_changed
    ledger = {"allocations": entries} if entries else {}
    return answer | {"status": status | ledger | {"revision": max(revision, status["revision"])}}


def dropping(body: Obj, answer: Obj, is_dropped: Callable[[Obj], bool]) -> Obj:
    """The answer without some entries of the ledger."""
    return _with_ledger(body, answer, [entry for entry in entries_of(answer) if not is_dropped(entry)])


def _without_grants(body: Obj) -> Obj:
    """The body as if no request held or showed a block."""
    bare = copied(body)
    bare["parent"].get("status", {}).pop("allocations", None)
    bare["children"] = {}
    for obj in requests_of(bare).values():
        obj.get("status", {}).pop("cidr", None)
    return bare


def published(answer: Obj) -> list[Obj]:
    """The slices of an answer."""
    return [child for child in answer.get("children", []) if child["kind"] == "IPAMAllocationSlice"]


def _items(answer: Obj) -> list[Obj]:
    """The items of all slices of an answer."""
    return [item for child in published(answer) for item in items_of(child)]


def extents_of(answer: Obj) -> list[Obj]:
    """The extents of an answer."""
    return [child for child in answer.get("children", []) if child["kind"] == "IPAMExtent"]


# --- mutations of the range's hook


def publish_proposal(_: str, body: Obj, ask: Ask) -> Obj:
    """A call publishes the blocks that it proposes."""
    return _with_next(body, ask, "Ready")


def refuse_by_proposal(_: str, body: Obj, ask: Ask) -> Obj:
    """A call refuses requests because of the blocks that it proposes to grant."""
    return _with_next(body, ask, "Busy")


def _with_next(body: Obj, ask: Ask, state: str) -> Obj:
    """The answer with the new items of a state that the next call would publish after the commit."""
    answer, later = ask(body), copied(body)
    later["parent"]["status"] = answer.get("status", {})
    known, slices = {item["uid"] for item in _items(answer)}, {key_of(child): child for child in published(answer)}
    for child in published(ask(later)):
        new = [item for item in items_of(child) if item["uid"] not in known and item["state"] == state]
        if key_of(child) in slices:
            present = slices[key_of(child)]["spec"]
            present["answers"] = sorted([*present["answers"], *new], key=lambda item: str(item["uid"]))
        elif new:
            answer["children"].append(child | {"spec": child["spec"] | {"answers": new}})
    return answer


def release_absent(_: str, body: Obj, ask: Ask) -> Obj:
    """A holder whose request is not observed is released."""
    return dropping(body, ask(body), lambda entry: entry["uid"] not in uids_of(body))


def release_other_uid(_: str, body: Obj, ask: Ask) -> Obj:
    """A request of the same name and another uid proves that a holder is deleted."""
    present, uids = requests_of(body), uids_of(body)
    return dropping(body, ask(body), lambda entry: entry["request"] in present and entry["uid"] not in uids)


def release_absent_when_deleted(path: str, body: Obj, ask: Ask) -> Obj:
    """A range that is being deleted releases the holders that it does not see and has marked as absent."""
    return release_marked(path, body, ask) if path.endswith("finalize") else ask(body)


def reclaim_at_once(_: str, body: Obj, ask: Ask) -> Obj:
    """A holder that is to be reclaimed counts as absent since long ago."""
    named = body["parent"]["metadata"].get("annotations", {}).get(RECLAIM_ANNOTATION, "")
    for entry in entries_of(body["parent"]):
        if entry["uid"] in named and "releasedAt" not in entry:
            entry["absentSince"] = "2020-01-01T00:00:00Z"
    return ask(body)


def release_marked(_: str, body: Obj, ask: Ask) -> Obj:
    """A holder that is marked as absent is released by the next call."""
    marked = {entry["uid"] for entry in entries_of(body["parent"]) if "absentSince" in entry}
    return dropping(body, ask(body), lambda entry: entry["uid"] in marked and "absentSince" in entry)


def ignore_foreign_finalizers(_: str, body: Obj, ask: Ask) -> Obj:
    """A deleted request counts as released although a foreign finalizer keeps it."""
    for obj in requests_of(body).values():
        if "deletionTimestamp" in obj["metadata"]:
            obj["metadata"]["finalizers"] = [REQUEST_FINALIZER]
    return ask(body)


def place_again(_: str, body: Obj, ask: Ask) -> Obj:
    """Each call places all requests again, as if none held or showed a block."""
    answer = ask(body)
    placed = entries_of(ask(_without_grants(body)))
    held = {entry["uid"] for entry in entries_of(answer)}
    return _with_ledger(body, answer, placed) if held == {entry["uid"] for entry in placed} else answer


def grant_held_blocks(_: str, body: Obj, ask: Ask) -> Obj:
    """New blocks are taken from the whole pool, including held blocks."""
    answer = ask(body)
    held = {entry["uid"] for entry in entries_of(body["parent"])}
    placed = {entry["uid"]: entry for entry in entries_of(ask(_without_grants(body)))}
    entries = [each if each["uid"] in held else placed.get(each["uid"], each) for each in entries_of(answer)]
    return _with_ledger(body, answer, entries)


def grant_blocks_of_absent(_: str, body: Obj, ask: Ask) -> Obj:
    """The blocks of absent holders are granted to waiting requests."""
    answer = ask(body)
    if not answer["status"].get("pending"):
        return answer
    present = copied(body)
    status = present["parent"]["status"]
    status["allocations"] = [entry for entry in entries_of(present["parent"]) if "absentSince" not in entry]
    return ask(present)


def round_intervals(_: str, body: Obj, ask: Ask) -> Obj:
    """An interval counts as the smallest CIDR that contains it."""
    spec = body["parent"]["spec"]
    spec["ranges"] = [_cidr_around(text) for text in spec["ranges"]]
    return ask(body)


def _cidr_around(text: str) -> str:
    first, dash, last = text.partition("-")
    if not dash:
        return text
    low, high = (int(ipaddress.ip_address(each)) for each in (first, last))
    bits = ipaddress.ip_address(first).max_prefixlen
    return str(ipaddress.ip_network(f"{first}/{bits - (low ^ high).bit_length()}", strict=False))


def hide_the_capacity(_: str, body: Obj, ask: Ask) -> Obj:
    """A range shows no numbers of addresses."""
    answer = ask(body)
    answer["status"].pop("capacity", None)
    return answer


def count_before_granting(_: str, body: Obj, ask: Ask) -> Obj:
    """The capacity is counted before the grants of the call."""
    answer = ask(body)
    without_requests = copied(body)
    without_requests["related"] = {}
    answer["status"]["capacity"] = ask(without_requests)["status"].get("capacity")
    return answer


def serve_in_wire_order(_: str, body: Obj, ask: Ask) -> Obj:
    """Requests are served in the order of the body."""
    for number, obj in enumerate(requests_of(body).values()):
        obj["metadata"]["creationTimestamp"] = f"2020-01-01T00:{number // 60 % 60:02}:{number % 60:02}Z"
    return ask(body)


def finalize_without_closing(path: str, body: Obj, ask: Ask) -> Obj:
    """A deleted range is finalized once its ledger looks empty, before `closing` is committed."""
    answer = ask(body)
    if path.endswith("finalize"):
        answer["finalized"] = not (entries_of(body["parent"]) or any(map(items_of, observed_slices(body).values())))
    return answer


def grant_without_finalizer(_: str, body: Obj, ask: Ask) -> Obj:
    """A request is granted a block before it has our finalizer."""
    for obj in requests_of(body).values():
        finalizers = obj["metadata"].get("finalizers", [])
        if "deletionTimestamp" not in obj["metadata"] and REQUEST_FINALIZER not in finalizers:
            obj["metadata"]["finalizers"] = [*finalizers, REQUEST_FINALIZER]
    return ask(body)


def withdraw_newer_answers(_: str, body: Obj, ask: Ask) -> Obj:
    """A Ready answer without an entry is withdrawn, even if it is newer than the observed ledger."""
    answer = ask(body)
    held = {entry["uid"] for entry in entries_of(body["parent"])}
    present = {obj["metadata"]["uid"]: obj["metadata"] for obj in requests_of(body).values()}
    for child in published(answer):
        kept = []
        for item in items_of(child):
            if item["state"] != "Ready" or item["uid"] in held:
                kept.append(item)
            elif "deletionTimestamp" in present.get(item["uid"], {}):
                kept.append(item | {"state": "Released"})
        child["spec"]["answers"] = kept
    return answer


def release_before_the_commit(_: str, body: Obj, ask: Ask) -> Obj:
    """A call publishes the releases that it proposes."""
    answer = ask(body)
    proposed = set(answer["status"].get("released", []))
    for item in _items(answer):
        if item["uid"] in proposed:
            item["state"] = "Released"
    return answer


def forget_the_living(_: str, body: Obj, ask: Ask) -> Obj:
    """A released request is granted a block again while it seems to be alive."""
    status = body["parent"].setdefault("status", {})
    order = status.get("released", [])
    living = {
        obj["metadata"]["uid"] for obj in requests_of(body).values() if "deletionTimestamp" not in obj["metadata"]
    }
    status["released"] = [uid for uid in order if uid not in living]
    answer = ask(body)
    added = [uid for uid in answer["status"].get("released", []) if uid not in order]
    if order or added:
        answer["status"]["released"] = [*order, *added]
    return answer


def ignore_shown_blocks(_: str, body: Obj, ask: Ask) -> Obj:
    """The block that a request shows already does not bind its range."""
    for obj in requests_of(body).values():
        obj.get("status", {}).pop("cidr", None)
    return ask(body)


def ignore_deletion_of_namespace(_: str, body: Obj, ask: Ask) -> Obj:
    """Answers are created in a namespace that accepts none."""
    for obj in body["related"].get("Namespace.v1", {}).values():
        obj["metadata"].pop("deletionTimestamp", None)
    return ask(body)


def ask_for_no_resync(_: str, body: Obj, ask: Ask) -> Obj:
    """No answer asks for a resync."""
    return ask(body) | {"resyncAfterSeconds": 0}


def resync_at_once(_: str, body: Obj, ask: Ask) -> Obj:
    """Each answer asks for a resync at once."""
    return ask(body) | {"resyncAfterSeconds": 0.05}


def allow_all_namespaces(_: str, body: Obj, ask: Ask) -> Obj:
    """A range serves requests of all namespaces, whatever its spec allows."""
    body["parent"]["spec"]["allowedNamespaces"] = {"from": "All"}
    return ask(body)


def grant_the_gateway(_: str, body: Obj, ask: Ask) -> Obj:
    """The gateway of the network is granted like any other address."""
    network = copied(body["parent"]["spec"].get("network", {}))
    body["parent"]["spec"].get("network", {}).pop("gateway", None)
    answer = ask(body)
    for part in (*_items(answer), *(child["spec"] for child in extents_of(answer))):
        if "network" in part:
            part["network"] = network
    return answer


def keep_range_for_others(path: str, body: Obj, ask: Ask) -> Obj:
    """A deleted range waits for requests that it does not serve, and for those that it refuses."""
    answer = ask(body)
    return answer | {"finalized": False} if path.endswith("finalize") and requests_of(body) else answer


def hide_the_network(_: str, body: Obj, ask: Ask) -> Obj:
    """Requests do not show the network of their blocks."""
    for item in _related_items(body):
        item.pop("network", None)
    return ask(body)


def hide_addresses(_: str, body: Obj, ask: Ask) -> Obj:
    """Requests do not show their single address."""
    answer = ask(body)
    (answer.get("status") or {}).pop("address", None)
    return answer


def ignore_sizes(_: str, body: Obj, ask: Ask) -> Obj:
    """A request gets a block of the default length, whatever length it asks for."""
    for obj in requests_of(body).values():
        obj["spec"].pop("size", None)
    return ask(body)


def omit_slices(_: str, body: Obj, ask: Ask) -> Obj:
    """An answer that refuses a request has no slices."""
    answer = ask(body)
    if any(item["state"] in {"Busy", "Invalid"} for item in _items(answer)):
        return answer | {"children": extents_of(answer)}
    return answer


# --- mutations of the request's hook


def _related_items(body: Obj) -> list[Obj]:
    return [item for obj in body["related"].get(SLICES_KEY, {}).values() for item in items_of(obj)]


def copy_orphans(_: str, body: Obj, ask: Ask) -> Obj:
    """A request obeys a slice that its range does not control."""
    reference = body["object"]["spec"]["ipam"]
    for obj in body["related"].get(SLICES_KEY, {}).values():
        owner = {"kind": "IPAMRange", "apiVersion": obj["apiVersion"], "name": reference["name"], "uid": "any"}
        obj["metadata"]["ownerReferences"] = [owner | {"controller": True}]
        obj["metadata"]["labels"] = {UID_LABEL: "any"}
    return ask(body)


def finalize_without_answer(path: str, body: Obj, ask: Ask) -> Obj:
    """A deleted request is finalized as soon as it has no answer."""
    answer = ask(body)
    uid = body["object"]["metadata"]["uid"]
    if path.endswith("finalize") and all(item["uid"] != uid for item in _related_items(body)):
        return {"finalized": True}
    return answer


def finalize_at_once(path: str, body: Obj, ask: Ask) -> Obj:
    """A deleted request is finalized at once."""
    return {"finalized": True} if path.endswith("finalize") else ask(body)
