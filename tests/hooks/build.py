"""Builders of hook bodies as Metacontroller 4.17.2 sends them (shapes copied from recorded calls), small enough that a
test shows what matters in it; and the ways to call a hook: over HTTP in process (`post`), or as a function.

`noise=True` adds what real objects carry and nobody here reads.
"""

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from werkzeug.test import TestResponse

from hooks.api.names import (
    ALLOCATION_KEY,
    API_VERSION,
    CIDR_ANNOTATION,
    CONTROLLER_UID_LABEL,
    DOMAIN_LABEL,
    EXTENT_KEY,
    HOLD_ANNOTATION,
    NAMESPACE_KEY,
    REQUEST_FINALIZER,
    REQUEST_KEY,
    NamespacedName,
    allocation_name,
)
from hooks.app import NOW_HEADER, create_app
from hooks.protocol.bodies import RangeBody, RangeCustomizeBody, RequestBody, RequestCustomizeBody
from hooks.protocol.decoding import decode_body, encode
from hooks.ranges import sync as ranges
from hooks.requests import sync as requests
from hooks.settings import Settings

Obj = dict[str, Any]

NOW = datetime(2026, 11, 23, 20, 0, 0, tzinfo=UTC)
RANGE_FINALIZER = "metacontroller.io/compositecontroller-ipamrange"
NAMESPACE = "team-a"
RANGE = "net"
#: The value of `allowedNamespaces` with which requests of every namespace are served.
ALL = {"from": "All"}

NOISE: Obj = {
    "resourceVersion": "30437",
    "labels": {"ipam.mandelsoft.org/range": "team-a.net"},
    "deletionGracePeriodSeconds": 0,
    "managedFields": [
        {
            "manager": "metacontroller",
            "operation": "Update",
            "apiVersion": API_VERSION,
            "time": "2026-11-23T19:12:51Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:status": {".": {}, "f:cidr": {}, "f:state": {}}},
            "subresource": "status",
        }
    ],
}


def at(seconds: float = 0) -> str:
    """A time as the API server writes it, so many seconds after NOW."""
    return (NOW + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def uid_of(name: str) -> str:
    return f"uid-{name}"


def _meta(namespace: str, name: str, uid: str, *, deleted: str | None, noise: bool, **more: Any) -> Obj:
    meta = {"namespace": namespace, "name": name, "uid": uid, "generation": 1, "creationTimestamp": at(-60), **more}
    if deleted:
        meta["deletionTimestamp"] = deleted
    return {**NOISE, **meta} if noise else meta


def _present(**fields: Any) -> Obj:
    """The fields that say something; a number does, and 0 is one."""
    return {name: value for name, value in fields.items() if value or (value == 0 and value is not False)}


def range_object(
    *texts: str,
    chunk_size: int | None = 28,
    entries: list[Obj] | None = None,
    released: list[str] | None = None,
    mode: str | None = None,
    round_robin: dict[str, str] | None = None,
    excludes: tuple[str, ...] = (),
    revision: int | None = None,
    closing: bool = False,
    deleted: str | None = None,
    reclaim: str | None = None,
    hold: bool = False,
    on_hold: bool = False,
    allowed: Obj | None = None,
    name: str = RANGE,
    namespace: str = NAMESPACE,
    generation: int = 1,
    conditions: list[Obj] | None = None,
    noise: bool = False,
) -> Obj:
    """An IPAMRange; by default 10.0.0.0/24 in chunks of /28, with an empty ledger of the given revision."""
    meta = _meta(namespace, name, "uid-of-the-range", deleted=deleted, noise=noise, finalizers=[RANGE_FINALIZER])
    meta["generation"] = generation
    annotations = {"ipam.mandelsoft.org/reclaim": reclaim, HOLD_ANNOTATION: "true" if hold else None}
    meta |= _present(annotations=_present(**annotations))
    spec = {"ranges": list(texts or ["10.0.0.0/24"])} | _present(
        chunkSize=chunk_size, excludes=list(excludes), mode=mode, allowedNamespaces=allowed
    )
    status = {"revision": (1 if entries else 0) if revision is None else revision} | _present(
        allocations=entries,
        roundRobin=round_robin,
        released=[uid_of(name) for name in released or []],
        onHold=on_hold,
        closing=closing,
        conditions=conditions,
        digest="398ae2458d8ad9e5e609de4923bce79155a5f892085168db9a02d76aadb38726" if noise else None,
    )
    return {"apiVersion": API_VERSION, "kind": "IPAMRange", "metadata": meta, "spec": spec, "status": status}


def request_object(
    name: str,
    *,
    namespace: str = NAMESPACE,
    uid: str | None = None,
    range_name: str = RANGE,
    range_namespace: str | None = None,
    size: int | None = None,
    wanted: str | None = None,
    created: str | None = None,
    deleted: str | None = None,
    finalizers: tuple[str, ...] = (REQUEST_FINALIZER,),
    cidr: str = "",
    conditions: list[Obj] | None = None,
    recorded: str | None = None,
    annotations: dict[str, str] | None = None,
    noise: bool = False,
) -> Obj:
    """An IPAMRequest; by default to team-a/net, with our finalizer, of no size of its own."""
    meta = _meta(namespace, name, uid or uid_of(name), deleted=deleted, noise=noise, finalizers=list(finalizers))
    if created:
        meta["creationTimestamp"] = created
    if annotations or recorded:
        meta["annotations"] = {**(annotations or {}), **({CIDR_ANNOTATION: recorded} if recorded else {})}
    spec: Obj = {"ipam": {"name": range_name}}
    if range_namespace:
        spec["ipam"]["namespace"] = range_namespace
    if size is not None:
        spec["size"] = size
    if wanted is not None:
        spec["request"] = wanted
    obj = {"apiVersion": API_VERSION, "kind": "IPAMRequest", "metadata": meta, "spec": spec}
    if cidr or conditions:
        obj["status"] = {"cidr": cidr, "state": "Ready" if cidr else "Busy", "conditions": conditions or []}
    return obj


def allocation_object(
    request: str,
    state: str = "Ready",
    *,
    cidr: str = "",
    revision: int = 0,
    reason: str = "",
    message: str = "",
    namespace: str = NAMESPACE,
    uid: str | None = None,
    name: str | None = None,
    range_name: str = RANGE,
    range_namespace: str = NAMESPACE,
    controller: bool = True,
    noise: bool = False,
) -> Obj:
    """The IPAMAllocation by which team-a/net answers the request of this name."""
    uid = uid or uid_of(request)
    name = name or allocation_name(NamespacedName(range_namespace, range_name), NamespacedName(namespace, request), uid)
    meta = _meta(range_namespace, name, f"uid-of-{name}", deleted=None, noise=noise)
    owner = {"apiVersion": API_VERSION, "kind": "IPAMRange", "name": range_name, "uid": "uid-of-the-range"}
    meta["ownerReferences"] = [{**owner, "controller": controller, "blockOwnerDeletion": True}]
    meta["labels"] = {CONTROLLER_UID_LABEL: owner["uid"]}
    spec: Obj = {"range": range_name, "request": {"namespace": namespace, "name": request, "uid": uid}, "state": state}
    spec |= {"cidr": cidr} if cidr else {}
    spec |= {"revision": revision} if revision else {}
    spec |= {"reason": reason} if reason else {}
    spec |= {"message": message} if message else {}
    return {"apiVersion": API_VERSION, "kind": "IPAMAllocation", "metadata": meta, "spec": spec}


def extent_object(
    *texts: str,
    version: int = 7,
    owner: str = "uid-of-the-range",
    range_name: str = RANGE,
    namespace: str = NAMESPACE,
    domain: str = f"namespace.{NAMESPACE}",
    controller: bool = True,
    deleted: str | None = None,
    allowed: Obj | None = None,
    number: int | None = 0,
) -> Obj:
    """An IPAMExtent that announces these addresses, by default one of team-a/net; 0 means numbered by its version."""
    name = f"{range_name}-{version}"
    meta = _meta(namespace, name, f"uid-of-{name}", deleted=deleted, noise=False, resourceVersion=str(version))
    reference = {"apiVersion": API_VERSION, "kind": "IPAMRange", "name": range_name, "uid": owner}
    meta["ownerReferences"] = [{**reference, "controller": controller, "blockOwnerDeletion": True}]
    meta["labels"] = {CONTROLLER_UID_LABEL: owner, DOMAIN_LABEL: domain}
    numbered = _present(number=version if number == 0 else number)
    spec = {"domain": domain, **numbered, "range": range_name, "ranges": list(texts)}
    spec |= _present(allowedNamespaces=allowed)
    return {"apiVersion": API_VERSION, "kind": "IPAMExtent", "metadata": meta, "spec": spec}


def namespace_object(name: str = NAMESPACE, *, deleted: str | None = None, labels: Obj | None = None) -> Obj:
    meta: Obj = {"name": name, "uid": f"uid-of-{name}", "creationTimestamp": at(-600)}
    if labels is not None:
        meta["labels"] = labels
    if deleted:
        meta["deletionTimestamp"] = deleted
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


def entry(name: str, cidr: str, *, absent_since: str | None = None, namespace: str = NAMESPACE) -> Obj:
    """A line of the ledger: the request of this name holds this block."""
    line = {"cidr": cidr, "request": f"{namespace}/{name}", "uid": uid_of(name)}
    return {**line, "absentSince": absent_since} if absent_since else line


def keyed(objects: list[Obj]) -> Obj:
    """Objects by "namespace/name", as version v2 of the hooks has them."""
    return {f"{each['metadata'].get('namespace', '')}/{each['metadata']['name']}".lstrip("/"): each for each in objects}


def range_body(
    parent: Obj,
    *requests_: Obj,
    allocations: list[Obj] | None = None,
    namespaces: list[Obj] | None = None,
    announced: list[Obj] | None = None,
    extents: list[Obj] | None = None,
    finalizing: bool = False,
) -> Obj:
    """The body of /ipamrange/sync and /ipamrange/finalize: `announced` are own extents, `extents` those of the domain.

    Without either of them it is the body of a Metacontroller that knows no extents.
    """
    body: Obj = {
        "controller": {"kind": "CompositeController", "metadata": {"name": "ipamrange"}},
        "parent": parent,
        "children": {ALLOCATION_KEY: keyed(allocations or [])},
        "related": {
            REQUEST_KEY: keyed(list(requests_)),
            NAMESPACE_KEY: keyed(namespaces if namespaces is not None else [namespace_object()]),
        },
        "finalizing": finalizing,
    }
    if announced is not None:
        body["children"][EXTENT_KEY] = keyed(announced)
    if extents is not None:
        body["related"][EXTENT_KEY] = keyed(extents)
    return body


def request_body(obj: Obj, *allocations: Obj, finalizing: bool = False, **related: list[Obj]) -> Obj:
    """The body of /ipamrequest/sync and /ipamrequest/finalize; `extents` and `namespaces` are related too, if given."""
    others = {"extents": EXTENT_KEY, "namespaces": NAMESPACE_KEY}
    return {
        "controller": {"kind": "DecoratorController", "metadata": {"name": "ipamrequest"}},
        "object": obj,
        "attachments": {},
        "related": {ALLOCATION_KEY: keyed(list(allocations))}
        | {others[name]: keyed(each) for name, each in related.items()},
        "finalizing": finalizing,
    }


# --- calls ----------------------------------------------------------------------------------------------------------

#: In replay mode, so that a test says what time it is; bodies up to 32 MiB.
APP = create_app(Settings(body_bytes_max=32 * 1024 * 1024, replay=True))


def post(path: str, body: Obj | bytes, now: datetime | None = NOW) -> TestResponse:
    """Call a hook over HTTP, in process."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {NOW_HEADER: now.isoformat()} if now else {}
    return APP.test_client().post(path, data=data, content_type="application/json", headers=headers)


def _plain(answer: Obj) -> Obj:
    plain: Obj = json.loads(encode(answer))
    return plain


def sync_range(body: Obj, now: datetime = NOW) -> Obj:
    """The answer of an IPAMRange's sync as plain JSON."""
    return _plain(ranges.sync(decode_body(json.dumps(body).encode(), RangeBody), now))


def sync_range_once_committed(body: Obj) -> Obj:
    """The answer of the next call: the API server has accepted the status that this one proposed."""
    body = copy.deepcopy(body)
    body["parent"]["status"] = sync_range(body)["status"]
    return sync_range(body)


def customize_range(parent: Obj) -> Obj:
    return _plain(ranges.customize(decode_body(json.dumps({"parent": parent}).encode(), RangeCustomizeBody)))


def sync_request(obj: Obj, *allocations: Obj, now: datetime = NOW) -> Obj:
    """The answer of an IPAMRequest's sync as plain JSON."""
    return _plain(requests.sync(decode_body(json.dumps(request_body(obj, *allocations)).encode(), RequestBody), now))


def finalize_request(obj: Obj, *allocations: Obj, now: datetime = NOW, **related: list[Obj]) -> Obj:
    body = request_body(obj, *allocations, finalizing=True, **related)
    return _plain(requests.finalize(decode_body(json.dumps(body).encode(), RequestBody), now))


def customize_request(obj: Obj) -> Obj:
    return _plain(requests.customize(decode_body(json.dumps({"parent": obj}).encode(), RequestCustomizeBody)))


# --- reading answers ------------------------------------------------------------------------------------------------


def ledger_of(answer: Obj) -> dict[str, str]:
    """Who holds what by the proposed ledger: cidr by name of the request, in its order."""
    return {line["request"].partition("/")[2]: line["cidr"] for line in answer["status"].get("allocations", [])}


def answers_of(answer: Obj) -> dict[str, tuple[str, str]]:
    """What is published: state and cidr by name of the request."""
    specs = [child["spec"] for child in answer["children"] if child["kind"] == "IPAMAllocation"]
    return {spec["request"]["name"]: (spec["state"], spec.get("cidr", "")) for spec in specs}


def messages_of(answer: Obj) -> dict[str, str]:
    """Messages of published answers by name of the request."""
    specs = [child["spec"] for child in answer["children"] if child["kind"] == "IPAMAllocation"]
    return {spec["request"]["name"]: spec.get("message", "") for spec in specs}


def extents_of(answer: Obj) -> list[list[str]]:
    """The addresses of each extent that shall exist."""
    return [child["spec"]["ranges"] for child in answer["children"] if child["kind"] == "IPAMExtent"]


def condition(status: Obj, type_: str = "Ready") -> Obj | None:
    """The condition of this type."""
    found: Obj | None = next((each for each in status.get("conditions", []) if each["type"] == type_), None)
    return found
