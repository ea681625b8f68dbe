"""The folders of deploy/ for claims and Services agree with the hooks, with each other and with the documents."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from hooks.api.names import (
    ADDRESSES_ANNOTATION,
    ATTACHED_TO_LABEL,
    CLAIM_KIND,
    GIVEN_UP_ANNOTATION,
    MESSAGE_ANNOTATION,
    RANGES_ANNOTATION,
)
from hooks.app import ANNOTATION_KEY, create_app
from simulator.kubernetes.kustomize import kustomized

Obj = dict[str, Any]
ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
BALANCERS = {
    "metallb": "metallb.io/loadBalancerIPs",
    "kube-vip": "kube-vip.io/loadbalancerIPs",
    "cilium": "lbipam.cilium.io/ips",
}
FOLDERS = ("cluster-api", "cluster-api-v1beta1", *(f"services/{name}" for name in BALANCERS))


#: Controllers of our own objects, beside that of the foreign ones.
OF_OURS = {"claimedrequest"}


def controllers_in(folder: str) -> list[Obj]:
    return named(folder, "DecoratorController")


def controller_in(folder: str) -> Obj:
    """The controller of the foreign objects."""
    (found,) = [each for each in controllers_in(folder) if each["metadata"]["name"] not in OF_OURS]
    return found


def named(folder: str, kind: str) -> list[Obj]:
    return [obj for obj in kustomized(DEPLOY / folder) if obj["kind"] == kind]


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_webhook_is_a_route_of_the_hooks(folder: str) -> None:
    routes = {rule.rule for rule in create_app().url_map.iter_rules()}

    hooks = [hook for each in controllers_in(folder) for hook in each["spec"]["hooks"].values()]
    assert {hook["webhook"]["path"].partition("?")[0] for hook in hooks} <= routes


@pytest.mark.parametrize("folder", FOLDERS)
def test_foreign_objects_get_no_finalizer_and_attachments_are_never_updated(folder: str) -> None:
    spec = controller_in(folder)["spec"]

    assert "finalize" not in spec["hooks"]
    assert all("updateStrategy" not in each for each in spec["attachments"])
    assert all(each.keys() == {"apiVersion", "resource"} for each in spec["resources"]), "all of them are selected"


@pytest.mark.parametrize(("balancer", "key"), BALANCERS.items())
def test_the_folder_of_a_load_balancer_names_its_annotation(balancer: str, key: str) -> None:
    path = controller_in(f"services/{balancer}")["spec"]["hooks"]["sync"]["webhook"]["path"]

    assert path == f"/service/sync?annotation={key}"
    assert ANNOTATION_KEY.fullmatch(key)
    assert f"kubectl apply -k deploy/services/{balancer}" in re.sub(" +", " ", (ROOT / "docs/services.md").read_text())
    assert f"writes {key}" in (ROOT / "docs/services.md").read_text()


def test_the_controller_of_requests_of_claims_selects_them_by_what_they_get() -> None:
    (spec,) = [each["spec"] for each in controllers_in("cluster-api") if each["metadata"]["name"] in OF_OURS]

    (resource,) = spec["resources"]
    assert resource["labelSelector"] == {"matchLabels": {ATTACHED_TO_LABEL: CLAIM_KIND}}
    assert spec["hooks"].keys() == {"customize", "sync", "finalize"}


def test_the_older_version_of_cluster_api_differs_in_the_version_only() -> None:
    older = controller_in("cluster-api-v1beta1")

    text = yaml.safe_dump(older).replace("ipam.cluster.x-k8s.io/v1beta1", "ipam.cluster.x-k8s.io/v1beta2")
    assert yaml.safe_load(text) == controller_in("cluster-api")
    assert "ipam.cluster.x-k8s.io/v1beta1" in yaml.safe_dump(older)


@pytest.mark.parametrize("folder", ["cluster-api", "services/metallb"])
def test_metacontroller_may_do_what_the_controller_asks_for(folder: str) -> None:
    spec = controller_in(folder)["spec"]
    label = "ipam.mandelsoft.org/aggregate-to-metacontroller"
    roles = [each for each in named(folder, "ClusterRole") if label in each["metadata"].get("labels", {})]
    rights = {
        (group, resource, verb)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    for each in spec["attachments"]:
        group = each["apiVersion"].partition("/")[0]
        assert {(group, each["resource"], verb) for verb in ("create", "delete")} <= rights
    for each in spec["resources"]:
        group = each["apiVersion"].rpartition("/")[0]
        assert {(group, each["resource"], verb) for verb in ("get", "list", "watch", "update")} <= rights
        assert (group, f"{each['resource']}/finalizers", "update") in rights, "for blockOwnerDeletion"


@pytest.mark.parametrize("folder", ["cluster-api", "services/metallb"])
def test_a_policy_protects_the_record_of_addresses(folder: str) -> None:
    policies = yaml.safe_dump(named(folder, "ValidatingAdmissionPolicy"), width=1000)
    bound = {each["spec"]["policyName"] for each in named(folder, "ValidatingAdmissionPolicyBinding")}

    assert ADDRESSES_ANNOTATION in policies
    assert bound == {each["metadata"]["name"] for each in named(folder, "ValidatingAdmissionPolicy")}


def test_the_document_on_services_describes_each_annotation() -> None:
    text = (ROOT / "docs/services.md").read_text()

    for annotation in (RANGES_ANNOTATION, ADDRESSES_ANNOTATION, MESSAGE_ANNOTATION, GIVEN_UP_ANNOTATION):
        assert f"| `{annotation}` |" in text


def test_the_document_on_claims_describes_each_reason() -> None:
    text = (ROOT / "docs/cluster-api.md").read_text()
    code = (ROOT / "hooks/integrations/claim_status.py").read_text()
    reasons = set(re.findall(r'"((?:Pool|Allocation|Address)[A-Z]\w+)"', code))

    assert reasons == {"PoolNotReady", "PoolExhausted", "AllocationFailed", "AddressAllocated"}
    assert all(f"| `{reason}` |" in text for reason in reasons)


def test_the_kinds_that_clusterctl_moves_are_ours() -> None:
    component = yaml.safe_load((DEPLOY / "cluster-api/move/kustomization.yaml").read_text())
    (patch,) = component["patches"]
    crds = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "crds").glob("ipam*.yaml"))]
    names = {each["metadata"]["name"] for each in (*crds, *named("cluster-api", "CustomResourceDefinition"))}

    moved = {name for name in names if re.fullmatch(patch["target"]["name"], name)}
    assert moved == {"ipamranges.ipam.mandelsoft.org", "ipamrangealiases.ipam.mandelsoft.org"}
    assert all(name in (ROOT / "docs/cluster-api.md").read_text() for name in moved)
