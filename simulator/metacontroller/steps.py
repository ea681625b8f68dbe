"""The API server as a client sees it: the calls that Metacontroller makes, and where a sync may be interrupted.

`Store` is such an API; `faults.FaultyApi` is one whose calls go wrong. A sync is a generator that says before each call
what it is about to do: whoever runs it may let other things happen in between.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from simulator.kubernetes.objects import Key, Obj
    from simulator.kubernetes.resources import Resource

T = TypeVar("T")
#: A piece of a sync: yields what it is about to do ("hook ..." or "write ..."), and returns a T.
Steps = Generator[str, None, T]

#: How often a read-modify-write is tried while it meets conflicts (client-go's retry.DefaultBackoff).
CONFLICT_TRIES = 4


class Api(Protocol):
    """Reads are live, not from a cache; refusals are ApiErrors."""

    def get(self, resource: Resource, key: Key) -> Obj:
        """The object. Raises NotFound."""
        ...

    def create(self, obj: Obj) -> Obj:
        """Store a new object."""
        ...

    def update(self, obj: Obj) -> Obj:
        """Replace everything but the status."""
        ...

    def update_status(self, obj: Obj) -> Obj:
        """Replace the status and nothing else."""
        ...

    def delete(self, resource: Resource, key: Key, uid: str | None = None) -> None:
        """Delete an object."""
        ...


def run_to_end(steps: Steps[T]) -> T:
    """Run steps to the end without a pause and give what they return."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: T = stop.value
            return result
