"""`clusterctl move` between two control planes: machines keep their addresses, and no other request gets them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from controlplane.binaries import find_or_build
from controlplane.cluster_api import clusterctl, crd_files
from controlplane.plane import ControlPlane
from controlplane.processes import wait_until
from controlplane.team import Team
from tests.e2e.integrating import NETWORK, Consumer, loop_with

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controlplane.loop import Loop

pytestmark = pytest.mark.timeout(900)

NAMESPACE = "moved"
MOVED_LABELS = ("clusterctl.cluster.x-k8s.io=", "clusterctl.cluster.x-k8s.io/move=")
OURS = ("ipamranges.ipam.mandelsoft.org", "ipamrangealiases.ipam.mandelsoft.org")


@pytest.fixture(scope="module")
def source(control_plane: ControlPlane, metacontroller_path: Path) -> Iterator[Loop]:
    """The loop from which clusters are moved."""
    with loop_with(control_plane, metacontroller_path, "cluster-api") as loop:
        _label(loop)
        yield loop


@pytest.fixture(scope="module")
def destination(
    control_plane: ControlPlane, metacontroller_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Loop]:
    """A loop on another control plane."""
    plane = ControlPlane(tmp_path_factory.mktemp("destination"), find_or_build(), control_plane.root, tied_to_us=True)
    try:
        plane.start()
        with loop_with(plane, metacontroller_path, "cluster-api") as loop:
            _label(loop)
            yield loop
    finally:
        plane.stop()


def _label(loop: Loop) -> None:
    """Labels the kinds as `clusterctl init` does."""
    for file in crd_files():
        loop.plane.kubectl("label", "--overwrite", "-f", str(file), MOVED_LABELS[0])


def test_machines_keep_their_addresses_when_their_cluster_is_moved(source: Loop, destination: Loop) -> None:
    here, there = (Consumer(loop.plane.api, NAMESPACE) for loop in (source, destination))
    for loop in (source, destination):
        team = Team(loop.plane.api, NAMESPACE)
        team.create_namespace()
        team.create_range("net", "10.0.0.0/24", network=NETWORK)
    Team(destination.plane.api, NAMESPACE).create_request("before", size=32)
    before = _provisioned(here, machines=5)

    _move(source, destination)

    assert {name: there.wait_address(name) for name in before} == before
    wait_until(lambda: not here.requests.all(), what="the source has released all addresses", seconds=60)
    assert not here.addresses.all()
    assert not here.claims.all()
    there.claim("new", cluster="prod")
    assert there.wait_address("new")[0] not in {address for address, _ in before.values()}
    there.leave()
    Team(source.plane.api, NAMESPACE).delete_all("ipamranges")
    _empty(destination)


def test_ranges_are_moved_too_if_their_kind_is_labelled(source: Loop, destination: Loop) -> None:
    for loop in (source, destination):
        loop.plane.kubectl("label", "--overwrite", "crd", *OURS, *MOVED_LABELS)
        Team(loop.plane.api, NAMESPACE).create_namespace()
    here, there = (Consumer(loop.plane.api, NAMESPACE) for loop in (source, destination))
    Team(source.plane.api, NAMESPACE).create_range("net", "10.0.0.0/24", network=NETWORK)
    before = _provisioned(here, machines=3)

    _move(source, destination)

    assert {name: there.wait_address(name) for name in before} == before
    assert source.plane.api.find("ipamranges", NAMESPACE, "net") is None
    there.leave()
    _empty(destination)


def _provisioned(consumer: Consumer, machines: int) -> dict[str, tuple[str, str]]:
    """A Cluster that can be moved, with these machines and their addresses."""
    cluster = consumer.cluster("prod")
    now = {"lastTransitionTime": "2026-01-01T00:00:00Z", "message": "", "reason": "Initialized"}
    status = {
        "initialization": {"infrastructureProvisioned": True, "controlPlaneInitialized": True},
        "conditions": [{"type": "ControlPlaneInitialized", "status": "True", **now}],
    }
    consumer.clusters.patch("prod", {"status": status}, "/status")
    owner = {"apiVersion": cluster["apiVersion"], "kind": "Cluster", "name": "prod", "uid": cluster["metadata"]["uid"]}
    names = [f"worker-{number}" for number in range(machines)]
    for name in names:
        consumer.claim(name, cluster="prod", ownerReferences=[owner])
    return {name: consumer.wait_address(name) for name in names}


def _move(source: Loop, destination: Loop) -> None:
    command = [
        str(clusterctl()),
        "move",
        f"--kubeconfig={source.plane.kubeconfig}",
        f"--to-kubeconfig={destination.plane.kubeconfig}",
        f"--namespace={NAMESPACE}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def _empty(loop: Loop) -> None:
    team = Team(loop.plane.api, NAMESPACE)
    team.delete_all("ipamrequests")
    team.delete_all("ipamranges")
