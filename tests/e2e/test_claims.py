"""IPAddressClaims on the full loop with Cluster API's own kinds: serving, waiting, pausing and releasing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from controlplane.processes import wait_until
from tests.e2e.integrating import ADDRESSES, CLUSTER_LABEL, PAUSED, Consumer, consumer_with_range, loop_with

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controlplane.loop import Loop
    from controlplane.plane import ControlPlane
    from controlplane.team import Team

pytestmark = pytest.mark.timeout(180)

#: Long enough for what must not happen: a claim is served within a second.
QUIET_SECONDS = 3.0


@pytest.fixture(scope="module")
def loop(control_plane: ControlPlane, metacontroller_path: Path) -> Iterator[Loop]:
    """The loop with deploy/cluster-api."""
    with loop_with(control_plane, metacontroller_path, "cluster-api") as loop:
        yield loop


@pytest.fixture
def consumer(team: Team) -> Iterator[Consumer]:
    """A controller of machines in the namespace of the team, which has the range `net`."""
    with consumer_with_range(team) as consumer:
        yield consumer


def test_a_claim_is_answered_by_an_ipaddress_of_its_name(consumer: Consumer) -> None:
    consumer.claim("worker-0", labels={CLUSTER_LABEL: "prod"}, cluster="prod")
    consumer.cluster("prod")

    assert consumer.wait_address("worker-0") == ("10.0.0.2/24", "10.0.0.1")
    ready = consumer.ready("worker-0")
    assert (ready["status"], ready["reason"]) == ("True", "AddressAllocated")
    meta = consumer.addresses.get("worker-0")["metadata"]
    assert meta["labels"][CLUSTER_LABEL] == "prod"
    owners = {
        (owner["kind"], owner.get("controller", False), owner["blockOwnerDeletion"])
        for owner in meta["ownerReferences"]
    }
    assert owners == {("IPAddressClaim", True, True)}
    assert "finalizers" not in meta
    assert "finalizers" not in consumer.claims.get("worker-0")["metadata"]


def test_addresses_that_a_range_never_allocates_are_not_given_to_claims(consumer: Consumer, team: Team) -> None:
    team.create_range(
        "tiny", "10.1.0.0/29", excludes=["10.1.0.2-10.1.0.4"], network={"gateway": "10.1.0.1", "prefixLength": 29}
    )
    for number in range(3):
        consumer.claim(f"worker-{number}", "tiny")

    served = {consumer.wait_address(f"worker-{number}")[0] for number in range(2)}

    assert served == {"10.1.0.5/29", "10.1.0.6/29"}
    assert "no free /32" in consumer.wait_reason("worker-2", "PoolExhausted")


def test_a_range_without_a_gateway_gives_none(consumer: Consumer, team: Team) -> None:
    team.create_range("flat", "10.2.0.0/24", network={"prefixLength": 24})
    consumer.claim("worker-0", "flat")

    consumer.wait_address("worker-0")

    assert "gateway" not in consumer.addresses.get("worker-0")["spec"]


def test_ipv6_addresses_are_given(consumer: Consumer, team: Team) -> None:
    team.create_range("six", "fd00::/64", network={"gateway": "fd00::1", "prefixLength": 64})
    consumer.claim("worker-0", "six")

    assert consumer.wait_address("worker-0") == ("fd00::2/64", "fd00::1")


def test_a_range_that_gives_larger_blocks_gives_a_claim_one_address(consumer: Consumer, team: Team) -> None:
    team.create_range("chunks", "10.3.0.0/24", chunkSize=28, network={"prefixLength": 24})
    consumer.claim("worker-0", "chunks")

    assert consumer.wait_address("worker-0")[0] == "10.3.0.1/24"


def test_a_claim_of_an_exhausted_range_is_served_when_an_address_is_released(consumer: Consumer, team: Team) -> None:
    team.create_range("one", "10.4.0.5", network={"prefixLength": 24})
    consumer.claim("worker-0", "one")
    consumer.wait_address("worker-0")
    consumer.claim("worker-1", "one")
    consumer.wait_reason("worker-1", "PoolExhausted")

    consumer.claims.delete("worker-0")

    assert consumer.wait_address("worker-1")[0] == "10.4.0.5/24"


def test_a_claim_of_a_missing_range_says_so_and_is_served_when_it_appears(consumer: Consumer, team: Team) -> None:
    consumer.claim("worker-0", "late")

    message = f"no range {team.namespace}/late answers"
    wait_until(lambda: message in consumer.ready("worker-0").get("message", ""), what=message, seconds=60)
    assert consumer.ready("worker-0")["reason"] == "PoolNotReady"
    team.create_range("late", "10.5.0.0/24", network={"prefixLength": 24})
    assert consumer.wait_address("worker-0", seconds=90)[0] == "10.5.0.1/24"


def test_a_range_without_a_prefix_length_is_told(consumer: Consumer, team: Team) -> None:
    team.create_range("bare", "10.6.0.0/24", network={"gateway": "10.6.0.1"})
    consumer.claim("worker-0", "bare")

    message = consumer.wait_reason("worker-0", "PoolNotReady")

    assert f"range {team.namespace}/bare had no network.prefixLength" in message
    assert not consumer.addresses.all()


def test_a_claim_of_another_provider_gets_no_write(consumer: Consumer) -> None:
    version = consumer.claim("worker-0", "pool", group="ipam.example.com", kind="InClusterIPPool")["metadata"][
        "resourceVersion"
    ]

    time.sleep(QUIET_SECONDS)

    assert consumer.claims.get("worker-0")["metadata"]["resourceVersion"] == version
    assert not consumer.requests.all()


def test_pool_and_claim_can_have_one_name(consumer: Consumer) -> None:
    consumer.claim("net")

    consumer.wait_address("net")

    assert consumer.addresses.get("net")["spec"]["poolRef"]["name"] == "net"


@pytest.mark.parametrize("how", ["field", "annotation"])
def test_a_claim_of_a_paused_cluster_waits_until_it_goes_on(consumer: Consumer, how: str) -> None:
    annotations = {PAUSED: "true"} if how == "annotation" else {}
    consumer.cluster("prod", paused=True if how == "field" else None, annotations=annotations)
    consumer.claim("worker-0", labels={CLUSTER_LABEL: "prod"})
    time.sleep(QUIET_SECONDS)
    assert not consumer.requests.all()
    assert "status" not in consumer.claims.get("worker-0")

    consumer.clusters.patch("prod", {"spec": {"paused": False}, "metadata": {"annotations": {PAUSED: None}}})

    consumer.wait_address("worker-0")


def test_a_paused_claim_waits_until_it_goes_on(consumer: Consumer) -> None:
    consumer.claim("worker-0", annotations={PAUSED: ""})
    time.sleep(QUIET_SECONDS)
    assert not consumer.requests.all()

    consumer.claims.annotate("worker-0", **{PAUSED: None})

    consumer.wait_address("worker-0")


def test_a_claim_whose_cluster_is_not_found_waits_but_can_be_deleted(consumer: Consumer) -> None:
    consumer.claim("worker-0", cluster="prod")
    consumer.claim("worker-1", cluster="prod")
    time.sleep(QUIET_SECONDS)
    assert not consumer.requests.all()

    consumer.claims.delete("worker-0")
    consumer.claims.wait_deleted("worker-0")
    consumer.cluster("prod")

    consumer.wait_address("worker-1")


def test_a_claim_of_a_deleted_cluster_releases_its_address(consumer: Consumer, team: Team) -> None:
    consumer.cluster("prod")
    consumer.claim("worker-0", cluster="prod")
    consumer.wait_address("worker-0")
    consumer.clusters.delete("prod")

    consumer.claims.delete("worker-0")

    consumer.addresses.wait_deleted("worker-0")
    wait_until(lambda: not team.ledger(), what="the address is released", seconds=60)


def test_an_address_is_kept_until_the_finalizers_of_the_consumer_are_removed(consumer: Consumer, team: Team) -> None:
    consumer.claim("worker-0", finalizers=["vspherevm.infrastructure.cluster.x-k8s.io/ip-claim-protection"])
    consumer.wait_address("worker-0")
    consumer.claims.delete("worker-0")
    time.sleep(QUIET_SECONDS)
    assert consumer.read("worker-0") is not None
    assert team.ledger()

    consumer.claims.patch("worker-0", {"metadata": {"finalizers": None}})

    consumer.addresses.wait_deleted("worker-0")


def test_the_claim_records_its_address(consumer: Consumer) -> None:
    consumer.claim("worker-0")

    address, _ = consumer.wait_address("worker-0")

    assert consumer.claims.get("worker-0")["metadata"]["annotations"][ADDRESSES] == address.partition("/")[0]
