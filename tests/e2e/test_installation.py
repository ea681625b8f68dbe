"""`kubectl apply -k metacontroller`, by which the control plane was set up, installs all shipped manifests.

No pods run here, but the API server checks whether they would be admitted.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from controlplane.api import RANGES, REQUESTS, Refused, objects_path
from controlplane.objects import range_object
from controlplane.policies import EFFECT_SECONDS_MAX
from controlplane.processes import wait_until
from controlplane.team import Team

if TYPE_CHECKING:
    from controlplane.api import Api, Obj
    from controlplane.plane import ControlPlane

SHIPPED = Path(__file__).parents[2] / "metacontroller"
SYSTEM = "ipam-system"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/ipam-hooks"
PODS = f"/api/v1/namespaces/{SYSTEM}/pods"
MONITORING = "monitoring"
KUBE_STATE_METRICS = f"system:serviceaccount:{MONITORING}:kube-state-metrics"


@pytest.fixture
def monitoring(api: Api) -> None:
    """The namespace of kube-state-metrics, which a user has already."""
    Team(api, MONITORING).create_namespace()


def _documents() -> list[Obj]:
    """Every object below metacontroller/ but the kustomization itself."""
    files = [file for file in sorted(SHIPPED.glob("*.yaml")) if file.name != "kustomization.yaml"]
    return [document for file in files for document in yaml.safe_load_all(file.read_text())]


def _title(obj: Obj) -> str:
    return f"{obj['kind']}/{obj['metadata']['name']}"


@pytest.mark.parametrize("shipped", _documents(), ids=_title)
def test_every_shipped_object_is_installed(control_plane: ControlPlane, shipped: Obj) -> None:
    meta = shipped["metadata"]
    where = ("-n", meta["namespace"]) if "namespace" in meta else ()
    control_plane.kubectl("get", f"{shipped['kind']}.{_group_of(shipped)}".rstrip("."), meta["name"], *where)


def test_the_installed_objects_are_as_shipped(control_plane: ControlPlane) -> None:
    assert [line for line in _diff(control_plane, str(SHIPPED)) if not _is_redirected(line)] == []


@pytest.mark.parametrize("folder", ["deploy/monitoring"])
@pytest.mark.usefixtures("monitoring")
def test_an_optional_part_can_be_installed_and_removed(control_plane: ControlPlane, folder: str) -> None:
    """Objects of foreign kinds (alerts.yaml) are not part of it."""
    optional = str(control_plane.root / folder)
    control_plane.kubectl("apply", "-k", optional)
    try:
        assert _diff(control_plane, optional) == []
    finally:
        control_plane.kubectl("delete", "-k", optional)


@pytest.mark.usefixtures("monitoring")
def test_kube_state_metrics_reads_our_kinds_and_writes_nothing(control_plane: ControlPlane, api: Api) -> None:
    reader = api.impersonating(KUBE_STATE_METRICS)
    monitoring = str(control_plane.root / "deploy/monitoring")
    control_plane.kubectl("apply", "-k", monitoring)
    try:
        wait_until(lambda: _lists_all(reader), what="the role is in effect", seconds=EFFECT_SECONDS_MAX)
        with pytest.raises(Refused, match=f'cannot create resource "{RANGES}"'):
            reader.create(range_object("default", "net", "10.0.0.0/24"))
    finally:
        control_plane.kubectl("delete", "-k", monitoring)


def test_the_image_has_a_version(api: Api) -> None:
    image = _container(api.ask("GET", DEPLOYMENT)["spec"]["template"])["image"]
    name, _, tag = image.partition(":")
    assert (name, tag != "", tag != "latest") == ("ipam-hooks", True, True)


def test_the_service_reaches_the_port_of_the_pods(api: Api) -> None:
    service = api.ask("GET", f"/api/v1/namespaces/{SYSTEM}/services/ipam-hooks")["spec"]
    template = api.ask("GET", DEPLOYMENT)["spec"]["template"]
    assert service["selector"].items() <= template["metadata"]["labels"].items()
    ports = {port["name"] for port in _container(template)["ports"]}
    assert [port["targetPort"] for port in service["ports"]] == ["http"]
    assert "http" in ports


@pytest.mark.parametrize("controller", [obj for obj in _documents() if obj["kind"].endswith("Controller")], ids=_title)
def test_every_hook_names_the_service_and_a_path_that_the_hooks_serve(api: Api, controller: Obj) -> None:
    served = api.ask("GET", f"/api/v1/namespaces/{SYSTEM}/services/ipam-hooks")
    ports = [port["port"] for port in served["spec"]["ports"]]
    for name, hook in controller["spec"]["hooks"].items():
        service = hook["webhook"]["service"]
        assert (service["name"], service["namespace"]) == ("ipam-hooks", SYSTEM)
        assert service["port"] in ports
        assert hook["webhook"]["path"] == f"/{controller['metadata']['name']}/{name}"


def test_the_pods_are_admitted_by_their_namespace(api: Api) -> None:
    api.ask("POST", PODS, _pod(api), dryRun="All")


@pytest.mark.parametrize("right", ["runAsNonRoot", "seccompProfile"])
def test_a_pod_with_more_rights_would_not_be_admitted(api: Api, right: str) -> None:
    pod = _pod(api)
    del pod["spec"]["securityContext"][right]
    with pytest.raises(Refused, match='violates PodSecurity "restricted'):
        api.ask("POST", PODS, pod, dryRun="All")


def _group_of(obj: Obj) -> str:
    group, slash, _ = str(obj["apiVersion"]).partition("/")
    return group if slash else ""


def _diff(plane: ControlPlane, folder: str) -> list[str]:
    """A line for each object that differs from the shipped one."""
    try:
        plane.kubectl("diff", "-k", folder)
    except Refused as different:
        if different.status != 1:  # then kubectl itself has failed
            raise
        return [line for line in different.message.splitlines() if line.startswith("diff ")]
    return []


def _lists_all(reader: Api) -> bool:
    """Whether a user may list the objects that kube-state-metrics reads by its configuration."""
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    return all(reader.call("GET", path).ok for path in (objects_path(RANGES), objects_path(REQUESTS), crds))


def _is_redirected(line: str) -> bool:
    """Whether a line is about a controller, in which the loop has replaced the Service by a URL."""
    return "/metacontroller.k8s.io." in line


def _container(template: Obj) -> Obj:
    (container,) = template["spec"]["containers"]
    return dict(container)


def _pod(api: Api) -> Obj:
    template = copy.deepcopy(api.ask("GET", DEPLOYMENT)["spec"]["template"])
    meta = {"name": "admitted", "namespace": SYSTEM, "labels": template["metadata"]["labels"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}
