"""Builders of IPAddressClaims and Services, their attachments, and the bodies of their calls."""

from collections.abc import Sequence

from hooks.api.names import API_VERSION, REQUEST_KEY, NamespacedName, attached_name
from tests.hooks.build import NAMESPACE, RANGE, Obj, at, uid_of

CAPI = "ipam.cluster.x-k8s.io/v1beta2"
CLUSTER_KEY = "Cluster.cluster.x-k8s.io/v1beta2"
METALLB = "metallb.io/loadBalancerIPs"
SERVICE_SYNC = f"/service/sync?annotation={METALLB}"


def _object(api_version: str, kind: str, name: str, spec: Obj, **metadata: object) -> Obj:
    meta = {"namespace": NAMESPACE, "name": name, "uid": uid_of(name), "generation": 1, "creationTimestamp": at(-5)}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta | metadata, "spec": spec}


def claim_object(name: str = "worker-0", cluster: str | None = None, **metadata: object) -> Obj:
    """An IPAddressClaim for the range `net`."""
    spec: Obj = {"poolRef": {"apiGroup": "ipam.mandelsoft.org", "kind": "IPAMRange", "name": RANGE}}
    return _object(CAPI, "IPAddressClaim", name, spec | ({"clusterName": cluster} if cluster else {}), **metadata)


def service_object(name: str = "web", ranges: str = RANGE, **annotations: str) -> Obj:
    """A Service of type LoadBalancer that names ranges."""
    annotations = {"ipam.mandelsoft.org/range": ranges, **annotations}
    return _object("v1", "Service", name, {"type": "LoadBalancer"}, annotations=annotations)


def controller_reference(owner: Obj) -> Obj:
    """The owner reference that Metacontroller gives to an attachment of this object."""
    same = {key: owner["metadata"][key] for key in ("name", "uid")}
    return {"apiVersion": owner["apiVersion"], "kind": owner["kind"], **same, "controller": True}


def attached_request(owner: Obj, address: str = "10.0.0.5", range_name: str = RANGE, **metadata: object) -> Obj:
    """A request that is attached to an object, and has this address."""
    meta = owner["metadata"]
    name = attached_name(
        owner["kind"], NamespacedName(NAMESPACE, meta["name"]), meta["uid"], NamespacedName(NAMESPACE, range_name)
    )
    name = str(metadata.pop("name", name))
    condition = {"type": "Ready", "status": "True", "reason": "Allocated", "message": "", "lastTransitionTime": at(-2)}
    status = {
        "schemaV1": True,
        "state": "Ready",
        "cidr": f"{address}/{128 if ':' in address else 32}",
        "address": address,
        "network": {"prefixLength": 24},
        "conditions": [condition],
    }
    spec = {"ipam": {"namespace": NAMESPACE, "name": range_name}, "request": "#1"}
    metadata = {"ownerReferences": [controller_reference(owner)], **metadata}
    return _object(API_VERSION, "IPAMRequest", name, spec, **metadata) | {"status": status}


def address_object(address: str = "10.0.0.5") -> Obj:
    """The IPAddress of the claim `worker-0`."""
    claim = claim_object()
    spec = {"address": address, "prefix": 24, "claimRef": {"name": "worker-0"}, "poolRef": claim["spec"]["poolRef"]}
    return _object(CAPI, "IPAddress", "worker-0", spec, ownerReferences=[controller_reference(claim)])


def claim_body(claim: Obj, *attachments: Obj, clusters: Sequence[str] = ()) -> Obj:
    """The body of a claim's sync, with its attachments and the Clusters of these names."""
    found = [_object("cluster.x-k8s.io/v1beta2", "Cluster", name, {}) for name in clusters]
    related = {CLUSTER_KEY: _by_key(found)}
    groups = {REQUEST_KEY: "IPAMRequest", f"IPAddress.{CAPI}": "IPAddress"}
    attached = {key: _by_key([each for each in attachments if each["kind"] == kind]) for key, kind in groups.items()}
    return {"object": claim, "attachments": attached, "related": related, "finalizing": False}


def claimed_body(request: Obj, *claims: Obj) -> Obj:
    """The body of the calls about a request that is attached to a claim, with the claims that are observed."""
    related = {f"IPAddressClaim.{CAPI}": _by_key(claims)}
    return {"object": request, "attachments": {}, "related": related, "finalizing": True}


def service_body(service: Obj, *attachments: Obj) -> Obj:
    """The body of a Service's sync."""
    attached = {REQUEST_KEY: _by_key(attachments)}
    return {"object": service, "attachments": attached, "related": {}, "finalizing": False}


def _by_key(objects: Sequence[Obj]) -> Obj:
    return {f"{each['metadata']['namespace']}/{each['metadata']['name']}": each for each in objects}
