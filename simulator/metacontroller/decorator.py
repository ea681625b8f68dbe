"""A DecoratorController: labels, annotations and a status for objects of other owners, and attachments.

One sync does this, in this order: add the finalizer, find attachments, select related objects, call the hook, schedule
the resync, write the status, write the object (labels, annotations, and without the finalizer if the answer is
`finalized`), write attachments. Both writes carry the resourceVersion of the cache. If it is outdated, the refusal is
ignored, and the next event starts another sync.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.kubernetes.errors import ApiError, Conflict, NotFound
from simulator.kubernetes.objects import (
    Obj,
    annotations_of,
    finalizers_of,
    joined,
    key_of,
    labels_of,
    meta,
    uid_of,
)
from simulator.metacontroller.children import ObjectMap, manage_children, object_map
from simulator.metacontroller.controller import (
    BadController,
    Controller,
    ParentRule,
    Surroundings,
    described,
    update_methods,
)
from simulator.metacontroller.webhook import HookError

if TYPE_CHECKING:
    from simulator.kubernetes.resources import Resource
    from simulator.metacontroller.steps import Steps

DECORATOR_ANNOTATION = "metacontroller.k8s.io/decorator-controller"


class DecoratorController(Controller):
    """One DecoratorController manifest at work."""

    kind = "DecoratorController"
    shape = "decorator"
    parent_word = "object"

    def __init__(self, around: Surroundings, manifest: Obj) -> None:
        """Raises BadController, and NotFound for a resource that no CRD defines."""
        spec = manifest["spec"]
        find = around.store.catalog.of_plural
        self._methods = update_methods(find, spec.get("attachments") or [])
        super().__init__(
            around, manifest, [_parent_rule(find(r["apiVersion"], r["resource"]), r) for r in spec["resources"]]
        )
        for resource in self._methods:
            around.caches(resource).add_handler(self.on_child)

    def sync(self, parent: Obj) -> Steps[None]:
        """See the docstring of this module. Raises ApiError, HookError, ChildrenFailed."""
        parent = yield from self.with_finalizer(parent)
        if not self.is_parent(parent):
            return
        observed = self._attachments(parent)
        answer = yield from self.answered(parent, observed)
        desired = self.desired_children(parent, answer.get("attachments"))
        self.resync_later(parent, answer)
        try:
            yield from self._write(parent, answer)
        except (NotFound, Conflict):
            return
        for child in desired:
            child["metadata"]["annotations"] = annotations_of(child) | {DECORATOR_ANNOTATION: self.name}
        if self.manages_children(parent):
            yield from manage_children(self.api, self._methods, parent, observed, object_map(self.store, desired))

    def _write(self, parent: Obj, answer: Obj) -> Steps[None]:
        """Write what the answer changes: the status, and then in any case the object. Raises ApiError, HookError."""
        labels = _changed(labels_of(parent), answer.get("labels"))
        annotations = _changed(annotations_of(parent), answer.get("annotations"))
        old_status = parent.get("status")
        status = old_status if answer.get("status") is None else answer["status"]
        removes_finalizer = bool(answer.get("finalized")) and self.finalizer in finalizers_of(parent)
        if (labels, annotations, status) == (
            labels_of(parent),
            annotations_of(parent),
            old_status,
        ) and not removes_finalizer:
            return
        metadata = meta(parent) | {"labels": labels, "annotations": annotations}
        new = parent | {"metadata": metadata} | ({} if status is None else {"status": status})
        if status != old_status and self.store.catalog.of(parent).has_status:
            yield f"write status of {described(parent)}"
            metadata["resourceVersion"] = meta(self._with_status(new))["resourceVersion"]
        if removes_finalizer:
            metadata["finalizers"] = [name for name in finalizers_of(parent) if name != self.finalizer]
        yield f"write {described(parent)}"
        try:
            self.api.update(new)
        except (NotFound, Conflict):
            raise
        except ApiError as error:
            raise HookError(f"can't update {described(parent)}: {error}") from error

    def _with_status(self, new: Obj) -> Obj:
        try:
            return self.api.update_status(new)
        except (NotFound, Conflict):
            raise
        except ApiError as error:
            raise HookError(f"can't update status: {error}") from error

    def _attachments(self, parent: Obj) -> ObjectMap:
        result: ObjectMap = {}
        for resource in self._methods:
            owned = self._around.caches(resource).controlled_by(uid_of(parent), key_of(parent)[0])
            ours = [child for child in owned if annotations_of(child).get(DECORATOR_ANNOTATION) == self.name]
            result[resource] = {joined(key_of(child)): child for child in ours}
        return result


def _parent_rule(resource: Resource, rule: dict[str, Any]) -> ParentRule:
    if rule.get("annotationSelector"):
        raise BadController(f"annotationSelector of {rule['resource']} is not simulated")
    return ParentRule(resource, rule.get("labelSelector"), bool(rule.get("ignoreStatusChanges")))


def _changed(before: dict[str, str], updates: dict[str, str | None] | None) -> dict[str, str]:
    """The labels or annotations after an answer: null removes one, a text sets it, all others stay."""
    after: dict[str, str | None] = {**before, **(updates or {})}
    return {name: value for name, value in after.items() if value is not None}
