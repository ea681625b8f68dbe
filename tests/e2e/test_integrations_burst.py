"""300 claims and 300 Services at once, with two Metacontrollers, while every part is killed: no address twice."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from controlplane.api import KINDS
from controlplane.processes import wait_until
from tests.e2e.balancing import LoadBalancer
from tests.e2e.integrating import ADDRESSES, METALLB, NETWORK, RANGE, Consumer, Objects, claim_object, loop_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from controlplane.loop import Loop
    from controlplane.plane import ControlPlane
    from controlplane.team import Team

COUNT = int(os.environ.get("IPAM_BURST", "300"))
#: For how long nothing must be written at rest. IPAM_REST_SECONDS=600 is the full test.
REST_SECONDS = float(os.environ.get("IPAM_REST_SECONDS", "30"))
SERVED_SECONDS_MAX = 600.0
pytestmark = pytest.mark.timeout(1800 + REST_SECONDS)


@pytest.fixture(scope="module")
def loop(control_plane: ControlPlane, metacontroller_path: Path) -> Iterator[Loop]:
    """The loop with both integrations."""
    with loop_with(control_plane, metacontroller_path, "cluster-api", "services/metallb") as loop:
        yield loop


def _kill(loop: Loop) -> None:
    """Kills every part once, one after the other."""
    loop.second_metacontroller.kill()
    loop.second_metacontroller.start()
    loop.kill_hooks()
    loop.start_hooks()
    loop.metacontroller.kill()
    loop.metacontroller.start()
    loop.plane.restart_apiserver()
    loop.plane.restart_etcd()


def _at_once(create: Callable[[int], object]) -> None:
    threads = [
        threading.Thread(target=lambda start=start: [create(n) for n in range(start, COUNT, 8)]) for start in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.fixture
def second(loop: Loop) -> Iterator[None]:
    """A second Metacontroller beside the first."""
    loop.second_metacontroller.start()
    yield
    loop.second_metacontroller.program.stop()


@pytest.mark.usefixtures("second")
def test_claims_get_different_addresses_while_every_part_is_killed(loop: Loop, team: Team) -> None:
    team.create_range("net", "10.0.0.0/22", network=NETWORK | {"prefixLength": 22})
    consumer = Consumer(team.api, team.namespace)
    try:
        _at_once(lambda n: consumer.claims.create(claim_object(team.namespace, f"worker-{n}")))
        wait_until(
            lambda: len(consumer.addresses.all()) >= COUNT // 10, what="the first claims are served", seconds=120
        )
        _kill(loop)
        wait_until(
            lambda: all("addressRef" in each.get("status", {}) for each in consumer.claims.all()),
            what="all claims are served",
            seconds=SERVED_SECONDS_MAX,
            step_seconds=1,
        )
        addresses = {each["metadata"]["name"]: each["spec"]["address"] for each in consumer.addresses.all()}
        assert len(addresses) == COUNT, "none is lost"
        assert max(Counter(addresses.values()).values()) == 1, "none is given twice"
        granted = {each["spec"]["address"] for each in consumer.addresses.all()}
        assert granted == {entry["cidr"].removesuffix("/32") for entry in team.ledger()}
        _assert_at_rest(team, consumer.claims, consumer.addresses)
    finally:
        consumer.leave()


@pytest.mark.usefixtures("second")
def test_services_get_different_addresses_while_every_part_is_killed(loop: Loop, team: Team) -> None:
    team.create_range("net", "10.0.0.0/22")
    balancer = LoadBalancer(team.api, team.namespace)
    try:
        _at_once(lambda n: balancer.service(f"web-{n}", **{RANGE: "net"}))
        wait_until(lambda: len(_served(balancer)) >= COUNT // 10, what="the first are served", seconds=120)
        first = _served(balancer)
        _kill(loop)
        wait_until(
            lambda: len(_served(balancer)) == COUNT, what="all are served", seconds=SERVED_SECONDS_MAX, step_seconds=1
        )
        served = _served(balancer)
        assert max(Counter(served.values()).values()) == 1, "none is given twice"
        assert {name: served[name] for name in first} == first, "none has changed"
        assert set(served.values()) == {entry["cidr"].removesuffix("/32") for entry in team.ledger()}
        _assert_at_rest(team, balancer.services)
    finally:
        balancer.leave()


def _served(balancer: LoadBalancer) -> dict[str, str]:
    found = {each["metadata"]["name"]: each["metadata"].get("annotations", {}) for each in balancer.services.all()}
    assert all(each.get(METALLB) == each.get(ADDRESSES) for each in found.values())
    return {name: each[METALLB] for name, each in found.items() if METALLB in each}


def _assert_at_rest(team: Team, *foreign: Objects) -> None:
    """Asserts that none of these objects is written, and none of ours."""

    def versions() -> set[tuple[str, str]]:
        ours = [obj for resource in KINDS.values() for obj in team.api.list(resource, team.namespace)]
        objects = [*ours, *(obj for each in foreign for obj in each.all())]
        return {(each["metadata"]["uid"], each["metadata"]["resourceVersion"]) for each in objects}

    time.sleep(15)
    before = versions()
    assert len(before) > COUNT
    time.sleep(REST_SECONDS)
    assert versions() == before, "at rest nothing is written"
