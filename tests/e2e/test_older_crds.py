"""A CRD of an older version is applied for some seconds while the loop runs, and then the shipped one again.

Nothing is allocated twice, nothing that was written is lost, and everything recovers without a restart.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from controlplane import history
from controlplane.api import EXTENTS, RANGES, REQUESTS, Refused
from controlplane.older_crds import older_crd
from controlplane.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.api import Obj
    from controlplane.loop import Loop
    from controlplane.team import Team

#: How long the older CRD is served.
OLDER_SECONDS = 8.0
#: How long it may take until everything is as before.
RECOVERY_SECONDS_MAX = 60.0


def test_finding_1_an_extents_crd_without_number_gives_no_address_twice(loop: Loop, team: Team) -> None:
    pairs = range(3)
    for pair in pairs:
        for name in ("x", "y"):  # x is older than y, and has the only address of both
            team.create_range(f"{name}{pair}", f"10.60.{pair}.0/32", domain=f"{team.namespace[:50]}-{pair}")
            wait_until(lambda: _are_numbered(team), what="the extents have numbers", seconds=30)
        team.create_request(f"a{pair}", f"x{pair}")
        team.wait_state(f"a{pair}", "Ready")
        team.create_request(f"b{pair}", f"y{pair}")
        team.wait_state(f"b{pair}", "Busy")
    before = _numbers(team)
    with older_crd(loop.plane, EXTENTS, "spec.number"):
        for pair in pairs:
            team.api.patch(RANGES, team.namespace, f"y{pair}", {"metadata": {"annotations": {"example.com/touched": "y"}}})
        wait_until(lambda: _outdated(team) == 6, what="all ranges say OutdatedCRD", seconds=20)
        with writes(loop) as written:
            time.sleep(OLDER_SECONDS)
        print("writes while old", written)
    _wait_recovered(team)
    print("numbers", before, _numbers(team))
    assert _numbers(team) == before


@contextmanager
def writes(loop: Loop) -> Iterator[list[int]]:
    """The number of writes to our objects during a `with` block."""
    found: list[int] = []
    start = history.current_revision(loop.plane.etcd_url)
    yield found
    found.append(history.current_revision(loop.plane.etcd_url) - start)


def _wait_recovered(loop: Loop, team: Team) -> None:
    start = time.monotonic()
    wait_until(lambda: _outdated(team) == 0, what="no range says OutdatedCRD", seconds=RECOVERY_SECONDS_MAX)
    print("recovered after", time.monotonic() - start)


def _outdated(team: Team) -> int:
    """The number of ranges that say that a CRD is outdated."""
    return sum(_reason(obj) == "OutdatedCRD" for obj in team.api.list(RANGES, team.namespace))


def _reason(obj: Obj) -> str:
    (ready,) = [each for each in obj["status"]["conditions"] if each["type"] == "Ready"]
    return str(ready["reason"])


def _numbers(team: Team) -> dict[str, int]:
    specs = [obj["spec"] for obj in team.api.list(EXTENTS, team.namespace)]
    return {spec["range"]: spec["number"] for spec in specs if "number" in spec}


def _are_numbered(team: Team) -> bool:
    return len(_numbers(team)) == len(team.api.list(RANGES, team.namespace))
