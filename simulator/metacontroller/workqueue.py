"""The work queue of a controller: keys to process, each at most once, now or later.

A key that is added while it waits is not added again. `add_after` keeps the earliest of several times. Retries back
off from 5 ms to 1000 s, client-go's default.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from datetime import timedelta
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from datetime import datetime

    from simulator.kubernetes.clock import Clock

K = TypeVar("K", bound=Hashable)

RETRY_SECONDS_MIN = 0.005
RETRY_SECONDS_MAX = 1000.0


class WorkQueue(Generic[K]):
    """Keys in the order in which they were added."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ready: dict[K, None] = {}
        self._busy: set[K] = set()
        self._later: dict[K, datetime] = {}
        self._earliest: datetime | None = None  # nothing of these is due before
        self._failures: dict[K, int] = {}

    @property
    def ready(self) -> list[K]:
        """The keys that may be taken now, oldest first; keys in process are not among them."""
        return [key for key in self._ready if key not in self._busy]

    @property
    def is_ready(self) -> bool:
        """Whether any key may be taken now."""
        return bool(self.ready if self._busy else self._ready)

    def add(self, key: K) -> None:
        """Process this key soon."""
        self._ready[key] = None

    def add_after(self, key: K, seconds: float) -> None:
        """Process this key after this time."""
        if seconds <= 0:
            self.add(key)
            return
        due = self._clock.now() + timedelta(seconds=seconds)
        self._later[key] = min(due, self._later.get(key, due))
        self._earliest = min(due, self._earliest or due)

    def add_rate_limited(self, key: K) -> None:
        """Process this key again; the delay doubles with each failure."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.add_after(key, min(RETRY_SECONDS_MIN * 2 ** min(failures, 30), RETRY_SECONDS_MAX))

    def forget(self, key: K) -> None:
        """Forget the failures of a key that has succeeded."""
        self._failures.pop(key, None)

    def drop(self, keys: Collection[K]) -> None:
        """Do not process these keys until they are added again."""
        self._ready = {key: None for key in self._ready if key not in keys}

    def take(self, key: K) -> None:
        """Start to process a key, which must be ready; it can't be taken again until `done`."""
        del self._ready[key]
        self._busy.add(key)

    def done(self, key: K) -> None:
        """End the processing of a key; it is ready again if it was added meanwhile."""
        self._busy.discard(key)

    def next_due(self) -> datetime | None:
        """When the earliest of the later keys is due; None if there is none."""
        return min(self._later.values(), default=None)

    def last_retry(self) -> datetime | None:
        """When the last of the keys that have failed is due again; None if there is none."""
        return max((due for key, due in self._later.items() if key in self._failures), default=None)

    def add_due(self) -> None:
        """Make every key ready that is due."""
        now = self._clock.now()
        if self._earliest is None or now < self._earliest:
            return
        for key in [key for key, due in self._later.items() if due <= now]:
            del self._later[key]
            self.add(key)
        self._earliest = self.next_due()
