"""The stories that are recorded: fixed steps of users, one at a time.

Each step changes one object and names the states that must follow before the next step. So the order is the same on a
real control plane and in the cluster in a box. Time may pass before a step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from controlplane.api import ALLOW_DELETION
from controlplane.objects import FOREIGN, OURS, namespace_object, range_object, request_object
from hooks.api.names import NamespacedName, slice_name
from tests.e2e.recording import START

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controlplane.api import Obj

#: The state of an object that does not exist.
DELETED = "deleted"
#: The state of an object that exists, of a kind that has no states.
PRESENT = ""
#: The kind and the name of an object in the namespace of its story.
Ref = tuple[str, str]

RANGE, REQUEST, SLICE = "IPAMRange", "IPAMRequest", "IPAMAllocationSlice"
NET, WEB, DB, LATE = (RANGE, "net"), (REQUEST, "web"), (REQUEST, "db"), (REQUEST, "late")


@dataclass(frozen=True, slots=True)
class Step:
    """One event, and the states that follow.

    Attributes:
        fact: the event in words.
        creates: an object to create.
        deletes: an object to delete.
        finalizers: a request and its new finalizers.
        states: the states of objects once the cluster is quiet.
        seconds: the time since the step before.
    """

    fact: str
    states: Mapping[Ref, str]
    creates: Obj | None = None
    deletes: Ref | None = None
    finalizers: tuple[str, list[str]] | None = None
    seconds: int = 1


@dataclass(frozen=True, slots=True)
class Story:
    """Steps in a namespace with the name of the story."""

    name: str
    steps: list[Step] = field(default_factory=list)


class Stage(Protocol):
    """A cluster in which a story can take place."""

    def create(self, obj: Obj) -> object:
        """Creates an object."""

    def delete(self, namespace: str, ref: Ref) -> None:
        """Deletes an object, which may still wait for its finalizers."""

    def set_finalizers(self, namespace: str, name: str, finalizers: list[str]) -> None:
        """Replaces the finalizers of a request."""


def perform(step: Step, namespace: str, stage: Stage) -> None:
    """Does the event of a step."""
    if step.creates is not None:
        stage.create(step.creates)
    if step.deletes is not None:
        stage.delete(namespace, step.deletes)
    if step.finalizers is not None:
        stage.set_finalizers(namespace, *step.finalizers)


def first_step(story: Story) -> Step:
    """The step before all others, which creates the namespace of a story."""
    return Step("namespace is created", {}, creates=namespace_object(story.name), seconds=0)


def stories() -> list[Story]:
    """All stories."""
    return [
        _lifecycle(),
        _exhaustion(),
        _range_goes_first(),
        _range_comes_late(),
        _no_range(),
        _held_by_another(),
        _empty_slice(),
    ]


def _lifecycle() -> Story:
    """As in the README: a request receives a network of a pool, keeps it and releases it."""
    name = "lifecycle"
    pool, mynet = (RANGE, "mynetworkpool"), (REQUEST, "mynet")
    return Story(
        name,
        [
            Step(
                "range is created", {pool: "Ready"}, creates=range_object(name, pool[1], "192.168.0.0/16", chunkSize=24)
            ),
            Step("request is created", {mynet: "Ready"}, creates=request_object(name, mynet[1], pool[1])),
            Step("request is deleted", {mynet: DELETED}, deletes=mynet),
            Step("range is deleted", {pool: DELETED}, deletes=pool),
        ],
    )


def _exhaustion() -> Story:
    """Two addresses for four requests: a waiting request is served after a release, or is deleted before."""
    name = "exhaustion"
    idle = (REQUEST, "idle")
    return Story(
        name,
        [
            Step("range of two addresses is created", {NET: "Ready"}, creates=range_object(name, "net", "10.0.0.0/31")),
            Step("first request is created", {WEB: "Ready"}, creates=request_object(name, "web", "net")),
            Step("second request is created", {DB: "Ready"}, creates=request_object(name, "db", "net")),
            Step("third request finds no room", {LATE: "Busy"}, creates=request_object(name, "late", "net")),
            Step("fourth request finds no room", {idle: "Busy"}, creates=request_object(name, "idle", "net")),
            Step("request is deleted before it was served", {idle: DELETED}, deletes=idle),
            Step("holder is deleted", {WEB: DELETED, LATE: "Ready"}, deletes=WEB),
        ],
    )


def _range_goes_first() -> Story:
    """The deletion of a range waits for its requests, and a new request is refused."""
    name = "range-goes-first"
    pool = range_object(name, "net", "10.0.0.0/24", chunkSize=28)
    pool["metadata"] |= ALLOW_DELETION["metadata"]
    return Story(
        name,
        [
            Step("range is created", {NET: "Ready"}, creates=pool),
            Step("request is created", {WEB: "Ready"}, creates=request_object(name, "web", "net")),
            Step("range is deleted", {NET: "Deleting", WEB: "Ready"}, deletes=NET),
            Step("request comes too late", {LATE: "Invalid"}, creates=request_object(name, "late", "net")),
            Step("late request is deleted", {LATE: DELETED, NET: "Deleting"}, deletes=LATE),
            Step("last holder is deleted", {WEB: DELETED, NET: DELETED}, deletes=WEB),
        ],
    )


def _range_comes_late() -> Story:
    """A request is created before its range."""
    name = "range-comes-late"
    return Story(
        name,
        [
            Step("request without a range is created", {WEB: "Pending"}, creates=request_object(name, "web", "net")),
            Step("range is created", {WEB: "Ready"}, creates=range_object(name, "net", "2001:db8::/56", chunkSize=64)),
        ],
    )


def _no_range() -> Story:
    """A request of a range that does not exist is deleted."""
    name = "no-range"
    return Story(
        name,
        [
            Step("request without a range is created", {WEB: "Pending"}, creates=request_object(name, "web", "net")),
            Step("request without a range is deleted", {WEB: "Pending"}, deletes=WEB),
            Step("ten seconds pass", {WEB: DELETED}, seconds=10),
        ],
    )


def _held_by_another() -> Story:
    """The finalizer of another controller keeps a deleted request and its block."""
    name = "held-by-another"
    return Story(
        name,
        [
            Step("range is created", {NET: "Ready"}, creates=range_object(name, "net", "10.0.0.0/32")),
            Step("request is created", {WEB: "Ready"}, creates=request_object(name, "web", "net")),
            Step("request gets a finalizer of others", {WEB: "Ready"}, finalizers=("web", [OURS, FOREIGN])),
            Step("request is deleted", {WEB: "Ready"}, deletes=WEB),
            Step("finalizer of others is taken away", {WEB: DELETED}, finalizers=("web", [OURS])),
        ],
    )


def _empty_slice() -> Story:
    """A slice without answers stays for ten minutes, and is deleted in the next call of the range."""
    name = "empty-slice"
    web_at = START + timedelta(seconds=2)
    slice_of_web = (SLICE, slice_name(NamespacedName(name, "net"), web_at, "uid-web"))
    return Story(
        name,
        [
            Step("range is created", {NET: "Ready"}, creates=range_object(name, "net", "10.0.0.0/24")),
            Step("request is created", {WEB: "Ready"}, creates=request_object(name, "web", "net")),
            Step("request is deleted", {WEB: DELETED, slice_of_web: PRESENT}, deletes=WEB),
            Step(
                "another request is created after ten minutes",
                {DB: "Ready", slice_of_web: DELETED},
                creates=request_object(name, "db", "net"),
                seconds=600,
            ),
        ],
    )
