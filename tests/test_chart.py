"""The Helm chart as far as it can be checked without Helm: values, schema, documents, versions, links.

`tests/e2e/test_chart.py` renders it and compares it with the kustomizations.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.e2e.crd_schema import crds

ROOT = Path(__file__).parent.parent
CHART = ROOT / "charts/ipam"
Obj = dict[str, Any]

SCHEMA: Obj = json.loads((CHART / "values.schema.json").read_text())
VALUES: Obj = yaml.safe_load((CHART / "values.yaml").read_text())
METADATA: Obj = yaml.safe_load((CHART / "Chart.yaml").read_text())
TEMPLATES = {path.name: path.read_text() for path in sorted((CHART / "templates").iterdir())}


def described(schema: Obj, values: Obj, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """Each value: its path, its default and its description."""
    for name, inner in schema["properties"].items():
        if "properties" in inner:
            yield from described(inner, values[name], f"{prefix}{name}.")
        elif name != "global":
            yield f"{prefix}{name}", values[name], inner["description"]


def row(path: str, default: Any, description: str) -> str:
    text = default if isinstance(default, str) else json.dumps(default)
    return f"| `{path}` | {f'`{text}`' if text else ''} | {description} |"


def test_the_default_values_satisfy_the_schema_and_no_unknown_value_does() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.validate(VALUES, SCHEMA)
    for wrong in ({"replica": 2}, {"crds": {"keeps": True}}, {"image": {"name": "x"}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(VALUES | wrong, SCHEMA)


def test_the_readme_lists_all_values_with_their_defaults() -> None:
    shown = [line for line in (CHART / "README.md").read_text().splitlines() if line.startswith("| `")]
    assert shown == [row(*value) for value in described(SCHEMA, VALUES)]


def test_each_value_is_used_by_a_template() -> None:
    used = "\n".join(TEMPLATES.values())
    for path, _, _ in described(SCHEMA, VALUES):
        last = path.rpartition(".")[2]
        assert re.search(rf'\.{last}\b|"{last}"', used), path


def test_the_links_of_the_chart_lead_to_what_kustomize_uses() -> None:
    links = {path.name: path.resolve().relative_to(ROOT).as_posix() for path in (CHART / "manifests").iterdir()}
    assert all(path.is_symlink() for path in (CHART / "manifests").iterdir())
    assert links == {
        "crds": "crds",
        "metacontroller": "metacontroller",
        "admission": "deploy/admission",
        "monitoring": "deploy/monitoring",
        "cert-manager.yaml": "deploy/tls/cert-manager.yaml",
        "cluster-api": "deploy/cluster-api",
        "services": "deploy/services/base",
    }


def test_the_templates_read_files_that_exist() -> None:
    named = set(re.findall(r'\(list [$.] "([\w/.-]+)"\)', "\n".join(TEMPLATES.values())))
    assert len(named) >= 5
    for path in named:
        assert (CHART / "manifests" / path).exists(), path


def test_the_chart_has_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert METADATA["version"] == METADATA["appVersion"] == project


def test_artifact_hub_shows_the_kinds_that_the_crds_define() -> None:
    shown = {
        (each["name"], each["kind"], each["version"])
        for each in yaml.safe_load(METADATA["annotations"]["artifacthub.io/crds"])
    }
    assert shown == {
        (crd["metadata"]["name"], crd["spec"]["names"]["kind"], version["name"])
        for crd in crds()
        for version in crd["spec"]["versions"]
    }
    examples = yaml.safe_load(METADATA["annotations"]["artifacthub.io/crdsExamples"])
    assert examples == list(yaml.safe_load_all((ROOT / "examples/quickstart.yaml").read_text()))
