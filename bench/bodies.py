"""Bodies of hook calls at any size, in the shape in which Metacontroller 4.17 sends them: managedFields and all."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from hooks.api.names import (
    API_VERSION,
    EXTENT_KEY,
    LAST_APPLIED_ANNOTATION,
    RANGE_LABEL,
    REQUEST_FINALIZER,
    REQUEST_KEY,
    SLICE_KEY,
    SLICE_KIND,
    NamespacedName,
    extent_name,
    slice_name,
)
from hooks.api.times import timestamp

RANGE_UID = "de152dec-3154-46e4-a4ca-367e4396cb2e"
START = datetime(2026, 11, 23, 19, 57, 49, tzinfo=UTC)
CREATED = timestamp(START)
#: How fast the requests are created; those of one second share a few slices.
CREATED_PER_SECOND = 200

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
    slices = _slices(held_count, told_count)
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
            SLICE_KEY: {f"team-a/{each['metadata']['name']}": each for each in slices},
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


def _created(index: int) -> datetime:
    return START + timedelta(seconds=index // CREATED_PER_SECOND)


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
            "creationTimestamp": timestamp(_created(index)),
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


def _slices(held_count: int, told_count: int) -> list[dict[str, Any]]:
    """The slices with the answers to the first requests."""
    answers: dict[str, list[dict[str, Any]]] = {}
    for index in range(told_count):
        name = slice_name(NamespacedName("team-a", "net"), _created(index), _uid(index))
        answers.setdefault(name, []).append(_answer(index, held_count))
    specs = {name: _MARKED | {"range": "net", "answers": items} for name, items in answers.items()}
    return [_child(SLICE_KIND, name, index, spec) for index, (name, spec) in enumerate(specs.items())]


def _answer(index: int, held_count: int) -> dict[str, Any]:
    answer: dict[str, Any] = {"uid": _uid(index), "request": f"team-a/{_name(index)}"}
    if index < held_count:
        return answer | {"state": "Ready", "cidr": _cidr(index), "revision": 1}
    return answer | {"state": "Busy", "reason": "Exhausted", "message": _EXHAUSTED}


def _extent(text: str) -> dict[str, Any]:
    """The extent by which the range has announced all its addresses."""
    spec = {"range": "net", "domain": "default", "number": 7, "ranges": [text]}
    return _child("IPAMExtent", extent_name("net", RANGE_UID, [text]), 0, spec | _MARKED)


def _child(kind: str, name: str, index: int, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {
            "annotations": {LAST_APPLIED_ANNOTATION: json.dumps({"spec": spec}, separators=(",", ":"))},
            "creationTimestamp": CREATED,
            "generation": 1,
            "labels": {"controller-uid": RANGE_UID},
            "managedFields": [_managed_fields("metacontroller", {"f:spec": _fields_of(spec)})],
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


def _fields_of(spec: dict[str, Any]) -> dict[str, Any]:
    """The fields of a spec as managedFields list them: the answers of a slice one by one."""
    fields: dict[str, Any] = {f"f:{key}": {} for key in spec}
    for answer in spec.get("answers", ()):
        key = json.dumps({"uid": answer["uid"]}, separators=(",", ":"))
        fields["f:answers"][f"k:{key}"] = {".": {}} | {f"f:{name}": {} for name in answer}
    return fields


def _managed_fields(manager: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        "manager": manager,
        "operation": "Update",
        "time": CREATED,
    }
