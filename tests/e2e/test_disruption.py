"""Something breaks in the middle of a burst of 500; afterwards everybody has a block, and nobody has another's.

The audit after each test (fixture `team`) reads every revision that was stored meanwhile: no overlap at any moment, no
published block changed, ledger = allocations = requests.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from controlplane.api import REQUESTS
from controlplane.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from controlplane.loop import Loop
    from controlplane.team import Team

REQUEST_COUNT = 500
#: What breaks does so when about this many are created, and again when this many have their block.
FIRST_BLOW = 150
SECOND_BLOW = 300
OUTAGE_SECONDS = 60.0

pytestmark = pytest.mark.timeout(600)


def _kill_hooks(loop: Loop) -> None:
    loop.kill_hooks()
    loop.start_hooks()


def _kill_metacontroller(loop: Loop) -> None:
    loop.metacontroller.kill()
    loop.metacontroller.start()


def _restart_apiserver(loop: Loop) -> None:
    loop.plane.restart_apiserver()


def _restart_etcd(loop: Loop) -> None:
    loop.plane.restart_etcd()


BLOWS = [_kill_hooks, _kill_metacontroller, _restart_apiserver, _restart_etcd]


@pytest.mark.parametrize("blow", BLOWS, ids=lambda blow: blow.__name__.strip("_"))
def test_a_burst_survives_what_breaks_in_its_middle(loop: Loop, team: Team, blow: Callable[[Loop], None]) -> None:
    team.create_range("net", "10.0.0.0/16")
    load = team.start_load(REQUEST_COUNT)
    load.wait_created(FIRST_BLOW)
    assert len(load.created_at) < REQUEST_COUNT, "the first blow came after the burst"
    blow(loop)
    team.wait_ready_count(SECOND_BLOW)
    assert len(team.requests("Ready")) < REQUEST_COUNT, "the second blow came after the burst"
    blow(loop)
    load.wait_created()
    team.wait_ready_count(REQUEST_COUNT)


def test_a_burst_waits_for_hooks_that_are_down(loop: Loop, team: Team) -> None:
    team.create_range("net", "10.0.0.0/16")
    team.create_request("before")
    cidr = team.wait_state("before", "Ready")["status"]["cidr"]
    loop.kill_hooks()
    try:
        load = team.start_load(REQUEST_COUNT)
        load.wait_created()
        time.sleep(OUTAGE_SECONDS)
        assert len(team.requests("Ready")) == 1
    finally:
        loop.start_hooks()
    team.wait_ready_count(REQUEST_COUNT + 1)
    assert team.request("before")["status"]["cidr"] == cidr


@pytest.fixture
def two_metacontrollers(loop: Loop) -> Iterator[Loop]:
    """A second Metacontroller beside the first, as a rolling update without leader election has for a while."""
    loop.second_metacontroller.start()
    yield loop
    loop.second_metacontroller.program.stop()


def test_two_metacontrollers_give_nothing_twice(two_metacontrollers: Loop, team: Team) -> None:
    both = (two_metacontrollers.metacontroller, two_metacontrollers.second_metacontroller)
    before = [each.sync_count() for each in both]
    team.create_range("net", "10.0.0.0/16")
    load = team.start_load(REQUEST_COUNT)
    load.wait_created()
    team.wait_ready_count(REQUEST_COUNT)
    worked = [each.sync_count() - count for each, count in zip(both, before, strict=True)]
    assert min(worked) > REQUEST_COUNT / 2, f"one of them did next to nothing: {worked}"


@pytest.mark.usefixtures("two_metacontrollers")
def test_two_metacontrollers_serve_a_range_that_is_too_small(team: Team) -> None:
    team.create_range("net", "10.0.0.0/25")
    load = team.start_load(REQUEST_COUNT)
    load.wait_created()
    team.wait_ready_count(128)
    for name in [obj["metadata"]["name"] for obj in team.requests("Ready")][:50]:
        team.delete_request(name)
    wait_until(lambda: len(team.requests()) == REQUEST_COUNT - 50, what="50 are gone", seconds=120, step_seconds=0.5)
    team.wait_ready_count(128)


def test_a_second_metacontroller_may_die_in_a_burst(two_metacontrollers: Loop, team: Team) -> None:
    team.create_range("net", "10.0.0.0/16")
    load = team.start_load(REQUEST_COUNT)
    load.wait_created(FIRST_BLOW)
    two_metacontrollers.second_metacontroller.kill()
    load.wait_created()
    team.wait_ready_count(REQUEST_COUNT)
    two_metacontrollers.second_metacontroller.start()


def test_deletion_in_mid_burst_leaks_nothing(loop: Loop, team: Team) -> None:
    team.create_range("net", "10.0.0.0/16")
    load = team.start_load(REQUEST_COUNT)
    load.wait_created(FIRST_BLOW)
    team.start_to_delete_all(REQUESTS)
    load.wait_created()
    _kill_metacontroller(loop)
    team.delete_all(REQUESTS)
    team.wait_empty()
