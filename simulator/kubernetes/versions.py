"""Older versions of a CRD: generated schemas, each of which lacks one property of the shipped schema.

Such a schema stands for a release that did not have the property yet, and so not the marker of the present version
either. An API server that serves it drops both when it reads an object and when it writes one.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from simulator.kubernetes.cel import Rules
from simulator.kubernetes.objects import copied
from simulator.kubernetes.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.kubernetes.resources import Resource


#: The field that shows the version of a schema (docs/decisions/0019-schema-markers.md).
MARKER = "schemaV1"


def properties_of(resource: Resource) -> list[str]:
    """The paths of all optional properties of spec and status: a later release can't add one that is required.

    Those of the items of a list follow the path of the list.
    """
    return [path for path in _paths(resource.schema.root, "") if "." in path and not path.endswith(f".{MARKER}")]


def lacking(resource: Resource, path: str) -> Resource:
    """The kind with a schema that lacks a property and the marker. Raises KeyError for an unknown path."""
    root = schema_lacking(resource.schema.root, path)
    return replace(resource, schema=Schema(root), rules=Rules(root))


def schema_lacking(root: dict[str, Any], path: str) -> dict[str, Any]:
    """A schema without a property and without the marker. Raises KeyError for an unknown path."""
    root = copied(root)
    _remove(root, path)
    for part in ("spec", "status"):
        if MARKER in root["properties"].get(part, {}).get("properties", {}):
            _remove(root, f"{part}.{MARKER}")
    return root


def _remove(root: dict[str, Any], path: str) -> None:
    *outer, name = path.split(".")
    node = root
    for step in outer:
        node = _object_of(node["properties"][step])
    del node["properties"][name]
    node["required"] = [each for each in node.get("required", ()) if each != name]
    node.get("default", {}).pop(name, None)
    for rule in root.get("x-kubernetes-validations", []):
        rule["rule"] = re.sub(rf" && has\(self\.status\.{MARKER}\)", "", rule["rule"])
    _drop_rules(root, name)


def _paths(node: dict[str, Any], prefix: str) -> Iterator[str]:
    parent = _object_of(node)
    for name, child in parent.get("properties", {}).items():
        path = f"{prefix}.{name}".removeprefix(".")
        if name not in parent.get("required", ()):
            yield path
        yield from _paths(child, path)


def _object_of(node: dict[str, Any]) -> dict[str, Any]:
    """The schema of the items of a list, or else the schema itself."""
    while "items" in node:
        node = node["items"]
    return node


def _drop_rules(node: dict[str, Any], name: str) -> None:
    """Remove the rules that need a property, at every level; a rule that asks whether the property is there stays."""
    if rules := node.pop("x-kubernetes-validations", []):
        node["x-kubernetes-validations"] = [rule for rule in rules if not _needs(rule["rule"], name)]
    for child in node.get("properties", {}).values():
        _drop_rules(child, name)
    for word in ("items", "additionalProperties"):
        if isinstance(node.get(word), dict):
            _drop_rules(node[word], name)


def _needs(rule: str, name: str) -> bool:
    uses = rf"[.]{name}\b"
    return bool(re.search(uses, rule)) and not re.search(rf"has\([\w.]+{uses}\)|[.][?]{name}\b", rule)
