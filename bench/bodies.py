"""Bodies of hook calls at any size, in the shape in which Metacontroller 4.17 sends them: managedFields and all."""

import json
from typing import Any, Literal

from hooks.api.names import (
    ALLOCATION_KEY,
    API_VERSION,
    EXTENT_KEY,
    RANGE_LABEL,
    REQUEST_FINALIZER,
    REQUEST_KEY,
    NamespacedName,
    allocation_name,
    extent_name,
)

RANGE_UID = "de152dec-3154-46e4-a4ca-367e4396cb2e"
CREATED = "2026-11-23T19:57:49Z"

#: No request has a block yet; each has its block; half of them have all blocks, and the others are Busy.
State = Literal["waiting", "settled", "exhausted"]

_EXHAUSTED = "no free /28 in team-a/net: waiting for room"
_MARKED = {"schemaV1": True}
_DEFAULT_STATUS = {
    **_MARKED,
    "state": "Pending",
    "message": (
        "no answer yet: if this lasts, see whether the range exists, whether it allows this namespace, and whether "
        "Metacontroller and the hooks run"
    ),
    "conditions": [
        {
            "type": "Ready",
            "status": "Unknown",
            "reason": "NotYetObserved",
            "message": "no answer yet",
            "lastTransitionTime": "1970-01-01T00:00:00Z",
        }
    ],
}


def sync_body(count: int, state: State) -> bytes:
    """The body of /ipamrange/sync for a range with so many requests, all in this state."""
    held_count = {"waiting": 0, "settled": count, "exhausted": count // 2}[state]
    told_count = 0 if state == "waiting" else count
    requests = {f"team-a/{_name(index)}": _request(index, held_count, told_count) for index in range(count)}
    entries = [
        {"cidr": _cidr(index), "request": f"team-a/{_name(index)}", "uid": _uid(index)} for index in range(held_count)
    ]
    children = [_allocation(index, held_count) for index in range(told_count)]
    text = f"10.0.0.0-{_address(16 * held_count - 1)}" if state == "exhausted" else "10.0.0.0-10.255.255.255"
    extent = _extent(text)
    extents = {f"team-a/{extent['metadata']['name']}": extent}
    ledger = {"revision": 1, "allocations": entries} if entries else {"revision": 0}
    body = {
        "controller": {"kind": "CompositeController", "metadata": {"name": "ipamrange"}},
        "parent": {
            "apiVersion": API_VERSION,
            "kind": "IPAMRange",
            "metadata": {
                "name": "net",
                "namespace": "team-a",
                "uid": RANGE_UID,
                "generation": 1,
                "creationTimestamp": CREATED,
            },
            "spec": {"chunkSize": 28, "ranges": [text]},
            "status": _MARKED | ledger | {"state": "Ready"},
        },
        "children": {
            ALLOCATION_KEY: {f"team-a/{each['metadata']['name']}": each for each in children},
            EXTENT_KEY: extents,
        },
        "related": {REQUEST_KEY: requests, EXTENT_KEY: extents},
        "finalizing": False,
    }
    return json.dumps(body, separators=(",", ":")).encode()


def _name(index: int) -> str:
    return f"cluster-{index:05d}-pods"


def _uid(index: int) -> str:
    return f"5bf2a5bd-3e17-4651-b1d8-{index:012d}"


def _address(offset: int) -> str:
    return f"10.{offset >> 16 & 255}.{offset >> 8 & 255}.{offset & 255}"


def _cidr(index: int) -> str:
    return f"{_address(16 * index)}/28"


def _status(index: int, held_count: int, told_count: int) -> dict[str, Any]:
    if index >= told_count:
        return _DEFAULT_STATUS
    if index < held_count:
        return {"cidr": _cidr(index), **_verdict("Ready", "True", "Allocated", "")}
    return _verdict("Busy", "False", "Exhausted", _EXHAUSTED)


def _verdict(state: str, status: str, reason: str, message: str) -> dict[str, Any]:
    types = {"Ready": status} | ({} if status == "True" else {"Reconciling": "True"})
    common = {"reason": reason, "message": message, "lastTransitionTime": CREATED, "observedGeneration": 1}
    conditions = [{"type": type_, "status": value, **common} for type_, value in types.items()]
    return _MARKED | {"state": state, "message": message, "observedGeneration": 1, "conditions": conditions}


def _request(index: int, held_count: int, told_count: int) -> dict[str, Any]:
    spec = {"ipam": {"name": "net"}}
    return {
        "apiVersion": API_VERSION,
        "kind": "IPAMRequest",
        "metadata": {
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(spec)},
            "creationTimestamp": CREATED,
            "finalizers": [REQUEST_FINALIZER],
            "generation": 1,
            "labels": {RANGE_LABEL: "team-a.net"},
            "managedFields": [
                _managed_fields("kubectl-client-side-apply", {"f:spec": {".": {}, "f:ipam": {".": {}, "f:name": {}}}}),
                _managed_fields("metacontroller", {"f:status": {"f:cidr": {}, "f:state": {}, "f:conditions": {}}}),
            ],
            "name": _name(index),
            "namespace": "team-a",
            "resourceVersion": str(30000 + index),
            "uid": _uid(index),
        },
        "spec": spec,
        "status": _status(index, held_count, told_count),
    }


def _allocation(index: int, held_count: int) -> dict[str, Any]:
    name = allocation_name(NamespacedName("team-a", "net"), NamespacedName("team-a", _name(index)), _uid(index))
    spec: dict[str, Any] = {
        "range": "net",
        "request": {"namespace": "team-a", "name": _name(index), "uid": _uid(index)},
    }
    if index < held_count:
        spec |= {"state": "Ready", "cidr": _cidr(index), "revision": 1}
    else:
        spec |= {"state": "Busy", "reason": "Exhausted", "message": _EXHAUSTED}
    return _child("IPAMAllocation", name, index, spec | _MARKED)


def _extent(text: str) -> dict[str, Any]:
    """The extent by which the range has announced all its addresses."""
    spec = {"range": "net", "domain": "default", "number": 7, "ranges": [text]}
    return _child("IPAMExtent", extent_name("net", RANGE_UID, [text]), 0, spec | _MARKED)


def _child(kind: str, name: str, index: int, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {
            "annotations": {"metacontroller.k8s.io/last-applied-configuration": json.dumps({"spec": spec})},
            "creationTimestamp": CREATED,
            "generation": 1,
            "labels": {"controller-uid": RANGE_UID},
            "managedFields": [_managed_fields("metacontroller", {"f:spec": {f"f:{key}": {} for key in spec}})],
            "name": name,
            "namespace": "team-a",
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "blockOwnerDeletion": True,
                    "controller": True,
                    "kind": "IPAMRange",
                    "name": "net",
                    "uid": RANGE_UID,
                }
            ],
            "resourceVersion": str(60000 + index),
            "uid": f"f97dcf3c-ac87-43b6-97bb-{index:012d}",
        },
        "spec": spec,
    }


def _managed_fields(manager: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        "manager": manager,
        "operation": "Update",
        "time": CREATED,
    }
