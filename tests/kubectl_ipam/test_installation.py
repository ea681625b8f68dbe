"""What is installed, against what this version ships."""

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw

from kubectl_ipam import resources
from kubectl_ipam.audit.findings import Finding
from kubectl_ipam.audit.installation import shipped_objects
from kubectl_ipam.audit.run import findings_in
from kubectl_ipam.resources import Resource
from kubectl_ipam.snapshot import Snapshot

ROOT = Path(__file__).parents[2]
Document = dict[str, Any]
Objects = dict[Resource, dict[str, Document]]


@pytest.fixture(name="installed")
def _installed() -> Objects:
    installed: Objects = {}
    for resource, obj in shipped_objects():
        installed.setdefault(resource, {})[obj["metadata"]["name"]] = copy.deepcopy(obj)
    return installed


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
