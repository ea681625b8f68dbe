"""Calls to the API server and to the hooks that fail, get lost, or are made twice.

An `outcome` is set before a step and happens to the first call of that step. If the step makes no call, the outcome is
dropped.
"""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from simulator.kubernetes.clock import rfc3339
from simulator.kubernetes.errors import ApiError
from simulator.metacontroller.webhook import HookError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulator.kubernetes.clock import Clock
    from simulator.kubernetes.objects import Key, Obj
    from simulator.kubernetes.resources import Resource
    from simulator.kubernetes.store import Store
    from simulator.metacontroller.webhook import Caller

T = TypeVar("T")

#: The outcomes of a write: it fails without an effect, or it is done although the answer is an error. Conflicts arise
#: by themselves: one without a cause would not be realistic, because Metacontroller waits for the event of the cause.
WRITE_OUTCOMES = ("refused", "lost")
#: The outcomes of a hook call: there is no answer, the answer is lost, the hook crashes ...
HOOK_OUTCOMES = ("down", "lost", "crash")
#: ... the clock of the replica is wrong by this many seconds ...
CLOCK_OUTCOMES = ("clock:-3600", "clock:-45", "clock:45", "clock:3600")
#: ... or wrong by less than the minute that DESIGN.md allows: a replica has such a clock in each of its calls ...
SKEWS = (-55, -40, -20, 20, 40, 55)
#: ... or, without any effect on the answer, the call is made twice, or the body is in another order.
SAME_OUTCOMES = ("twice", "shuffled", "shuffled")
#: The header that gives a hook in replay mode the time.
NOW_HEADER = "Ipam-Now"


class FaultyApi:
    """A store behind calls that may fail."""

    def __init__(self, store: Store, before: Callable[[Obj], None] = lambda _: None) -> None:
        """`before` is called with each object that is about to be replaced."""
        self._store = store
        self._before = before
        self.outcome = ""

    def get(self, resource: Resource, key: Key) -> Obj:
        """Read live; see `Api`."""
        return self._store.get(resource, key)

    def create(self, obj: Obj) -> Obj:
        """See `Api`."""
        return self._done(lambda: self._store.create(obj))

    def update(self, obj: Obj) -> Obj:
        """See `Api`."""
        self._before(obj)
        return self._done(lambda: self._store.update(obj))

    def update_status(self, obj: Obj) -> Obj:
        """See `Api`."""
        self._before(obj)
        return self._done(lambda: self._store.update_status(obj))

    def delete(self, resource: Resource, key: Key, uid: str | None = None) -> None:
        """See `Api`."""
        self._done(lambda: self._store.delete(resource, key, uid))

    def _done(self, write: Callable[[], T]) -> T:
        outcome, self.outcome = self.outcome, ""
        if outcome == "refused":
            raise ApiError("etcdserver: leader changed (injected)")
        result = write()
        if outcome == "lost":
            raise ApiError("etcdserver: request timed out (injected; the write was done)")
        return result


class FaultyHooks:
    """The hooks behind calls that may fail; itself a Caller."""

    def __init__(self, clock: Clock, connect: Callable[[Callable[[], Mapping[str, str]]], Caller]) -> None:
        """`connect` makes the caller of the real hooks from a function that gives the headers of each call."""
        self.outcome = ""
        self.calls = 0
        #: Calls whose answers differed although the facts were the same; the judge reads them (S6).
        self.differences: list[str] = []
        #: Path, body and answer of each good call of the last step; the judge reads them.
        self.answered: list[tuple[str, bytes, bytes]] = []
        self._clock = clock
        self._skew = timedelta()
        self._call = connect(lambda: {NOW_HEADER: rfc3339(self._clock.now() + self._skew)})

    def __call__(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Make the call, with its outcome."""
        outcome, self.outcome = self.outcome, ""
        self.calls += 1
        if outcome == "down":
            raise HookError("http error: connection refused (injected)")
        if outcome == "crash":
            return 500, {}, b"injected"
        if outcome.startswith(("clock:", "skew:")):
            self._skew = timedelta(seconds=float(outcome.partition(":")[2]))
        try:
            answer = self._call(path, body)
            if outcome in {"twice", "shuffled"}:
                self._compare(path, body, answer, outcome)
        finally:
            self._skew = timedelta()
        if answer[0] == 200:
            self.answered.append((path, body, answer[2]))
        if outcome == "lost":
            raise HookError("http error: context deadline exceeded (injected)")
        return answer

    def _compare(self, path: str, body: bytes, answer: tuple[int, dict[str, str], bytes], outcome: str) -> None:
        again = self._call(path, body if outcome == "twice" else shuffled(body))
        if (again[0], again[2]) != (answer[0], answer[2]):
            self.differences.append(
                f"{path} answers the same facts ({outcome}) with {answer[2]!r} and with {again[2]!r}"
            )


def shuffled(body: bytes) -> bytes:
    """The same facts with the fields of all objects in another order, which has no meaning."""
    rng = random.Random(len(body))
    return json.dumps(_shuffled(json.loads(body), rng), separators=(",", ":")).encode()


def _shuffled(value: Any, rng: random.Random) -> Any:
    if isinstance(value, dict):
        names = list(value)
        rng.shuffle(names)
        return {name: _shuffled(value[name], rng) for name in names}
    if isinstance(value, list):
        return [_shuffled(item, rng) for item in value]
    return value
