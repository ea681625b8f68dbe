"""The snapshot that the page shows: read again when it is old and a page asks for it."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from time import monotonic

from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.snapshot import Snapshot


@dataclass(frozen=True)
class Shown:
    """What the page shows at the moment.

    Attributes:
        snapshot: the last one that could be read.
        fault: why it could not be read again; "" if it could.
    """

    snapshot: Snapshot
    fault: str = ""


class Reading:
    """Reads a source, at most once in so many seconds, whoever asks and how many pages are open."""

    def __init__(
        self, first: Snapshot, read: Callable[[], Snapshot], seconds: float, clock: Callable[[], float] = monotonic
    ) -> None:
        """Begin with a snapshot that was just read."""
        self._read, self._seconds, self._clock = read, seconds, clock
        self._lock = Lock()
        self._shown = Shown(first)
        self._read_at = clock()

    def shown(self) -> Shown:
        """What is shown: what was read last, if that is not old or can't be read again."""
        with self._lock:
            if self._clock() - self._read_at >= self._seconds:
                try:
                    self._shown = Shown(self._read())
                except Unanswerable as fault:
                    self._shown = Shown(self._shown.snapshot, str(fault))
                self._read_at = self._clock()
            return self._shown
