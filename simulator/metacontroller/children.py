"""The writes by which Metacontroller turns the observed children into the desired ones: delete, create, update.

A write that fails does not stop the others. Some failures are ignored, because the next sync repairs them: the deletion
of a child that does not exist, the creation of one that does, and the update of an outdated child.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.kubernetes.errors import AlreadyExists, ApiError, Conflict, NotFound
from simulator.kubernetes.merge import METACONTROLLER_ANNOTATION, BadMerge, last_applied, merged, with_last_applied
from simulator.kubernetes.metadata import SYSTEM_FIELDS
from simulator.kubernetes.objects import (
    Obj,
    annotations_of,
    controller_reference,
    copied,
    is_deleting,
    joined,
    key_of,
    meta,
    owners_of,
    uid_of,
)

if TYPE_CHECKING:
    from simulator.kubernetes.resources import Resource
    from simulator.kubernetes.store import Store
    from simulator.metacontroller.steps import Api, Steps

#: Objects by kind and `namespace/name`, as in hook bodies.
ObjectMap = dict["Resource", dict[str, Obj]]
#: The update method of each kind of children; other kinds have OnDelete.
Methods = dict["Resource", str]


class ChildrenFailed(Exception):
    """Some children could not be made as the hook wants them."""


def object_map(store: Store, objects: list[Obj]) -> ObjectMap:
    """Group objects as hook bodies do. Raises NotFound for a kind that does not exist."""
    result: ObjectMap = {}
    for obj in objects:
        result.setdefault(store.catalog.of(obj), {})[joined(key_of(obj))] = obj
    return result


def manage_children(api: Api, methods: Methods, parent: Obj, observed: ObjectMap, desired: ObjectMap) -> Steps[None]:
    """Turn the observed children into the desired ones. Raises ChildrenFailed after all writes were tried."""
    failures: list[str] = []
    for resource in _ordered(observed):
        for name, child in sorted(observed[resource].items()):
            if name not in desired.get(resource, {}) and not is_deleting(child):
                yield f"write delete {resource.kind} {name}"
                failures += _delete(api, resource, child)
    for resource in _ordered(desired):
        for name, child in sorted(desired[resource].items()):
            before = observed.get(resource, {}).get(name)
            try:
                if before is None:
                    yield f"write create {resource.kind} {name}"
                    _create(api, parent, child)
                else:
                    yield from _update(api, resource, methods.get(resource, "OnDelete"), before, child)
            except (ApiError, BadMerge) as error:
                failures.append(str(error))
    if failures:
        listed = failures[0] if len(failures) == 1 else f"[{', '.join(failures)}]"
        raise ChildrenFailed(f"can't reconcile children for {parent['kind']} {joined(key_of(parent))}: {listed}")


def _ordered(objects: ObjectMap) -> list[Resource]:
    return sorted(objects, key=lambda item: (item.group, item.version, item.kind))


def _delete(api: Api, resource: Resource, child: Obj) -> list[str]:
    try:
        api.delete(resource, key_of(child), uid_of(child))
    except NotFound:
        return []
    except ApiError as error:
        return [f"can't delete {resource.kind} {joined(key_of(child))}: {error}"]
    return []


def _create(api: Api, parent: Obj, child: Obj) -> None:
    new = with_last_applied(child, child, METACONTROLLER_ANNOTATION)
    owners = owners_of(new)
    if not any(owner["uid"] == uid_of(parent) for owner in owners):
        new["metadata"]["ownerReferences"] = [*owners, controller_reference(parent)]
    try:
        api.create(new)
    except AlreadyExists:
        return


def _update(api: Api, resource: Resource, method: str, observed: Obj, desired: Obj) -> Steps[None]:
    new = _updated(observed, desired)
    if new == observed or is_deleting(observed) or method == "OnDelete":
        return
    yield f"write update {resource.kind} {joined(key_of(observed))}"
    try:
        if method == "Recreate":
            api.delete(resource, key_of(observed), uid_of(observed))
        else:
            api.update(new)
    except NotFound:
        return
    except Conflict:
        if method == "Recreate":
            raise


def _updated(observed: Obj, desired: Obj) -> Obj:
    """The observed child with the desired changes; its status and the API server's fields stay."""
    wanted = _without_bookkeeping(desired)
    new: Obj = merged(observed, last_applied(observed, METACONTROLLER_ANNOTATION), wanted, by_item=True)
    for name in SYSTEM_FIELDS:
        new["metadata"].pop(name, None)
        if name in meta(observed):
            new["metadata"][name] = meta(observed)[name]
    new.pop("status", None)
    if "status" in observed:
        new["status"] = observed["status"]
    return with_last_applied(new, wanted, METACONTROLLER_ANNOTATION)


def _without_bookkeeping(desired: Obj) -> Obj:
    if METACONTROLLER_ANNOTATION not in annotations_of(desired):
        return desired
    result = copied(desired)
    del result["metadata"]["annotations"][METACONTROLLER_ANNOTATION]
    return result
