"""A decision that is made to see whether these hooks decide: a range of two addresses, one held and one wanted.

Two calls of the range propose and publish a block, and a call of the request shows it, through the same decoding and
encoding as any other call. Hooks that cannot do this get no calls: Metacontroller then waits, and nothing is lost.
"""

import json
from datetime import UTC, datetime
from typing import Any

from hooks.api import names
from hooks.api.times import timestamp
from hooks.protocol.bodies import RangeBody, RequestBody
from hooks.protocol.decoding import Body, decode_body, encode
from hooks.ranges import sync as ranges
from hooks.requests import sync as requests

Obj = dict[str, Any]

_NAMESPACE, _RANGE, _RANGE_UID = "ipam-system", "readiness", "00000000-0000-4000-8000-000000000001"
_HOLDER, _WANTING = "holder", "wanting"
_HELD, _FREE = "192.0.2.0/32", "192.0.2.1/32"
_ADDRESSES = "192.0.2.0-192.0.2.1"
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def readiness_fault() -> str | None:
    """What is wrong with the decision; None if it is right."""
    status: Obj = {"revision": 1, "allocations": [_entry(_HOLDER, _HELD)], "observedGeneration": 1}
    proposal = _plain(ranges.sync(_decoded(_range_body(status), RangeBody), _NOW))
    granted = [entry["cidr"] for entry in proposal["status"].get("allocations", []) if entry["uid"] == _WANTING]
    if granted != [_FREE]:
        return f"the range grants {granted or 'nothing'} instead of {_FREE}"
    committed = _plain(ranges.sync(_decoded(_range_body(proposal["status"]), RangeBody), _NOW))
    slices = [each for each in committed["children"] if each["kind"] == names.SLICE_KIND]
    shown = _plain(requests.sync(_decoded(_request_body(slices), RequestBody), _NOW))["status"] or {}
    if (shown.get("state"), shown.get("cidr")) != ("Ready", _FREE):
        return f"the request shows {shown.get('cidr') or 'nothing'} instead of {_FREE}"
    return None


def _decoded(body: Obj, body_type: type[Body]) -> Body:
    return decode_body(json.dumps(body).encode(), body_type)


def _plain(answer: Obj) -> Obj:
    plain: Obj = json.loads(encode(answer))
    return plain


def _range_body(status: Obj) -> Obj:
    parent = _object(names.RANGE_KIND, _RANGE, _RANGE_UID)
    parent |= {"spec": {"chunkSize": 32, "ranges": [_ADDRESSES]}, "status": {"schemaV1": True} | status}
    extents = _by_name([_extent()])
    wanted = _by_name([_request(_HOLDER), _request(_WANTING)])
    return {
        "parent": parent,
        "children": {names.SLICE_KEY: {}, names.EXTENT_KEY: extents},
        "related": {names.REQUEST_KEY: wanted, names.EXTENT_KEY: extents},
        "finalizing": False,
    }


def _request_body(slices: list[Obj]) -> Obj:
    """The body for the request, with slices as the API server would show them."""
    for each in slices:
        each["metadata"] |= {"uid": "slice", "creationTimestamp": timestamp(_NOW), **_owned()}
    return {"object": _request(_WANTING), "related": {names.SLICE_KEY: _by_name(slices)}, "finalizing": False}


def _owned() -> Obj:
    """What Metacontroller and the API server add to a child of the range."""
    owner = {"kind": names.RANGE_KIND, "name": _RANGE, "uid": _RANGE_UID, "controller": True}
    labels = {names.CONTROLLER_UID_LABEL: _RANGE_UID}
    return {"resourceVersion": "1", "ownerReferences": [owner], "labels": labels}


def _object(kind: str, name: str, uid: str) -> Obj:
    metadata = {"namespace": _NAMESPACE, "name": name, "uid": uid, "generation": 1}
    return {
        "apiVersion": names.API_VERSION,
        "kind": kind,
        "metadata": metadata | {"creationTimestamp": timestamp(_NOW)},
    }


def _request(name: str) -> Obj:
    made = _object(names.REQUEST_KIND, name, uid=name)
    made["metadata"]["finalizers"] = [names.REQUEST_FINALIZER]
    return made | {"spec": {"ipam": {"name": _RANGE}}, "status": {"schemaV1": True}}


def _extent() -> Obj:
    made = _object(names.EXTENT_KIND, names.extent_name(_RANGE, _RANGE_UID, [_ADDRESSES]), uid="extent")
    made["metadata"] |= _owned()
    spec = {"range": _RANGE, "domain": "default", "number": 1, "ranges": [_ADDRESSES], "schemaV1": True}
    return made | {"spec": spec}


def _entry(name: str, cidr: str) -> Obj:
    return {"cidr": cidr, "request": f"{_NAMESPACE}/{name}", "uid": name}


def _by_name(objects: list[Obj]) -> dict[str, Obj]:
    return {f"{_NAMESPACE}/{each['metadata']['name']}": each for each in objects}
