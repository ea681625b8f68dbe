"""A CRD of an older version is applied for some seconds while the loop runs, and then the shipped one again.

Nothing is allocated twice, nothing that was written is lost, and everything recovers within a minute, without a restart
of Metacontroller.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from controlplane import history
from controlplane.api import EXTENTS, RANGES, REQUESTS, SLICES, Refused
from controlplane.older_crds import apply_crd, older_crd
from controlplane.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controlplane.api import Obj
    from controlplane.loop import Loop
    from controlplane.team import Team

#: How long the older CRD is served after everything has settled, and the most writes in that time.
OLDER_SECONDS = 5.0
WRITE_COUNT_MAX = 30
#: How long it may take until everything is as before.
RECOVERY_SECONDS_MAX = 60.0
REFUSAL = "cannot be written: the API server has an older CRD of this kind"


def test_finding_1_an_extents_crd_without_number_gives_no_address_twice(loop: Loop, team: Team) -> None:
    before = _overlapping_pairs(team, 3)
    with older_crd(loop.plane, EXTENTS, "spec.number"):
        wait_until(lambda: _outdated_count(team) == 6, what="all ranges say OutdatedCRD", seconds=30)
        for obj in team.api.list(RANGES, team.namespace):
            _annotate(team, RANGES, obj)
        start = history.current_revision(loop.plane.etcd_url)
        time.sleep(OLDER_SECONDS)
        assert history.current_revision(loop.plane.etcd_url) - start <= WRITE_COUNT_MAX
        team.create_request("late", "y0")
    _wait_recovered(team)
    team.wait_state("late", "Busy")
    assert _numbers(team) == before
    assert {obj["metadata"]["name"] for obj in team.requests("Ready")} == {"a0", "a1", "a2"}


@pytest.mark.parametrize(
    ("resource", "path"),
    [(EXTENTS, "spec.number"), (RANGES, "spec.excludes"), (REQUESTS, "spec.size"), (SLICES, "spec.answers.network")],
    ids=str,
)
def test_finding_1_a_cache_that_got_objects_by_the_older_crd_recovers(
    loop: Loop, team: Team, resource: str, path: str
) -> None:
    """Open watches show the older schema for a second. What is written in that second does not change any more."""
    before = _overlapping_pairs(team, 1)
    apply_crd(loop.plane, resource, path)
    time.sleep(OLDER_SECONDS)
    is_over = threading.Event()
    writer = threading.Thread(target=_keep_writing, args=(team, resource, is_over))
    writer.start()
    try:
        apply_crd(loop.plane, resource)
        time.sleep(0.2)
    finally:
        is_over.set()
        writer.join()
    _wait_recovered(team)
    team.wait_at_rest(seconds=RECOVERY_SECONDS_MAX)
    # The API server itself may still read by the older schema for a moment.
    wait_until(lambda: _numbers(team) == before, what="the numbers are shown", seconds=RECOVERY_SECONDS_MAX)


def test_finding_1_an_address_that_an_older_crd_does_not_exclude_is_not_allocated(loop: Loop, team: Team) -> None:
    team.create_range("net", "10.0.0.0/30", excludes=["10.0.0.0", "10.0.0.2"])
    team.create_request("a")
    team.wait_state("a", "Ready")
    with older_crd(loop.plane, RANGES, "spec.excludes"):
        for number in range(3):
            team.create_request(f"b{number}")
        with pytest.raises(Refused, match=f"ipamranges {team.namespace}/net {REFUSAL}"):
            _annotate(team, RANGES, team.range())
        with pytest.raises(Refused, match=REFUSAL):
            team.delete_range()
        time.sleep(OLDER_SECONDS)
        assert len(team.requests("Ready")) == 1
    wait_until(lambda: len(team.requests("Busy")) == 2, what="two requests wait", seconds=RECOVERY_SECONDS_MAX)
    assert team.range()["spec"]["excludes"] == ["10.0.0.0", "10.0.0.2"]
    assert {obj["status"]["cidr"] for obj in team.requests("Ready")} == {"10.0.0.1/32", "10.0.0.3/32"}


def test_finding_1_a_size_that_an_older_crd_drops_comes_back(loop: Loop, team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.create_request("a", size=28)
    team.wait_state("a", "Ready")
    loop.kill_hooks()
    team.create_request("b", size=27)
    with older_crd(loop.plane, REQUESTS, "spec.size"):
        loop.start_hooks()
        with pytest.raises(Refused, match=f"ipamrequests {team.namespace}/a {REFUSAL}"):
            _annotate(team, REQUESTS, team.request("a"))
        time.sleep(OLDER_SECONDS)
        assert [obj["metadata"]["name"] for obj in team.requests("Ready")] == ["a"]
    assert team.wait_state("b", "Ready")["status"]["cidr"] == "10.0.0.32/27"
    assert team.request("a")["status"]["cidr"] == "10.0.0.0/28"


def _overlapping_pairs(team: Team, count: int) -> dict[str, int]:
    """Creates pairs of ranges with one address, of which x is the older one, and a request for each; the numbers."""
    for pair in range(count):
        for name in ("x", "y"):
            team.create_range(f"{name}{pair}", f"10.60.{pair}.0/32", domain=f"{team.namespace[:50]}-{pair}")
            wait_until(lambda: _are_numbered(team), what="the extents have numbers", seconds=30)
        for name, range_name, state in (("a", "x", "Ready"), ("b", "y", "Busy")):
            team.create_request(f"{name}{pair}", f"{range_name}{pair}")
            team.wait_state(f"{name}{pair}", state)
    return _numbers(team)


def _keep_writing(team: Team, resource: str, is_over: threading.Event) -> None:
    """Changes an annotation of all objects of a kind, again and again; while the CRD is older, this is refused."""
    while not is_over.is_set():
        for obj in team.api.list(resource, team.namespace):
            with suppress(Refused):
                _annotate(team, resource, obj)


def _annotate(team: Team, resource: str, obj: Obj) -> None:
    patch = {"metadata": {"annotations": {"example.com/time": str(time.monotonic())}}}
    team.api.patch(resource, team.namespace, obj["metadata"]["name"], patch)


def _wait_recovered(team: Team) -> None:
    wait_until(lambda: _outdated_count(team) == 0, what="no object says OutdatedCRD", seconds=RECOVERY_SECONDS_MAX)


def _outdated_count(team: Team) -> int:
    """The number of ranges that say that a CRD is outdated."""
    return _ready_reasons(team.api.list(RANGES, team.namespace)).count("OutdatedCRD")


def _ready_reasons(ranges: Sequence[Obj]) -> list[str]:
    conditions = [each for obj in ranges for each in obj["status"]["conditions"] if each["type"] == "Ready"]
    assert all(each["status"] == "False" for each in conditions if each["reason"] == "OutdatedCRD")
    return [each["reason"] for each in conditions]


def _numbers(team: Team) -> dict[str, int]:
    """The numbers of extents, by the names of their ranges."""
    specs = [obj["spec"] for obj in team.api.list(EXTENTS, team.namespace)]
    return {spec["range"]: spec["number"] for spec in specs if "number" in spec}


def _are_numbered(team: Team) -> bool:
    return len(_numbers(team)) == len(team.api.list(RANGES, team.namespace))
