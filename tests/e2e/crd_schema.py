"""The rules in the schemas of our CRDs, so that each of them has a test.

A *keyword* rule (maxLength, enum, required, ...) is broken mechanically: one value of an object with all fields is made
wrong. This is not possible for CEL rules, so the tables in `crd_tables.py` have a case for each message.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from controlplane.objects import API_VERSION, entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from controlplane.api import Obj

CRDS = Path(__file__).parents[2] / "crds"
#: A key that stands for all keys of a map.
ANY_KEY = "key"
CONDITION = {
    "type": "Ready",
    "status": "True",
    "reason": "Granted",
    "message": "m",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
    "observedGeneration": 1,
}

NETWORK = {"gateway": "10.0.0.1", "prefixLength": 24, "dnsServers": ["10.0.0.53"]}

ALLOWED_NAMESPACES: Obj = {
    "from": "Selector",
    "selector": {
        "matchLabels": {ANY_KEY: "value"},
        "matchExpressions": [{"key": "key", "operator": "In", "values": ["value"]}],
    },
}

#: For each kind an object with a valid value for every field of the schema.
FILLED: dict[str, Obj] = {
    "IPAMRange": {
        "spec": {
            "ranges": ["10.0.0.0/24"],
            "chunkSize": 28,
            "mode": "BestFit",
            "cooldownSeconds": 60,
            "closed": True,
            "excludes": ["10.0.0.0"],
            "reservations": [
                {"cidr": "10.0.0.5", "holder": {"kind": "IPAddressClaim", "namespace": "team", "name": "db"}}
            ],
            "network": NETWORK,
            "allocateReservedIPAddresses": True,
            "allowedNamespaces": ALLOWED_NAMESPACES,
            "quota": {"addresses": 64, "namespaces": [{"name": "team", "addresses": "256"}]},
            "domain": "delegated-u1",
            "delegatedFrom": {"name": "site", "uid": "u1"},
            "description": "d",
        },
        "status": {
            "schemaV1": True,
            "revision": 1,
            "allocations": [entry(1) | {"absentSince": "2026-01-01T00:00:00Z", "releasedAt": "2026-01-01T00:00:00Z"}],
            "released": ["u9"],
            "roundRobin": {"28": "10.0.0.16"},
            "onHold": True,
            "closing": True,
            "gateways": ["10.0.0.1"],
            "wasShared": True,
            "removable": ["10.1.0.0/24"],
            "withdrawn": [{"addresses": "10.2.0.0-10.2.0.255", "number": 7}],
            "retired": {"addresses": "1", "held": "0"},
            "finished": True,
            "state": "Ready",
            "notes": "Full",
            "message": "m",
            "pending": 1,
            "capacity": {
                "total": "256",
                "allocated": "1",
                "free": "255",
                "used": "0%",
                "largestFree": "/25",
                "freeBlocks": {"/28": "15"},
                "room": "15 more /28",
                "reserved": "1",
                "unavailable": "1",
            },
            "observedGeneration": 1,
            "conditions": [CONDITION],
        },
    },
    "IPAMRequest": {
        "spec": {
            "ipam": {"name": "net", "namespace": "team"},
            "size": 0,
            "request": "10.0.0.16/28",
            "delegate": {
                "name": "site",
                "chunkSize": 28,
                "mode": "BestFit",
                "cooldownSeconds": 60,
                "allowedNamespaces": {"from": "All"},
            },
            "description": "d",
        },
        "status": {
            "schemaV1": True,
            "cidr": "10.0.0.16/32",
            "address": "10.0.0.16",
            "network": NETWORK,
            "revision": 3,
            "range": {"name": "site", "uid": "u1", "finished": True},
            "state": "Ready",
            "message": "m",
            "observedGeneration": 1,
            "conditions": [CONDITION],
        },
    },
    "IPAMExtent": {
        "spec": {
            "schemaV1": True,
            "range": "net",
            "domain": "corp",
            "ranges": ["10.0.0.0-10.0.0.255"],
            "number": 7,
            "withdrawn": ["10.0.0.16-10.0.0.31"],
            "allowedNamespaces": ALLOWED_NAMESPACES,
        },
    },
    "IPAMAllocationSlice": {
        "spec": {
            "schemaV1": True,
            "range": "net",
            "proposed": {"revision": 2, "at": "2026-01-01T00:00:00Z"},
            "answers": [
                {
                    "uid": "u1",
                    "request": "team/web",
                    "state": "Ready",
                    "cidr": "10.0.0.16/28",
                    "network": NETWORK,
                    "revision": 1,
                    "reason": "Allocated",
                    "message": "m",
                }
            ],
        },
    },
}

PathInObject = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Keyword:
    """One keyword of a schema, with its path and its value."""

    kind: str
    path: PathInObject
    name: str
    limit: Any
    sub: str = ""

    @property
    def title(self) -> str:
        """The name of the test case."""
        return f"{self.kind}.{'.'.join(str(step) for step in self.path)}:{self.name}{self.sub and '=' + self.sub}"


BREAKERS: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "maxLength": (lambda _, limit: "x" * (limit + 1), "Too long"),
    "minLength": (lambda _, limit: "x" * (limit - 1), "at least"),
    "minimum": (lambda _, limit: limit - 1, "greater than or equal to"),
    "maximum": (lambda _, limit: limit + 1, "less than or equal to"),
    "enum": (lambda _value, _limit: "Nonsense", "Unsupported value"),
    "pattern": (lambda _value, _limit: "-", "should match"),
    "format": (lambda _value, _limit: "yesterday", "must be of type"),
    "maxItems": (lambda value, limit: value * (limit + 1), "Too many"),
    "maxProperties": (lambda _, limit: {f"key-{number}": "value" for number in range(limit + 1)}, "Too many"),
    "minItems": (lambda _value, _limit: [], "at least"),
    "x-kubernetes-list-map-keys": (lambda value, _keys: value * 2, "Duplicate value"),
}
REQUIRED = "Required value"
#: The formats that are rules of ours.
FORMATS = frozenset({"date-time"})


def crds() -> list[Obj]:
    """Our CRDs as shipped."""
    documents = [yaml.safe_load(file.read_text()) for file in sorted(CRDS.glob("*.yaml"))]
    return [obj for obj in documents if obj["kind"] == "CustomResourceDefinition"]


def schema_of(crd: Obj) -> Obj:
    """The schema of a CRD's only version."""
    (version,) = crd["spec"]["versions"]
    return dict(version["schema"]["openAPIV3Schema"])


def keywords() -> list[Keyword]:
    """Every keyword rule of every CRD."""
    return [keyword for crd in crds() for keyword in _keywords_below(crd["spec"]["names"]["kind"], (), schema_of(crd))]


def cel_messages() -> set[str]:
    """The message of every CEL rule of every CRD."""
    return {message for crd in crds() for message in _messages_below(schema_of(crd))}


def filled(kind: str, namespace: str, name: str) -> Obj:
    """The filled object of a kind."""
    meta = {"namespace": namespace, "name": name}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": meta} | copy.deepcopy(FILLED[kind])


def break_keyword(obj: Obj, keyword: Keyword) -> str:
    """Breaks this rule in the object; returns a part of the expected refusal."""
    if keyword.name == "required":
        del _at(obj, keyword.path)[keyword.sub]
        return REQUIRED
    *parents, last = keyword.path
    parent = _at(obj, tuple(parents))
    breaker, message = BREAKERS[keyword.name]
    parent[last] = breaker(parent[last], keyword.limit)
    return message


def _at(obj: Obj, path: PathInObject) -> Any:
    value: Any = obj
    for step in path:
        value = value[step]
    return value


def _keywords_below(kind: str, path: PathInObject, schema: Obj) -> Iterator[Keyword]:
    for name, limit in schema.items():
        if name in BREAKERS and not (name == "format" and limit not in FORMATS):
            yield Keyword(kind, path, name, limit)
    for field_name in schema.get("required", ()):
        yield Keyword(kind, path, "required", True, field_name)
    for name, below in schema.get("properties", {}).items():
        yield from _keywords_below(kind, (*path, name), below)
    if "items" in schema:
        yield from _keywords_below(kind, (*path, 0), schema["items"])
    if "additionalProperties" in schema:
        yield from _keywords_below(kind, (*path, _first_key(kind, path)), schema["additionalProperties"])


def _first_key(kind: str, path: PathInObject) -> str:
    """A key of the map at this place in the filled object."""
    return str(next(iter(_at(FILLED[kind], path))))


def _messages_below(schema: Obj) -> Iterator[str]:
    for rule in schema.get("x-kubernetes-validations", ()):
        yield rule["message"]
    inner = [schema[name] for name in ("items", "additionalProperties") if name in schema]
    for below in [*schema.get("properties", {}).values(), *inner]:
        yield from _messages_below(below)
