"""IPAddressClaims of Cluster API 1.10, which has v1beta1 only, on the full loop with deploy/cluster-api-v1beta1.

A status with a field that its CRD drops would never be as it should, and be written without end: so each state is seen
at rest.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from controlplane.processes import wait_until
from tests.e2e.integrating import CLUSTER_LABEL, NETWORK, V1BETA1, Consumer, loop_on_its_own_plane

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controlplane.loop import Loop
    from controlplane.plane import ControlPlane
    from controlplane.team import Team

pytestmark = pytest.mark.timeout(180)

#: A write loop has tens of writes in this time.
QUIET_SECONDS = 5.0


@pytest.fixture(scope="module")
def loop(
    control_plane: ControlPlane, metacontroller_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Loop]:
    """The loop on a control plane of its own, because the stored version of a kind cannot be changed back."""
    folder = tmp_path_factory.mktemp("older")
    with loop_on_its_own_plane(folder, control_plane, metacontroller_path, "cluster-api-v1beta1") as loop:
        yield loop


@pytest.fixture
def consumer(team: Team) -> Iterator[Consumer]:
    """A controller of machines of that time, in the namespace of the team, which has the range `net`."""
    team.create_range("net", "10.0.0.0/24", network=NETWORK)
    consumer = Consumer(team.api, team.namespace, V1BETA1)
    yield consumer
    consumer.leave()


def test_a_claim_of_v1beta1_is_served_with_a_condition_of_that_version(consumer: Consumer) -> None:
    consumer.cluster("prod")
    consumer.claim("worker-0", labels={CLUSTER_LABEL: "prod"})

    assert consumer.wait_address("worker-0") == ("10.0.0.2/24", "10.0.0.1")
    ready = consumer.ready("worker-0")
    assert ready.keys() == {"type", "status", "reason", "lastTransitionTime"}
    assert (ready["status"], ready["reason"]) == ("True", "AddressAllocated")
    (owner,) = consumer.addresses.get("worker-0")["metadata"]["ownerReferences"]
    assert (owner["apiVersion"], owner["kind"], owner["controller"]) == (V1BETA1, "IPAddressClaim", True)
    _assert_at_rest(consumer, "worker-0")


def test_a_claim_of_v1beta1_that_waits_has_a_severity_and_is_served_later(consumer: Consumer, team: Team) -> None:
    team.create_range("one", "10.4.0.5", network={"prefixLength": 24})
    consumer.claim("worker-0", "one")
    consumer.wait_address("worker-0")
    consumer.claim("worker-1", "one")
    assert "no free /32" in consumer.wait_reason("worker-1", "PoolExhausted")
    assert consumer.ready("worker-1")["severity"] == "Warning"
    assert "observedGeneration" not in consumer.ready("worker-1")
    _assert_at_rest(consumer, "worker-1")

    consumer.claims.delete("worker-0")

    assert consumer.wait_address("worker-1")[0] == "10.4.0.5/24"
    assert "severity" not in consumer.ready("worker-1")


def test_a_claim_of_v1beta1_waits_while_its_cluster_is_paused(consumer: Consumer) -> None:
    consumer.cluster("prod", paused=True)
    consumer.claim("worker-0", cluster="prod")
    time.sleep(QUIET_SECONDS)
    assert not consumer.requests.all()

    consumer.clusters.patch("prod", {"spec": {"paused": False}})

    consumer.wait_address("worker-0")


def test_a_deleted_claim_of_v1beta1_releases_its_address(consumer: Consumer, team: Team) -> None:
    consumer.claim("worker-0")
    consumer.wait_address("worker-0")

    consumer.claims.delete("worker-0")

    consumer.addresses.wait_deleted("worker-0")
    wait_until(lambda: not team.ledger(), what="the address is released", seconds=60)


def _assert_at_rest(consumer: Consumer, name: str) -> None:
    time.sleep(1)
    version = consumer.claims.get(name)["metadata"]["resourceVersion"]
    time.sleep(QUIET_SECONDS)
    assert consumer.claims.get(name)["metadata"]["resourceVersion"] == version, "at rest nothing is written"
