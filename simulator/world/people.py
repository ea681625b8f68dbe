"""The actions of people: all that kubectl allows, wise or not.

Objects are named by kind and `namespace/name`, and a slice by a request that it answers, or by its range if it has no
answers, because its own name is a hash. If the API server refuses an action, the action has no effect and its
description says so.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from simulator.kubernetes.errors import ApiError
from simulator.kubernetes.json_patch import merge_patched
from simulator.kubernetes.objects import (
    annotations_of,
    controller_of,
    finalizers_of,
    is_deleting,
    joined,
    key_of,
    labels_of,
    meta,
    uid_of,
)
from simulator.kubernetes.resources import NAMESPACE
from simulator.names import (
    ABANDON_ANNOTATION,
    ALLOW_DELETION_ANNOTATION,
    CLAIMS,
    END_COOLDOWN_ANNOTATION,
    FOREIGN_FINALIZER,
    HOLD_ANNOTATION,
    OPEN_LABEL,
    PERSON,
    RANGE_FINALIZER,
    RANGE_LABEL,
    RECLAIM_ANNOTATION,
    REQUEST_FINALIZER,
    SERVICES,
    SLICES,
    TENANT,
    UID_LABEL,
)
from simulator.world.slices import add_answer, drop_answer, find_slice, occupy_slice, set_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.kubernetes.objects import Key, Obj
    from simulator.kubernetes.resources import Resource
    from simulator.world.machinery import World


#: The kinds of which objects are kept by the finalizer of another controller; claims by that of their consumer.
KEPT_KINDS = ("ipamrequests", SLICES, "ipamextents", "ipamranges", CLAIMS, SERVICES)


def find(world: World, plural: str, name: str) -> tuple[Resource, Obj] | None:
    """An object by plural name and `namespace/name`; a slice by a name that it has for people."""
    resource = NAMESPACE if plural == "namespaces" else world.plural(plural)
    obj = find_slice(world, name) if plural == SLICES else world.store.find(resource, key_from(name))
    return None if obj is None else (resource, obj)


def key_from(name: str) -> Key:
    """The key of `namespace/name`, or of a name alone."""
    namespace, _, short = name.rpartition("/")
    return namespace, short


# --- the verbs


def create(world: World, *manifests: str) -> str:
    """Create objects in the same second; each of them may be refused."""
    return "; ".join(_created(world, json.loads(manifest)) for manifest in manifests)


def _created(world: World, obj: Obj) -> str:
    described = f"create {obj['kind']} {'/'.join(key_of(obj))} {json.dumps(obj['spec'])}"
    try:
        world.store.create(obj, strict=False)
    except ApiError as error:
        return f"{described}: refused, {error.reason}"
    return described


def delete(world: World, plural: str, name: str, how: str = "") -> str | None:
    """Delete an object; `how` may be `orphan` or `foregroundDeletion`."""
    found = find(world, plural, name)
    if found is None or is_deleting(found[1]):
        return None
    _delete(world, *found, how)
    return f"delete {plural} {name} {how}".strip()


def _delete(world: World, resource: Resource, obj: Obj, how: str = "") -> None:
    """Delete an object; a range on purpose, as its policy demands."""
    if obj["kind"] == "IPAMRange":
        allowed = {"metadata": {"annotations": {ALLOW_DELETION_ANNOTATION: "true"}}}
        world.store.patch(resource, key_of(obj), allowed)
    world.store.delete(resource, key_of(obj), gc_finalizer=how)


def delete_by_mistake(world: World, name: str) -> str | None:
    """Delete a range without the annotation that its policy demands while it holds blocks."""
    found = find(world, "ipamranges", name)
    if found is None or is_deleting(found[1]):
        return None
    world.store.delete(found[0], key_of(found[1]))
    return f"delete range {name} by mistake"


def add_finalizer(world: World, plural: str, name: str) -> str | None:
    """Add the finalizer of another controller."""
    return _change(world, plural, name, lambda obj: {"finalizers": [*finalizers_of(obj), FOREIGN_FINALIZER]})


def forge_finalizer(world: World, plural: str, name: str) -> str | None:
    """Add the finalizer of a shard that does not exist."""
    forged = f"{RANGE_FINALIZER if plural == 'ipamranges' else REQUEST_FINALIZER}-none"
    return _change(world, plural, name, lambda obj: {"finalizers": [*_without(finalizers_of(obj), forged), forged]})


def drop_finalizer(world: World, plural: str, name: str) -> str | None:
    """Remove the finalizer of the other controller."""
    return _change(world, plural, name, lambda obj: {"finalizers": _without(finalizers_of(obj), FOREIGN_FINALIZER)})


def drop_all_finalizers(world: World) -> None:
    """Remove the finalizer of the other controller everywhere, also if two slices have the same name for people."""
    for plural in KEPT_KINDS:
        for obj in world.store.list(world.plural(plural)):
            if FOREIGN_FINALIZER in finalizers_of(obj):
                kept = _without(finalizers_of(obj), FOREIGN_FINALIZER)
                world.store.update(obj | {"metadata": meta(obj) | {"finalizers": kept}})


def strip_finalizers(world: World, plural: str, name: str) -> str | None:
    """Remove all finalizers by force."""
    found = find(world, plural, name)
    if found is None:
        return None
    _strip_finalizers(world, found[1])
    return f"strip the finalizers of {plural} {name}"


def strip_labels(world: World, plural: str, name: str) -> str | None:
    """Remove all labels."""
    return _change(world, plural, name, lambda _: {"labels": {}})


def strip_annotations(world: World, plural: str, name: str) -> str | None:
    """Remove all annotations."""
    return _change(world, plural, name, lambda _: {"annotations": {}})


def annotate(world: World, plural: str, name: str, annotations: str) -> str | None:
    """Set annotations; null removes one."""
    return _change(world, plural, name, lambda obj: {"annotations": _annotated(obj, json.loads(annotations))})


def _annotated(obj: Obj, changes: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in (annotations_of(obj) | changes).items() if value is not None}


def repeat(world: World, plural: str, name: str, patch: str) -> str | None:
    """Begin to repeat a patch forever: each time when Metacontroller is about to write the object."""
    if find(world, plural, name) is None:
        return None
    world.repeated[plural, name] = world.gate.user, json.loads(patch)
    return f"repeat forever {patch} on {plural} {name}"


def hold(world: World, name: str) -> str | None:
    """Put a range on hold, or end its hold."""

    def toggled(obj: Obj) -> Obj:
        annotations = dict(annotations_of(obj))
        was_on_hold = annotations.pop(HOLD_ANNOTATION, None)
        return {"annotations": annotations if was_on_hold else annotations | {HOLD_ANNOTATION: "true"}}

    return _change(world, "ipamranges", name, toggled)


def mislabel(world: World, plural: str, name: str, value: str) -> str | None:
    """Give a request the label of another range."""
    return _change(world, plural, name, lambda obj: {"labels": labels_of(obj) | {RANGE_LABEL: value}})


def label_namespace(world: World, name: str, value: str) -> str | None:
    """Set the label by which ranges select namespaces; "" removes it."""
    labels = {OPEN_LABEL: value} if value else {}
    return _change(world, "namespaces", name, lambda obj: {"labels": _unlabelled(labels_of(obj)) | labels})


def strip_owners(world: World, plural: str, name: str) -> str | None:
    """Remove all owner references."""
    return _change(world, plural, name, lambda _: {"ownerReferences": []})


def set_spec(world: World, plural: str, name: str, changes: str) -> str | None:
    """Change fields of a spec; the API server refuses changes of immutable fields."""
    found = find(world, plural, name)
    if found is None:
        return None
    world.store.update(found[1] | {"spec": found[1]["spec"] | json.loads(changes)})
    return f"set {changes} in the spec of {plural} {name}"


def patch_spec(world: World, plural: str, name: str, patch: str) -> str | None:
    """Change a spec by a JSON merge patch."""
    found = find(world, plural, name)
    if found is None:
        return None
    world.store.update(found[1] | {"spec": merge_patched(found[1]["spec"], json.loads(patch))})
    return f"patch the spec of {plural} {name} by {patch}"


def set_status(world: World, plural: str, name: str, changes: str) -> str | None:
    """Change fields of a status."""
    found = find(world, plural, name)
    if found is None:
        return None
    world.store.update_status(found[1] | {"status": found[1].get("status", {}) | json.loads(changes)})
    return f"set {changes} in the status of {plural} {name}"


def old_status(world: World, plural: str, name: str, back: str) -> str | None:
    """Write the status that an object had so many events ago; with 0, remove the status."""
    found = find(world, plural, name)
    if found is None:
        return None
    resource, obj = found
    mine = [event.obj for event in world.store.log(resource) if uid_of(event.obj) == uid_of(obj)]
    old = mine[-1 - int(back)] if 0 < int(back) < len(mine) else {}
    without = {name: value for name, value in obj.items() if name != "status"}
    world.store.update_status(without | ({"status": old["status"]} if "status" in old else {}))
    return f"write the status of {plural} {name} of {back} events ago"


def reclaim(world: World, name: str, whom: str = "") -> str | None:
    """Name all holders whose requests do not exist in the annotation `reclaim` of a range; or just all holders."""
    found = find(world, "ipamranges", name)
    if found is None:
        return None
    alive = {uid_of(obj) for obj in world.store.list(world.plural("ipamrequests"))} if whom != "all" else set()
    entries = found[1].get("status", {}).get("allocations", [])
    kept = (alive - _without_range(world)) | (_delegators(world) if whom != "all" else set())
    named = ",".join(entry["uid"] for entry in entries if entry["uid"] not in kept)
    if not named:
        return None
    return _change(
        world, "ipamranges", name, lambda obj: {"annotations": annotations_of(obj) | {RECLAIM_ANNOTATION: named}}
    )


def stray_delegated_ranges(world: World) -> list[Obj]:
    """The ranges that say that they were made from the block of a request, which does not exist any more."""
    existing = {uid_of(obj) for obj in world.store.list(world.plural("ipamrequests"))}
    return [obj for obj, maker in _delegated_ranges(world) if maker not in existing]


def _delegators(world: World) -> set[str]:
    """The uids of the requests from whose blocks existing ranges were made: these must be deleted first.

    A range that was made while its request names another one never grants anything.
    """
    requests = world.store.list(world.plural("ipamrequests"))
    named = {uid_of(obj): ((obj.get("status") or {}).get("range") or {}).get("uid") for obj in requests}
    return {maker for obj, maker in _delegated_ranges(world) if named.get(maker) in (None, uid_of(obj))}


def _delegated_ranges(world: World) -> list[tuple[Obj, str]]:
    """The ranges that were made from blocks of requests, each with the uid of that request."""
    ranges = world.store.list(world.plural("ipamranges"))
    return [(obj, obj["spec"]["delegatedFrom"]["uid"]) for obj in ranges if "delegatedFrom" in obj["spec"]]


def _without_range(world: World) -> set[str]:
    """The uids of deleted requests that wait for a range that does not exist any more."""
    existing = {uid_of(obj) for obj in world.store.list(world.plural("ipamranges"))}
    awaiting = [obj for obj in world.store.list(world.plural("ipamrequests")) if is_deleting(obj)]
    named = {uid_of(obj): (obj.get("status") or {}).get("range") or {} for obj in awaiting}
    return {uid for uid, each in named.items() if each and not each.get("finished") and each["uid"] not in existing}


def end_cooldown(world: World, name: str) -> str | None:
    """Name the former holders of all blocks that cool down in the annotation `end-cooldown` of a range."""
    found = find(world, "ipamranges", name)
    entries = found[1].get("status", {}).get("allocations", []) if found else []
    named = ",".join(entry["uid"] for entry in entries if "releasedAt" in entry)
    if not named:
        return None
    return _change(
        world, "ipamranges", name, lambda obj: {"annotations": annotations_of(obj) | {END_COOLDOWN_ANNOTATION: named}}
    )


def force_namespace(world: World, name: str) -> str | None:
    """Remove a namespace that is being deleted, although it is not empty."""
    found = world.store.find(NAMESPACE, ("", name))
    if found is None or not is_deleting(found):
        return None
    world.store.remove_namespace(name)
    return f"force namespace {name} away"


def wipe(world: World) -> str | None:
    """Remove everything at once, as before a restore of etcd."""
    count = 0
    for plural in (SLICES, "ipamextents", "ipamrequests", "ipamranges"):
        for obj in world.store.list(world.plural(plural)):
            if not is_deleting(obj):
                _delete(world, world.plural(plural), obj)
            count += 1
            live = world.store.find(world.plural(plural), key_of(obj))
            if live is not None:
                _strip_finalizers(world, live)
    return f"wipe {count} objects" if count else None


def strays(world: World, plural: str) -> list[Obj]:
    """The children of a kind that no range controls: without a controller, or without the label that identifies it."""
    return [obj for obj in world.store.list(world.plural(plural)) if not _is_claimed(obj)]


def _is_claimed(child: Obj) -> bool:
    controller = controller_of(child)
    return controller is not None and labels_of(child).get(UID_LABEL) == controller["uid"]


def _strip_finalizers(world: World, obj: Obj) -> None:
    """Remove all finalizers; those of a range with the annotation that its policy demands in this write, not before."""
    if obj["kind"] != "IPAMRange":
        world.store.update(obj | {"metadata": meta(obj) | {"finalizers": []}})
        return
    annotations = dict(annotations_of(obj))
    if annotations.pop(ABANDON_ANNOTATION, None):
        obj = world.store.update(obj | {"metadata": meta(obj) | {"annotations": annotations}})
    abandoned = {"finalizers": [], "annotations": annotations | {ABANDON_ANNOTATION: "true"}}
    world.store.update(obj | {"metadata": meta(obj) | abandoned})


def _change(world: World, plural: str, name: str, change: Callable[[Obj], Obj]) -> str | None:
    found = find(world, plural, name)
    if found is None:
        return None
    resource, obj = found
    changes = change(obj)
    before = world.store.version
    world.store.update(obj | {"metadata": meta(obj) | changes})
    if world.store.version == before:
        return None
    return f"change {resource.kind} {name}: {json.dumps(changes)}"


def _unlabelled(labels: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name != OPEN_LABEL}


def _without(items: list[str], item: str) -> list[str]:
    return [each for each in items if each != item]


VERBS: dict[str, Callable[..., str | None]] = {
    verb.__name__.replace("_", "-"): verb
    for verb in (
        create, delete, delete_by_mistake, add_finalizer, forge_finalizer, drop_finalizer, strip_finalizers,
        strip_labels, strip_annotations, mislabel, annotate, repeat, hold, label_namespace, strip_owners, set_spec,
        patch_spec, set_status, old_status, reclaim, end_cooldown, force_namespace, wipe, set_answer, drop_answer,
        add_answer, occupy_slice,
    )
}  # fmt: skip


def reclaim_everywhere(world: World) -> bool:
    """Reclaim the absent holders of each range; whether there were any."""
    names = [joined(key_of(obj)) for obj in world.store.list(world.plural("ipamranges"))]
    done = [done_by_person(world, "reclaim", (name,)) for name in names]
    return any(done)


def done_by_person(world: World, verb: str, words: tuple[str, ...], tenant: str = "") -> str | None:
    """Do one of the verbs and describe it, or its refusal; None if it was not possible.

    The person is a cluster administrator, or a tenant (see `World.person`).
    """
    who = f"{tenant}: " if tenant else ""
    writer = (TENANT, world.person(tenant)) if tenant else (PERSON,)
    try:
        with world.written_by(*writer):
            done = VERBS[verb](world, *words)
    except ApiError as error:
        return f"{who}{verb} {' '.join(words)}: refused, {error.reason}"
    return None if done is None else f"{who}{done}"
