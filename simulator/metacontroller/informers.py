"""Informer caches: the objects of a cluster as a controller knows them, which may be an old state.

Each cache reads the log of one kind at its own pace. `lag` holds back that many of the newest events, and `paused` all
of them, so that tests can make each cache stale. A cache may start with an old state, like a list from an API server
that is behind, and it may skip to the present at once, like a new list after a broken watch. A handler is called with
the old and the new object of each event; one of them is None when the object was created or deleted.

An event shows the schema that the watches of the API server have when it arrives. The object stays as it arrived until
it changes or is listed again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.kubernetes.objects import Key, Obj, controller_of, key_of

if TYPE_CHECKING:
    from simulator.kubernetes.resources import Resource
    from simulator.kubernetes.storage import Event
    from simulator.kubernetes.store import Store

#: Called with (old, new); never both None.
Handler = Callable[[Obj | None, Obj | None], None]


class InformerCache:
    """The objects of one kind as one Metacontroller knows them."""

    def __init__(self, store: Store, resource: Resource, position: int = 0) -> None:
        """`position` is the number of events that the first list includes."""
        self.resource = resource
        self.lag = 0
        self.paused = False
        self._store = store
        self._log = store.log(resource)
        self._read = 0
        self._objects: dict[Key, Obj] = {}
        self._by_owner: dict[str | None, dict[Key, None]] = {}
        self._handlers: list[Handler] = []
        while self._read < min(position, len(self._log)):
            self._apply(self._log[self._read])
            self._read += 1

    # --- events

    @property
    def behind(self) -> int:
        """The number of events of the log that this cache has not read."""
        return len(self._log) - self._read

    @property
    def deliverable(self) -> int:
        """The number of events that may be delivered now; the others are held back."""
        return 0 if self.paused else max(0, self.behind - self.lag)

    def deliver(self) -> None:
        """Apply the next event of the log and call the handlers. There must be one."""
        event = self._log[self._read]
        self._read += 1
        old, new = self._apply(event)
        for handler in self._handlers:
            handler(old, new)

    def relist(self) -> None:
        """Skip to the present: handlers get each difference once, and none of the events in between."""
        before = dict(self._objects)
        self._read = len(self._log)
        self._objects, self._by_owner = {}, {}
        for obj in self._store.list(self.resource):
            self._add(obj)
        for key in sorted({*before, *self._objects}):
            old, new = before.get(key), self._objects.get(key)
            if old is not new and old != new:
                for handler in self._handlers:
                    handler(*((old, None) if new is None else (old, new)))

    def add_handler(self, handler: Handler) -> None:
        """Call `handler` for every object that is here already, and from now on for every event."""
        self._handlers.append(handler)
        for obj in self.objects():
            handler(None, obj)

    def _apply(self, event: Event) -> tuple[Obj | None, Obj | None]:
        key = key_of(event.obj)
        old = self._objects.pop(key, None)
        if old is not None:
            del self._by_owner[_owner_uid(old)][key]
        obj = self._store.watched(self.resource, event.obj)
        if event.type == "DELETED":
            return obj, None
        self._add(obj)
        return old, obj

    def _add(self, obj: Obj) -> None:
        self._objects[key_of(obj)] = obj
        self._by_owner.setdefault(_owner_uid(obj), {})[key_of(obj)] = None

    # --- listers

    def get(self, key: Key) -> Obj | None:
        """The object in this cache, or None."""
        return self._objects.get(key)

    def objects(self, namespace: str = "") -> list[Obj]:
        """All objects, or those of one namespace, ordered by namespace and name."""
        return [self._objects[key] for key in sorted(self._objects) if namespace in {"", key[0]}]

    def controlled_by(self, uid: str | None, namespace: str) -> list[Obj]:
        """The objects whose controller has this uid; with None those without any controller."""
        return [self._objects[key] for key in sorted(self._by_owner.get(uid, ())) if namespace in {"", key[0]}]


def _owner_uid(obj: Obj) -> str | None:
    controller = controller_of(obj)
    return controller["uid"] if controller else None
