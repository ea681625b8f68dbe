"""The customize hook: the related objects of a parent, and the parents that an event of a related object enqueues.

Answers are cached by (uid, generation) of the parent for 20 minutes, so changes of labels and status do not refresh
them. On an event of a related object the hook is called for every parent without a cached answer; if the call fails,
the event does not enqueue that parent.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from simulator.kubernetes.errors import ApiError
from simulator.kubernetes.objects import Obj, joined, key_of, labels_of, meta, selector_matches, uid_of
from simulator.kubernetes.resources import NAMESPACE, Catalog, Resource
from simulator.metacontroller.webhook import HookError, checked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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
        self._resting: set[str] = set()

    def rest(self, uids: Iterable[str]) -> None:
        """Enqueue these parents for no related object, until they are synced for another reason."""
        self._resting.update(uids)

    def of(self, parent: Obj) -> ObjectMap:
        """The related objects of a parent, from the caches.

        Raises HookError if the customize hook gives no valid answer, or its answer names a kind that does not exist.
        """
        self._resting.discard(uid_of(parent))
        result: ObjectMap = {}
        for rule in self._rules(parent):
            resource = self._resource(rule)
            self._watch(resource)
            group = result.setdefault(resource, {})
            for obj in self._caches(resource).objects():
                if self._selects(rule, resource, obj):
                    group[joined(key_of(obj))] = obj
        return result

    def forget_answers(self) -> None:
        """Ask the hook again for each parent, as after KEPT_FOR."""
        self._answers.clear()

    def on_event(self, old: Obj | None, new: Obj | None) -> None:
        """Enqueue the parents to which a related object was related before, or is now."""
        if old and new and meta(old)["resourceVersion"] == meta(new)["resourceVersion"]:
            return
        versions = [obj for obj in (old, new) if obj]
        for cache in self._parents:
            for parent in cache.objects():
                if uid_of(parent) not in self._resting and self._is_related(parent, versions):
                    self._enqueue(parent)

    def _is_related(self, parent: Obj, versions: list[Obj]) -> bool:
        try:
            rules = self._rules(parent)
        except HookError:
            return False
        return any(self._is_selected(rule, obj) for rule in rules for obj in versions)

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
