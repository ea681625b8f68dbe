"""Mutations of slices: in which one an answer lies, which answers are dropped, and when a slice is deleted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from simulator.judge.slices import items_of
from simulator.kubernetes.objects import annotations_of, copied, joined, key_of
from simulator.mutants.mutations import entries_of, observed_slices, published, requests_of, uids_of
from simulator.names import LAST_APPLIED_ANNOTATION, SLICES_KEY, slice_name, slot_of

if TYPE_CHECKING:
    from simulator.kubernetes.objects import Obj
    from simulator.mutants.mutations import Ask


# --- of the range's hook


def delete_with_members(_: str, body: Obj, ask: Ask) -> Obj:
    """A slice of which an answer is to be dropped is left out, with all its other answers."""
    answer = ask(body)
    return _left_out(answer, [name for name, obj in observed_slices(body).items() if _loses(obj, answer)])


def _loses(observed: Obj, answer: Obj) -> bool:
    """Whether an answer drops an item of an observed slice."""
    kept = {item["uid"] for obj in published(answer) if key_of(obj) == key_of(observed) for item in items_of(obj)}
    return not kept.issuperset(item["uid"] for item in items_of(observed))


def delete_when_empty(_: str, body: Obj, ask: Ask) -> Obj:
    """A slice that looks empty is left out at once, although it may have newer answers than the observed ones."""
    answer = ask(body)
    return _left_out(answer, [joined(key_of(obj)) for obj in published(answer) if not items_of(obj)])


def delete_without_holders(_: str, body: Obj, ask: Ask) -> Obj:
    """An old slice that looks empty is left out, although a holder has neither a request nor an answer in view."""
    answer, seen = ask(body), copied(body)
    known = uids_of(body) | {item["uid"] for obj in observed_slices(body).values() for item in items_of(obj)}
    seen["parent"]["status"]["allocations"] = [each for each in entries_of(body["parent"]) if each["uid"] in known]
    kept = {joined(key_of(obj)) for obj in published(ask(seen))}
    empty = {name for name, obj in observed_slices(body).items() if not items_of(obj)}
    return _left_out(answer, sorted(empty - kept))


def _left_out(answer: Obj, names: list[str]) -> Obj:
    """The answer without some slices."""
    left_out = [obj for obj in published(answer) if joined(key_of(obj)) in names]
    return answer | {"children": [obj for obj in answer["children"] if obj not in left_out]}


def name_by_the_call(_: str, body: Obj, ask: Ask) -> Obj:
    """The name of a slice comes from the time of the call, not from that of the request."""
    for obj in requests_of(body).values():
        obj["metadata"]["creationTimestamp"] = ask.now()
    return ask(body)


def date_refusals(_: str, body: Obj, ask: Ask) -> Obj:
    """The message of a refusal has the time of the call, so each call writes its slice and wakes its requests."""
    answer = ask(body)
    for child in published(answer):
        for item in items_of(child):
            if item["state"] in {"Busy", "Invalid"}:
                item["message"] = f"{ask.now()}: {item.get('message', '').rpartition('Z: ')[2]}"
    return answer


def drop_what_others_wrote(_: str, body: Obj, ask: Ask) -> Obj:
    """An answer that Metacontroller did not write is dropped without being returned once."""
    for obj in observed_slices(body).values():
        applied = {"spec": {"answers": items_of(obj)}}
        recorded = json.loads(annotations_of(obj).get(LAST_APPLIED_ANNOTATION, "{}")) | applied
        obj["metadata"].setdefault("annotations", {})[LAST_APPLIED_ANNOTATION] = json.dumps(recorded)
    return ask(body)


def keep_misplaced(_: str, body: Obj, ask: Ask) -> Obj:
    """An answer to a request of another slice stays where it is."""
    misplaced: dict[str, list[Obj]] = {}
    for name, obj in observed_slices(body).items():
        misplaced[name] = [item for item in items_of(obj) if _is_elsewhere(name, item, body)]
        obj["spec"]["answers"] = [item for item in items_of(obj) if item not in misplaced[name]]
    answer = ask(body)
    for child in published(answer):
        items = items_of(child) + misplaced.get(joined(key_of(child)), [])
        child["spec"]["answers"] = sorted(items, key=lambda item: str(item["uid"]))
    return answer


def _is_elsewhere(name: str, item: Obj, body: Obj) -> bool:
    """Whether an answer to an observed request lies in the slice of another one."""
    found = [obj["metadata"] for obj in requests_of(body).values() if obj["metadata"]["uid"] == item["uid"]]
    range_name = joined(key_of(body["parent"]))
    return any(slice_name(range_name, each["creationTimestamp"], slot_of(item["uid"])) != name for each in found)


# --- of the request's hook


def obey_others(_: str, body: Obj, ask: Ask) -> Obj:
    """A request without an answer copies another one of its slice."""
    uid = body["object"]["metadata"]["uid"]
    for obj in body["related"].get(SLICES_KEY, {}).values():
        items = items_of(obj)
        if items and all(item["uid"] != uid for item in items):
            obj["spec"]["answers"] = [items[0] | {"uid": uid}]
    return ask(body)
