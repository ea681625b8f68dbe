"""Metacontroller as deploy/metacontroller installs it: its service account, its rights and its flags suffice.

Two replicas run with leader election. Everything that they are refused is in their logs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from controlplane import metacontroller
from controlplane.api import RANGES, REQUESTS, Refused
from controlplane.loop import Loop
from controlplane.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controlplane.api import Api, Obj
    from controlplane.plane import ControlPlane
    from controlplane.team import Team

REQUEST_COUNT = 300
CREATED_AT_FAILURE = 100
#: The lease lasts for 15 seconds; then the other replica reads all objects.
TAKEOVER_SECONDS_MAX = 60.0
AGGREGATION_SECONDS_MAX = 30.0
PODS = f"/api/v1/namespaces/{metacontroller.NAMESPACE}/pods"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def installed(control_plane: ControlPlane) -> ControlPlane:
    """A control plane with deploy/metacontroller."""
    metacontroller.install(control_plane)
    wait_until(lambda: len(_rules(control_plane.api)) > 1, what="the rules are added", seconds=AGGREGATION_SECONDS_MAX)
    return control_plane


@pytest.fixture(scope="module")
def loop(installed: ControlPlane, metacontroller_path: Path) -> Iterator[Loop]:
    """The loop with two replicas of this Metacontroller."""
    loop = Loop(
        installed,
        metacontroller_path,
        kubeconfig=metacontroller.kubeconfig(installed),
        flags=metacontroller.flags(installed),
    )
    try:
        loop.start()
        loop.second_metacontroller.start()
        yield loop
    finally:
        loop.stop()


def _rules(api: Api) -> list[Obj]:
    path = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{metacontroller.NAME}"
    return list(api.ask("GET", path).get("rules") or [])


def _refusals(loop: Loop) -> list[str]:
    """What the API server has refused because of a missing right."""
    logs = [each.program.log for each in (loop.metacontroller, loop.second_metacontroller)]
    lines = [line for log in logs for line in log.read_text().splitlines()]
    return [line for line in lines if "is forbidden: User" in line]


def _pod(api: Api) -> Obj:
    path = f"/apis/apps/v1/namespaces/{metacontroller.NAMESPACE}/statefulsets/{metacontroller.NAME}"
    template = api.ask("GET", path)["spec"]["template"]
    meta = {"name": "admitted", "namespace": metacontroller.NAMESPACE, "labels": template["metadata"]["labels"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}


def test_its_pods_are_admitted_by_a_namespace_that_is_restricted(installed: ControlPlane) -> None:
    pod = _pod(installed.api)
    installed.api.ask("POST", PODS, pod, dryRun="All")
    del pod["spec"]["securityContext"]["seccompProfile"]
    with pytest.raises(Refused, match='violates PodSecurity "restricted'):
        installed.api.ask("POST", PODS, pod, dryRun="All")


def test_it_may_not_read_secrets_or_create_pods(installed: ControlPlane) -> None:
    user = installed.api.impersonating(f"system:serviceaccount:{metacontroller.NAMESPACE}:{metacontroller.NAME}")
    with pytest.raises(Refused, match="cannot list resource"):
        user.ask("GET", "/api/v1/secrets")
    with pytest.raises(Refused, match="cannot create resource"):
        user.ask("POST", PODS, _pod(installed.api))


def test_its_rights_suffice_for_the_whole_life_of_a_range(loop: Loop, team: Team) -> None:
    team.create_range("net", "10.0.0.0/31")
    for name in ("web", "db"):
        team.create_request(name)
        team.wait_state(name, "Ready")
    team.create_request("late")
    team.wait_state("late", "Busy")
    team.delete_request("web")
    team.wait_state("late", "Ready")
    team.delete_range()
    wait_until(lambda: team.range()["status"]["state"] == "Deleting", what="the range is Deleting", seconds=30)
    for name in ("db", "late"):
        team.delete_request(name)
        team.wait_deleted(REQUESTS, name)
    team.wait_deleted(RANGES, "net")
    assert _refusals(loop) == []


def test_only_the_leader_works_and_the_other_replica_takes_over_in_the_middle_of_a_burst(
    loop: Loop, team: Team
) -> None:
    replicas = (loop.metacontroller, loop.second_metacontroller)
    team.create_range("net", "10.0.0.0/16")
    load = team.start_load(REQUEST_COUNT)
    load.wait_created(CREATED_AT_FAILURE)
    standby, leader = sorted(replicas, key=lambda each: each.sync_count())
    assert leader.sync_count() > 0
    assert standby.sync_count() == 0
    leader.kill()
    wait_until(lambda: standby.sync_count() > 0, what="the other replica works", seconds=TAKEOVER_SECONDS_MAX)
    load.wait_created()
    team.wait_ready_count(REQUEST_COUNT)
    assert _refusals(loop) == []
