"""Create many requests at once, as a crowd of users would: several creators that retry until they succeed.

The tests that break something under load use it, and so does `bench/burst.py`, which measures how long a burst takes.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import requests

from controlplane.api import Refused
from controlplane.objects import request_object
from controlplane.processes import wait_until

if TYPE_CHECKING:
    from controlplane.api import Api, Obj

CREATORS = 16
CREATE_SECONDS_MAX = 600.0

#: HTTP codes after which a request was not created, and a retry is useless.
FINAL_STATUS = frozenset({400, 401, 403, 422})


class Load:
    """The requests `load-0` to `load-<count - 1>` of one namespace to one range."""

    def __init__(self, api: Api, namespace: str, range_name: str, count: int, *, prefix: str = "load") -> None:
        self._api, self._namespace, self._range = api, namespace, range_name
        self.names = [f"{prefix}-{number}" for number in range(count)]
        self.created_at: dict[str, float] = {}
        self._pool = ThreadPoolExecutor(CREATORS, thread_name_prefix="creator")
        self._stopped = threading.Event()
        self._futures: list[Future[None]] = []

    def start(self) -> None:
        """Starts the creators and returns at once."""
        self._futures = [self._pool.submit(self._create, name) for name in self.names]

    def wait_created(self, count: int | None = None) -> None:
        """Waits until that many requests (or all) are created."""
        wanted = len(self.names) if count is None else count
        wait_until(
            lambda: len(self.created_at) >= wanted or all(future.done() for future in self._futures),
            what=f"{wanted} requests are created",
            seconds=CREATE_SECONDS_MAX,
            step_seconds=0.005,
        )
        if wanted == len(self.names):
            self._finish()

    def stop(self) -> None:
        """Ends the creators; otherwise threads that retry against a stopped API server keep the process alive."""
        self._stopped.set()
        self._pool.shutdown(cancel_futures=True)

    def _finish(self) -> None:
        for future in self._futures:
            future.result()
        self._pool.shutdown()

    def _create(self, name: str) -> None:
        obj = request_object(self._namespace, name, self._range)
        asked_at = time.monotonic()
        create_persistently(self._api, obj, self._stopped)
        self.created_at[name] = asked_at


def create_persistently(api: Api, obj: Obj, stopped: threading.Event) -> None:
    """Creates an object, with retries while the API server is unavailable; an object that exists counts as created."""
    end = time.monotonic() + CREATE_SECONDS_MAX
    while not stopped.is_set():
        try:
            api.create(obj)
        except Refused as refusal:
            if refusal.status == 409:
                return
            if refusal.status in FINAL_STATUS or time.monotonic() > end:
                raise
        except requests.RequestException:
            if time.monotonic() > end:
                raise
        else:
            return
        time.sleep(0.1)
