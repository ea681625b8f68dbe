"""Builders of objects and hook bodies as Metacontroller 4.17.2 sends them (shapes copied from recorded calls), small
enough that a test shows what matters in it.

`range_object`, `request_object` and the others make a plain object. `with_ledger`, `deleted` and the others return a
changed copy of one, so that they can be combined: `with_ledger(deleted(range_object()), entry("web", "10.0.0.0/28"))`.
Namespaced names are written as one text: "team-b/web", or "web" for team-a/web.
"""

import copy
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, TypedDict, Unpack

from msgspec import Raw

from hooks.api.kinds import RangeStatus
from hooks.api.names import (
    API_VERSION,
    CELL_LABEL,
    CIDR_ANNOTATION,
    CONTROLLER_UID_LABEL,
    DOMAIN_LABEL,
    EXTENT_KEY,
    EXTENT_KIND,
    HOLD_ANNOTATION,
    LAST_APPLIED_ANNOTATION,
    NAMESPACE_KEY,
    RANGE_FINALIZER,
    RANGE_KEY,
    RANGE_KIND,
    RANGE_LABEL,
    RECLAIM_ANNOTATION,
    REQUEST_FINALIZER,
    REQUEST_KEY,
    REQUEST_KIND,
    SLICE_KEY,
    SLICE_KIND,
    UNANSWERED_ANNOTATION,
    NamespacedName,
    range_label,
    slice_name,
)
from hooks.ranges.cells import cell_label, cell_of
from hooks.ranges.spec import DEFAULT_DOMAIN, read_terms
from ipam.address_set import AddressSet
from ipam.interval import parse_interval

Obj = dict[str, Any]

NOW = datetime(2026, 11, 23, 20, 0, 0, tzinfo=UTC)
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
    """The time this many seconds after NOW, as the API server writes it."""
    return (NOW + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def key_of(text: str) -> NamespacedName:
    return NamespacedName.parse(text if "/" in text else f"{NAMESPACE}/{text}")


def uid_of(text: str) -> str:
    return f"uid-{key_of(text).name}"


# --- objects --------------------------------------------------------------------------------------------------------


def _object(kind: str, key: NamespacedName, uid: str, spec: Obj, **metadata: object) -> Obj:
    meta = {**key._asdict(), "uid": uid, "generation": 1, "creationTimestamp": at(-60), **metadata}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": meta, "spec": spec}


def _controlled_by(range_name: str, **labels: str) -> Obj:
    """The metadata of a child of a range."""
    uid = uid_of(range_name)
    owner = {"apiVersion": API_VERSION, "kind": RANGE_KIND, "name": key_of(range_name).name, "uid": uid}
    references = [{**owner, "controller": True, "blockOwnerDeletion": True}]
    return {"ownerReferences": references, "labels": {CONTROLLER_UID_LABEL: uid, **labels}}


def _given(**fields: object) -> Obj:
    return {name: value for name, value in fields.items() if value is not None}


def range_object(
    *texts: str,
    chunk_size: int | None = 28,
    mode: str | None = None,
    excludes: Sequence[str] = (),
    allowed: Obj | None = None,
    domain: str | None = None,
    cooldown: int | None = None,
    network: Obj | None = None,
    closed: bool | None = None,
    quota: Obj | None = None,
) -> Obj:
    """The IPAMRange team-a/net, without entries; by default 10.0.0.0/24 in chunks of /28."""
    fields = _given(chunkSize=chunk_size, mode=mode, excludes=list(excludes) or None, allowedNamespaces=allowed)
    fields |= _given(domain=domain, cooldownSeconds=cooldown, network=network, closed=closed, quota=quota)
    spec = {"ranges": list(texts or ["10.0.0.0/24"])} | fields
    made = _object(RANGE_KIND, key_of(RANGE), uid_of(RANGE), spec, finalizers=[RANGE_FINALIZER])
    return with_ledger(made)


def request_object(
    name: str,
    *,
    range_: str = RANGE,
    size: int | None = None,
    wanted: str | None = None,
    uid: str | None = None,
    created: str = at(-60),
    finalizers: tuple[str, ...] = (REQUEST_FINALIZER,),
) -> Obj:
    """An IPAMRequest; by default to the range `net` of its namespace, with our finalizer, without a size."""
    range_name = NamespacedName.parse(range_)
    reference = {"name": range_name.name} | _given(namespace=range_name.namespace or None)
    spec = {"ipam": reference} | _given(size=size, request=wanted)
    metadata: Obj = {"creationTimestamp": created, "finalizers": list(finalizers)}
    made = _object(REQUEST_KIND, key_of(name), uid or uid_of(name), spec, **metadata)
    return made | {"status": {"schemaV1": True}}


def answer_item(
    request: str,
    state: str = "Ready",
    *,
    cidr: str = "",
    revision: int = 0,
    reason: str = "",
    message: str = "",
    uid: str | None = None,
) -> Obj:
    """The answer of a range to the request of this name, as an item of a slice."""
    item = {"uid": uid or uid_of(request), "request": str(key_of(request)), "state": state}
    optional: Obj = {"cidr": cidr, "revision": revision, "reason": reason, "message": message}
    return item | {field: value for field, value in optional.items() if value}


def slice_object(*items: Obj, created: str = at(-60), range_: str = RANGE, name: str | None = None) -> Obj:
    """The IPAMAllocationSlice of a range, by default team-a/net, for requests that were created at this time.

    It has the name that follows from the first item, unless a name is given. It was written by Metacontroller as it is.
    """
    range_name = key_of(range_)
    name = name or slice_name(range_name, datetime.fromisoformat(created), items[0]["uid"])
    spec: Obj = {"range": range_name.name, "answers": sorted(items, key=itemgetter("uid")), "schemaV1": True}
    key = NamespacedName(range_name.namespace, name)
    made = _object(SLICE_KIND, key, f"uid-{name}", spec, **_controlled_by(range_), creationTimestamp=created)
    return written(made)


def slice_name_for(request: Obj) -> str:
    """The name of the slice in which team-a/net answers a request."""
    meta = request["metadata"]
    return slice_name(key_of(RANGE), datetime.fromisoformat(meta["creationTimestamp"]), meta["uid"])


def written(child: Obj) -> Obj:
    """A child of which it is recorded that Metacontroller wrote it as it is."""
    return annotated(child, LAST_APPLIED_ANNOTATION, json.dumps({"spec": child["spec"]}))


def slices_for(items: Sequence[Obj], requests: Sequence[Obj] = ()) -> list[Obj]:
    """The slices of team-a/net in which these items belong; those without one of these requests as if it had the
    default age."""
    created = {each["metadata"].get("uid"): each["metadata"]["creationTimestamp"] for each in requests}
    groups: dict[str, list[Obj]] = {}
    for item in items:
        each = slice_object(item, created=created.get(item["uid"], at(-60)))
        groups.setdefault(each["metadata"]["name"], []).append(item)
    return [
        slice_object(*group, created=created.get(group[0]["uid"], at(-60)), name=name) for name, group in groups.items()
    ]


def extent_object(
    *texts: str,
    version: int = 7,
    number: int | None = None,
    range_: str = RANGE,
    domain: str = DEFAULT_DOMAIN.name,
    allowed: Obj | None = None,
) -> Obj:
    """An IPAMExtent that announces these addresses of a range, by default team-a/net, numbered by its version."""
    range_name = key_of(range_)
    name = f"{range_name.name}-{version}"
    spec = {"domain": domain, "number": version if number is None else number, "range": range_name.name}
    spec |= {"ranges": list(texts), "schemaV1": True} | _given(allowedNamespaces=allowed)
    intervals = [parse_interval(text) for text in texts]
    cell = cell_of(AddressSet(intervals[0][1], (interval for interval, _ in intervals)))
    labels = {DOMAIN_LABEL: domain, CELL_LABEL: cell_label(cell), RANGE_LABEL: range_label(range_name)}
    metadata = {"resourceVersion": str(version)} | _controlled_by(range_, **labels)
    return _object(EXTENT_KIND, NamespacedName(range_name.namespace, name), uid_of(name), spec, **metadata)


def announcing(parent: Obj) -> list[Obj]:
    """The extent by which this range has announced all its addresses; none if its spec is invalid."""
    key = NamespacedName(parent["metadata"]["namespace"], parent["metadata"]["name"])
    terms = read_terms(key, Raw(json.dumps(parent.get("spec", {})).encode()), RangeStatus())
    if terms.invalid_reason:
        return []
    return [extent_object(*terms.pool.usable.texts, range_=str(key), domain=terms.domain.name)]


def namespace_object(name: str = NAMESPACE, *, labels: Obj | None = None) -> Obj:
    meta = {"name": name, "uid": f"uid-of-{name}", "creationTimestamp": at(-600)} | _given(labels=labels)
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


def entry(request: str, cidr: str, *, absent_since: str | None = None, released_at: str | None = None) -> Obj:
    """A line of the ledger: the request of this name holds this block."""
    line = {"cidr": cidr, "request": str(key_of(request)), "uid": uid_of(request)}
    return line | _given(absentSince=absent_since, releasedAt=released_at)


# --- changed copies of objects --------------------------------------------------------------------------------------


def with_ledger(
    range_: Obj,
    *entries: Obj,
    revision: int | None = None,
    released: Sequence[str] = (),
    cursors: dict[str, str] | None = None,
    closing: bool = False,
    on_hold: bool = False,
) -> Obj:
    """A range whose status records this; `released` are names of requests. With entries, the default revision is 1."""
    status = _given(revision=len(entries[:1]) if revision is None else revision, roundRobin=cursors)
    status |= _given(allocations=list(entries) or None, released=[uid_of(name) for name in released] or None)
    status |= _given(closing=closing or None, onHold=on_hold or None) | {"schemaV1": True, "state": "Ready"}
    return copy.deepcopy(range_) | {"status": status | _terms_in_ledger(range_)}


def _terms_in_ledger(range_: Obj) -> Obj:
    """What the ledger records of the spec of a range."""
    network, allowed = (range_["spec"].get(field) for field in ("network", "allowedNamespaces"))
    gateway = network.get("gateway") if isinstance(network, dict) else None
    recorded = {"gateways": [gateway]} if isinstance(gateway, str) else {}
    was_shared = {"wasShared": True} if (allowed or {}).get("from", "Same") != "Same" else {}
    return recorded | was_shared | {"observedGeneration": range_["metadata"]["generation"]}


def with_metadata(obj: Obj, **fields: object) -> Obj:
    changed = copy.deepcopy(obj)
    changed["metadata"] |= fields
    return changed


def deleted(obj: Obj, when: str = at(-1)) -> Obj:
    """An object that is being deleted, by default since a second ago."""
    return with_metadata(obj, deletionTimestamp=when)


def annotated(obj: Obj, name: str, value: str) -> Obj:
    return with_metadata(obj, annotations={**obj["metadata"].get("annotations", {}), name: value})


def put_on_hold(range_: Obj) -> Obj:
    return annotated(range_, HOLD_ANNOTATION, "true")


def reclaiming(range_: Obj, uids: str) -> Obj:
    """A range whose owner confirms that the holders with these uids do not exist any more."""
    return annotated(range_, RECLAIM_ANNOTATION, uids)


def recording(request: Obj, cidr: str) -> Obj:
    """A request that records the block of an earlier life."""
    return annotated(request, CIDR_ANNOTATION, cidr)


def showing(request: Obj, cidr: str) -> Obj:
    """A request whose status shows this block."""
    return copy.deepcopy(request) | {"status": {"cidr": cidr, "state": "Ready", "conditions": [], "schemaV1": True}}


def renamed(obj: Obj, name: str) -> Obj:
    return with_metadata(obj, name=name)


def unanswered(request: Obj, since: str) -> Obj:
    """A request that records since when it has no answer."""
    return annotated(request, UNANSWERED_ANNOTATION, since)


def uncontrolled(child: Obj) -> Obj:
    """A child whose owner reference is not that of a controller."""
    references = [{**reference, "controller": False} for reference in child["metadata"]["ownerReferences"]]
    return with_metadata(child, ownerReferences=references)


def unnumbered(extent: Obj) -> Obj:
    """An extent that has no number yet."""
    spec = {field: value for field, value in extent["spec"].items() if field != "number"}
    return copy.deepcopy(extent) | {"spec": spec}


def noisy(obj: Obj) -> Obj:
    """An object with fields that real objects carry and the hooks do not read."""
    changed = with_metadata(obj, **(NOISE | obj["metadata"]))
    if "status" in changed:
        changed["status"]["digest"] = "398ae2458d8ad9e5e609de4923bce79155a5f892085168db9a02d76aadb38726"
    return changed


#: The block that a range grants first, and the request that many tests are about.
CIDR = "10.0.0.0/28"
WEB = request_object("web")
DELETED_WEB = deleted(WEB)

# --- bodies ---------------------------------------------------------------------------------------------------------


def keyed(objects: list[Obj]) -> Obj:
    """Objects by "namespace/name", as version v2 of the hooks has them."""
    return {f"{each['metadata'].get('namespace', '')}/{each['metadata']['name']}".lstrip("/"): each for each in objects}


class Others(TypedDict, total=False):
    """What the body of a range has besides its requests.

    `answers` are items, which lie in the slices where they belong; `slices` are other slices. `announced` are own
    extents, `extents` those of the domain: without both of them the range has announced all its addresses.
    """

    answers: list[Obj]
    slices: list[Obj]
    namespaces: list[Obj]
    announced: list[Obj]
    extents: list[Obj]
    finalizing: bool


def range_body(parent: Obj, *requests: Obj, **others: Unpack[Others]) -> Obj:
    """The body of /ipamrange/sync and /ipamrange/finalize."""
    body: Obj = {
        "controller": {"kind": "CompositeController", "metadata": {"name": "ipamrange"}},
        "parent": parent,
        "children": {SLICE_KEY: keyed([*slices_for(others.get("answers", []), requests), *others.get("slices", [])])},
        "related": {
            REQUEST_KEY: keyed(list(requests)),
            NAMESPACE_KEY: keyed(others.get("namespaces", [namespace_object()])),
        },
        "finalizing": others.get("finalizing", False),
    }
    own = [] if "announced" in others or "extents" in others else announcing(parent)
    body["children"][EXTENT_KEY] = keyed(others.get("announced", own))
    body["related"][EXTENT_KEY] = keyed(others.get("extents", own))
    return body


class Asked(TypedDict, total=False):
    """What the body of a request has besides answers: slices as they are, and more once the request is deleted."""

    slices: list[Obj]
    extents: list[Obj]
    namespaces: list[Obj]
    ranges: list[Obj]
    attached: list[Obj]


def request_body(obj: Obj, *answers: Obj, finalizing: bool = False, **asked: Unpack[Asked]) -> Obj:
    """The body of /ipamrequest/sync and /ipamrequest/finalize; the answers lie in the slices where they belong."""
    related = {SLICE_KEY: keyed([*slices_for(answers, [obj]), *asked.get("slices", [])])}
    related |= {EXTENT_KEY: keyed(asked["extents"])} if "extents" in asked else {}
    related |= {NAMESPACE_KEY: keyed(asked["namespaces"])} if "namespaces" in asked else {}
    related |= {RANGE_KEY: keyed(asked["ranges"])} if "ranges" in asked else {}
    return {
        "controller": {"kind": "DecoratorController", "metadata": {"name": "ipamrequest"}},
        "object": obj,
        "attachments": {RANGE_KEY: keyed(asked["attached"])} if "attached" in asked else {},
        "related": related,
        "finalizing": finalizing,
    }
