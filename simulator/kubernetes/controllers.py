"""The two controllers of kube-controller-manager that matter here: garbage collector and namespace controller.

Each works in steps of one write, so that the scheduler can let other things happen in between.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from simulator.kubernetes.authorization import User
from simulator.kubernetes.errors import ApiError
from simulator.kubernetes.objects import finalizers_of, is_deleting, key_of, meta, owners_of, uid_of
from simulator.kubernetes.resources import NAMESPACE

if TYPE_CHECKING:
    from simulator.kubernetes.objects import Key, Obj
    from simulator.kubernetes.resources import Resource
    from simulator.kubernetes.storage import Event
    from simulator.kubernetes.store import Store


def _controller(name: str, *verbs: str) -> User:
    """A controller of the controller manager, which may do this with every kind."""
    rule = {"apiGroups": ["*"], "resources": ["*"], "verbs": list(verbs)}
    return User(f"system:serviceaccount:kube-system:{name}", rules={"": [rule]})


#: The uid, kind and name of an object.
Identity = tuple[str, str, str]
#: Finalizers by which an owner waits until the garbage collector has handled its dependents.
GC_FINALIZERS = frozenset({"foregroundDeletion", "orphan"})


class GarbageCollector:
    """Deletes objects whose owners are all deleted, and handles the dependents of owners that wait for that.

    An owner with the finalizer `orphan` is removed from the owner references of its dependents; an owner with
    `foregroundDeletion` waits until its dependents are deleted. An owner reference counts only with the right kind and
    name.
    """

    user = _controller("generic-garbage-collector", "delete", "get", "list", "patch", "update", "watch")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read: dict[Resource, int] = defaultdict(int)
        self._alive: set[Identity] = set()
        self._dependents: dict[str, set[tuple[Resource, Key]]] = defaultdict(set)
        self._suspects: dict[tuple[Resource, Key], None] = {}
        self._waiting: dict[tuple[Resource, Key], None] = {}

    def has_work(self) -> bool:
        """Whether `step` would write something."""
        self._catch_up()
        if self._next_waiting() is not None:
            return True
        while self._suspects:
            if self._is_garbage(*next(iter(self._suspects))):
                return True
            del self._suspects[next(iter(self._suspects))]
        return False

    def step(self) -> None:
        """Do one write: for an owner that waits, or the deletion of an object without owners."""
        if not self.has_work():
            return
        waiting = self._next_waiting()
        if waiting is not None:
            self._handle(*waiting)
            return
        resource, key = next(iter(self._suspects))
        del self._suspects[resource, key]
        self._store.delete(resource, key, uid_of(self._store.get(resource, key)))

    def _next_waiting(self) -> tuple[Obj, Obj | None] | None:
        """A deleted owner that waits for us, with the next dependent to handle; or with None, if none is left."""
        for resource, key in self._waiting:
            owner = self._store.find(resource, key)
            if owner is None or not is_deleting(owner) or not GC_FINALIZERS & set(finalizers_of(owner)):
                continue
            dependents = self._dependents_of(owner)
            if "orphan" in finalizers_of(owner) or not dependents:
                return owner, dependents[0] if dependents else None
            remaining = [obj for obj in dependents if not is_deleting(obj)]
            if remaining:
                return owner, remaining[0]
        return None

    def _dependents_of(self, owner: Obj) -> list[Obj]:
        found = [self._store.find(*item) for item in sorted(self._dependents[uid_of(owner)], key=lambda it: it[1])]
        return [obj for obj in found if obj and uid_of(owner) in {each["uid"] for each in owners_of(obj)}]

    def _handle(self, owner: Obj, dependent: Obj | None) -> None:
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
            self._waiting.pop(item, None)
            self._alive.discard(_identity(event.obj))
            self._suspects |= dict.fromkeys(sorted(self._dependents.pop(uid_of(event.obj), ()), key=lambda it: it[1]))
            return
        self._alive.add(_identity(event.obj))
        if is_deleting(event.obj) and GC_FINALIZERS & set(finalizers_of(event.obj)):
            self._waiting[item] = None
        for owner in owners_of(event.obj):
            self._dependents[owner["uid"]].add(item)
        if owners_of(event.obj):
            self._suspects[item] = None

    def _is_garbage(self, resource: Resource, key: Key) -> bool:
        obj = self._store.find(resource, key)
        if obj is None or is_deleting(obj) or not owners_of(obj):
            return False
        return not any(_named(owner) in self._alive or self._is_unknown(owner) for owner in owners_of(obj))

    def _is_unknown(self, owner: Obj) -> bool:
        """Whether the API server has no such kind; then it is not known whether the owner exists."""
        return owner["kind"] not in {resource.kind for resource in self._store.catalog.resources}


def _identity(obj: Obj) -> Identity:
    return uid_of(obj), obj["kind"], key_of(obj)[1]


def _named(owner: Obj) -> Identity:
    return owner["uid"], owner["kind"], owner["name"]


class NamespaceController:
    """Empties the namespaces that are being deleted, then removes them.

    It deletes the collection of each kind, one object in each step. If the API server refuses one, the rest of that
    collection is tried again after the next change of the store.
    """

    user = _controller("namespace-controller", "delete", "deletecollection", "get", "list")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read = 0
        self._terminating: dict[
            str, str
        ] = {}  # uids by name: a namespace that was removed by force may have a successor
        #: The version of the store at which the collection of a kind was refused, by namespace and kind.
        self._refused: dict[tuple[str, Resource], int] = {}

    def has_work(self) -> bool:
        """Whether `step` would delete something."""
        return self._next() is not None

    def step(self) -> None:
        """Delete one object of a namespace that is being deleted, or the namespace once it is empty.

        Raises ApiError.
        """
        found = self._next()
        if found is None:
            return
        name, item = found
        if item is None:
            del self._terminating[name]
            self._store.remove_namespace(name)
            return
        resource, obj = item
        try:
            self._store.delete(resource, key_of(obj), uid_of(obj), by_collection=True)
        except ApiError:
            self._refused[name, resource] = self._store.version
            raise

    def _next(self) -> tuple[str, tuple[Resource, Obj] | None] | None:
        """A namespace with the next object to delete in it, or with None if the namespace is empty."""
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
            waiting = [item for item in content if not is_deleting(item[1]) and self._may_try(name, item[0])]
            if waiting or not content:
                return name, waiting[0] if waiting else None
        return None

    def _may_try(self, namespace: str, resource: Resource) -> bool:
        return self._refused.get((namespace, resource)) != self._store.version

    def _content(self, namespace: str) -> list[tuple[Resource, Obj]]:
        kinds = [resource for resource in self._store.catalog.resources if resource.namespaced]
        return [(resource, obj) for resource in kinds for obj in self._store.list(resource, namespace)]
