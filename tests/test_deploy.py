"""The files of deploy/ agree with hooks and controllers: names, labels, ports. See also test_monitoring.py."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from hooks.api.names import CLAIMED_FINALIZER, RANGE_FINALIZER, REQUEST_FINALIZER, SHARD_LABEL
from tests.shards import SHARDS, controllers_of, shipped_controllers

ROOT = Path(__file__).parent.parent
Obj = dict[str, Any]
NAME_LABEL = "app.kubernetes.io/name"


def documents(path: str) -> list[Obj]:
    return [*yaml.safe_load_all((ROOT / path).read_text())]


def test_the_network_policy_is_about_the_hooks_and_their_port() -> None:
    (policy,) = documents("metacontroller/network-policy.yaml")
    hooks = next(each for each in documents("metacontroller/hooks.yaml") if each["kind"] == "Deployment")
    pod = hooks["spec"]["template"]
    assert policy["metadata"]["namespace"] == hooks["metadata"]["namespace"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    ports = [port["name"] for container in pod["spec"]["containers"] for port in container["ports"]]
    opened = [
        (rule["from"][0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"], port["port"])
        for rule in policy["spec"]["ingress"]
        for port in rule["ports"]
    ]
    assert opened == [*zip(("metacontroller", "monitoring"), ports, strict=True)]
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "egress" not in policy["spec"]


def test_prometheus_scrapes_the_port_at_which_the_hooks_serve_their_metrics() -> None:
    hooks, metacontroller = documents("deploy/monitoring/pod-monitors.yaml")
    deployment = next(each for each in documents("metacontroller/hooks.yaml") if each["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    (endpoint,) = hooks["spec"]["podMetricsEndpoints"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert variables["IPAM_METRICS_BIND"] == f"0.0.0.0:{ports[endpoint['port']]}"
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert hooks["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert hooks["spec"]["namespaceSelector"]["matchNames"] == [deployment["metadata"]["namespace"]]
    assert {each["metadata"]["namespace"] for each in (hooks, metacontroller)} == {"monitoring"}


def test_prometheus_scrapes_every_metacontroller_that_can_be_installed_and_runbooks_list_the_same_pods() -> None:
    _, monitor = documents("deploy/monitoring/pod-monitors.yaml")
    (selected,) = monitor["spec"]["selector"]["matchExpressions"]
    assert (selected["key"], selected["operator"]) == (NAME_LABEL, "In")
    pod = statefulset()["spec"]["template"]["metadata"]["labels"]
    (kustomization,) = documents("deploy/shards/base/kustomization.yaml")
    patches = yaml.safe_load(
        next(each["patch"] for each in kustomization["patches"] if each["target"]["kind"] == "StatefulSet")
    )
    (of_shards,) = {each["value"] for each in patches}
    by_default_of_the_chart = "metacontroller-helm"
    assert selected["values"] == [pod[NAME_LABEL], by_default_of_the_chart, of_shards]
    assert VALUES["nameOverride"] == pod[NAME_LABEL]
    listed = set(re.findall(r"get pods -A -l '(.*)'", (ROOT / "docs/runbooks.md").read_text()))
    assert listed == {f"{NAME_LABEL} in ({', '.join(selected['values'])})"}


@pytest.mark.parametrize(("ip", "address"), [("10.0.0.7", "10.0.0.7:9999"), ("fd00::7", "[fd00::7]:9999")])
@pytest.mark.parametrize("declared", [[], ["9999", "8081"]], ids=["no port", "two ports"])
def test_a_pod_of_metacontroller_is_one_target_whatever_it_declares(ip: str, address: str, declared: list[str]) -> None:
    _, monitor = documents("deploy/monitoring/pod-monitors.yaml")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert not endpoint.keys() & {"port", "portNumber", "targetPort"}, "they select declared ports only"
    found = [
        {
            "__meta_kubernetes_pod_ip": ip,
            "__address__": f"{ip}:{port}",
            "pod": "metacontroller-0",
            "container": container,
        }
        for container in ("metacontroller", "sidecar")
        for port in declared or [""]
    ]
    targets = [relabeled(target, endpoint["relabelings"]) for target in found]
    assert all(target == {"__address__": address, "pod": "metacontroller-0"} for target in targets)


def relabeled(target: dict[str, str], rules: list[Obj]) -> dict[str, str]:
    """A target of Prometheus after these rules, without the labels that Prometheus removes."""
    for rule in rules:
        if rule.get("action") == "labeldrop":
            target = {label: value for label, value in target.items() if not re.fullmatch(rule["regex"], label)}
        elif found := re.fullmatch(rule["regex"], ";".join(target[label] for label in rule["sourceLabels"])):
            target = target | {rule["targetLabel"]: found.expand(rule["replacement"].replace("$", "\\"))}
    return {label: value for label, value in target.items() if not label.startswith("__meta_")}


# --------------------------------------------------------------------------------------------------------------- shards

SHARD_NAMES: list[str] = documents("deploy/shards/kustomization.yaml")[0]["resources"]


def selector_of(controller: Obj) -> Obj:
    spec = controller["spec"]
    rule = spec["parentResource"] if controller["kind"] == "CompositeController" else spec["resources"][0]
    return dict(rule["labelSelector"])


def test_the_default_shard_has_the_objects_without_the_label() -> None:
    for controller in shipped_controllers():
        assert selector_of(controller) == {"matchExpressions": [{"key": SHARD_LABEL, "operator": "DoesNotExist"}]}


@pytest.mark.parametrize("shard", SHARD_NAMES)
def test_the_controllers_of_a_shard_have_its_name_its_label_and_its_objects(shard: str) -> None:
    for controller, shipped in zip(controllers_of(shard), shipped_controllers(), strict=True):
        assert controller["metadata"] == {
            "name": f"{shipped['metadata']['name']}-{shard}",
            "labels": {SHARD_LABEL: shard},
        }
        assert selector_of(controller) == {"matchLabels": {SHARD_LABEL: shard}}
        assert controller["spec"]["hooks"] == shipped["spec"]["hooks"]


@pytest.mark.parametrize("shard", SHARD_NAMES)
def test_the_metacontroller_of_a_shard_runs_the_controllers_of_that_shard(shard: str) -> None:
    (kustomization,) = documents(f"deploy/shards/{shard}/kustomization.yaml")
    (patch,) = [each["patch"] for each in kustomization["patches"] if each["target"]["kind"] == "StatefulSet"]
    assert [each["value"] for each in yaml.safe_load(patch)] == [
        f"--target-label-selector={SHARD_LABEL}={shard}",
        f"--leader-election-id=metacontroller-{shard}",
    ]


def test_another_shard_is_a_copy_of_a_kustomization_with_another_name() -> None:
    texts = {shard: (SHARDS / shard / "kustomization.yaml").read_text() for shard in SHARD_NAMES}
    assert len(texts) > 1
    assert len({re.sub(rf"\b{shard}\b", "SHARD", text) for shard, text in texts.items()}) == 1


def test_hooks_and_policies_know_the_finalizers_by_the_names_of_the_controllers() -> None:
    controllers = [*shipped_controllers(), *documents("deploy/cluster-api/claimedrequest.yaml")]
    made = {f"metacontroller.io/{each['kind'].lower()}-{each['metadata']['name']}" for each in controllers}
    assert made == {RANGE_FINALIZER, REQUEST_FINALIZER, CLAIMED_FINALIZER}
    for path in (
        "metacontroller/policies.yaml",
        "deploy/admission/ipamranges.yaml",
        "deploy/admission/ipamrequests.yaml",
    ):
        assert set(re.findall(r"metacontroller\.io/\w+-\w+", (ROOT / path).read_text())) <= made


# ------------------------------------------------------------------------------------------------------- Metacontroller

OWN = "deploy/metacontroller"
(VALUES,) = documents(f"{OWN}/helm-values.yaml")


def statefulset() -> Obj:
    return next(each for each in documents(f"{OWN}/statefulset/metacontroller.yaml") if each["kind"] == "StatefulSet")


def flags_of_the_statefulset() -> list[str]:
    (container,) = statefulset()["spec"]["template"]["spec"]["containers"]
    (kustomization,) = documents(f"{OWN}/kustomization.yaml")
    added = [op["value"] for patch in kustomization["patches"] for op in yaml.safe_load(patch["patch"])]
    return [*container["args"], *added]


def test_both_ways_to_install_metacontroller_give_it_the_same_flags_and_rights() -> None:
    pod = statefulset()["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert [flag for flag in flags_of_the_statefulset() if flag != "--leader-election"] == VALUES["commandArgs"]
    assert pod["securityContext"] == VALUES["podSecurityContext"]
    assert container["securityContext"] == VALUES["securityContext"]
    assert container["resources"] == VALUES["resources"]
    (role,) = (each for each in documents(f"{OWN}/rbac.yaml") if each["kind"] == "ClusterRole")
    assert role["aggregationRule"] == VALUES["clusterRole"]["aggregationRule"]


def test_metacontroller_has_the_rights_of_the_roles_with_its_label_and_no_others() -> None:
    (role,) = (each for each in documents(f"{OWN}/rbac.yaml") if each["kind"] == "ClusterRole")
    ((label, value),) = role["aggregationRule"]["clusterRoleSelectors"][0]["matchLabels"].items()
    labelled = [
        each for each in documents("metacontroller/rbac.yaml") if each["metadata"]["labels"].get(label) == value
    ]
    assert [each["metadata"]["name"] for each in labelled] == ["ipam-metacontroller", "ipam-metacontroller-controllers"]
    assert not role["rules"]
    rules = [rule for each in labelled for rule in each["rules"]]
    assert all("*" not in rule["apiGroups"] + rule["resources"] + rule["verbs"] for rule in rules)


def test_one_version_of_metacontroller_is_named_everywhere() -> None:
    paths = [ROOT / "README.md", ROOT / "docs/operating.md", *sorted((ROOT / OWN).rglob("*.yaml"))]
    text = "\n".join(path.read_text() for path in paths)
    named = r"(?:\?ref=v|newTag: v|--version |metacontroller/v|Metacontroller )(\d+\.\d+\.\d+)"
    assert set(re.findall(named, text)) == {"4.17.2"}
