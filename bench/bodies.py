"""Bodies of hook calls at any size, in the shape in which Metacontroller 4.17 sends them: managedFields and all."""

import json
from typing import Any

from hooks.names import ALLOCATION_KEY, API_VERSION, RANGE_LABEL, REQUEST_FINALIZER, REQUEST_KEY, allocation_name

RANGE_UID = "de152dec-3154-46e4-a4ca-367e4396cb2e"
CREATED = "2026-11-23T19:57:49Z"


def sync_body(count: int, *, settled: bool) -> bytes:
    """The body of /ipamrange/sync for a range with so many requests.

    Args:
        count: number of requests.
        settled: whether each request has its block already and an allocation says so, or all of them wait.
    """
    requests = {f"team-a/{_name(index)}": _request(index) for index in range(count)}
    entries = [
        {"cidr": _cidr(index), "request": f"team-a/{_name(index)}", "uid": _uid(index)} for index in range(count)
    ]
    allocations = {f"team-a/{each['metadata']['name']}": each for each in map(_allocation, range(count))}
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
            "spec": {"chunkSize": 28, "ranges": ["10.0.0.0/8"]},
            "status": {"revision": 1, "allocations": entries} if settled else {"revision": 0},
        },
        "children": {ALLOCATION_KEY: allocations if settled else {}},
        "related": {REQUEST_KEY: requests},
        "finalizing": False,
    }
    return json.dumps(body, separators=(",", ":")).encode()


def _name(index: int) -> str:
    return f"cluster-{index:05d}-pods"


def _uid(index: int) -> str:
    return f"5bf2a5bd-3e17-4651-b1d8-{index:012d}"


def _cidr(index: int) -> str:
    address = 16 * index
    return f"10.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}/28"


def _request(index: int) -> dict[str, Any]:
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
        "status": {"state": "Pending"},
    }


def _allocation(index: int) -> dict[str, Any]:
    name = allocation_name("team-a", "net", "team-a", _name(index), _uid(index))
    spec = {
        "range": "net",
        "request": {"namespace": "team-a", "name": _name(index), "uid": _uid(index)},
        "state": "Ready",
        "cidr": _cidr(index),
        "revision": 1,
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "IPAMAllocation",
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
