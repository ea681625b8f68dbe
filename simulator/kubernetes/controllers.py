"""What kube-controller-manager does for us: the garbage collector and the namespace controller.

Both work in small steps, one deletion each, so that the scheduler can put anything between two of them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from simulator.kubernetes.objects import finalizers_of, is_deleting, key_of, meta, owners_of, uid_of
from simulator.kubernetes.resources import NAMESPACE

if TYPE_CHECKING:
    from simulator.kubernetes.objects import Key, Obj
    from simulator.kubernetes.resources import Resource
    from simulator.kubernetes.store import Event, Store


#: Finalizers that ask the garbage collector to see to the dependents before an owner goes.
GC_FINALIZERS = frozenset({"foregroundDeletion", "orphan"})


class GarbageCollector:
    """Deletes objects all of whose owners are gone; where an owner asks for it, sees to its dependents before.

    An owner with the finalizer `orphan` is taken out of its dependents, one with `foregroundDeletion` waits for them.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read: dict[Resource, int] = defaultdict(int)
        self._alive: set[str] = set()
        self._dependents: dict[str, set[tuple[Resource, Key]]] = defaultdict(set)
        self._suspects: dict[tuple[Resource, Key], None] = {}
        self._asking: dict[tuple[Resource, Key], None] = {}

    def has_work(self) -> bool:
        """Whether `step` would delete something."""
        self._catch_up()
        if self._next_asked() is not None:
            return True
        while self._suspects:
            if self._is_garbage(*next(iter(self._suspects))):
                return True
            del self._suspects[next(iter(self._suspects))]
        return False

    def step(self) -> None:
        """Delete one object without owners, if there is one."""
        if not self.has_work():
            return
        asked = self._next_asked()
        if asked is not None:
            self._see_to(*asked)
            return
        resource, key = next(iter(self._suspects))
        del self._suspects[resource, key]
        self._store.delete(resource, key, uid_of(self._store.get(resource, key)))

    def _next_asked(self) -> tuple[Obj, Obj | None] | None:
        """A deleted owner that asks for us, with a dependent to see to, or None if none is left."""
        for resource, key in self._asking:
            owner = self._store.find(resource, key)
            if owner is None or not is_deleting(owner) or not GC_FINALIZERS & set(finalizers_of(owner)):
                continue
            dependents = self._dependents_of(owner)
            if "orphan" in finalizers_of(owner) or not dependents:
                return owner, dependents[0] if dependents else None
            waiting = [obj for obj in dependents if not is_deleting(obj)]
            if waiting:
                return owner, waiting[0]
        return None

    def _dependents_of(self, owner: Obj) -> list[Obj]:
        found = [self._store.find(*item) for item in sorted(self._dependents[uid_of(owner)], key=lambda it: it[1])]
        return [obj for obj in found if obj and uid_of(owner) in {each["uid"] for each in owners_of(obj)}]

    def _see_to(self, owner: Obj, dependent: Obj | None) -> None:
        if dependent is None:
            kept = [name for name in finalizers_of(owner) if name not in GC_FINALIZERS]
            self._store.update(owner | {"metadata": meta(owner) | {"finalizers": kept}})
        elif "orphan" in finalizers_of(owner):
            owners = [each for each in owners_of(dependent) if each["uid"] != uid_of(owner)]
            self._store.update(dependent | {"metadata": meta(dependent) | {"ownerReferences": owners}})
        else:
            self._store.delete(self._store.catalog.of(dependent), key_of(dependent), uid_of(dependent))

    def _catch_up(self) -> None:
        for resource in self._store.catalog.resources:
            log = self._store.log(resource)
            for event in log[self._read[resource] :]:
                self._note(resource, event)
            self._read[resource] = len(log)

    def _note(self, resource: Resource, event: Event) -> None:
        item = (resource, key_of(event.obj))
        if event.type == "DELETED":
            self._asking.pop(item, None)
            self._alive.discard(uid_of(event.obj))
            self._suspects |= dict.fromkeys(sorted(self._dependents.pop(uid_of(event.obj), ()), key=lambda it: it[1]))
            return
        self._alive.add(uid_of(event.obj))
        if is_deleting(event.obj) and GC_FINALIZERS & set(finalizers_of(event.obj)):
            self._asking[item] = None
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
        self._terminating: dict[str, str] = {}  # uids by name: one that was let go by force may have a successor

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
                self._terminating[meta(event.obj)["name"]] = uid_of(event.obj)
        self._read = len(log)
        for name, uid in list(self._terminating.items()):
            found = self._store.find(NAMESPACE, ("", name))
            if found is None or uid_of(found) != uid:
                del self._terminating[name]
        for name in self._terminating:
            content = self._content(name)
            waiting = [item for item in content if not is_deleting(item[1])]
            if waiting or not content:
                return name, waiting[0] if waiting else None
        return None

    def _content(self, namespace: str) -> list[tuple[Resource, Obj]]:
        kinds = [resource for resource in self._store.catalog.resources if resource.namespaced]
        return [(resource, obj) for resource in kinds for obj in self._store.list(resource, namespace)]
