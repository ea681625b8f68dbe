"""docs/api.md: the fields of all kinds, as the CRDs describe them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Obj = dict[str, Any]

#: The CRDs in the order of the page: what users write, then what only ipam writes.
CRDS = (
    "crds/ipamranges.yaml",
    "crds/ipamrequests.yaml",
    "deploy/cluster-api/ipamrangealiases.yaml",
    "crds/ipamextents.yaml",
    "crds/ipamallocationslices.yaml",
)
_INTRODUCTION = """\
# API reference

All fields of all kinds, generated from the CRDs by `make generate`. `kubectl explain iprange.spec --recursive`
shows the same in a cluster. The [README](../README.md#ipamrange-fields) explains the fields that users write.

Rules that concern a single field are in its row; rules that compare fields, or the old and the new object, are listed
below the tables. Policies of the API server add rules about metadata, deletion and rights
([threat model](threat-model.md)).
"""
_METADATA = """\
## Annotations and labels

All begin with `ipam.mandelsoft.org/`. Policies of the API server limit who may write them.

| annotation | object | meaning |
| --- | --- | --- |
| `cidr` | request | the block that it has or had, for a restore. Users need the role `ipam-restore` to set it |
| `hold` | range | only requests with a recorded block are served. `restore`: only the role `ipam-restore` can end it |
| `reclaim` | range | uids of missing requests, separated by commas: their blocks are released |
| `end-cooldown` | range | uids of former holders, separated by commas: their blocks cool down no longer |
| `allow-deletion` | range | `true`: the range can be deleted although it holds blocks |
| `allow-deletion` | request of a claim or Service | `true`: cluster administrators can delete it before its owner |
| `abandon` | range | a cluster administrator removes the last finalizer of a range, and its record with it |
| `range` | Service | the range, or two, from which the Service gets its address: [Services](services.md) |
| `addresses` | Service, IPAddressClaim | the addresses that it has or had, for a restore |
| `message`, `released-requests` | Service | why it has no address; its former requests |
| `unanswered-since`, `rewritten` | all | written by ipam only |

| label | object | meaning |
| --- | --- | --- |
| `range` | request, extent | the range, as `namespace.name`; written by ipam. Select requests by it |
| `attached-to` | request | `IPAddressClaim`: a [claim](cluster-api.md) controls the request; written by ipam |
| `shard` | range, request, namespace | the [shard](limits.md#shards) that serves the object |
| `domain`, `cell` | extent | written by ipam only |
"""


def api_reference(root: Path) -> str:
    """The page, as text."""
    crds = [yaml.safe_load((root / path).read_text()) for path in CRDS]
    return "\n".join([_INTRODUCTION, *(line for crd in crds for line in _kind(crd)), _METADATA]).rstrip() + "\n"


def _kind(crd: Obj) -> Iterator[str]:
    names, version = crd["spec"]["names"], crd["spec"]["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    short = ", ".join(f"`{each}`" for each in names.get("shortNames", []))
    yield f"## {names['kind']}\n"
    yield f"{_sentence(schema)}\n"
    shortened = f", short name {short}" if short else ""
    yield f"`{crd['spec']['group']}/{version['name']}`, {crd['spec']['scope'].lower()}{shortened}.\n"
    if columns := version.get("additionalPrinterColumns"):
        shown = ", ".join(map(_column, columns))
        yield f"Columns of `kubectl get`; those in parentheses only with `-o wide`: {shown}.\n"
    if fields := version.get("selectableFields"):
        selectors = ", ".join(f"`{each['jsonPath'].lstrip('.')}`" for each in fields)
        yield f"Field selectors (`--field-selector`): {selectors}.\n"
    for part in ("spec", "status"):
        if part in schema["properties"]:
            yield from _part(part, schema["properties"][part])
    rules = [*_rules("", schema)]
    if rules:
        yield "### Rules of " + names["kind"] + "\n"
        yield from (f"* {rule}" for rule in rules)
        yield ""


def _column(column: Obj) -> str:
    name = column["name"].upper()
    return f"({name})" if column.get("priority") else name


def _part(name: str, schema: Obj) -> Iterator[str]:
    yield f"| `{name}` field | type | meaning |\n| --- | --- | --- |"
    yield from (f"| `{path}` | {_type(field)} | {_meaning(field)} |" for path, field in _fields("", schema))
    yield ""


def _fields(prefix: str, schema: Obj) -> Iterator[tuple[str, Obj]]:
    """All fields with their paths; `[]` stands for the items of a list, `{}` for the values of a map."""
    for name, field in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        yield path, field
        inside, mark = field, "."
        while "items" in inside or isinstance(inside.get("additionalProperties"), dict):
            mark = ("[]" if "items" in inside else "{}") + mark
            inside = inside["items"] if "items" in inside else inside["additionalProperties"]
        yield from _fields(path + mark, inside)


def _type(field: Obj) -> str:
    if "items" in field:
        return f"list of {_type(field['items'])}"
    if isinstance(field.get("additionalProperties"), dict):
        return f"map of {_type(field['additionalProperties'])}"
    if "enum" in field:
        return ", ".join(_value(each) for each in field["enum"])
    if field.get("x-kubernetes-int-or-string"):
        return "integer or string"
    return str(field.get("format") or field["type"])


def _value(value: object) -> str:
    """A value as it is written in YAML."""
    return f"`{json.dumps(value) if value == '' or not isinstance(value, str) else value}`"


def _meaning(field: Obj) -> str:
    words = [_sentence(field)]
    if "default" in field and not isinstance(field["default"], dict):
        words.append(f"Default: {_value(field['default'])}.")
    limits = _limits(field)
    if limits:
        words.append(f"{limits}.")
    return " ".join(word for word in words if word)


def _limits(field: Obj) -> str:
    """The bounds of a value, of its length, or of the items of a list."""
    items = field.get("items", {})
    found = [
        _bounds("", field.get("minimum"), field.get("maximum")),
        _bounds("characters", field.get("minLength"), field.get("maxLength")),
        _bounds("items", field.get("minItems"), field.get("maxItems")),
        _bounds("characters each", items.get("minLength"), items.get("maxLength")),
        _bounds("entries", field.get("minProperties"), field.get("maxProperties")),
    ]
    text = ", ".join(each for each in found if each)
    return text[:1].upper() + text[1:]


def _bounds(unit: str, least: int | None, most: int | None) -> str:
    if least is None and most is None:
        return ""
    if most is None:
        words = f"at least {least:,}"
    elif not least:
        words = f"at most {most:,}"
    else:
        words = f"{least:,} to {most:,}"
    return f"{words} {unit}".rstrip()


def _rules(path: str, schema: Obj) -> Iterator[str]:
    """The messages of all CEL rules."""
    for rule in schema.get("x-kubernetes-validations", []):
        place = f"{path}{rule.get('fieldPath', '')}".lstrip(".") or "the object"
        yield f"`{place}`: {_escaped(' '.join(rule.get('message', rule['rule']).split()))}"
    for name, field in schema.get("properties", {}).items():
        yield from _rules(f"{path}.{name}", field)
    if "items" in schema:
        yield from _rules(f"{path}[]", schema["items"])


def _sentence(schema: Obj) -> str:
    return _escaped(" ".join(schema.get("description", "").split()))


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "\\<")
