"""What all API servers of a cluster share: the objects, and the events of each kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from simulator.kubernetes.objects import key_of, meta

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from simulator.kubernetes.gate import Gate
    from simulator.kubernetes.objects import Key, Obj
    from simulator.kubernetes.resources import Resource

EventType = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a watch: the type of the event, and the object after it (for DELETED: its last state)."""

    type: EventType
    obj: Obj


@dataclass(slots=True)
class Storage:
    """The objects and the events of all API servers of a cluster."""

    objects: dict[Resource, dict[Key, Obj]]
    logs: dict[Resource, list[Event]]
    version: int = 0
    #: By kind the number of events of former clusters, of which this one knows nothing.
    former: dict[Resource, int] = field(default_factory=dict)
    #: Called with each event, at once.
    listeners: list[Callable[[Resource, Event], None]] = field(default_factory=list)
    #: The kinds of which an older schema was ever served, so that a stored object may lack fields or defaults.
    mixed: set[Resource] = field(default_factory=set)
    #: What each write passes; None lets every write pass.
    gate: Gate | None = None

    def load(self, objects: Iterable[tuple[Resource, Obj]]) -> None:
        """Store objects as another API server has written them: with their uids, versions and statuses."""
        for resource, obj in sorted(objects, key=lambda each: _version_of(each[1])):
            self.objects[resource][key_of(obj)] = obj
            self.logs[resource].append(Event("ADDED", obj))
            self.version = max(self.version, _version_of(obj))


def _version_of(obj: Obj) -> int:
    text = str(meta(obj).get("resourceVersion", ""))
    return int(text) if text.isdigit() else 0
