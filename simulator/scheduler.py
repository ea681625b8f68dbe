"""The scheduler, which chooses the next step of the whole cluster and owns the clock.

At any moment some steps are possible: deliver one event to one cache, let one controller process one key, delete one
object in the background. The scheduler does one step at a time. With a seed it draws the step: equal seeds and inputs
give equal runs. Without a seed it takes the shortest order: deliver all events, then process each key that is ready,
and only then the keys that became ready meanwhile.

Time passes only when no step is possible, and then up to the next timer. The cluster is quiet when no step is possible
and all timers that are due within `horizon` of the last change have fired without a change. So a periodic resync that
changes nothing does not run forever.
"""

from __future__ import annotations

import random
from collections import deque
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol

from simulator.kubernetes.errors import Forbidden

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from simulator.kubernetes.clock import Clock
    from simulator.kubernetes.store import Store
    from simulator.metacontroller.controller import Controller, QueueKey
    from simulator.metacontroller.informers import InformerCache
    from simulator.metacontroller.process import Metacontroller

HORIZON_SECONDS = 90.0
STEPS_MAX = 200_000


class Background(Protocol):
    """A controller of kube-controller-manager."""

    def has_work(self) -> bool:
        """Whether `step` would do something."""
        ...

    def step(self) -> None:
        """Do one thing."""
        ...


class NeverQuiet(Exception):
    """The cluster keeps changing: the allowed number of steps is used up."""


class Scheduler:
    """Runs the parts of a cluster, one step at a time."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        background: Sequence[Background],
        metacontrollers: list[Metacontroller],
        seed: int | None = None,
    ) -> None:
        """`metacontrollers` may be changed while the scheduler runs, as instances start and stop."""
        self.store = store
        self.clock = clock
        self.background = background
        self.metacontrollers = metacontrollers
        #: The number of steps so far.
        self.steps = 0
        #: A description of the last step.
        self.last_step = ""
        self._batch: deque[tuple[Controller, QueueKey]] = deque()
        self._rng = None if seed is None else random.Random(seed)

    def run_until_quiet(
        self,
        steps_max: int = STEPS_MAX,
        horizon: float = HORIZON_SECONDS,
        after_step: Callable[[], None] | None = None,
    ) -> int:
        """Run until the cluster is quiet (see above); return the number of steps.

        `horizon` is in seconds of the cluster's clock; with 0 no time passes. `after_step` is called after each step.
        Raises NeverQuiet.
        """
        before = self.steps
        version, changed_at = self.store.version, self.clock.now()
        while True:
            if self.steps - before >= steps_max:
                raise NeverQuiet(f"not quiet after {steps_max} steps; the last one: {self.last_step}")
            if not self.step():
                limit = changed_at + timedelta(seconds=horizon)
                due = self.next_due()
                if due is None or due > limit or horizon <= 0:
                    return self.steps - before
                self.pass_time(due)
                continue
            if after_step is not None:
                after_step()
            if self.store.version != version:
                version, changed_at = self.store.version, self.clock.now()

    def step(self) -> bool:
        """Do one of the possible steps; False if there was none."""
        for controller in self._controllers():
            controller.queue.add_due()
        chosen = self._short() if self._rng is None else self._drawn(self._rng)
        if chosen is None:
            return False
        self.steps += 1
        chosen()
        return True

    def next_due(self) -> datetime | None:
        """The time of the next timer; None if there is none."""
        dues = [controller.queue.next_due() for controller in self._controllers()]
        return min((due for due in dues if due is not None), default=None)

    def last_retry(self) -> datetime | None:
        """When the last of the syncs that have failed will be tried again; None if there is none."""
        retries = [controller.queue.last_retry() for controller in self._controllers()]
        return max((due for due in retries if due is not None), default=None)

    def pass_time(self, moment: datetime) -> None:
        """Let time pass until this moment, unless it has passed already."""
        seconds = (moment - self.clock.now()).total_seconds()
        if seconds > 0:
            self.clock.wait(seconds)

    # --- choosing

    def _short(self) -> Callable[[], None] | None:
        for cache in self._caches():
            if cache.deliverable:
                return partial(self._deliver, cache)
        for part in self.background:
            if part.has_work():
                return partial(self._work, part)
        controllers = self._controllers()
        if not self._batch:
            self._batch.extend((item, key) for item in controllers for key in item.queue.ready)
        while self._batch:
            controller, key = self._batch.popleft()
            if controller in controllers:  # otherwise its Metacontroller has stopped
                return partial(self._process, controller, key)
        return None

    def _drawn(self, rng: random.Random) -> Callable[[], None] | None:
        """Any possible step: the part is drawn first, and then, for a queue, the key."""
        caches = [cache for cache in self._caches() if cache.deliverable]
        parts = [part for part in self.background if part.has_work()]
        controllers = [controller for controller in self._controllers() if controller.queue.is_ready]
        possible: list[Callable[[], None]] = [
            *(partial(self._deliver, cache) for cache in caches),
            *(partial(self._work, part) for part in parts),
            *(partial(self._process_any, controller, rng) for controller in controllers),
        ]
        return rng.choice(possible) if possible else None

    # --- the steps

    def _deliver(self, cache: InformerCache) -> None:
        self.last_step = f"deliver an event to the cache of {cache.resource.plural}"
        cache.deliver()

    def _work(self, part: Background) -> None:
        self.last_step = f"a step of the {type(part).__name__}"
        with suppress(Forbidden):  # the controller tries it again after the next change
            part.step()

    def _process(self, controller: Controller, key: QueueKey) -> None:
        self.last_step = f"{controller.name} syncs {'/'.join(key[1])}"
        controller.process(key)

    def _process_any(self, controller: Controller, rng: random.Random) -> None:
        self._process(controller, rng.choice(controller.queue.ready))

    def _caches(self) -> list[InformerCache]:
        return [cache for instance in self.metacontrollers for cache in instance.caches.values()]

    def _controllers(self) -> list[Controller]:
        return [controller for instance in self.metacontrollers for controller in instance.controllers]
