"""CRDs of an older version, applied for a while: the shipped ones without one property and without the marker."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import yaml

from controlplane.api import KINDS, RANGES, REQUESTS, collection_path
from controlplane.objects import API_VERSION
from controlplane.processes import wait_until
from simulator.kubernetes.versions import MARKER, schema_lacking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.api import Obj
    from controlplane.plane import ControlPlane

#: A CRD takes effect some time after it is written.
EFFECT_SECONDS_MAX = 30.0


@contextmanager
def older_crd(plane: ControlPlane, resource: str, path: str) -> Iterator[None]:
    """Serves a kind without a property (`spec.number`) for a `with` block, and then as it is shipped."""
    apply_crd(plane, resource, path)
    try:
        yield
    finally:
        apply_crd(plane, resource)


def apply_crd(plane: ControlPlane, resource: str, lacks: str = "") -> None:
    """Applies the CRD of a kind, without a property or as it is shipped, and waits until it is served."""
    crd = yaml.safe_load((plane.root / "crds" / f"{resource}.yaml").read_text())
    if lacks:
        (version,) = crd["spec"]["versions"]
        fields = version.pop("selectableFields", [])
        version["selectableFields"] = [each for each in fields if each["jsonPath"] != f".{lacks}"]
        schema = version["schema"]
        schema["openAPIV3Schema"] = _compilable(schema_lacking(schema["openAPIV3Schema"], lacks), lacks)
    plane.kubectl("apply", "-f", "-", stdin=json.dumps(crd))
    wait_until(
        lambda: is_marker_known(plane, resource) is not bool(lacks),
        what=f"the API server serves the CRD of {resource}",
        seconds=EFFECT_SECONDS_MAX,
    )


def is_marker_known(plane: ControlPlane, resource: str) -> bool:
    """Whether the API server knows the marker of a kind: it refuses unknown fields if asked to."""
    kind = next(name for name, plural in KINDS.items() if plural == resource)
    probe = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"namespace": "default", "name": "probe"}}
    probe |= {"spec": {MARKER: True}, "status": {MARKER: True}}
    answer = plane.api.call("POST", collection_path(probe), probe, dryRun="All", fieldValidation="Strict")
    part = "status" if resource in {RANGES, REQUESTS} else "spec"
    return f'unknown field "{part}.{MARKER}"' not in answer.json().get("message", "")


def _compilable(root: Obj, path: str) -> Obj:
    """A schema without the parts of rules that name properties which it does not have."""
    lacking = rf"(?:{path.rpartition('.')[2]}|{MARKER})"
    same = rf"\(has\(self\.({lacking})\)\s*\? has\(oldSelf\.\1\) && self\.\1 == oldSelf\.\1\s*: !has\(oldSelf\.\1\)\)"
    nodes: list[Any] = [root]
    for node in nodes:
        if isinstance(node, dict):
            if rules := node.pop("x-kubernetes-validations", []):
                kept = [rule | {"rule": re.sub(same, "true", rule["rule"])} for rule in rules]
                node["x-kubernetes-validations"] = [
                    rule for rule in kept if not re.search(rf"[.?]{lacking}\b", json.dumps(rule))
                ]
            nodes.extend(node.values())
        elif isinstance(node, list):
            nodes.extend(node)
    return root
