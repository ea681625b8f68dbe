"""What is installed, against what this version ships."""

import copy
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import Raw

from kubectl_ipam import resources
from kubectl_ipam.audit.findings import Finding
from kubectl_ipam.audit.installation import shipped_objects
from kubectl_ipam.audit.run import findings_in
from kubectl_ipam.resources import Resource
from kubectl_ipam.snapshot import Snapshot
from simulator.kubernetes.json_patch import patched
from tests.shards import controllers_of

ROOT = Path(__file__).parents[2]
Document = dict[str, Any]
Objects = dict[Resource, dict[str, Document]]


@pytest.fixture(name="installed")
def _installed() -> Objects:
    installed: Objects = {}
    for resource, obj in shipped_objects():
        installed.setdefault(resource, {})[obj["metadata"]["name"]] = copy.deepcopy(obj)
    return installed


def with_tls(controller: Document) -> Document:
    """A controller as deploy/tls makes it."""
    component = yaml.safe_load((ROOT / "deploy/tls/component/kustomization.yaml").read_text())
    for patch in component["patches"]:
        target = patch.get("target", {})
        if "group" in target and re.fullmatch(target.get("name", ".*"), controller["metadata"]["name"]):
            controller = patched(controller, yaml.safe_load(patch["patch"]))
    return controller


def in_another_namespace(controller: Document) -> Document:
    """A controller as the chart makes it in a namespace of its own."""
    made: Document = json.loads(json.dumps(controller).replace("ipam-system", "network"))
    notes = {"meta.helm.sh/release-name": "addresses", "meta.helm.sh/release-namespace": "network"}
    return made | {"metadata": made["metadata"] | {"annotations": notes}}


def by_url(controller: Document) -> Document:
    """A controller whose hooks listen outside of the cluster, as controlplane/loop.py makes it."""
    made = copy.deepcopy(controller)
    for hook in made["spec"]["hooks"].values():
        hook["webhook"]["url"] = "http://127.0.0.1:4711" + hook["webhook"].pop("path")
        del hook["webhook"]["service"]
    return made


def change_controllers(installed: Objects, change: Callable[[Document], Document]) -> None:
    for kind in (resources.COMPOSITES, resources.DECORATORS):
        installed[kind] = {name: change(obj) for name, obj in installed[kind].items()}


def found_in(installed: Objects, *absent: Resource) -> list[Finding]:
    raw = {
        kind: {name: Raw(json.dumps(obj).encode()) for name, obj in group.items()} for kind, group in installed.items()
    }
    raw = {kind: group for kind, group in raw.items() if kind not in absent}
    return findings_in(Snapshot(raw, datetime.now(UTC), "a cluster", frozenset(absent)))


def test_all_parts_of_an_installation_are_compared(installed: Objects) -> None:
    files = [*(ROOT / "crds").glob("*.yaml"), *(ROOT / "metacontroller").glob("*.yaml")]
    lines = [line for file in files for line in file.read_text().splitlines()]

    assert set(installed) == set(resources.INSTALLATION)
    assert {kind: len(group) for kind, group in installed.items()} == {
        kind: lines.count(f"kind: {kind.kind}") for kind in resources.INSTALLATION
    }


def test_nothing_is_found_if_all_is_as_shipped(installed: Objects) -> None:
    assert found_in(installed) == []


def test_what_the_api_server_adds_is_no_difference(installed: Objects) -> None:
    for obj in installed[resources.DEFINITIONS].values():
        obj["spec"]["conversion"] = {"strategy": "None"}
    for obj in installed[resources.POLICIES].values():
        obj["spec"]["matchConstraints"] |= {"matchPolicy": "Equivalent", "namespaceSelector": {}}

    assert found_in(installed) == []


def test_other_line_breaks_in_a_folded_text_are_no_difference(installed: Objects) -> None:
    policy = installed[resources.POLICIES]["ipamranges.ipam.mandelsoft.org"]
    for variable in policy["spec"]["variables"]:
        variable["expression"] = variable["expression"].replace(" ", "\n  ")

    assert found_in(installed) == []


@pytest.mark.parametrize("kind", list(resources.INSTALLATION), ids=lambda each: each.kind)
def test_a_missing_object_is_found(kind: Resource, installed: Objects) -> None:
    name = next(iter(installed[kind]))
    del installed[kind][name]

    (finding,) = found_in(installed)

    assert (finding.rule, finding.subject) == ("NotInstalled", f"{kind.kind} {name}")
    assert "kubectl apply -k" in finding.remedy


@pytest.mark.parametrize("kind", [resources.POLICIES, resources.COMPOSITES], ids=lambda each: each.kind)
def test_a_kind_that_is_not_served_is_found(kind: Resource, installed: Objects) -> None:
    assert {each.rule for each in found_in(installed, kind)} == {"KindMissing"}


def test_another_crd_is_found_with_the_path_of_the_difference(installed: Objects) -> None:
    definition = installed[resources.DEFINITIONS]["ipamranges.ipam.mandelsoft.org"]
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["x-kubernetes-validations"] = schema["x-kubernetes-validations"][1:]

    (finding,) = found_in(installed)

    assert finding.rule == "OtherVersion"
    assert "spec.versions[0].schema.openAPIV3Schema.x-kubernetes-validations" in finding.message


def test_another_rule_of_a_policy_is_found(installed: Objects) -> None:
    policy = installed[resources.POLICIES]["records.ipam.mandelsoft.org"]
    policy["spec"]["validations"][0]["expression"] = "true"

    (finding,) = found_in(installed)

    assert (finding.rule, finding.severity) == ("OtherVersion", "error")
    assert "spec.validations[0].expression" in finding.message


@pytest.mark.parametrize("change", [with_tls, in_another_namespace, by_url])
def test_where_the_hooks_are_called_is_no_difference(
    change: Callable[[Document], Document], installed: Objects
) -> None:
    before = copy.deepcopy(installed)
    change_controllers(installed, change)

    assert installed != before
    assert found_in(installed) == []


def test_the_controllers_of_shards_are_no_difference(installed: Objects) -> None:
    for obj in controllers_of("s1"):
        kind = next(each for each in resources.INSTALLATION if each.kind == obj["kind"])
        installed[kind][obj["metadata"]["name"]] = obj

    assert len(installed[resources.COMPOSITES]) == 2
    assert found_in(installed) == []


def _rename_path(webhook: Document) -> None:
    if "url" in webhook:
        webhook["url"] += "/other"
    else:
        webhook["path"] += "/other"


def _drop_host(webhook: Document) -> None:
    webhook.pop("service", None)
    webhook.pop("url", None)


@pytest.mark.parametrize("change", [copy.deepcopy, with_tls, by_url])
@pytest.mark.parametrize(
    ("spoil", "path"),
    [
        (lambda spec: _rename_path(spec["hooks"]["sync"]["webhook"]), "spec.hooks.sync.webhook.path"),
        (lambda spec: _drop_host(spec["hooks"]["sync"]["webhook"]), "spec.hooks.sync.webhook"),
        (lambda spec: spec["hooks"]["sync"]["webhook"].pop("timeout"), "spec.hooks.sync.webhook.timeout"),
        (lambda spec: spec["hooks"]["customize"].pop("version"), "spec.hooks.customize.version"),
        (lambda spec: spec["hooks"].pop("finalize"), "spec.hooks.finalize"),
        (lambda spec: spec["parentResource"].pop("labelSelector"), "spec.parentResource.labelSelector"),
        (lambda spec: spec["childResources"].pop(), "spec.childResources"),
        (lambda spec: spec.pop("hooks"), "spec.hooks"),
        (lambda spec: spec.clear(), "spec"),
    ],
    ids=["path", "host", "timeout", "version", "hook", "selector", "children", "hooks", "all"],
)
def test_everything_else_of_a_controller_is_compared(
    spoil: Callable[[Document], object], path: str, change: Callable[[Document], Document], installed: Objects
) -> None:
    change_controllers(installed, change)
    spoil(installed[resources.COMPOSITES]["ipamrange"]["spec"])

    (finding,) = found_in(installed)

    assert (finding.rule, finding.severity) == ("OtherVersion", "warning")
    assert finding.message.startswith(f"it differs from that of this version at {path}")


@pytest.mark.parametrize(
    ("change", "command"),
    [
        (copy.deepcopy, "kubectl apply -k metacontroller"),
        (with_tls, "kubectl apply -k deploy/tls"),
        (in_another_namespace, "helm upgrade -n network addresses charts/ipam --reset-then-reuse-values"),
    ],
)
def test_the_advice_installs_in_the_way_that_was_chosen(
    change: Callable[[Document], Document], command: str, installed: Objects
) -> None:
    change_controllers(installed, change)
    del installed[resources.COMPOSITES]["ipamrange"]
    installed[resources.POLICIES]["records.ipam.mandelsoft.org"]["spec"]["validations"][0]["expression"] = "true"

    remedies = {each.rule: each.remedy for each in found_in(installed)}

    assert remedies["NotInstalled"] == f"install it: {command}"
    assert remedies["OtherVersion"].startswith(f"apply that of this version ({command}), or")
