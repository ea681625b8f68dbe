"""The calls that Metacontroller makes to the API server, and the steps of a sync.

`Store` is such an API, and `faults.FaultyApi` is one whose calls may fail. A sync is a generator: before each call it
yields what it is about to do, so that other things can happen in between.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from simulator.kubernetes.objects import Key, Obj
    from simulator.kubernetes.resources import Resource

T = TypeVar("T")
#: A part of a sync: yields what it is about to do ("hook ..." or "write ..."), and returns a T.
Steps = Generator[str, None, T]

#: The number of tries of a read-modify-write that meets conflicts (client-go's retry.DefaultBackoff).
CONFLICT_TRIES = 4


class Api(Protocol):
    """An API server. Reads are live, not from a cache; refusals are ApiErrors."""

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
    """Run steps to the end without a pause and return their result."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: T = stop.value
            return result
