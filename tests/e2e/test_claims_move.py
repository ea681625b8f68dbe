"""`clusterctl move` between two control planes: machines keep their addresses, and no other request gets them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from controlplane.api import RANGES
from controlplane.cluster_api import clusterctl, crd_files
from controlplane.processes import wait_until
from controlplane.team import Team
from tests.e2e.integrating import Consumer, Objects, loop_on_its_own_plane, loop_with

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controlplane.api import Obj
    from controlplane.loop import Loop
    from controlplane.plane import ControlPlane

pytestmark = pytest.mark.timeout(900)

CLUSTERCTL_LABELS = ("clusterctl.cluster.x-k8s.io", "clusterctl.cluster.x-k8s.io/move")
OURS = ("ipamranges.ipam.mandelsoft.org", "ipamrangealiases.ipam.mandelsoft.org")
API_VERSION = "ipam.mandelsoft.org/v1alpha1"
HOLD = "ipam.mandelsoft.org/hold"


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
    folder = tmp_path_factory.mktemp("destination")
    with loop_on_its_own_plane(folder, control_plane, metacontroller_path, "cluster-api") as loop:
        _label(loop)
        yield loop


def _label(loop: Loop) -> None:
    """Labels the kinds as `clusterctl init` does."""
    for file in crd_files():
        loop.plane.kubectl("label", "--overwrite", "-f", str(file), f"{CLUSTERCTL_LABELS[0]}=")


class Site:
    """A namespace with machines, on one of the control planes."""

    def __init__(self, loop: Loop, namespace: str) -> None:
        self.loop, self.namespace = loop, namespace
        self.team = Team(loop.plane.api, namespace)
        self.consumer = Consumer(loop.plane.api, namespace)
        self.aliases = Objects(loop.plane.api, API_VERSION, "ipamrangealiases", "")
        self.team.create_namespace()

    def create_range(self, addresses: str) -> None:
        """Creates the range `net`, on hold."""
        network = {"prefixLength": 24}
        self.team.create_range("net", addresses, network=network)
        self.hold("restore")

    def hold(self, value: str | None) -> None:
        """Puts the range `net` on hold, or ends that."""
        patch = {"metadata": {"annotations": {HOLD: value}}}
        self.loop.plane.api.patch(RANGES, self.namespace, "net", patch)

    def empty(self) -> None:
        """Deletes everything in the namespace."""
        for request in self.team.requests():
            if not request["metadata"].get("ownerReferences"):
                self.team.delete_request(request["metadata"]["name"])
        self.consumer.leave()
        self.team.delete_all(RANGES)
        if self.aliases.find(self.namespace):
            self.aliases.delete(self.namespace)


@pytest.fixture
def sites(source: Loop, destination: Loop, request: pytest.FixtureRequest) -> Iterator[tuple[Site, Site]]:
    """The same namespace here and there."""
    number = sum(map(ord, request.node.name))
    here, there = (Site(loop, f"moved-{number}") for loop in (source, destination))
    yield here, there
    for site in (here, there):
        site.empty()


@pytest.fixture
def _labelled(source: Loop, destination: Loop) -> Iterator[None]:
    """The labels by which clusterctl moves ranges and aliases, too."""
    for loop in (source, destination):
        loop.plane.kubectl("label", "--overwrite", "crd", *OURS, *(f"{label}=" for label in CLUSTERCTL_LABELS))
    yield
    for loop in (source, destination):
        loop.plane.kubectl("label", "crd", *OURS, *(f"{label}-" for label in CLUSTERCTL_LABELS))


def test_machines_keep_their_addresses_when_their_cluster_is_moved(sites: tuple[Site, Site]) -> None:
    here, there = sites
    for site in sites:
        site.create_range("10.80.0.0/24")
    here.hold(None)
    there.team.create_request("waiting", request="10.80.0.1")
    before = _provisioned(here.consumer, _cluster(here.consumer), machines=5)
    assert "10.80.0.1/24" in {address for address, _ in before.values()}

    _move(here, there)

    assert {name: there.consumer.wait_address(name) for name in before} == before
    wait_until(lambda: not here.consumer.requests.all(), what="the source has released all addresses", seconds=60)
    wait_until(lambda: not here.team.ledger(), what="the source has released all addresses", seconds=60)
    assert not here.consumer.addresses.all()
    assert not here.consumer.claims.all()
    there.hold(None)
    there.team.wait_state("waiting", "Busy")
    there.consumer.claim("new", cluster="prod")
    assert there.consumer.wait_address("new")[0] not in {address for address, _ in before.values()}


@pytest.mark.usefixtures("_labelled")
def test_ranges_are_moved_too_if_their_kind_is_labelled(sites: tuple[Site, Site]) -> None:
    here, there = sites
    here.create_range("10.81.0.0/24")
    here.hold(None)
    here.aliases.create(_alias(here.namespace))
    owner = _cluster(here.consumer)
    here.consumer.claim("by-alias", here.namespace, kind="IPAMRangeAlias", ownerReferences=[owner])
    there.team.create_request("waiting", request="10.81.0.1")
    before = _provisioned(here.consumer, owner, machines=3) | {"by-alias": here.consumer.wait_address("by-alias")}
    here.hold("restore")

    _move(here, there)

    assert {name: there.consumer.wait_address(name) for name in before} == before
    assert here.loop.plane.api.find(RANGES, here.namespace, "net") is None
    assert there.team.range()["metadata"]["annotations"][HOLD] == "restore"
    assert [site.aliases.find(here.namespace) is None for site in sites] == [False, False], "aliases are copied"
    there.hold(None)
    there.team.wait_state("waiting", "Busy")
    assert {name: there.consumer.read(name) for name in before} == before


def _alias(namespace: str) -> Obj:
    """An alias of the range `net`, with the name of the namespace."""
    spec = {"range": {"namespace": namespace, "name": "net"}}
    return {"apiVersion": API_VERSION, "kind": "IPAMRangeAlias", "metadata": {"name": namespace}, "spec": spec}


def _cluster(consumer: Consumer) -> Obj:
    """Creates a Cluster that can be moved; an owner reference to it."""
    made = consumer.cluster("prod")
    now = {"lastTransitionTime": "2026-01-01T00:00:00Z", "message": "", "reason": "Initialized"}
    status = {
        "initialization": {"infrastructureProvisioned": True, "controlPlaneInitialized": True},
        "conditions": [{"type": "ControlPlaneInitialized", "status": "True", **now}],
    }
    consumer.clusters.patch("prod", {"status": status}, "/status")
    return {"apiVersion": made["apiVersion"], "kind": "Cluster", "name": "prod", "uid": made["metadata"]["uid"]}


def _provisioned(consumer: Consumer, owner: Obj, machines: int) -> dict[str, tuple[str, str]]:
    """The addresses of this many machines of a Cluster."""
    names = [f"worker-{number}" for number in range(machines)]
    for name in names:
        consumer.claim(name, cluster="prod", ownerReferences=[owner])
    return {name: consumer.wait_address(name) for name in names}


def _move(here: Site, there: Site) -> None:
    command = [
        str(clusterctl()),
        "move",
        f"--kubeconfig={here.loop.plane.kubeconfig}",
        f"--to-kubeconfig={there.loop.plane.kubeconfig}",
        f"--namespace={here.namespace}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
