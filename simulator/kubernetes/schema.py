"""A CRD's structural schema: pruning, defaults, unknown fields and validation, worded as the API server does.

`jsonschema` validates the values. The code here is for what it can't do: Kubernetes' dialect (nullable, int-or-string),
pruning, defaulting, and the wording of faults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import jsonschema

from simulator.kubernetes.clock import parse_rfc3339
from simulator.kubernetes.errors import Fault, invalid, shown
from simulator.kubernetes.objects import copied

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The keyword by which a schema keeps fields that it does not name.
KEEPS_ALL = "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING = "x-kubernetes-int-or-string"
#: The keyword by which a list is a map: these fields of an item are its key.
LIST_MAP_KEYS = "x-kubernetes-list-map-keys"
#: Keywords whose values are schemas, or lists or maps of schemas.
_NESTED = ("properties", "items", "additionalProperties", "not", "allOf", "anyOf", "oneOf")
#: Keywords that mean the same in JSON Schema.
_SHARED = ("required", "enum", "minimum", "maximum", "minLength", "maxLength", "pattern", "minItems", "maxItems",
           "uniqueItems", "minProperties", "maxProperties", "multipleOf", "format")  # fmt: skip
#: The API server's words for a broken keyword: {0} is the value of the keyword, {1} the refused value.
_BROKEN = {
    "minimum": "should be greater than or equal to {0}",
    "maximum": "should be less than or equal to {0}",
    "minLength": "should be at least {0} chars long",
    "minItems": "should have at least {0} items",
    "pattern": "should match '{0}'",
    "format": "must be of type {0}: {1}",
}
_FORMATS = jsonschema.FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or parse_rfc3339(value) is not None


class Schema:
    """The openAPIV3Schema of one version of a kind."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self._validator = jsonschema.Draft202012Validator(_json_schema(root), format_checker=_FORMATS)

    def unknown_fields(self, obj: dict[str, Any]) -> list[str]:
        """Paths of the fields that the schema does not name, such as `spec.rangs`; metadata is not checked."""
        return list(_unknown(self.root, _without_metadata(obj), ""))

    def completed(self, obj: dict[str, Any]) -> dict[str, Any]:
        """A copy without unknown fields and with defaults, as objects are stored and read."""
        result: dict[str, Any] = _completed(self.root, _without_metadata(obj))
        for name in ("apiVersion", "kind", "metadata"):
            if name in obj:
                result[name] = copied(obj[name])
        return result

    def faults(self, obj: dict[str, Any], skip: frozenset[str]) -> list[Fault]:
        """The faults of an object, in the order of the fields; top-level fields in `skip` are not checked.

        The API server does not refuse values that were stored before ("ratcheting"), so callers skip unchanged fields.
        """
        judged = {name: value for name, value in obj.items() if name not in skip}
        found = self._validator.iter_errors(judged)
        faults = [fault for error in found for fault in _faults_of(error) if fault.path not in skip]
        if not any(fault.is_structural for fault in faults):
            faults += _duplicates(self.root, judged, "")
        return sorted(faults, key=lambda fault: fault.path)


def _without_metadata(obj: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in obj.items() if name not in {"apiVersion", "kind", "metadata"}}


def _json_schema(node: dict[str, Any]) -> dict[str, Any]:
    """The same rules as JSON Schema."""
    result: dict[str, Any] = {name: node[name] for name in _SHARED if name in node}
    if node.get(INT_OR_STRING):
        result["type"] = ["integer", "string"]
    elif "type" in node:
        result["type"] = [node["type"], "null"] if node.get("nullable") else node["type"]
    for bound in ("minimum", "maximum"):
        if node.get(f"exclusive{bound.title()}") is True:
            result[f"exclusive{bound.title()}"] = result.pop(bound)
    for name in _NESTED:
        if name in node:
            result[name] = _nested(name, node[name])
    return result


def _nested(name: str, value: Any) -> Any:
    if name == "properties":
        return {field: _json_schema(child) for field, child in value.items()}
    if isinstance(value, list):
        return [_json_schema(child) for child in value]
    return _json_schema(value) if isinstance(value, dict) else value


def _children(node: dict[str, Any], value: Any) -> Iterator[tuple[Any, str, dict[str, Any] | None]]:
    """(key or index, path suffix, schema or None if unknown) for each item of an object or list."""
    if isinstance(value, dict):
        extra = node.get("additionalProperties")
        for name in value:
            known = node.get("properties", {}).get(name)
            if known is None and isinstance(extra, dict):
                yield name, f"[{name}]", extra
            else:
                yield name, f".{name}", known if known is not None else ({} if extra is True else None)
    elif isinstance(value, list) and "items" in node:
        for index in range(len(value)):
            yield index, f"[{index}]", node["items"]


def _unknown(node: dict[str, Any], value: Any, path: str) -> Iterator[str]:
    for name, suffix, child in _children(node, value):
        where = f"{path}{suffix}".removeprefix(".")
        if child is not None:
            yield from _unknown(child, value[name], where)
        elif not _is_open(node):
            yield where


def _is_open(node: dict[str, Any]) -> bool:
    return bool(node.get(KEEPS_ALL)) or not any(name in node for name in ("properties", "type", "items"))


def _duplicates(node: dict[str, Any], value: Any, path: str) -> Iterator[Fault]:
    """The items of list maps that have the key of an earlier item, at every level."""
    if LIST_MAP_KEYS in node and isinstance(value, list):
        seen: set[str] = set()
        for index, item in enumerate(value):
            key = shown({name: item[name] for name in node[LIST_MAP_KEYS] if name in item})
            if key in seen:
                yield Fault(f"{path}[{index}]", "Duplicate value", key, "")
            seen.add(key)
    for name, suffix, child in _children(node, value):
        if child is not None:
            yield from _duplicates(child, value[name], f"{path}{suffix}".removeprefix("."))


def _completed(node: dict[str, Any], value: Any) -> Any:
    if isinstance(value, list):
        return [_completed(node.get("items", {}), item) for item in value]
    if not isinstance(value, dict):
        return value
    result: dict[str, Any] = {}
    for name, _, child in _children(node, value):
        if child is None:
            if _is_open(node):
                result[name] = copied(value[name])
        elif value[name] is not None or child.get("nullable") or not child:
            result[name] = _completed(child, value[name])
        elif "default" not in child and "type" not in child:
            result[name] = None
    for name, child in node.get("properties", {}).items():
        if name not in result and "default" in child:
            result[name] = _completed(child, copied(child["default"]))
    return result


def _faults_of(error: jsonschema.ValidationError) -> list[Fault]:
    path = _path(error)
    value, limit, word = cast("Any", error.instance), cast("Any", error.validator_value), str(error.validator)
    match word:
        case "required":
            return [Fault(_child(path, name), "Required value", "", "") for name in limit if name not in value]
        case "enum":
            listed = ", ".join(shown(item) for item in limit)
            return [Fault(path, "Unsupported value", shown(value), f"supported values: {listed}")]
        case "maxLength":
            return [Fault(path, "Too long", "", f"may not be more than {limit} bytes")]
        case "maxItems" | "maxProperties":
            return [Fault(path, "Too many", str(len(value)), f"must have at most {limit} items")]
        case "type":
            wanted = limit[0] if isinstance(limit, list) else limit
            return [
                invalid(path, _type_name(value), f"{path} in body must be of type {wanted}: {shown(_type_name(value))}")
            ]
        case _:
            why = _BROKEN.get(word, f"breaks {word} {{0}}").format(limit, shown(value))
            return [invalid(path, value, f"{path} in body {why}")]


def _type_name(value: Any) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return names.get(type(value), "null")


def _path(error: jsonschema.ValidationError) -> str:
    path = ""
    for part in error.absolute_path:
        path = f"{path}[{part}]" if isinstance(part, int) else _child(path, part)
    return path


def _child(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
