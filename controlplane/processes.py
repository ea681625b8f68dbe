"""Start and stop the programs of a test cluster, each by its own id, so that no other program is stopped.

Every program leads its own process group: gunicorn's workers end with their master, and Ctrl-C in the terminal reaches
only the test run, which then stops the programs in order. The kernel kills the programs of a test run when the test run
dies (PR_SET_PDEATHSIG), so that even `kill -9` of pytest leaves none behind.
"""

from __future__ import annotations

import ctypes
import os
import random
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PR_SET_PDEATHSIG = 1
PORTS = range(20_000, 32_768)
STOP_SECONDS_MAX = 20.0
_LIBC = ctypes.CDLL(None)
_given_ports: set[int] = set()


class NotInTime(Exception):
    """An awaited condition did not come true in time; the message has the condition and the last state."""


def free_port() -> int:
    """A loopback port on which no program listens, returned only once.

    It is not one of the ports that the kernel assigns to outgoing connections, because during a restart of a program
    one of its own clients could get its port.
    """
    while True:
        port = random.choice(PORTS)
        with socket.socket() as listener:
            if port not in _given_ports and listener.connect_ex(("127.0.0.1", port)) != 0:
                _given_ports.add(port)
                return port


def wait_until(condition: Callable[[], bool], *, what: str, seconds: float, step_seconds: float = 0.1) -> None:
    """Returns as soon as the condition is true; `what` describes it.

    Raises:
        NotInTime: the condition was not true within that time.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise NotInTime(f"not within {seconds:g} s: {what}")
        time.sleep(step_seconds)


def is_running(pid: int) -> bool:
    """Whether a process with this id exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def started_at(pid: int) -> int:
    """The start time of a process in clock ticks, which identifies it together with its id; 0 if there is none."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except FileNotFoundError:
        return 0


def cpu_seconds(group: int) -> float:
    """CPU time, user and system, of all processes of a process group, ended and awaited children included."""
    ticks = sum(int(value) for _, values in _members(group) for value in values[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_bytes(group: int) -> int:
    """The largest resident sets that the processes of a process group had so far, in total.

    Pages that several of them share count for each.
    """
    return sum(_peak_bytes(pid) for pid, _ in _members(group))


def _peak_bytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def _members(group: int) -> Iterator[tuple[int, list[str]]]:
    """The processes of a process group, each with the fields of its stat that follow its name."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            values = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(values[2]) == group:
            yield int(stat.parent.name), values


def stop_group(pid: int, *, hard: bool = False) -> None:
    """Ends the process group of this process: with SIGTERM first, unless `hard`."""
    _signal_group(pid, signal.SIGKILL if hard else signal.SIGTERM)
    end = time.monotonic() + STOP_SECONDS_MAX
    while is_running(pid):
        if time.monotonic() > end:
            _signal_group(pid, signal.SIGKILL)
        time.sleep(0.02)
    _signal_group(pid, signal.SIGKILL)


@dataclass
class Program:
    """A program that can be restarted with the same arguments, ports and data."""

    name: str
    command: Sequence[str]
    log: Path
    tied_to_us: bool
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None
    _process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The id of the process, which is also the id of its group."""
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    @property
    def is_started(self) -> bool:
        """Whether it was started and not stopped."""
        return self._process is not None

    def start(self) -> None:
        """Starts the program; its output is appended to its log."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=os.environ | self.environment,
                start_new_session=True,
                preexec_fn=_die_with_parent if self.tied_to_us else None,  # noqa: PLW1509 - one system call, no locks
            )

    def stop(self, *, hard: bool = False) -> None:
        """Stops it and waits for its end; it is no error if it does not run."""
        if self._process is None:
            return
        if self._process.poll() is None:
            _signal_group(self.pid, signal.SIGKILL if hard else signal.SIGTERM)
            self._wait_for_end()
        _signal_group(self.pid, signal.SIGKILL)
        self._process = None

    def restart(self, *, hard: bool = False) -> None:
        """Stops it and starts it again, with the same ports and data."""
        self.stop(hard=hard)
        self.start()

    def check_runs(self) -> None:
        """Fails with the end of the log if the program has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            tail = self.log.read_text(errors="replace")[-2000:]
            raise AssertionError(f"{self.name} ended with code {self._process.returncode}; its log ends with:\n{tail}")

    def _wait_for_end(self) -> None:
        assert self._process is not None
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            _signal_group(self.pid, signal.SIGKILL)
            self._process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def _die_with_parent() -> None:
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
