"""The users of a namespace: they create and delete ranges and requests, and wait for states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api import ALLOW_DELETION, RANGES, REQUESTS, SLICES, Refused, objects_path
from controlplane.at_rest import differences_at_rest
from controlplane.load import Load
from controlplane.objects import namespace_object, range_object, request_object
from controlplane.processes import NotInTime, wait_until

if TYPE_CHECKING:
    from controlplane.api import Api, Obj

WAIT_SECONDS_MAX = 60.0
#: Metacontroller's back-off doubles up to minutes while something is down.
REST_SECONDS_MAX = 180.0


class Team:
    """A namespace and its users."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api, self.namespace = api, namespace
        #: The revisions in etcd of slices that were written by hand.
        self.tampered: set[int] = set()
        self._loads: list[Load] = []

    def create_namespace(self) -> None:
        """Creates the namespace, unless it exists."""
        try:
            self.api.create(namespace_object(self.namespace))
        except Refused as refusal:
            if refusal.status != 409:
                raise

    def create_range(self, name: str, *ranges: str, **spec: Any) -> Obj:
        """Creates a range with these addresses."""
        return self.api.create(range_object(self.namespace, name, *ranges, **spec))

    def create_request(self, name: str, range_name: str = "net", **spec: Any) -> Obj:
        """Creates a request."""
        return self.api.create(request_object(self.namespace, name, range_name, **spec))

    def start_load(self, count: int, range_name: str = "net", *, prefix: str = "load") -> Load:
        """Starts to create that many requests at once, whose names begin with the prefix."""
        load = Load(self.api, self.namespace, range_name, count, prefix=prefix)
        self._loads.append(load)
        load.start()
        return load

    def stop_loads(self) -> None:
        """Ends the creators of all loads."""
        for load in self._loads:
            load.stop()

    def request(self, name: str) -> Obj:
        """A request as it is now."""
        return self.api.get(REQUESTS, self.namespace, name)

    def range(self, name: str = "net") -> Obj:
        """A range as it is now."""
        return self.api.get(RANGES, self.namespace, name)

    def ledger(self, name: str = "net") -> list[Obj]:
        """The ledger of a range as it is now."""
        return list(self.range(name).get("status", {}).get("allocations", []))

    def slices(self) -> list[Obj]:
        """The slices in the namespace, including empty ones."""
        return self.api.list(SLICES, self.namespace)

    def answers(self) -> list[Obj]:
        """The answers in all slices of the namespace."""
        return [answer for each in self.slices() for answer in _answers_in(each)]

    def slice_of(self, request_name: str) -> Obj:
        """The slice that has the answer to a request of the namespace."""
        found = [each for each in self.slices() if _answers_to(f"{self.namespace}/{request_name}", each)]
        assert len(found) == 1, f"{len(found)} slices answer {request_name}"
        return found[0]

    def answer_to(self, request_name: str) -> Obj:
        """The answer to a request of the namespace."""
        (answer,) = _answers_to(f"{self.namespace}/{request_name}", self.slice_of(request_name))
        return answer

    def create_slice(self, slice_: Obj) -> None:
        """Creates a slice by hand."""
        self._note_tampering(self.api.create(slice_))

    def patch_slice(self, name: str, patch: Obj) -> None:
        """Changes a slice by hand."""
        self._note_tampering(self.api.patch(SLICES, self.namespace, name, patch))

    def set_finalizers(self, request_name: str, finalizers: list[str]) -> None:
        """Replaces the finalizers of a request."""
        self.api.patch(REQUESTS, self.namespace, request_name, {"metadata": {"finalizers": finalizers}})

    def delete_request(self, name: str) -> None:
        """Deletes a request, which may still wait for its finalizers."""
        self.api.delete(REQUESTS, self.namespace, name)

    def delete_range(self, name: str = "net") -> None:
        """Deletes a range, in use or not; it may still wait for its finalizers."""
        self.api.delete(RANGES, self.namespace, name)

    def wait_state(self, name: str, state: str, *, seconds: float = WAIT_SECONDS_MAX) -> Obj:
        """Waits until a request is in this state, and returns it."""
        what = f"request {name} is {state}"
        try:
            wait_until(lambda: _state(self.request(name)) == state, what=what, seconds=seconds)
        except NotInTime as late:
            raise NotInTime(f"{late}; its status is {self.request(name).get('status')}") from late
        return self.request(name)

    def requests(self, state: str | None = None) -> list[Obj]:
        """All requests, or those in one state."""
        return [obj for obj in self.api.list(REQUESTS, self.namespace) if state in {None, _state(obj)}]

    def wait_ready_count(self, count: int, *, seconds: float = REST_SECONDS_MAX) -> None:
        """Waits until this many requests have their block."""
        what = f"{count} requests are Ready"
        try:
            wait_until(lambda: len(self.requests("Ready")) >= count, what=what, seconds=seconds, step_seconds=0.5)
        except NotInTime as late:
            raise NotInTime(f"{late}; only {len(self.requests('Ready'))} are Ready") from late

    def wait_deleted(self, resource: str, name: str, *, seconds: float = WAIT_SECONDS_MAX) -> None:
        """Waits until an object does not exist any more."""
        wait_until(
            lambda: self.api.find(resource, self.namespace, name) is None, what=f"{name} is deleted", seconds=seconds
        )

    def wait_at_rest(self, *, seconds: float = REST_SECONDS_MAX) -> None:
        """Waits until ledgers, answers and requests agree and every refusal is right."""
        try:
            wait_until(lambda: not self._differences(), what="at rest", seconds=seconds, step_seconds=0.5)
        except NotInTime as late:
            raise NotInTime("\n".join([str(late), *self._differences()[:10]])) from late

    def start_to_delete_all(self, resource: str) -> None:
        """Deletes all objects of a resource, without waiting for their finalizers."""
        if resource == RANGES:
            for obj in self.api.list(RANGES, self.namespace):
                self.api.patch(RANGES, self.namespace, obj["metadata"]["name"], ALLOW_DELETION)
        self.api.ask_patiently("DELETE", objects_path(resource, self.namespace))

    def delete_all(self, resource: str, *, seconds: float = REST_SECONDS_MAX) -> None:
        """Deletes all objects of a resource and waits until none exists."""
        self.start_to_delete_all(resource)
        wait_until(
            lambda: not self.api.list(resource, self.namespace),
            what=f"all {resource} are deleted",
            seconds=seconds,
            step_seconds=0.5,
        )

    def wait_empty(self) -> None:
        """Waits until the ledger of the range `net` is empty and no slice has an answer; empty slices stay."""
        wait_until(lambda: not self.ledger(), what="the ledger is empty", seconds=REST_SECONDS_MAX)
        wait_until(
            lambda: not self.answers(),
            what="no answer exists",
            seconds=REST_SECONDS_MAX,
        )

    def _note_tampering(self, written: Obj) -> None:
        self.tampered.add(int(written["metadata"]["resourceVersion"]))

    def _differences(self) -> list[str]:
        return differences_at_rest(self.api, {self.namespace})


def _state(request: Obj) -> str:
    return str(request.get("status", {}).get("state", ""))


def _answers_in(slice_: Obj) -> list[Obj]:
    return list(slice_["spec"].get("answers", ()))


def _answers_to(request: str, slice_: Obj) -> list[Obj]:
    return [answer for answer in _answers_in(slice_) if answer["request"] == request]
