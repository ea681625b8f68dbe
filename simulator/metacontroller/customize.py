"""The customize hook: which related objects a parent sees, and which parents an event of a related object wakes.

Answers are kept per (uid, generation) of the parent for 20 minutes: labels and status don't refresh them. An event of
a related object asks the hook for every parent whose answer isn't known; a parent whose call fails is passed over for
that event.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from simulator.kubernetes.errors import ApiError
from simulator.kubernetes.objects import Obj, joined, key_of, labels_of, meta, selector_matches, uid_of
from simulator.kubernetes.resources import NAMESPACE, Catalog, Resource
from simulator.metacontroller.webhook import HookError, checked

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.kubernetes.clock import Clock
    from simulator.metacontroller.children import ObjectMap
    from simulator.metacontroller.informers import InformerCache

KEPT_FOR = timedelta(minutes=20)
#: One entry of `relatedResources`.
Rule = dict[str, Any]


class RelatedObjects:
    """The related objects of all parents of one controller."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        clock: Clock,
        caches: Callable[[Resource], InformerCache],
        parents: list[InformerCache],
        ask: Callable[[Obj], Obj] | None,
        enqueue: Callable[[Obj], None],
    ) -> None:
        """`ask` calls the hook for a parent and returns its answer; None if the controller has no customize hook."""
        self._catalog = catalog
        self._clock = clock
        self._caches = caches
        self._parents = parents
        self._ask = ask
        self._enqueue = enqueue
        self._answers: dict[tuple[str, int], tuple[datetime, list[Rule]]] = {}
        self._watched: set[Resource] = set()

    def of(self, parent: Obj) -> ObjectMap:
        """The related objects of a parent, as its caches show them.

        Raises HookError if the customize hook does not answer well or its answer names what doesn't exist.
        """
        result: ObjectMap = {}
        for rule in self._rules(parent):
            resource = self._resource(rule)
            self._watch(resource)
            group = result.setdefault(resource, {})
            for obj in self._caches(resource).objects():
                if self._selects(rule, resource, obj):
                    group[joined(key_of(obj))] = obj
        return result

    def on_event(self, old: Obj | None, new: Obj | None) -> None:
        """Wake the parents to which a related object mattered before or matters now."""
        if old and new and meta(old)["resourceVersion"] == meta(new)["resourceVersion"]:
            return
        seen = [obj for obj in (old, new) if obj]
        for cache in self._parents:
            for parent in cache.objects():
                if self._matters(parent, seen):
                    self._enqueue(parent)

    def _matters(self, parent: Obj, seen: list[Obj]) -> bool:
        try:
            rules = self._rules(parent)
        except HookError:
            return False
        return any(self._is_selected(rule, obj) for rule in rules for obj in seen)

    def _is_selected(self, rule: Rule, obj: Obj) -> bool:
        try:
            resource = self._resource(rule)
            same_kind = (obj["apiVersion"], obj["kind"]) == (resource.api_version, resource.kind)
            return same_kind and self._selects(rule, resource, obj)
        except HookError:
            return False

    def _rules(self, parent: Obj) -> list[Rule]:
        if self._ask is None:
            return []
        known = (uid_of(parent), meta(parent).get("generation", 0))
        now = self._clock.now()
        if known in self._answers and now - self._answers[known][0] < KEPT_FOR:
            return self._answers[known][1]
        rules = [checked(rule, "relatedResource") for rule in self._ask(parent).get("relatedResources") or []]
        self._answers[known] = (now, rules)
        return rules

    def _resource(self, rule: Rule) -> Resource:
        has_selector = rule.get("labelSelector") is not None or rule.get("namespaceSelector") is not None
        if rule.get("names") and has_selector:
            raise HookError("related rule cannot have both names and labelSelector/namespaceSelector specified")
        if rule.get("namespace") and rule.get("namespaceSelector") is not None:
            raise HookError("related rule cannot have both namespace and namespaceSelector specified")
        try:
            return self._catalog.of_plural(rule.get("apiVersion") or "", rule.get("resource") or "")
        except ApiError as error:
            raise HookError(str(error)) from error

    def _watch(self, resource: Resource) -> None:
        if resource not in self._watched:
            self._watched.add(resource)
            self._caches(resource).add_handler(self.on_event)

    def _selects(self, rule: Rule, resource: Resource, obj: Obj) -> bool:
        namespace, name = key_of(obj)
        try:
            if not selector_matches(rule.get("labelSelector"), labels_of(obj)):
                return False
            if rule.get("namespaceSelector") is not None and not self._in_selected_namespace(rule, resource, namespace):
                return False
        except ValueError as error:
            raise HookError(str(error)) from error
        if resource.namespaced and rule.get("namespace") and namespace != rule["namespace"]:
            return False
        return not rule.get("names") or name in rule["names"]

    def _in_selected_namespace(self, rule: Rule, resource: Resource, namespace: str) -> bool:
        if not resource.namespaced:
            raise HookError("namespaceSelector is only supported for namespaced related resources")
        found = self._caches(NAMESPACE).get(("", namespace))
        return found is not None and selector_matches(rule["namespaceSelector"], labels_of(found))
