"""deploy/monitoring agrees with CRDs, hooks, Metacontroller and documents: each metric, label and value exists."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY, Counter, Histogram
from prometheus_client.samples import Sample

import hooks.metrics
from generators.dashboard import dashboard_json
from hooks.app import create_app
from hooks.settings import Settings
from tests.e2e.crd_schema import crds, schema_of
from tests.metacontroller_metrics import METRICS
from tests.shards import shipped_controllers

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
#: What the hooks count: each time series with its labels.
COUNTED = {
    f"{metric._name}{suffix}": {*metric._labelnames, *({"le"} if suffix == "_bucket" else ())}
    for metric in vars(hooks.metrics).values()
    if isinstance(metric, Counter | Histogram)
    for suffix in (("_total",) if isinstance(metric, Counter) else ("_bucket", "_count", "_sum"))
}
#: The labels that Prometheus adds to each series.
TARGET = {"instance", "job"}
DASHBOARD: Obj = json.loads((ROOT / "deploy/monitoring/dashboard.json").read_text())
PANELS: dict[str, Obj] = {
    f"{number} {panel['title']}": panel for number, panel in enumerate(DASHBOARD["panels"]) if panel["type"] != "row"
}
#: A metric with its selector, such as ipam_range_condition{type="Ready"}.
SELECTOR = re.compile(r"\b((?:ipam|metacontroller|workqueue|rest_client)_\w+)(?:\{(.*?)\})?")
#: What follows the name of a controller in a regular expression that matches those of all shards.
OF_ANY_SHARD = "(-.+)?"
MATCHER = re.compile(r'(\w+)(=~|!=|!~|=)"(.*?)"')


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
    if name in METRICS or name in COUNTED:
        return {*(METRICS.get(name) or COUNTED[name]), *TARGET}
    resource, metric = GENERATED[name]
    own = details(metric)
    states = {own["labelName"]} if "labelName" in own else set()
    return {*resource["labelsFromPath"], *own.get("labelsFromPath", {})} | states


def selections(expr: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each metric of an expression, and the labels and values that select it."""
    for name, inside in SELECTOR.findall(expr):
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
    found = field(schema, read.get("path", []))
    each = found.get("items", found)
    for path in read.get("labelsFromPath", {}).values():
        assert field(each, path)["type"] == "string"
    if metric["each"]["type"] == "Info":
        return
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
    assert_series_exist(ALERTS[name]["expr"])


def assert_series_exist(expr: str) -> None:
    """Each metric of an expression exists and has the labels that select it; and all labels that group it."""
    selected = list(selections(expr))
    assert selected
    for metric, matchers in selected:
        assert metric in GENERATED or metric in METRICS or metric in COUNTED
        assert {label for label, _ in matchers} <= labels_of(metric)
    labels = set.union(*(labels_of(metric) for metric, _ in selected))
    grouping = {label for group in re.findall(r"\b(?:by|on) \((.*?)\)", expr) for label in group.split(", ")}
    assert grouping <= labels


def test_an_alert_names_conditions_states_and_controllers_that_exist() -> None:
    types, reasons = written_by_the_hooks()
    known = {
        ("ipam_range_condition", "type"): types,
        ("ipam_range_condition", "reason"): reasons,
        ("ipam_request_state", "state"): set(details(GENERATED["ipam_request_state"][1])["list"]),
    }
    controllers = {controller["metadata"]["name"] for controller in shipped_controllers()}
    known |= {(metric, "controller_name"): controllers for metric in METRICS}
    known["ipam_hooks_calls_total", "hook"] = {rule.rule for rule in create_app(Settings()).url_map.iter_rules()}
    seen = set()
    for alert in ALERTS.values():
        for metric, matchers in selections(alert["expr"]):
            for label, value in matchers:
                if label not in ("code", "part", "le", "url"):
                    assert value.removesuffix(OF_ANY_SHARD) in known[metric, label], (alert["alert"], metric, label)
                    seen.add(value)
    without_alert = {
        "Stalled",
        "Drained",
    }  # the former comes with Ready=False, the latter is what an operator waits for
    assert types - without_alert < seen, "a condition without an alert"


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    for name, alert in ALERTS.items():
        assert alert["annotations"]["runbook"] == f"docs/runbooks.md#{name.lower()}"
    sections = re.findall(r"^## (.*)$", (ROOT / "docs/runbooks.md").read_text(), flags=re.MULTILINE)
    assert sections == list(ALERTS)


def test_a_part_of_a_call_and_a_bound_of_a_histogram_that_an_alert_selects_exist() -> None:
    selected = {
        (label, value)
        for alert in ALERTS.values()
        for _, matchers in selections(alert["expr"])
        for label, value in matchers
        if label in ("part", "le")
    }
    bounds = {("le", sample.labels["le"]) for sample in buckets_of("ipam_hooks_body_bytes")}
    assert selected <= {("part", part) for part in hooks.metrics.Seconds._fields} | bounds


def buckets_of(name: str) -> list[Sample]:
    hooks.metrics.HookMetrics("/ipamrange/sync")
    return [
        sample
        for family in REGISTRY.collect()
        if family.name == name
        for sample in family.samples
        if sample.name == f"{name}_bucket"
    ]


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_shows_only_labels_that_its_expression_keeps(name: str) -> None:
    alert = ALERTS[name]
    shown = set(re.findall(r"\$labels\.(\w+)", " ".join(alert["annotations"].values())))
    grouped = re.search(r"sum by \((.*?)\)", alert["expr"])
    left = set(grouped.group(1).split(", ")) - {"le"} if grouped else labels_of(next(selections(alert["expr"]))[0])
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
    dashboard, config_map = kustomization["configMapGenerator"]
    assert (dashboard["files"], dashboard["namespace"]) == (["dashboard.json"], config_map["namespace"])
    assert dashboard["options"]["labels"]["grafana_dashboard"] == "1"
    (subject,) = documents("deploy/monitoring/rbac.yaml")[1]["subjects"]
    assert config_map["namespace"] == subject["namespace"] == RULES["metadata"]["namespace"]
    (file,) = config_map["files"]
    document = (ROOT / "docs/operating.md").read_text()
    assert f"configMap: {{name: {config_map['name']}}}" in document
    assert f"--custom-resource-state-config-file=/etc/ipam/{file}" in document


def test_the_dashboard_is_what_its_generator_writes() -> None:
    assert (ROOT / "deploy/monitoring/dashboard.json").read_text() == dashboard_json(ROOT), "make generate"


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_shows_series_that_exist_by_labels_that_they_keep(name: str) -> None:
    for target in PANELS[name]["targets"]:
        assert_series_exist(target["expr"])
        grouping = {label for group in re.findall(r"\bby \((.*?)\)", target["expr"]) for label in group.split(", ")}
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= grouping
        variables = {each["name"] for each in DASHBOARD["templating"]["list"]} | {"__rate_interval"}
        assert set(re.findall(r"\$(\w+)", target["expr"])) <= variables


def test_panels_have_numbers_titles_and_descriptions_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["description"].endswith(".") for panel in PANELS.values())
    cells = [
        (column, line)
        for place in (panel["gridPos"] for panel in panels)
        for column in range(place["x"], place["x"] + place["w"])
        for line in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(column for column, _ in cells) < 24


def test_the_urls_that_are_selected_are_those_of_all_shipped_controllers() -> None:
    (pattern,) = {
        value
        for alert in ALERTS.values()
        for _, matchers in selections(alert["expr"])
        for label, value in matchers
        if label == "url"
    }
    assert f'url=~"{pattern}"' in json.dumps(DASHBOARD).replace("\\", "")
    services = re.findall(
        r"service: \{name: ([\w-]+), namespace: ([\w-]+), port: (\d+), protocol: (\w+)\}", controllers()
    )
    assert len(services) > 8
    for name, namespace, port, protocol in services:
        assert re.fullmatch(pattern, f"{protocol}://{name}.{namespace}:{port}/ipamrange/sync")


def controllers() -> str:
    folders = ("metacontroller", "deploy/shards", "deploy/cluster-api", "deploy/services")
    return "\n".join(path.read_text() for folder in folders for path in (ROOT / folder).rglob("*.yaml"))
