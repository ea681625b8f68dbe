"""Plans of claims and Services on a real control plane, with the controllers of both, and what then happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from controlplane.processes import wait_until
from tests.e2e.balancing import LoadBalancer
from tests.e2e.integrating import NETWORK, RANGE, Consumer, claim_object, loop_with
from tests.e2e.plugin import Plugin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controlplane.api import Obj
    from controlplane.loop import Loop
    from controlplane.plane import ControlPlane
    from controlplane.team import Team

CILIUM = "lbipam.cilium.io/ips"
pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def loop(control_plane: ControlPlane, metacontroller_path: Path) -> Iterator[Loop]:
    """The loop with the controllers of claims and of Services, which write the annotation that Cilium reads."""
    with loop_with(control_plane, metacontroller_path, "cluster-api", "services/cilium") as loop:
        yield loop


@pytest.fixture
def consumer(team: Team) -> Iterator[Consumer]:
    """A controller of machines in the namespace of the team, which has a range of five addresses."""
    team.create_range("net", "10.0.0.0/29", network=NETWORK | {"prefixLength": 29})
    consumer = Consumer(team.api, team.namespace)
    yield consumer
    consumer.leave()


@pytest.fixture
def balancer(team: Team, consumer: Consumer) -> Iterator[LoadBalancer]:
    """A load balancer, and Services in the same namespace."""
    balancer = LoadBalancer(team.api, consumer.namespace)
    yield balancer
    for service in balancer.services.all():
        balancer.services.delete(service["metadata"]["name"])


def test_a_plan_says_what_claims_and_services_get_and_what_their_deletion_releases(
    team: Team, consumer: Consumer, balancer: LoadBalancer, loop: Loop, tmp_path: Path
) -> None:
    plugin, file = Plugin(loop.plane.kubeconfig, team.namespace), tmp_path / "manifests.yaml"
    for number in range(4):
        consumer.claim(f"node-{number}")
    team.wait_ready_count(4)
    claim = claim_object(team.namespace, "worker")

    def plan(*manifests: Obj, code: int, delete: bool = False) -> Obj:
        file.write_text(yaml.safe_dump_all(manifests))
        return plugin.document("plan", "-f", str(file), *(["--delete"] if delete else []), code=code)

    (planned,) = plan(claim, code=0)["owners"]
    consumer.claim("worker")
    address, _ = consumer.wait_address("worker")
    assert planned["owner"] == f"IPAddressClaim {team.namespace}/worker"
    assert f"{planned['addresses']}/29" == address

    metadata = {"name": "web", "namespace": team.namespace, "annotations": {RANGE: "net"}}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"type": "LoadBalancer"}}
    (waits,) = plan(service, code=3)["owners"]
    balancer.service("web", **{RANGE: "net"})
    assert waits["state"] == "Busy"
    assert balancer.wait_message("web", "no free") == waits["message"]

    deletion = plan(claim, code=0, delete=True)
    assert deletion["owners"][0]["releases"] == planned["addresses"]
    (served,) = deletion["alsoAffected"]
    assert (served["owner"], served["addresses"]) == (f"Service {team.namespace}/web", planned["addresses"])

    consumer.claims.delete("worker")
    consumer.claims.wait_deleted("worker")
    wait_until(lambda: CILIUM in balancer.annotations("web"), what="web has an address", seconds=60)
    assert balancer.annotations("web")[CILIUM] == served["addresses"]
    unchanged = plan(service, code=0)["owners"]
    assert [(each["state"], each["addresses"]) for each in unchanged] == [("Ready", served["addresses"])]
    assert plan(claim_object(team.namespace, "node-0"), code=0, delete=True)["alsoAffected"] == []
