"""The files of deploy/ agree with CRDs, hooks, controllers and documents: fields, conditions, states, labels, ports."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hooks.api.names import RANGE_FINALIZER, REQUEST_FINALIZER, SHARD_LABEL
from tests.e2e.crd_schema import crds, schema_of
from tests.metacontroller_metrics import LABELS, METRICS
from tests.shards import SHARDS, controllers_of, shipped_controllers

ROOT = Path(__file__).parent.parent
Obj = dict[str, Any]
#: The fields that every object has, which the schema of a CRD does not contain.
METADATA = {"properties": {name: {"type": "string"} for name in ("name", "namespace", "deletionTimestamp")}}


def documents(path: str) -> list[Obj]:
    return [*yaml.safe_load_all((ROOT / path).read_text())]


(CONFIG,) = documents("deploy/monitoring/metrics.yaml")
(RULES,) = documents("deploy/monitoring/alerts.yaml")
RESOURCES: list[Obj] = CONFIG["spec"]["resources"]
GENERATED = {metric["name"]: (resource, metric) for resource in RESOURCES for metric in resource["metrics"]}
ALERTS = {rule["alert"]: rule for group in RULES["spec"]["groups"] for rule in group["rules"]}
#: A metric with its selector, such as ipam_range_condition{type="Ready"}.
SELECTOR = re.compile(r"\b((?:ipam|metacontroller)_\w+)(?:\{(.*?)\})?")
#: What follows the name of a controller in a regular expression that matches those of all shards.
OF_ANY_SHARD = "(-.+)?"
MATCHER = re.compile(r'(\w+)(=~|!=|=)"(.*?)"')


def crd_of(resource: Obj) -> Obj:
    kind = resource["groupVersionKind"]
    (crd,) = (crd for crd in crds() if crd["spec"]["names"]["kind"] == kind["kind"])
    assert (crd["spec"]["group"], crd["spec"]["versions"][0]["name"]) == (kind["group"], kind["version"])
    return crd


def field(schema: Obj, path: list[str]) -> Obj:
    """The schema at a path, or KeyError."""
    for step in path:
        schema = METADATA if step == "metadata" else schema["properties"][step]
    return schema


def details(metric: Obj) -> Obj:
    """The details of a metric: `each.gauge` of a Gauge, `each.stateSet` of a StateSet."""
    kind = metric["each"]["type"]
    return dict(metric["each"][kind[0].lower() + kind[1:]])


def labels_of(name: str) -> set[str]:
    if name in METRICS:
        return set(LABELS)
    resource, metric = GENERATED[name]
    own = details(metric)
    states = {own["labelName"]} if "labelName" in own else set()
    return {*resource["labelsFromPath"], *own.get("labelsFromPath", {})} | states


def selections(alert: Obj) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each metric of an alert, and the labels and values that select it."""
    for name, inside in SELECTOR.findall(alert["expr"]):
        yield name, [(label, value) for label, _, text in MATCHER.findall(inside) for value in text.split("|")]


def written_by_the_hooks() -> tuple[set[str], set[str]]:
    """Types and reasons of the conditions of a range."""
    facts = re.findall(r'Fact\("(\w+)", "\w+", "(\w+)"', (ROOT / "hooks/ranges/status.py").read_text())
    assert facts
    return {type_ for type_, _ in facts}, {reason for _, reason in facts}


@pytest.mark.parametrize("name", GENERATED)
def test_a_metric_reads_fields_that_the_crd_has(name: str) -> None:
    resource, metric = GENERATED[name]
    schema = schema_of(crd_of(resource))
    for path in resource["labelsFromPath"].values():
        assert field(schema, path)["type"] == "string"
    read = details(metric)
    found = field(schema, read["path"])
    each = found.get("items", found)
    for path in read.get("labelsFromPath", {}).values():
        assert field(each, path)["type"] == "string"
    value = field(each, read.get("valueFrom", []))
    assert value["type"] in ("string", "integer")
    if metric["each"]["type"] == "StateSet":
        assert read["list"] == value["enum"]


def test_no_two_metrics_have_one_name_and_all_are_ours() -> None:
    assert len(GENERATED) == sum(len(resource["metrics"]) for resource in RESOURCES)
    assert all(name.startswith("ipam_") for name in GENERATED)
    assert {resource["metricNamePrefix"] for resource in RESOURCES} == {""}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_selects_metrics_that_exist_by_labels_that_they_have(name: str) -> None:
    selected = list(selections(ALERTS[name]))
    assert selected
    for metric, matchers in selected:
        assert metric in GENERATED or metric in METRICS
        assert {label for label, _ in matchers} <= labels_of(metric)


def test_an_alert_names_conditions_states_and_controllers_that_exist() -> None:
    types, reasons = written_by_the_hooks()
    known = {
        ("ipam_range_condition", "type"): types,
        ("ipam_range_condition", "reason"): reasons,
        ("ipam_request_state", "state"): set(details(GENERATED["ipam_request_state"][1])["list"]),
    }
    controllers = {controller["metadata"]["name"] for controller in shipped_controllers()}
    known |= {(metric, "controller_name"): controllers for metric in METRICS}
    seen = set()
    for alert in ALERTS.values():
        for metric, matchers in selections(alert):
            for label, value in matchers:
                if label != "code":
                    assert value.removesuffix(OF_ANY_SHARD) in known[metric, label], (alert["alert"], metric, label)
                    seen.add(value)
    without_alert = {
        "Stalled",
        "Drained",
    }  # the former comes with Ready=False, the latter is what an operator waits for
    assert types - without_alert < seen, "a condition without an alert"


@pytest.mark.parametrize("name", ALERTS)
def test_the_description_of_an_alert_names_a_heading_that_exists(name: str) -> None:
    text = ALERTS[name]["annotations"]["description"]
    ((document, heading),) = re.findall(r'See (\S+\.md), "(.*?)"', text)
    assert f"\n## {heading}\n" in (ROOT / document).read_text()


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_shows_only_labels_that_its_expression_keeps(name: str) -> None:
    alert = ALERTS[name]
    shown = set(re.findall(r"\$labels\.(\w+)", " ".join(alert["annotations"].values())))
    grouped = re.search(r"sum by \((.*?)\)", alert["expr"])
    left = set(grouped.group(1).split(", ")) if grouped else labels_of(next(selections(alert))[0])
    assert shown <= left


def test_kube_state_metrics_may_read_what_it_is_configured_to_read() -> None:
    role, binding = documents("deploy/monitoring/rbac.yaml")
    granted = {(group, name) for rule in role["rules"] for group in rule["apiGroups"] for name in rule["resources"]}
    read = {(crd["spec"]["group"], crd["spec"]["names"]["plural"]) for crd in map(crd_of, RESOURCES)}
    assert granted == read | {("apiextensions.k8s.io", "customresourcedefinitions")}
    assert all(rule["verbs"] == ["list", "watch"] for rule in role["rules"])
    assert binding["roleRef"]["name"] == role["metadata"]["name"]


def test_the_files_of_monitoring_agree_on_its_namespace_and_the_document_on_the_config_map() -> None:
    (kustomization,) = documents("deploy/monitoring/kustomization.yaml")
    (config_map,) = kustomization["configMapGenerator"]
    (subject,) = documents("deploy/monitoring/rbac.yaml")[1]["subjects"]
    assert config_map["namespace"] == subject["namespace"] == RULES["metadata"]["namespace"]
    (file,) = config_map["files"]
    document = (ROOT / "docs/operating.md").read_text()
    assert f"configMap: {{name: {config_map['name']}}}" in document
    assert f"--custom-resource-state-config-file=/etc/ipam/{file}" in document


def test_the_network_policy_is_about_the_hooks_and_their_port() -> None:
    (policy,) = documents("metacontroller/network-policy.yaml")
    hooks = next(each for each in documents("metacontroller/hooks.yaml") if each["kind"] == "Deployment")
    pod = hooks["spec"]["template"]
    assert policy["metadata"]["namespace"] == hooks["metadata"]["namespace"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    (rule,) = policy["spec"]["ingress"]
    ports = [port["name"] for container in pod["spec"]["containers"] for port in container["ports"]]
    opened = [port["port"] for port in rule["ports"]]
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "egress" not in policy["spec"]

    (metrics_policy,) = documents("deploy/monitoring/network-policy.yaml")
    assert metrics_policy["metadata"]["namespace"] == policy["metadata"]["namespace"]
    assert metrics_policy["spec"]["podSelector"] == policy["spec"]["podSelector"]
    (metrics_rule,) = metrics_policy["spec"]["ingress"]
    assert metrics_rule["from"] != rule["from"]
    assert [*opened, *(port["port"] for port in metrics_rule["ports"])] == ports


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
    assert {each["metadata"]["namespace"] for each in (hooks, metacontroller)} == {RULES["metadata"]["namespace"]}


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
    made = {f"metacontroller.io/{each['kind'].lower()}-{each['metadata']['name']}" for each in shipped_controllers()}
    assert made == {RANGE_FINALIZER, REQUEST_FINALIZER}
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
    paths = ["README.md", "docs/operating.md", *sorted((ROOT / OWN).rglob("*.yaml"))]
    text = "\n".join((ROOT / path).read_text() for path in paths)
    named = r"(?:\?ref=v|newTag: v|--version |metacontroller/v|Metacontroller )(\d+\.\d+\.\d+)"
    assert set(re.findall(named, text)) == {"4.17.2"}
