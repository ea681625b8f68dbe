"""A CompositeController: a parent, the children that it owns, and its status.

One sync does this, in this order: add the finalizer, claim children, select related objects, call the hook, schedule
the resync, remove the finalizer if the answer is `finalized`, write the children, write the status. The status write
is unconditional: the parent is read again and its status replaced, whatever it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.kubernetes.errors import ApiError, Conflict, Forbidden, NotFound
from simulator.kubernetes.objects import (
    Obj,
    controller_of,
    controller_reference,
    is_deleting,
    joined,
    key_of,
    labels_of,
    meta,
    owners_of,
    selector_matches,
    uid_of,
)
from simulator.metacontroller.children import ChildrenFailed, ObjectMap, manage_children, object_map
from simulator.metacontroller.controller import Controller, ParentRule, Surroundings, described, update_methods
from simulator.metacontroller.webhook import HookError
from simulator.names import UID_LABEL

if TYPE_CHECKING:
    from typing import Any

    from simulator.kubernetes.resources import Resource
    from simulator.metacontroller.steps import Steps


class CompositeController(Controller):
    """One CompositeController manifest at work."""

    kind = "CompositeController"
    shape = "composite"
    parent_word = "parent"

    def __init__(self, around: Surroundings, manifest: Obj) -> None:
        """Raises BadController, and NotFound for a resource that no CRD defines."""
        spec = manifest["spec"]
        self._find = around.store.catalog.of_plural
        self._methods = update_methods(self._find, spec.get("childResources") or [])
        self._generates_selector = bool(spec.get("generateSelector"))
        rule = spec["parentResource"]
        self._parent_resource = self._find(rule["apiVersion"], rule["resource"])
        ignores_status = bool(rule.get("ignoreStatusChanges"))
        parent_rule = ParentRule(self._parent_resource, rule.get("labelSelector"), ignores_status)
        super().__init__(around, manifest, [parent_rule])
        for resource in self._methods:
            around.caches(resource).add_handler(self.on_child)

    # --- which parents an event enqueues

    def parents_of(self, child: Obj) -> list[Obj]:
        """The parent that controls the child; for an orphan, the parents that may claim it."""
        if controller_of(child) is not None or is_deleting(child):
            return super().parents_of(child)
        namespace = key_of(child)[0] if self._parent_resource.namespaced else ""
        candidates = self._around.caches(self._parent_resource).objects(namespace)
        return [parent for parent in candidates if self._may_claim(parent, child)]

    # --- one sync

    def sync(self, parent: Obj) -> Steps[None]:
        """See the docstring of this module. Raises ApiError, HookError, ChildrenFailed."""
        parent = yield from self.with_finalizer(parent)
        if not self.is_parent(parent):
            return
        observed = yield from self._claimed_children(parent)
        answer = yield from self.answered(parent, observed)
        desired = self.desired_children(parent, answer.get("children"))
        self.resync_later(parent, answer)
        if answer.get("finalized"):
            parent = yield from self.change_finalizer(parent, wanted=False)
        self._label(parent, desired)
        failure: ChildrenFailed | None = None
        if self.manages_children(parent):
            try:
                yield from manage_children(self.api, self._methods, parent, observed, object_map(self.store, desired))
            except ChildrenFailed as error:
                failure = error
        yield from self._write_status(parent, answer.get("status") or {})
        if failure is not None:
            raise failure

    def _label(self, parent: Obj, desired: list[Obj]) -> None:
        """Set the label by which the desired children will be found, in place. Raises HookError."""
        for child in desired:
            labels = labels_of(child)
            if self._generates_selector and UID_LABEL not in labels:
                child["metadata"]["labels"] = labels | {UID_LABEL: uid_of(parent)}
            if not self._may_claim(parent, child):
                raise HookError(f"labels on desired child {described(child)} don't match parent selector")

    def _write_status(self, parent: Obj, status: dict[str, Any]) -> Steps[None]:
        wanted = status | {"observedGeneration": meta(parent)["generation"]}

        def change(live: Obj) -> Obj:
            return live if live.get("status") == wanted else live | {"status": wanted}

        try:
            yield from self.rewritten(parent, f"write status of {described(parent)}", change, self.api.update_status)
        except (NotFound, Conflict):
            return
        except ApiError as error:
            raise HookError(f"can't update status for {described(parent)}: {error}") from error

    # --- which children a parent claims

    def _may_claim(self, parent: Obj, child: Obj) -> bool:
        """Whether the parent's selector selects the child. Raises HookError for a parent without a selector."""
        if self._generates_selector:
            return labels_of(child).get(UID_LABEL) == uid_of(parent)
        selector = (parent.get("spec") or {}).get("selector") or {}
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            raise HookError(".spec.selector must have either matchLabels, matchExpressions, or both")
        return selector_matches(selector, labels_of(child))

    def _claimed_children(self, parent: Obj) -> Steps[ObjectMap]:
        result: ObjectMap = {}
        for resource in self._methods:
            result[resource] = yield from self._claimed(resource, parent)
        return result

    def _claimed(self, resource: Resource, parent: Obj) -> Steps[dict[str, Obj]]:
        namespace = key_of(parent)[0]
        cache = self._around.caches(resource)
        candidates = [*cache.controlled_by(uid_of(parent), namespace), *cache.controlled_by(None, namespace)]
        result: dict[str, Obj] = {}
        for child in candidates:
            if (yield from self._claims(parent, child)):
                result[joined(key_of(child))] = child
        return result

    def _claims(self, parent: Obj, child: Obj) -> Steps[bool]:
        """Whether the parent claims the child. Adopts an orphan that matches; releases an own child that does not."""
        owned, matches = controller_of(child) is not None, self._may_claim(parent, child)
        if owned and matches:
            return True
        if is_deleting(parent) or (not owned and (not matches or is_deleting(child))):
            return False
        try:
            if owned:
                yield from self._release(parent, child)
                return False
            yield from self._adopt(parent, child)
        except NotFound:
            return False
        return True

    def _adopt(self, parent: Obj, child: Obj) -> Steps[None]:
        if is_deleting(self.live(parent)):
            raise Forbidden(f"can't adopt {described(child)}: {described(parent)} has just been deleted")

        def change(live: Obj) -> Obj:
            owners = [*owners_of(live), controller_reference(parent)]
            return live | {"metadata": meta(live) | {"ownerReferences": owners}}

        yield from self.rewritten(child, f"write adopt {described(child)}", change, self.api.update)

    def _release(self, parent: Obj, child: Obj) -> Steps[None]:
        def change(live: Obj) -> Obj:
            owners = [owner for owner in owners_of(live) if owner["uid"] != uid_of(parent)]
            return live | {"metadata": meta(live) | {"ownerReferences": owners}}

        yield from self.rewritten(child, f"write release {described(child)}", change, self.api.update)
