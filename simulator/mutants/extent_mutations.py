"""Mutations of extents: which of two overlapping ranges is older, and when a range may grant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from simulator.kubernetes.objects import labels_of
from simulator.mutants.mutations import extents_of, published
from simulator.names import CELL_LABEL, EXTENTS_KEY

if TYPE_CHECKING:
    from simulator.kubernetes.objects import Obj
    from simulator.mutants.mutations import Ask


def order_by_name(_: str, body: Obj, ask: Ask) -> Obj:
    """Of two extents the one with the lower name is older."""
    extents = body["related"].get(EXTENTS_KEY, {}).values()
    for number, obj in enumerate(sorted(extents, key=lambda obj: str(obj["metadata"]["name"])), start=1):
        obj["metadata"]["resourceVersion"] = str(number)
        if "number" in obj["spec"]:
            obj["spec"]["number"] = number
    return ask(body)


def order_by_last_change(_: str, body: Obj, ask: Ask) -> Obj:
    """The number of an extent is the version of its last change, whatever its spec has."""
    for obj in body["related"].get(EXTENTS_KEY, {}).values():
        obj["spec"]["number"] = int(obj["metadata"]["resourceVersion"])
    return ask(body)


def enter_before_the_number_is_written(_: str, body: Obj, ask: Ask) -> Obj:
    """The number that an extent will get counts before it is written."""
    for obj in body["related"].get(EXTENTS_KEY, {}).values():
        obj["spec"].setdefault("number", int(obj["metadata"]["resourceVersion"]))
    return ask(body)


def enter_without_a_number(_: str, body: Obj, ask: Ask) -> Obj:
    """A range that sees no extent of its own counts as the youngest and grants."""
    meta, extents = body["parent"]["metadata"], body["related"].get(EXTENTS_KEY, {})
    owner = {"kind": "IPAMRange", "name": meta["name"], "uid": meta["uid"], "controller": True}
    if all(owner["uid"] not in json.dumps(obj["metadata"]) for obj in extents.values()):
        for child in extents_of(ask(body)):
            times = {"uid": "any", "creationTimestamp": meta["creationTimestamp"], "resourceVersion": "9" * 18}
            child["metadata"] |= times | {"ownerReferences": [owner]}
            child["spec"]["number"] = 9 * 10**17
            extents[f"{meta['namespace']}/{child['metadata']['name']}"] = child
    return ask(body)


def hide_when_deleted(path: str, body: Obj, ask: Ask) -> Obj:
    """A range that is being deleted has no extents any more, even if it is not empty."""
    answer = ask(body)
    return answer | {"children": published(answer)} if path.endswith("finalize") else answer


def see_only_the_own_cell(_: str, body: Obj, ask: Ask) -> Obj:
    """A range asks for the extents of its own cells only, not for those around and inside them."""
    related = body["related"].get(EXTENTS_KEY, {})
    own = {labels_of(obj).get(CELL_LABEL) for obj in body["children"].get(EXTENTS_KEY, {}).values()}
    body["related"][EXTENTS_KEY] = {key: obj for key, obj in related.items() if labels_of(obj).get(CELL_LABEL) in own}
    return ask(body)


def see_ranges_everywhere(_: str, body: Obj, ask: Ask) -> Obj:
    """A living request is not shown that its range has no extent."""
    if not body.get("finalizing"):
        body["related"].pop(EXTENTS_KEY, None)
    return ask(body)
