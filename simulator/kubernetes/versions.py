"""Older versions of a CRD: generated schemas, each of which lacks one property of the shipped schema.

Such a schema stands for a release that did not have the property yet. An API server that serves it drops the property
when it reads an object and when it writes one.
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


def properties_of(resource: Resource) -> list[str]:
    """The paths of all properties of spec and status; those of the items of a list follow the path of the list."""
    return [path for path in _paths(resource.schema.root, "") if "." in path]


def lacking(resource: Resource, path: str) -> Resource:
    """The kind with a schema that lacks a property. Raises KeyError for an unknown path."""
    root = copied(resource.schema.root)
    *outer, name = path.split(".")
    node = root
    for step in outer:
        node = _object_of(node["properties"][step])
    del node["properties"][name]
    node["required"] = [each for each in node.get("required", ()) if each != name]
    node.get("default", {}).pop(name, None)
    _drop_rules(root, name)
    return replace(resource, schema=Schema(root), rules=Rules(root))


def _paths(node: dict[str, Any], prefix: str) -> Iterator[str]:
    for name, child in _object_of(node).get("properties", {}).items():
        path = f"{prefix}.{name}".removeprefix(".")
        yield path
        yield from _paths(child, path)


def _object_of(node: dict[str, Any]) -> dict[str, Any]:
    """The schema of the items of a list, or else the schema itself."""
    while "items" in node:
        node = node["items"]
    return node


def _drop_rules(node: dict[str, Any], name: str) -> None:
    """Remove the rules that need a property, at every level; a rule that asks whether the property is there stays."""
    rules = node.get("x-kubernetes-validations", [])
    node["x-kubernetes-validations"] = [rule for rule in rules if not _needs(rule["rule"], name)]
    for child in node.get("properties", {}).values():
        _drop_rules(child, name)
    for word in ("items", "additionalProperties"):
        if isinstance(node.get(word), dict):
            _drop_rules(node[word], name)


def _needs(rule: str, name: str) -> bool:
    uses = rf"[.]{name}\b"
    return bool(re.search(uses, rule)) and not re.search(rf"has\([\w.]+{uses}\)|[.][?]{name}\b", rule)
