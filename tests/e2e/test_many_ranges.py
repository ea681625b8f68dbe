"""Many ranges of one domain: one more range triggers only those with which it may have addresses in common.

IPAM_RANGES=1003 measures that number of ranges (docs/decisions/0018-domains-are-divided-into-cells.md).
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pytest

from controlplane.api import EXTENTS, RANGES
from controlplane.loop import Loop
from controlplane.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controlplane.plane import ControlPlane
    from controlplane.team import Team

RANGE_COUNT = int(os.environ.get("IPAM_RANGES", "63"))
#: Ranges of /26 in one cell of /24.
NEIGHBOUR_COUNT = 3
#: Calls of the sync hook that one more range may cause: its own, and two or three of each neighbour.
OWN_CALLS_MAX = 6
NEIGHBOUR_CALLS_MAX = 3
#: How long nothing may be called until everything counts as quiet, and how long the calls are counted.
QUIET_SECONDS = 5.0
COUNTED_SECONDS = 8.0
CALL = re.compile(r'"POST (/ipamrange/\w+)')

pytestmark = pytest.mark.timeout(3000)


@pytest.fixture(scope="module")
def loop(control_plane: ControlPlane, metacontroller_path: Path) -> Iterator[Loop]:
    """Hooks that log their calls, and a Metacontroller with the flags that the documentation recommends."""
    flags = os.environ.get("METACONTROLLER_FLAGS", "")
    os.environ["METACONTROLLER_FLAGS"] = f"{flags} --client-go-qps=200 --client-go-burst=400"
    try:
        loop = Loop(control_plane, metacontroller_path, IPAM_ACCESS_LOG="-")
    finally:
        os.environ["METACONTROLLER_FLAGS"] = flags
    try:
        loop.start()
        yield loop
    finally:
        loop.stop()


def test_one_more_range_of_a_large_domain_calls_only_its_neighbours(loop: Loop, team: Team) -> None:
    start = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(partial(_create, team), range(RANGE_COUNT)))
    seconds = 60 + RANGE_COUNT
    wait_until(
        lambda: _announced_count(team) == RANGE_COUNT, what="all are announced", seconds=seconds, step_seconds=0.5
    )
    wait_until(lambda: _ready_count(team) == RANGE_COUNT, what="all are Ready", seconds=seconds, step_seconds=0.5)
    print(f"{RANGE_COUNT} ranges: announced after {time.monotonic() - start:.1f} s")
    _wait_quiet(loop)
    idle = _calls_in(loop, COUNTED_SECONDS)
    before, start = _calls(loop), time.monotonic()
    _create(team, RANGE_COUNT)
    wait_until(lambda: _is_served(team, RANGE_COUNT), what="it serves", seconds=60, step_seconds=0.02)
    ready_seconds = time.monotonic() - start
    time.sleep(COUNTED_SECONDS - ready_seconds)
    calls = _calls(loop) - before
    print(f"one more: Ready after {ready_seconds:.2f} s, calls {dict(calls)}, idle {dict(idle)}")
    syncs = calls["/ipamrange/sync"] - idle["/ipamrange/sync"]
    assert syncs <= OWN_CALLS_MAX + NEIGHBOUR_COUNT * NEIGHBOUR_CALLS_MAX
    assert ready_seconds < QUIET_SECONDS
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(team.delete_range, [f"net-{number:04}" for number in range(RANGE_COUNT + 1)]))


def _create(team: Team, number: int) -> None:
    """Creates the range of a number: the next /26 of 10.0.0.0/8."""
    address = number * 64
    text = f"10.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}/26"
    team.create_range(f"net-{number:04}", text)


def _announced_count(team: Team) -> int:
    return sum("number" in obj["spec"] for obj in team.api.list(EXTENTS, team.namespace))


def _ready_count(team: Team) -> int:
    ranges = team.api.list(RANGES, team.namespace)
    return sum(obj["status"].get("capacity", {}).get("free") == "64" for obj in ranges)


def _is_served(team: Team, number: int) -> bool:
    return bool(team.range(f"net-{number:04}")["status"].get("capacity", {}).get("free") == "64")


def _calls(loop: Loop) -> Counter[str]:
    """The calls of the hooks of ranges since the start, by path."""
    return Counter(CALL.findall(loop.hooks.log.read_text(errors="replace")))


def _calls_in(loop: Loop, seconds: float) -> Counter[str]:
    before = _calls(loop)
    time.sleep(seconds)
    return _calls(loop) - before


def _wait_quiet(loop: Loop) -> None:
    """Waits until ranges are called no more often than every five minutes each."""
    most = QUIET_SECONDS * RANGE_COUNT / 300 * 3 + 1
    wait_until(lambda: _calls_in(loop, QUIET_SECONDS).total() <= most, what="the loop is quiet", seconds=300)
