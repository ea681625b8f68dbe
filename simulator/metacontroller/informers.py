"""Informer caches: what a controller believes the cluster looks like, possibly some time ago.

Each cache reads the log of one kind at its own pace. `lag` holds back that many of the newest events, `paused` all of
them: so tests make caches stale, each on its own. A cache may begin with a state of long ago, as a list from an API
server that is behind gives it, and it may skip to the present at once, as a new list after a broken watch does. A
handler is called with the old and the new object of each event, one of them None when the object appeared or went.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.kubernetes.objects import Key, Obj, controller_of, key_of

if TYPE_CHECKING:
    from simulator.kubernetes.resources import Resource
    from simulator.kubernetes.store import Event, Store

#: Called with (old, new); never both None.
Handler = Callable[[Obj | None, Obj | None], None]


class InformerCache:
    """The objects of one kind as one Metacontroller knows them."""

    def __init__(self, store: Store, resource: Resource, position: int = 0) -> None:
        """`position` is the number of events that the first list shows the result of."""
        self.resource = resource
        self.lag = 0
        self.paused = False
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
        """How many events of the log this cache hasn't seen."""
        return len(self._log) - self._read

    @property
    def deliverable(self) -> int:
        """How many events may be delivered now; the rest is held back."""
        return 0 if self.paused else max(0, self.behind - self.lag)

    def deliver(self) -> None:
        """Apply the next event of the log and call the handlers. There must be one."""
        event = self._log[self._read]
        self._read += 1
        old, new = self._apply(event)
        for handler in self._handlers:
            handler(old, new)

    def relist(self) -> None:
        """Skip to the present: handlers see each difference once, and nothing of what happened in between."""
        before = dict(self._objects)
        while self._read < len(self._log):
            self._apply(self._log[self._read])
            self._read += 1
        for key in sorted({*before, *self._objects}):
            old, new = before.get(key), self._objects.get(key)
            if old is not new:
                for handler in self._handlers:
                    handler(*((old, None) if new is None else (old, new)))

    def add_handler(self, handler: Handler) -> None:
        """From now on tell `handler` of every event; it is first told of every object that is already here."""
        self._handlers.append(handler)
        for obj in self.objects():
            handler(None, obj)

    def _apply(self, event: Event) -> tuple[Obj | None, Obj | None]:
        key = key_of(event.obj)
        old = self._objects.pop(key, None)
        if old is not None:
            del self._by_owner[_owner_uid(old)][key]
        if event.type == "DELETED":
            return event.obj, None
        self._objects[key] = event.obj
        self._by_owner.setdefault(_owner_uid(event.obj), {})[key] = None
        return old, event.obj

    # --- the listers

    def get(self, key: Key) -> Obj | None:
        """The object as this cache knows it."""
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
