"""Toy kinds and toy hooks, which show every behaviour of the simulator without the real ones.

A Box (composite parent) creates a Slip (child) for each Wish (decorated object) that has its label; a Wish copies the
text of its Slip.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from simulator.cluster import Cluster
from simulator.kubernetes.objects import Obj, meta
from simulator.kubernetes.resources import Catalog

if TYPE_CHECKING:
    from collections.abc import Callable

GROUP = "toys.example"
API_VERSION = f"{GROUP}/v1"


def crd(kind: str, spec: Obj, status: Obj | None = None, rules: list[Obj] | None = None, **version: Any) -> Obj:
    properties = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
    root: Obj = {"type": "object", "properties": {**properties, "spec": spec}}
    if status is not None:
        root["properties"]["status"] = status
        version["subresources"] = {"status": {}}
    if rules:
        root["x-kubernetes-validations"] = rules
    plural = f"{kind.lower()}es" if kind.endswith(("x", "sh")) else f"{kind.lower()}s"
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "categories": ["toys"]}
    schema = {"openAPIV3Schema": root}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": names,
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema, **version}],
        },
    }


BOX_SPEC = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 3},
        "color": {"type": "string", "enum": ["red", "blue"], "default": "red"},
        "notes": {"type": "array", "maxItems": 2, "items": {"type": "string", "maxLength": 5}},
        "nets": {
            "type": "array",
            "items": {
                "type": "string",
                "x-kubernetes-validations": [
                    {"rule": "isCIDR(self)", "message": "not a CIDR"},
                    {"rule": "!isCIDR(self) || cidr(self) == cidr(self).masked()", "message": "has host bits"},
                ],
            },
        },
        "namespace": {"type": "string"},
    },
    "x-kubernetes-validations": [
        {"rule": "self.size == oldSelf.size", "messageExpression": "'size stays ' + string(oldSelf.size)"},
    ],
}
BOX_STATUS = {
    "type": "object",
    "default": {"revision": 0},
    "properties": {
        "revision": {"type": "integer"},
        "count": {"type": "integer"},
        "observedGeneration": {"type": "integer"},
    },
}
CAS_RULE = {
    "rule": "has(self.status) && self.status.revision <= oldSelf.status.revision + 1",
    "message": "one step at a time",
}
BOX_COLUMNS = [
    {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
    {"name": "Count", "type": "integer", "jsonPath": ".status.count"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {"name": "Color", "type": "string", "jsonPath": ".spec.color", "priority": 1},
]
WISH_SPEC = {"type": "object", "properties": {"box": {"type": "string"}}}
WISH_STATUS = {"type": "object", "properties": {"text": {"type": "string"}}}
LINES = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["uid"],
    "items": {"type": "object", "required": ["uid"], "properties": {"uid": {"type": "string"}}},
}
SLIP_SPEC = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "pins": {"type": "integer"}, "lines": LINES},
}

CRDS = [
    crd("Box", BOX_SPEC, BOX_STATUS, [CAS_RULE], additionalPrinterColumns=BOX_COLUMNS),
    crd("Wish", WISH_SPEC, WISH_STATUS),
    crd("Slip", SLIP_SPEC),
]


def hook(path: str) -> Obj:
    return {"version": "v2", "webhook": {"service": {"name": "toys", "namespace": "toys"}, "path": path}}


def hooks(prefix: str) -> Obj:
    return {name: hook(f"/{prefix}/{name}") for name in ("customize", "sync", "finalize")}


def controllers(method: str = "InPlace", ignores_status: bool = True) -> list[Obj]:
    return [
        {
            "apiVersion": "metacontroller.k8s.io/v1alpha1",
            "kind": "CompositeController",
            "metadata": {"name": "box"},
            "spec": {
                "generateSelector": True,
                "parentResource": {"apiVersion": API_VERSION, "resource": "boxes"},
                "childResources": [
                    {"apiVersion": API_VERSION, "resource": "slips", "updateStrategy": {"method": method}}
                ],
                "hooks": hooks("box"),
            },
        },
        {
            "apiVersion": "metacontroller.k8s.io/v1alpha1",
            "kind": "DecoratorController",
            "metadata": {"name": "wish"},
            "spec": {
                "resources": [{"apiVersion": API_VERSION, "resource": "wishes", "ignoreStatusChanges": ignores_status}],
                "hooks": hooks("wish"),
            },
        },
    ]


def box(name: str = "a", size: int = 1, **spec: Any) -> Obj:
    return {"apiVersion": API_VERSION, "kind": "Box", "metadata": {"name": name}, "spec": {"size": size, **spec}}


def wish(name: str, box_name: str = "a") -> Obj:
    return {"apiVersion": API_VERSION, "kind": "Wish", "metadata": {"name": name}, "spec": {"box": box_name}}


def slip(name: str, text: str, **spec: Any) -> Obj:
    return {"apiVersion": API_VERSION, "kind": "Slip", "metadata": {"name": name}, "spec": {"text": text, **spec}}


def nothing(_path: str, _body: Obj) -> None:
    """Override no answer."""


class Hooks:
    """The toy hooks; `bodies` records all calls, and an answer of `override` replaces theirs."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, Obj]] = []
        self.override: Callable[[str, Obj], tuple[int, dict[str, str], bytes] | None] = nothing

    def __call__(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        parsed = json.loads(body)
        self.bodies.append((path, parsed))
        answer = self.override(path, parsed)
        return answer if answer is not None else ok(self._answer(path, parsed))

    def paths(self) -> list[str]:
        return [path for path, _ in self.bodies]

    def last(self, path: str) -> Obj:
        return [body for called, body in self.bodies if called == path][-1]

    def _answer(self, path: str, body: Obj) -> Obj:
        match path:
            case "/box/customize":
                labels = {"box": meta(body["parent"])["name"]}
                return {"relatedResources": [related("wishes", labelSelector={"matchLabels": labels})]}
            case "/wish/customize":
                parent = meta(body["parent"])
                return {"relatedResources": [related("slips", namespace=parent["namespace"], names=[parent["name"]])]}
            case "/box/sync" | "/box/finalize":
                wishes = [obj for obj in body["related"][f"Wish.{API_VERSION}"].values() if not is_deleting(obj)]
                children = [slip(meta(obj)["name"], f"for {meta(obj)['name']}") for obj in wishes]
                status = {"revision": body["parent"]["status"]["revision"], "count": len(wishes)}
                return {"status": status, "children": children, "finalized": body["finalizing"] and not wishes}
            case _:
                slips = list(body["related"][f"Slip.{API_VERSION}"].values())
                return {
                    "labels": {"box": body["object"]["spec"]["box"]},
                    "status": {"text": slips[0]["spec"]["text"]} if slips else None,
                    "finalized": body["finalizing"] and not slips,
                }


def related(resource: str, **rule: Any) -> Obj:
    return {"apiVersion": API_VERSION, "resource": resource, **rule}


def is_deleting(obj: Obj) -> bool:
    return "deletionTimestamp" in meta(obj)


def ok(answer: Any) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, json.dumps(answer).encode()


def cluster(caller: Hooks | None = None, seed: int | None = None, manifests: list[Obj] | None = None) -> Cluster:
    return Cluster(Catalog(CRDS), manifests or controllers(), caller or Hooks(), seed=seed)
