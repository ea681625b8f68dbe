"""A part of the system fails during a burst of 500 requests; afterwards each request has its own block.

The audit after each test (fixture `team`) reads every revision that was stored meanwhile: blocks never overlap, no
published block changes, and ledger, answers and requests agree.
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
#: The failure comes when about this many requests are created, and again when this many have their block.
CREATED_AT_FAILURE = 150
READY_AT_FAILURE = 300
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


FAILURES = [_kill_hooks, _kill_metacontroller, _restart_apiserver, _restart_etcd]


@pytest.mark.parametrize("fail", FAILURES, ids=lambda fail: fail.__name__.strip("_"))
def test_a_burst_survives_two_failures(loop: Loop, team: Team, fail: Callable[[Loop], None]) -> None:
    team.create_range("net", "10.0.0.0/16")
    load = team.start_load(REQUEST_COUNT)
    load.wait_created(CREATED_AT_FAILURE)
    assert len(load.created_at) < REQUEST_COUNT, "the first failure came after the burst"
    fail(loop)
    team.wait_ready_count(READY_AT_FAILURE)
    assert len(team.requests("Ready")) < REQUEST_COUNT, "the second failure came after the burst"
    fail(loop)
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
    """A second Metacontroller beside the first, as during a rolling update without leader election."""
    loop.second_metacontroller.start()
    yield loop
    loop.second_metacontroller.program.stop()


def test_two_metacontrollers_grant_no_block_twice(two_metacontrollers: Loop, team: Team) -> None:
    both = (two_metacontrollers.metacontroller, two_metacontrollers.second_metacontroller)
    before = [each.sync_count() for each in both]
    team.create_range("net", "10.0.0.0/16")
    load = team.start_load(REQUEST_COUNT)
    load.wait_created()
    team.wait_ready_count(REQUEST_COUNT)
    worked = [each.sync_count() - count for each, count in zip(both, before, strict=True)]
    assert min(worked) > REQUEST_COUNT / 2, f"one of them made hardly any calls: {worked}"


@pytest.mark.usefixtures("two_metacontrollers")
def test_two_metacontrollers_serve_a_range_that_is_too_small(team: Team) -> None:
    team.create_range("net", "10.0.0.0/25")
    load = team.start_load(REQUEST_COUNT)
    load.wait_created()
    team.wait_ready_count(128)
    for name in [obj["metadata"]["name"] for obj in team.requests("Ready")][:50]:
        team.delete_request(name)
    wait_until(lambda: len(team.requests()) == REQUEST_COUNT - 50, what="50 are deleted", seconds=120, step_seconds=0.5)
    team.wait_ready_count(128)


def test_a_burst_survives_the_death_of_a_second_metacontroller(two_metacontrollers: Loop, team: Team) -> None:
    team.create_range("net", "10.0.0.0/16")
    load = team.start_load(REQUEST_COUNT)
    load.wait_created(CREATED_AT_FAILURE)
    two_metacontrollers.second_metacontroller.kill()
    load.wait_created()
    team.wait_ready_count(REQUEST_COUNT)
    two_metacontrollers.second_metacontroller.start()


def test_a_deletion_during_a_burst_leaks_nothing(loop: Loop, team: Team) -> None:
    team.create_range("net", "10.0.0.0/16")
    load = team.start_load(REQUEST_COUNT)
    load.wait_created(CREATED_AT_FAILURE)
    team.start_to_delete_all(REQUESTS)
    load.wait_created()
    _kill_metacontroller(loop)
    team.delete_all(REQUESTS)
    team.wait_empty()
