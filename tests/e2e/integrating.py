"""Consumers of addresses as the tests of claims and Services see them, and the loop with the controllers for these."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from controlplane.api import MERGE_PATCH, Refused
from controlplane.binaries import find_or_build
from controlplane.cluster_api import install_crds, install_older_crds
from controlplane.loop import Loop
from controlplane.plane import ControlPlane
from controlplane.processes import NotInTime, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controlplane.api import Api, Obj
    from controlplane.team import Team

CAPI = "ipam.cluster.x-k8s.io"
V1BETA1, V1BETA2 = f"{CAPI}/v1beta1", f"{CAPI}/v1beta2"
CLUSTER_LABEL = "cluster.x-k8s.io/cluster-name"
PAUSED = "cluster.x-k8s.io/paused"
ADDRESSES = "ipam.mandelsoft.org/addresses"
RANGE = "ipam.mandelsoft.org/range"
MESSAGE = "ipam.mandelsoft.org/message"
METALLB = "metallb.io/loadBalancerIPs"
NETWORK = {"gateway": "10.0.0.1", "prefixLength": 24}
WAIT_SECONDS_MAX = 60.0


@contextmanager
def loop_with(plane: ControlPlane, metacontroller: Path, *additions: str) -> Iterator[Loop]:
    """The loop with these folders of deploy/; for claims with the kinds of Cluster API, too."""
    if "cluster-api-v1beta1" in additions:
        install_older_crds(plane)
    elif any(each.startswith("cluster-api") for each in additions):
        install_crds(plane)
    loop = Loop(plane, metacontroller, additions=additions)
    try:
        loop.start()
        yield loop
    finally:
        loop.stop()
        loop.remove_additions()


@contextmanager
def loop_on_its_own_plane(folder: Path, plane: ControlPlane, metacontroller: Path, *additions: str) -> Iterator[Loop]:
    """The same on a new control plane in this folder, with the programs and the checkout of another one."""
    new = ControlPlane(folder, find_or_build(), plane.root, tied_to_us=True)
    try:
        new.start()
        with loop_with(new, metacontroller, *additions) as loop:
            yield loop
    finally:
        new.stop()


@contextmanager
def consumer_with_range(team: Team) -> Iterator[Consumer]:
    """A controller of machines in the namespace of a team, which gets the range `net`; at the end all is deleted."""
    team.create_range("net", "10.0.0.0/24", network=NETWORK)
    consumer = Consumer(team.api, team.namespace)
    yield consumer
    consumer.leave()


def claim_object(namespace: str, name: str, pool: str = "net", **fields: Any) -> Obj:
    """An IPAddressClaim for a range of its namespace; `kind`, `group` and `cluster` are of its spec.

    `version` is its API version, otherwise v1beta2.
    """
    reference = {"apiGroup": fields.get("group", "ipam.mandelsoft.org"), "kind": fields.get("kind", "IPAMRange")}
    spec = {"poolRef": reference | {"name": pool}}
    if "cluster" in fields:
        spec["clusterName"] = fields["cluster"]
    meta = {"name": name, "namespace": namespace}
    meta |= {key: fields[key] for key in ("labels", "annotations", "finalizers", "ownerReferences") if key in fields}
    version = fields.get("version", V1BETA2)
    return {"apiVersion": version, "kind": "IPAddressClaim", "metadata": meta, "spec": spec}


class Objects:
    """The objects of one kind in one namespace."""

    def __init__(self, api: Api, group_version: str, resource: str, namespace: str) -> None:
        prefix = "/api/v1" if group_version == "v1" else f"/apis/{group_version}"
        self.path = f"{prefix}/namespaces/{namespace}/{resource}" if namespace else f"{prefix}/{resource}"
        self._api = api

    def by(self, api: Api) -> Objects:
        """The same, as another user sees them."""
        other = Objects.__new__(Objects)
        other.path, other._api = self.path, api
        return other

    def create(self, obj: Obj) -> Obj:
        """Creates an object."""
        return self._api.ask("POST", self.path, obj)

    def get(self, name: str) -> Obj:
        """One object."""
        return self._api.ask_patiently("GET", f"{self.path}/{name}")

    def find(self, name: str) -> Obj | None:
        """One object, or None."""
        try:
            return self.get(name)
        except Refused as refusal:
            if refusal.status == 404:
                return None
            raise

    def all(self) -> list[Obj]:
        """All objects."""
        return list(self._api.ask_patiently("GET", self.path)["items"])

    def patch(self, name: str, patch: Obj, part: str = "") -> Obj:
        """Merges a patch into an object, or into its status (`/status`)."""
        return self._api.ask("PATCH", f"{self.path}/{name}{part}", patch, kind=MERGE_PATCH)

    def annotate(self, name: str, **annotations: str | None) -> Obj:
        """Sets annotations; names have `__` for `/` and `_` for `.`."""
        return self.patch(name, {"metadata": {"annotations": annotations}})

    def delete(self, name: str, **options: Any) -> None:
        """Deletes an object, which may still wait for its finalizers."""
        self._api.ask("DELETE", f"{self.path}/{name}", options or None)

    def delete_all(self) -> None:
        """Deletes all objects, which may still wait for their finalizers."""
        for obj in self.all():
            self.delete(obj["metadata"]["name"])

    def wait_deleted(self, name: str) -> None:
        """Waits until an object does not exist any more."""
        wait_until(lambda: self.find(name) is None, what=f"{name} is deleted", seconds=WAIT_SECONDS_MAX)


class Consumer:
    """A controller of machines, which claims addresses and reads them in the order in which CAPV does."""

    def __init__(self, api: Api, namespace: str, version: str = V1BETA2) -> None:
        self.api, self.namespace, self.version = api, namespace, version
        self.cluster_version = version.removeprefix("ipam.")
        self.claims = Objects(api, version, "ipaddressclaims", namespace)
        self.addresses = Objects(api, version, "ipaddresses", namespace)
        self.clusters = Objects(api, self.cluster_version, "clusters", namespace)
        self.requests = Objects(api, "ipam.mandelsoft.org/v1alpha1", "ipamrequests", namespace)

    def claim(self, name: str, pool: str = "net", **fields: Any) -> Obj:
        """Claims an address."""
        return self.claims.create(claim_object(self.namespace, name, pool, version=self.version, **fields))

    def cluster(self, name: str, *, paused: bool | None = None, **meta: Any) -> Obj:
        """Creates a Cluster."""
        spec: Obj = {"clusterNetwork": {"serviceDomain": "cluster.local"}}
        if paused is not None:
            spec["paused"] = paused
        metadata = {"name": name, "namespace": self.namespace, **meta}
        return self.clusters.create(
            {"apiVersion": self.cluster_version, "kind": "Cluster", "metadata": metadata, "spec": spec}
        )

    def read(self, name: str) -> tuple[str, str] | None:
        """The address with its prefix, and the gateway; None as long as the claim names none.

        Raises:
            Refused: the claim names an IPAddress that does not exist, which consumers take for an error.
        """
        reference = self.claims.get(name).get("status", {}).get("addressRef", {}).get("name")
        if not reference:
            return None
        spec = self.addresses.get(reference)["spec"]
        return f"{spec['address']}/{spec['prefix']}", spec.get("gateway", "")

    def wait_address(self, name: str, *, seconds: float = WAIT_SECONDS_MAX) -> tuple[str, str]:
        """Waits until a claim is served, and reads its address."""
        try:
            wait_until(lambda: self.read(name) is not None, what=f"claim {name} has an address", seconds=seconds)
        except NotInTime as late:
            raise NotInTime(f"{late}; its status is {self.claims.get(name).get('status')}") from late
        found = self.read(name)
        assert found is not None
        return found

    def ready(self, name: str) -> Obj:
        """The condition Ready of a claim; empty without one."""
        conditions = self.claims.get(name).get("status", {}).get("conditions", [])
        return next((each for each in conditions if each["type"] == "Ready"), {})

    def wait_reason(self, name: str, reason: str, *, seconds: float = WAIT_SECONDS_MAX) -> str:
        """Waits until the condition Ready has this reason, and returns its message."""
        try:
            wait_until(lambda: self.ready(name).get("reason") == reason, what=f"{name} is {reason}", seconds=seconds)
        except NotInTime as late:
            raise NotInTime(f"{late}; its condition is {self.ready(name)}") from late
        return str(self.ready(name)["message"])

    def request_of(self, name: str) -> Obj:
        """The request that is attached to a claim."""
        uid = self.claims.get(name)["metadata"]["uid"]
        (request,) = [each for each in self.requests.all() if _is_owned(each, uid)]
        return request

    def leave(self) -> None:
        """Deletes all claims, and waits until all that was made for them is gone."""
        for claim in self.claims.all():
            if claim["metadata"].get("finalizers"):
                self.claims.patch(claim["metadata"]["name"], {"metadata": {"finalizers": None}})
        for objects in (self.claims, self.clusters):
            self.api.ask_patiently("DELETE", objects.path)
        wait_until(lambda: not self.requests.all(), what="no request is left", seconds=WAIT_SECONDS_MAX)
        self.api.ask_patiently("DELETE", self.addresses.path)


def _is_owned(obj: Obj, uid: str) -> bool:
    return any(owner["uid"] == uid for owner in obj["metadata"].get("ownerReferences", []))
