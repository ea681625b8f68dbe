"""What kube-controller-manager does for us: the garbage collector and the namespace controller.

Both work in small steps, one deletion each, so that the scheduler can put anything between two of them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from simulator.objects import is_deleting, key_of, meta, owners_of, uid_of
from simulator.resources import NAMESPACE

if TYPE_CHECKING:
    from simulator.objects import Key, Obj
    from simulator.resources import Resource
    from simulator.store import Event, Store


class GarbageCollector:
    """Deletes objects all of whose owners are gone."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read: dict[Resource, int] = defaultdict(int)
        self._alive: set[str] = set()
        self._dependents: dict[str, set[tuple[Resource, Key]]] = defaultdict(set)
        self._suspects: dict[tuple[Resource, Key], None] = {}

    def has_work(self) -> bool:
        """Whether `step` would delete something."""
        self._catch_up()
        while self._suspects:
            if self._is_garbage(*next(iter(self._suspects))):
                return True
            del self._suspects[next(iter(self._suspects))]
        return False

    def step(self) -> None:
        """Delete one object without owners, if there is one."""
        if not self.has_work():
            return
        resource, key = next(iter(self._suspects))
        del self._suspects[resource, key]
        self._store.delete(resource, key, uid_of(self._store.get(resource, key)))

    def _catch_up(self) -> None:
        for resource in self._store.catalog.resources:
            log = self._store.log(resource)
            for event in log[self._read[resource] :]:
                self._note(resource, event)
            self._read[resource] = len(log)

    def _note(self, resource: Resource, event: Event) -> None:
        item = (resource, key_of(event.obj))
        if event.type == "DELETED":
            self._alive.discard(uid_of(event.obj))
            self._suspects |= dict.fromkeys(sorted(self._dependents.pop(uid_of(event.obj), ()), key=lambda it: it[1]))
            return
        self._alive.add(uid_of(event.obj))
        for owner in owners_of(event.obj):
            self._dependents[owner["uid"]].add(item)
        if owners_of(event.obj):
            self._suspects[item] = None

    def _is_garbage(self, resource: Resource, key: Key) -> bool:
        obj = self._store.find(resource, key)
        if obj is None or is_deleting(obj) or not owners_of(obj):
            return False
        return not any(owner["uid"] in self._alive for owner in owners_of(obj))


class NamespaceController:
    """Empties namespaces that are being deleted, then lets them go."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read = 0
        self._terminating: dict[str, None] = {}

    def has_work(self) -> bool:
        """Whether `step` would delete something."""
        return self._next() is not None

    def step(self) -> None:
        """Delete one object of a namespace that is going, or the namespace once it is empty."""
        found = self._next()
        if found is None:
            return
        name, item = found
        if item is None:
            del self._terminating[name]
            self._store.release_namespace(name)
            return
        resource, obj = item
        self._store.delete(resource, key_of(obj), uid_of(obj))

    def _next(self) -> tuple[str, tuple[Resource, Obj] | None] | None:
        """A namespace that can go on, with the object to delete in it or None if it is empty."""
        log = self._store.log(NAMESPACE)
        for event in log[self._read :]:
            if event.type == "MODIFIED" and is_deleting(event.obj):
                self._terminating[meta(event.obj)["name"]] = None
        self._read = len(log)
        for name in self._terminating:
            content = self._content(name)
            waiting = [item for item in content if not is_deleting(item[1])]
            if waiting or not content:
                return name, waiting[0] if waiting else None
        return None

    def _content(self, namespace: str) -> list[tuple[Resource, Obj]]:
        kinds = [resource for resource in self._store.catalog.resources if resource.namespaced]
        return [(resource, obj) for resource in kinds for obj in self._store.list(resource, namespace)]
