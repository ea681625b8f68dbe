"""Requests that delegate their blocks, and the ranges that are made from these."""

import copy

from hooks.api.names import API_VERSION, RANGE_FINALIZER, REQUEST_KIND
from tests.hooks.build import Obj, range_object, with_ledger, with_metadata


def delegating(request: Obj, **fields: object) -> Obj:
    """A request that delegates its block."""
    return request | {"spec": request["spec"] | {"delegate": fields}}


def delegated_range(request: Obj, cidr: str, *, uid: str = "uid-d", **status: object) -> Obj:
    """The range team-a/d that Metacontroller made from this block of a request."""
    meta = request["metadata"]
    delegator = {"name": meta["name"], "uid": meta["uid"]}
    spec = {"ranges": [cidr], "domain": f"delegated-{meta['uid']}", "delegatedFrom": delegator}
    owner = {"apiVersion": API_VERSION, "kind": REQUEST_KIND, **delegator, "controller": True}
    metadata: Obj = {"finalizers": [RANGE_FINALIZER], "ownerReferences": [owner]}
    made = range_object() | {"spec": spec}
    made = with_ledger(with_metadata(made, name="d", uid=uid, **metadata))
    return made | {"status": made["status"] | status}


def naming(request: Obj, uid: str = "uid-d", *, finished: bool = False) -> Obj:
    """A request whose status names the range team-a/d."""
    named = {"name": "d", "uid": uid} | ({"finished": True} if finished else {})
    return copy.deepcopy(request) | {"status": request["status"] | {"range": named}}
