"""The Helm chart and the kustomizations, rendered, and what is the same in both."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import yaml

from controlplane.binaries import find_or_build_tool

if TYPE_CHECKING:
    from pathlib import Path

    from controlplane.api import Obj

RELEASE, NAMESPACE = "ipam", "ipam-system"
#: What Helm adds to every object.
LABELS = ("helm.sh/chart", "app.kubernetes.io/instance", "app.kubernetes.io/managed-by")
KEEP = "helm.sh/resource-policy"
RENDER_SECONDS_MAX = 120

Key = tuple[str, str, str, str]


class HelmFailed(Exception):
    """Helm has rejected something; the message is its output."""


def helm(*arguments: str, stdin: str | None = None) -> str:
    """Runs helm and returns its output.

    Raises:
        HelmFailed: helm has failed.
    """
    command = [str(find_or_build_tool("helm")), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=RENDER_SECONDS_MAX, check=False)
    if done.returncode != 0:
        raise HelmFailed(done.stderr + done.stdout)
    return done.stdout


def render(chart: Path, *values: str) -> str:
    """The manifests of the chart with these `--set` values or other arguments."""
    return helm("template", RELEASE, str(chart), "--namespace", NAMESPACE, *values)


def objects_in(text: str) -> list[Obj]:
    """The objects of a text of YAML documents."""
    return [each for each in yaml.safe_load_all(text) if each]


def comparable(objects: list[Obj]) -> dict[Key, Any]:
    """The objects by their identity, without what Helm adds and without the namespace, which Helm creates itself."""
    return {_key(obj): _normal(_without_helm(obj)) for obj in objects if obj["kind"] != "Namespace"}


def _key(obj: Obj) -> Key:
    meta = obj["metadata"]
    return str(obj["apiVersion"]), str(obj["kind"]), str(meta.get("namespace", "")), str(meta["name"])


def _without_helm(obj: Obj) -> Obj:
    meta = dict(obj["metadata"])
    labels = {name: value for name, value in meta.get("labels", {}).items() if name not in LABELS}
    annotations = {name: value for name, value in meta.get("annotations", {}).items() if name != KEEP}
    for name, values in (("labels", labels), ("annotations", annotations)):
        meta.pop(name, None)
        if values:
            meta[name] = values
    return obj | {"metadata": meta}


def _normal(value: Any) -> Any:
    """The value with lists of named things, such as containers and ports, in the order of their names.

    In a folded text, kustomize writes an empty line before each line that is indented further.
    """
    if isinstance(value, str):
        return re.sub(r"\n\n(?= )", "\n", value)
    if isinstance(value, dict):
        return {name: _normal(inner) for name, inner in value.items()}
    if isinstance(value, list):
        inner = [_normal(each) for each in value]
        named = all(isinstance(each, dict) and "name" in each for each in inner)
        return sorted(inner, key=lambda each: str(each["name"])) if named else inner
    return value
