"""What the documents say, from an empty cluster to an empty cluster: by kustomize, and by the Helm chart.

Two teams share a range. Metacontroller, hooks, API server and etcd are restarted, TLS is switched on, the hooks are
replaced during a burst, all objects are lost and restored, and everything is removed.
"""

from __future__ import annotations

import json
import shutil
from threading import Event
from typing import TYPE_CHECKING

import pytest
import requests

from controlplane import metacontroller
from controlplane.api import RANGES, REQUESTS, Refused
from controlplane.binaries import find_or_build_tool
from controlplane.load import create_persistently
from controlplane.objects import range_object, request_object
from controlplane.pods import Pods
from controlplane.processes import wait_until
from controlplane.team import Team
from tests.e2e.documented import Shell, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controlplane.plane import ControlPlane

OPERATING = "docs/operating.md"
CHART = "charts/ipam/README.md"
SECURITY = "docs/security.md"
FOLDERS = ("charts", "crds", "deploy", "metacontroller", "docs", "Makefile")
BURST_COUNT = 100
QUOTA = {"addresses": 1024}
#: The cluster-wide kinds of which ipam has objects, besides CRDs.
CLUSTER_WIDE = (
    "clusterroles",
    "clusterrolebindings",
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
    "mutatingadmissionpolicies",
    "mutatingadmissionpolicybindings",
)

pytestmark = pytest.mark.timeout(900)


class Kustomize:
    """The installation by kustomize."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell

    def install(self) -> None:
        self.shell.run("kubectl apply -k metacontroller && kubectl apply -k deploy/admission")

    def install_tls(self) -> None:
        self.shell.run("kubectl apply -k deploy/tls")

    def remove(self) -> None:
        self.shell.run(blocks(OPERATING, "Uninstalling")[0])


class Helm(Kustomize):
    """The installation by the chart."""

    def install(self) -> None:
        install, *_ = blocks(CHART, "Helm chart")
        self.shell.run(install)

    def install_tls(self) -> None:
        upgrade, *_ = blocks(CHART, "TLS")
        self.shell.run(upgrade)

    def remove(self) -> None:
        self.shell.run(blocks(CHART, "Uninstalling")[0])
        self.shell.run("kubectl delete namespace ipam-system")


@pytest.fixture(params=[Kustomize, Helm], ids=["kustomize", "helm"])
def way(request: pytest.FixtureRequest, empty_plane: ControlPlane) -> Kustomize:
    """A way to install ipam, in a copy of the checkout."""
    folder = empty_plane.folder / "checkout"
    for name in FOLDERS:
        source = empty_plane.root / name
        if source.is_dir():
            shutil.copytree(source, folder / name, symlinks=True)
        else:
            shutil.copy(source, folder / name)
    programs = () if request.param is Kustomize else (find_or_build_tool("helm").parent,)
    made: Kustomize = request.param(Shell(empty_plane.kubeconfig, folder, programs))
    return made


@pytest.fixture
def pods(empty_plane: ControlPlane, metacontroller_path: Path) -> Iterator[Pods]:
    """The pods of what is installed, which the test starts."""
    pods = Pods(empty_plane, metacontroller_path)
    yield pods
    pods.stop()


def leftovers(plane: ControlPlane) -> list[str]:
    """The names of all objects that an installation leaves."""
    kinds = ["crds", "namespaces", *CLUSTER_WIDE]
    listed = json.loads(plane.kubectl("get", ",".join(kinds), "-o", "json"))["items"]
    ours = ("ipam", "metacontroller")
    names = [f"{each['kind']}/{each['metadata']['name']}" for each in listed]
    return [name for name in names if any(word in name.partition("/")[2] for word in ours)]


def create_teams(plane: ControlPlane) -> tuple[Team, Team]:
    """Two teams, whose requests the range of the first one serves."""
    one, two = Team(plane.api, "team-a"), Team(plane.api, "team-b")
    for team in (one, two):
        team.create_namespace()
    shared = range_object(one.namespace, "net", "10.0.0.0/16", allowedNamespaces={"from": "All"}, quota=QUOTA)
    create_persistently(plane.api, shared, Event())
    return one, two


def request(team: Team, name: str) -> str:
    """The address that a new request of a team gets."""
    wanted = request_object(team.namespace, name, "net", ipam={"name": "net", "namespace": "team-a"})
    create_persistently(team.api, wanted, Event())  # policies need a moment until they know new kinds
    return str(team.wait_state(name, "Ready", seconds=180)["status"]["cidr"])


def blocks_of(*teams: Team) -> dict[str, str]:
    return {
        f"{team.namespace}/{obj['metadata']['name']}": obj["status"]["cidr"]
        for team in teams
        for obj in team.requests("Ready")
    }


def test_from_an_empty_cluster_to_an_empty_cluster(way: Kustomize, empty_plane: ControlPlane, pods: Pods) -> None:
    metacontroller.install(empty_plane)
    way.install()
    empty_plane.wait_served()
    pods.start()
    one, two = create_teams(empty_plane)
    assert request(one, "web") != request(two, "db")
    _restart_everything(empty_plane, pods)
    request(one, "after-restart")
    _switch_to_tls(way, pods)
    request(two, "by-tls")
    _replace_hooks_in_a_burst(pods, one)
    before = blocks_of(one, two)
    assert len(before) == BURST_COUNT + 4
    _lose_and_restore(way.shell, one, two)
    assert blocks_of(one, two) == before
    way.remove()
    pods.stop_metacontrollers()
    metacontroller.uninstall(empty_plane)
    wait_until(lambda: leftovers(empty_plane) == [], what="nothing is left", seconds=60)


def _restart_everything(plane: ControlPlane, pods: Pods) -> None:
    plane.restart_apiserver()
    plane.restart_etcd()
    for each in pods.metacontrollers:
        each.program.restart(hard=True)
    for pod in pods.hooks:
        pod.program.restart(hard=True)


def _switch_to_tls(way: Kustomize, pods: Pods) -> None:
    plain = list(pods.hooks)
    way.shell.run(blocks(SECURITY, "TLS")[1])
    way.install_tls()
    pods.start_hooks()
    pods.stop_hooks(*plain)
    with pytest.raises(requests.RequestException):
        requests.get(f"http://127.0.0.1:{pods.hooks[0].port}/healthz", timeout=10)


def _replace_hooks_in_a_burst(pods: Pods, team: Team) -> None:
    replaced = list(pods.hooks)
    load = team.start_load(BURST_COUNT)
    load.wait_created(BURST_COUNT // 3)
    pods.start_hooks()
    pods.stop_hooks(*replaced)
    load.wait_created()
    wait_until(lambda: len(team.requests("Ready")) >= BURST_COUNT + 2, what="the burst is served", seconds=180)


def _lose_and_restore(shell: Shell, one: Team, two: Team) -> None:
    save, hold, apply, verify = blocks(OPERATING, "Backup and restore")
    shell.run(save)
    for team in (one, two):
        team.delete_all(REQUESTS)
    one.delete_all(RANGES)
    shell.run(hold)
    shell.run(apply)
    check, _, end_hold = verify.rstrip().rpartition("\n")
    wait_until(lambda: not shell.run(check), what="the verification lists nothing", seconds=180, step_seconds=1)
    shell.run(end_hold)


def test_a_removal_in_the_wrong_order_can_be_finished(empty_plane: ControlPlane, pods: Pods) -> None:
    shell = Shell(empty_plane.kubeconfig, empty_plane.root)
    metacontroller.install(empty_plane)
    Kustomize(shell).install()
    empty_plane.wait_served()
    pods.start()
    one, two = create_teams(empty_plane)
    request(one, "web")
    request(two, "db")
    pods.stop_hooks(*pods.hooks)
    shell.run("kubectl delete -k metacontroller --wait=false")
    wait_until(
        lambda: "deletionTimestamp" in one.request("web")["metadata"], what="the objects are being deleted", seconds=60
    )
    (finish,) = blocks(OPERATING, "Wrong order")
    shell.run("kubectl delete -k deploy/admission")
    tried = f"{finish.rstrip()} --dry-run=server"
    wait_until(lambda: shell.succeeds(tried), what="no policy rejects the removal of finalizers", seconds=60)
    shell.run(finish)
    pods.stop_metacontrollers()
    metacontroller.uninstall(empty_plane)
    wait_until(lambda: leftovers(empty_plane) == [], what="nothing is left", seconds=120)


def test_an_installation_that_was_removed_too_early_goes_on_when_it_is_installed_again(
    empty_plane: ControlPlane, pods: Pods
) -> None:
    shell = Shell(empty_plane.kubeconfig, empty_plane.root, (find_or_build_tool("helm").parent,))
    metacontroller.install(empty_plane)
    Helm(shell).install()
    empty_plane.wait_served()
    pods.start()
    one, _ = create_teams(empty_plane)
    before = request(one, "web")
    shell.run("helm uninstall ipam --namespace ipam-system")
    pods.stop_hooks(*pods.hooks)
    one.delete_request("web")
    assert one.request("web")["status"]["cidr"] == before
    Helm(shell).install()
    pods.start_hooks()
    one.wait_deleted(REQUESTS, "web", seconds=120)
    request(one, "next")


def test_leftovers_are_noticed(empty_plane: ControlPlane) -> None:
    assert leftovers(empty_plane) == []
    empty_plane.kubectl("create", "namespace", "ipam-system")
    assert leftovers(empty_plane) == ["Namespace/ipam-system"]
    with pytest.raises(Refused):
        empty_plane.kubectl("get", "ipamranges")
