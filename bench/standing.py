"""Measure standing requests, and a restart of Metacontroller with them: `make standing N=13000 RANGES=1`.

It starts its own control plane and creates the requests but one, spread evenly over the ranges. When all are Ready and
nothing is written any more, it kills Metacontroller, starts it again and creates the last one. The row shows how long
this request waits, and how long Metacontroller calls hooks until it has nothing more to do. METACONTROLLER_FLAGS= adds
flags to those of controlplane/loop.py.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.burst import BURST_SECONDS_MAX, POLICY_SECONDS, PROGRAMS, markdown, ready_watch
from controlplane import cluster
from controlplane.at_rest import differences_at_rest
from controlplane.binaries import find_or_build
from controlplane.load import Load
from controlplane.loop import Loop
from controlplane.plane import ControlPlane
from controlplane.processes import cpu_seconds, peak_bytes, wait_until
from controlplane.team import Team

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from controlplane.processes import Program

#: Metacontroller has settled if it has called no sync hook for this time, which is shorter than any resync.
SETTLED_SECONDS = 10.0
POLL_SECONDS = 0.5
#: The request that is created after the restart.
LATE = "after-the-restart"
COLUMNS = (
    *("requests", "ranges", "create s", "first answer s", "settled s", "sync calls"),
    *(f"{name} CPU s" for name in PROGRAMS),
    *(f"{name} MB" for name in PROGRAMS),
)


@dataclass(frozen=True, slots=True)
class Restart:
    """What a restart of Metacontroller cost: seconds until it served a new request, and until it had settled."""

    first_answer_seconds: float
    settled_seconds: float
    sync_calls: int
    cpu_seconds: dict[str, float]


@dataclass(frozen=True, slots=True)
class Standing:
    """The standing requests, the seconds of their creation, and the peak memory of each program until the end."""

    count: int
    ranges: int
    create_seconds: float
    restart: Restart
    peak_bytes: dict[str, int]


def measure(plane: ControlPlane, loop: Loop, team: Team, count: int, ranges: int) -> Standing:
    """Creates the requests, restarts Metacontroller, and waits until it has settled."""
    team.create_namespace()
    names = [f"net-{number}" for number in range(ranges)]
    for number, name in enumerate(names):
        team.create_range(name, f"10.{number}.0.0/16")
    watch = ready_watch(team)
    watch.start()
    began = time.monotonic()
    for number, name in enumerate(names):
        load = Load(team.api, team.namespace, name, share_of(count - 1, ranges, number), prefix=name)
        load.start()
        load.wait_created()
    what = f"{count - 1} requests are Ready"
    wait_until(lambda: len(watch.seen_at) >= count - 1, what=what, seconds=BURST_SECONDS_MAX, step_seconds=POLL_SECONDS)
    create_seconds = max(watch.seen_at.values()) - began
    watch.stop()
    settled_at(loop.metacontroller.sync_count)
    programs = {each.name: each for each in (*plane.programs, *loop.programs) if each.name in PROGRAMS}
    restart = restarted(loop, team, names[0], programs)
    peaks = {name: peak_bytes(program.pid) for name, program in programs.items()}
    return Standing(count, ranges, create_seconds, restart, peaks)


def share_of(count: int, ranges: int, number: int) -> int:
    """How many of the requests belong to the range of this number, so that all ranges have about the same."""
    return count // ranges + (number < count % ranges)


def restarted(loop: Loop, team: Team, range_name: str, programs: dict[str, Program]) -> Restart:
    """Kills Metacontroller and starts it again, creates a request, and waits until everything has settled."""
    loop.metacontroller.kill()
    before = {name: cpu_seconds(each.pid) for name, each in programs.items() if each.is_started}
    began = time.monotonic()
    loop.metacontroller.start()
    team.create_request(LATE, range_name)
    team.wait_state(LATE, "Ready", seconds=BURST_SECONDS_MAX)
    answered = time.monotonic()
    settled = settled_at(loop.metacontroller.sync_count)
    cpu = {name: cpu_seconds(each.pid) - before.get(name, 0.0) for name, each in programs.items()}
    return Restart(answered - began, settled - began, loop.metacontroller.sync_count(), cpu)


def settled_at(
    sync_count: Callable[[], int],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> float:
    """Waits until no sync hook was called for SETTLED_SECONDS; the time of the last call that was noticed."""
    last, since = sync_count(), clock()
    while clock() - since < SETTLED_SECONDS:
        sleep(POLL_SECONDS)
        now = sync_count()
        if now != last:
            last, since = now, clock()
    return since


def row(standing: Standing) -> list[str]:
    """The cells of COLUMNS."""
    restart = standing.restart
    return [
        f"{standing.count:,}",
        f"{standing.ranges:,}",
        f"{standing.create_seconds:.0f}",
        f"{restart.first_answer_seconds:.1f}",
        f"{restart.settled_seconds:.1f}",
        f"{restart.sync_calls:,}",
        *(f"{restart.cpu_seconds[name]:.0f}" for name in PROGRAMS),
        *(f"{standing.peak_bytes[name] / 1e6:.0f}" for name in PROGRAMS),
    ]


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, help="number of standing requests")
    parser.add_argument("--ranges", type=int, default=1, help="number of ranges, at most 256 (default: 1)")
    options = parser.parse_args(arguments)
    with _started() as (plane, loop):
        team = Team(plane.api, f"rest-{os.getpid()}")
        standing = measure(plane, loop, team, options.count, options.ranges)
        faults = differences_at_rest(team.api, {team.namespace})
    if faults:
        print("\n".join(faults[:20]))
        return 1
    print(markdown(COLUMNS, [row(standing)]))
    return 0


@contextmanager
def _started() -> Iterator[tuple[ControlPlane, Loop]]:
    metacontroller = os.environ.get("METACONTROLLER")
    if not metacontroller:
        sys.exit("standing requests need a Metacontroller: set METACONTROLLER=/path/to/it")
    folder = Path(tempfile.mkdtemp(prefix="ipam-standing-"))
    plane = ControlPlane(folder, find_or_build(), cluster.ROOT, tied_to_us=True)
    loop = Loop(plane, Path(metacontroller).resolve())
    try:
        plane.start()
        plane.kubectl("apply", "-k", str(cluster.ROOT / "deploy/admission"))
        time.sleep(POLICY_SECONDS)
        loop.start()
        yield plane, loop
    finally:
        loop.stop()
        plane.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
