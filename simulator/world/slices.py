"""The actions of people on slices and on the answers in them, which only cluster administrators may do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from simulator.kubernetes.clock import rfc3339
from simulator.kubernetes.objects import joined, key_of, meta, uid_of
from simulator.names import GROUP, SLICES, UID_LABEL, slice_name, slot_of

if TYPE_CHECKING:
    from simulator.kubernetes.objects import Obj
    from simulator.world.machinery import World

#: What people make of a slice in advance: one that no range controls, one that its range adopts, one that the range
#: adopts although it names another one.
FOREIGN, ADOPTED, MISNAMED = "foreign", "adopted", "misnamed"


def find_slice(world: World, name: str) -> Obj | None:
    """The first slice that has this name for people."""
    return next((obj for obj in world.store.list(world.plural(SLICES)) if name in names_of_slice(obj)), None)


def names_of_slice(obj: Obj) -> list[str]:
    """The requests that a slice answers; or its range, if it answers none. Its own name is a hash."""
    return [item["request"] for item in _items(obj)] or [f"{key_of(obj)[0]}/{obj['spec'].get('range')}"]


def set_answer(world: World, name: str, changes: str) -> str | None:
    """Change fields of the answer to a request; the API server refuses changes of immutable fields."""
    changed = [item | (json.loads(changes) if item["request"] == name else {}) for item in _found_items(world, name)]
    return _replaced(world, name, changed, f"set {changes} in the answer to {name}")


def drop_answer(world: World, name: str) -> str | None:
    """Remove the answer to a request from its slice."""
    kept = [item for item in _found_items(world, name) if item["request"] != name]
    return _replaced(world, name, kept, f"remove the answer to {name}")


def add_answer(world: World, name: str, item: str) -> str | None:
    """Add an item to a slice, but none that would mislead its request: a request obeys what its own slice says."""
    found, new = find_slice(world, name), json.loads(item)
    if found is None or (new["state"] != "Busy" and joined(key_of(found)) == _slice_of(world, new["uid"])):
        return None
    return _replaced(world, name, [*_items(found), new], f"add the answer {item} to the slice of {name}")


def occupy_slice(world: World, range_name: str, slot: str, how: str, items: str = "[]") -> str | None:
    """Create the slice for the requests of a range that are created in this second, before the range does."""
    parent = world.store.find(world.plural("ipamranges"), _key(range_name))
    second = rfc3339(world.clock.now())
    namespace, name = _key(slice_name(range_name, second, int(slot)))
    metadata: Obj = {"namespace": namespace, "name": name}
    if how != FOREIGN and parent is not None:
        metadata["labels"] = {UID_LABEL: uid_of(parent)}
    named = "another" if how == MISNAMED else _key(range_name)[1]
    spec = {"range": named, "schemaV1": True, "answers": json.loads(items)}
    kind = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "IPAMAllocationSlice"}
    world.store.create(kind | {"metadata": metadata, "spec": spec})
    return f"occupy the slice {slot} of {range_name} of {second}, {how}, with {items}"


def _items(obj: Obj) -> list[Obj]:
    items: list[Obj] = obj["spec"].get("answers") or []
    return items


def _slice_of(world: World, uid: str) -> str:
    """`namespace/name` of the slice in which the answer to a request belongs; "" if there is no such request."""
    request = next((obj for obj in world.store.list(world.plural("ipamrequests")) if uid_of(obj) == uid), None)
    if request is None:
        return ""
    ipam = request["spec"]["ipam"]
    range_name = f"{ipam.get('namespace') or key_of(request)[0]}/{ipam['name']}"
    return slice_name(range_name, meta(request)["creationTimestamp"], slot_of(uid))


def _found_items(world: World, name: str) -> list[Obj]:
    found = find_slice(world, name)
    return _items(found) if found else []


def _replaced(world: World, name: str, items: list[Obj], done: str) -> str | None:
    """Write a slice with other items; None if there is no such slice, or it has these items."""
    found = find_slice(world, name)
    if found is None or _items(found) == items:
        return None
    world.store.update(found | {"spec": found["spec"] | {"answers": items}})
    return done


def _key(name: str) -> tuple[str, str]:
    namespace, _, short = name.partition("/")
    return namespace, short
