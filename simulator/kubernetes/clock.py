"""Time as the cluster sees it: one clock, owned by the scheduler, simulated or real."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time and passes it."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        ...

    def wait(self, seconds: float) -> None:
        """Let that much time pass."""
        ...


class SimulatedClock:
    """A clock that stands still unless it is told to go on."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """The present simulated moment, in UTC."""
        return self._now

    def wait(self, seconds: float) -> None:
        """Jump ahead."""
        self._now += timedelta(seconds=seconds)


class RealClock:
    """The machine's clock, for hooks that are reached over HTTP and have no other time than the real one."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)


def rfc3339(moment: datetime) -> str:
    """The moment as Kubernetes writes it: whole seconds, UTC, with a Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_rfc3339(text: str) -> datetime:
    """The moment that a Kubernetes timestamp names. Raises ValueError if it is none."""
    if "T" not in text.upper():
        raise ValueError(f"{text!r} is not an RFC 3339 date-time")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment
