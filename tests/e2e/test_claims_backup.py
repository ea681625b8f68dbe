"""Claims and Services beside the backup of docs/operating.md, and beside `kubectl ipam export` and `import`.

Both have the ranges and the requests of users. Claims and Services are saved by other means; their requests, which are
made again, must not be among the restored ones, which would keep the addresses from them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from controlplane.processes import wait_until
from tests.e2e.balancing import LoadBalancer
from tests.e2e.documented import ROOT, Shell, blocks
from tests.e2e.integrating import ADDRESSES, METALLB, NETWORK, RANGE, Consumer, loop_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from controlplane.api import Obj
    from controlplane.loop import Loop
    from controlplane.plane import ControlPlane
    from controlplane.team import Team

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def loop(control_plane: ControlPlane, metacontroller_path: Path) -> Iterator[Loop]:
    """The loop with both integrations."""
    with loop_with(control_plane, metacontroller_path, "cluster-api", "services/metallb") as loop:
        yield loop


def _documented(shell: Shell) -> Callable[[], object]:
    save, hold, apply, _ = blocks("docs/operating.md", "Backup and restore")
    shell.run(save)
    return lambda: shell.run(hold + apply)


def _exported(shell: Shell) -> Callable[[], object]:
    plugin = f"cd {ROOT} && {sys.executable} -m kubectl_ipam"
    export, manifests = shell.folder / "export.json", shell.folder / "import.yaml"
    shell.run(f"{plugin} export -A -o json > {export}")
    apply = f"kubectl apply --server-side --field-manager=ipam-import -f {manifests}"
    return lambda: shell.run(f"{plugin} import {export} > {manifests} && {apply}")


@pytest.mark.parametrize("way", [_documented, _exported], ids=["documented", "exported"])
def test_claims_and_services_get_their_addresses_again_beside_restored_requests(
    loop: Loop, team: Team, tmp_path: Path, way: Callable[[Shell], Callable[[], object]]
) -> None:
    consumer, balancer = Consumer(team.api, team.namespace), LoadBalancer(team.api, team.namespace)
    team.create_range("net", "10.0.0.0/24", network=NETWORK)
    team.create_request("first")
    team.wait_state("first", "Ready")
    for number in range(3):
        consumer.claim(f"worker-{number}")
    balancer.service("web", **{RANGE: "net"})
    before = {f"worker-{number}": consumer.wait_address(f"worker-{number}") for number in range(3)}
    serving = balancer.serve("web")
    wait_until(lambda: len(_records(consumer, balancer)) == 4, what="all addresses are recorded", seconds=60)
    team.delete_request("first")
    team.create_request("second", request="10.0.0.99")
    team.wait_state("second", "Ready")
    saved = [_saved(obj) for obj in (*consumer.claims.all(), *balancer.services.all())]
    restore = way(Shell(loop.plane.kubeconfig, tmp_path))
    balancer.give_up("web")
    team.delete_request("second")
    consumer.claims.delete_all()
    balancer.services.delete_all()
    wait_until(lambda: not consumer.requests.all(), what="all requests are deleted", seconds=60)
    team.delete_all("ipamranges")

    restore()
    for obj in saved:
        (consumer.claims if obj["kind"] == "IPAddressClaim" else balancer.services).create(obj)

    assert {name: consumer.wait_address(name) for name in before} == before
    wait_until(lambda: len(team.ledger()) == 5, what="all addresses are allocated", seconds=60)
    assert balancer.annotations("web")[METALLB] == serving[0]
    assert team.wait_state("second", "Ready")["status"]["cidr"] == "10.0.0.99/32"
    names = {obj["metadata"]["name"] for obj in consumer.requests.all() if not obj["metadata"].get("ownerReferences")}
    assert names == {"second"}, "no request without an owner has an address of a claim or of a Service"
    team.delete_request("second")
    balancer.give_up("web")
    balancer.services.delete_all()
    consumer.leave()


def _records(consumer: Consumer, balancer: LoadBalancer) -> list[str]:
    objects = [*consumer.claims.all(), *balancer.services.all()]
    return [text for obj in objects if (text := obj["metadata"].get("annotations", {}).get(ADDRESSES))]


def _saved(obj: Obj) -> Obj:
    """A claim or a Service as a backup has it."""
    kept = ("name", "namespace", "labels", "annotations")
    metadata = {name: value for name, value in obj["metadata"].items() if name in kept}
    is_claim = "poolRef" in obj["spec"]
    kind = {"apiVersion": "ipam.cluster.x-k8s.io/v1beta2" if is_claim else "v1"}
    kind |= {"kind": "IPAddressClaim" if is_claim else "Service"}
    given = {name: value for name, value in obj["spec"].items() if name not in ("clusterIP", "clusterIPs")}
    return {**kind, "metadata": metadata, "spec": given}
