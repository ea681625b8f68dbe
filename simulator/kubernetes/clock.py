"""The clock of a cluster, simulated or real."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """A clock that shows the time and can wait."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        ...

    def wait(self, seconds: float) -> None:
        """Let this much time pass."""
        ...


class SimulatedClock:
    """A clock that stands still except in `wait`."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """The present simulated moment, in UTC."""
        return self._now

    def wait(self, seconds: float) -> None:
        """Jump ahead."""
        self._now += timedelta(seconds=seconds)


class RealClock:
    """The machine's clock, for hooks that are called over HTTP and know no other time."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)


def rfc3339(moment: datetime) -> str:
    """A moment as Kubernetes writes it: whole seconds, UTC, with a Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_rfc3339(text: str) -> datetime:
    """The moment that a Kubernetes timestamp names. Raises ValueError if the text is none."""
    if "T" not in text.upper():
        raise ValueError(f"{text!r} is not an RFC 3339 date-time")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment
