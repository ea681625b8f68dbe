"""A cluster in a box with the state of another cluster: what the hooks of this version would make of it."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct

from hooks.app import NOW_HEADER, create_app
from hooks.settings import Settings
from kubectl_ipam import shipped
from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.objects import Extent, Request, Slice
from kubectl_ipam.resources import (
    CLAIMS,
    DUMP,
    EXTENTS,
    FOREIGN,
    IPAM,
    NAMESPACES,
    REQUESTS,
    SLICES,
    resource_of,
)
from simulator.cluster import FOREIGN_CRDS, Cluster, integrations
from simulator.kubernetes.clock import SimulatedClock, rfc3339
from simulator.kubernetes.errors import ApiError
from simulator.kubernetes.manifests import read_manifests
from simulator.kubernetes.merge import BadMerge
from simulator.kubernetes.objects import joined, key_of
from simulator.kubernetes.resources import Catalog
from simulator.metacontroller.webhook import wsgi_caller
from simulator.scheduler import NeverQuiet

Document = dict[str, Any]
#: The kinds that a copy has: what the hooks see.
COPIED = (*IPAM, *FOREIGN)
#: The path of the hook for Services, and its parameter: the annotation that the load balancer of a cluster reads.
_SERVICE_HOOK = "/service/sync?annotation="
#: For so long, in seconds of the simulated clock, nothing may change before the cluster counts as quiet: longer than
#: the no-answer timeout of requests.
QUIET_SECONDS = 30.0


class Rejected(NamedTuple):
    """A manifest that the API server would refuse.

    Attributes:
        name: "Kind namespace/name".
        reason: what the API server would say.
    """

    name: str
    reason: str


class Box:
    """A cluster in a box."""

    def __init__(
        self,
        documents: Iterable[Document] = (),
        now: datetime | None = None,
        installed: Iterable[Document] = (),
        *,
        is_dump: bool = False,
    ) -> None:
        """Start with these objects, as an API server has written them, at a time.

        `installed` are the DecoratorControllers of their cluster: the one for Services names the annotation to write.
        Those of a dump may have been edited since. Raises Unanswerable if no API server would have written one of them.
        """
        clock = SimulatedClock(now or datetime.now(UTC).replace(microsecond=0))
        caller = wsgi_caller(create_app(Settings(replay=True)), lambda: {NOW_HEADER: rfc3339(clock.now())})
        folders = (shipped.METACONTROLLER, shipped.ADMISSION)
        controllers = [item.obj for folder in folders for item in read_manifests(folder)] + integrations(shipped.ROOT)
        definitions = [item.obj for path in (shipped.CRDS, FOREIGN_CRDS) for item in read_manifests(path)] + controllers
        catalog = Catalog(each for each in definitions if each["kind"] == "CustomResourceDefinition")
        copied = [in_its_version(each) for each in documents if resource_of(each) in COPIED]
        if is_dump:
            _check(copied, catalog)
        controllers = [_with_annotation(each, annotation_of(installed)) for each in controllers]
        self.cluster = Cluster(catalog, controllers, caller, clock=clock, copied=copied)
        self._kinds = [catalog.of_kind(each.api_version, each.kind) for each in COPIED]

    def leave_alone(self, is_idle: Callable[[Document], bool]) -> None:
        """Do not call the hooks for these objects until something about them changes: they are at rest."""
        metacontroller = self.cluster.metacontroller
        for cache in metacontroller.caches.values():
            while cache.deliverable:
                cache.deliver()
        for controller in metacontroller.controllers:
            controller.rest(is_idle)

    def require_namespaces(self) -> None:
        """Refuse objects of namespaces that do not exist from now on; those of the copied objects do exist."""
        objects = self.objects()
        existing = {key_of(each)[1] for each in objects if resource_of(each) is NAMESPACES}
        used = {key_of(each)[0] for each in objects} - {""}
        self.cluster.require_namespaces(*sorted(used - existing))

    def apply(self, manifests: Iterable[Document], namespace: str = "default") -> list[Rejected]:
        """Apply manifests in order, and run until nothing changes; gives those that are refused."""
        wanted = map(in_its_version, manifests)
        rejected = [each for manifest in wanted if (each := self._do(self.cluster.apply, manifest, namespace))]
        self.settle()
        return rejected

    def delete(self, manifests: Iterable[Document], namespace: str = "default") -> list[Rejected]:
        """Delete the objects of manifests in order, and run until nothing changes; gives those that are refused."""
        wanted = map(in_its_version, manifests)
        rejected = [each for manifest in wanted if (each := self._do(self.cluster.delete, manifest, namespace))]
        self.settle()
        return rejected

    def settle(self) -> None:
        """Run until nothing changes. Raises Unanswerable if that takes too long."""
        try:
            self.cluster.run_until_quiet(QUIET_SECONDS)
        except NeverQuiet as error:
            raise Unanswerable(f"the cluster in a box does not come to rest: {error}") from error

    def objects(self) -> list[Document]:
        """All objects of the kinds that a copy has."""
        return [obj for kind in self._kinds for obj in self.cluster.store.list(kind)]

    @staticmethod
    def _do(action: Any, manifest: Document, namespace: str) -> Rejected | None:
        try:
            action(manifest, namespace)
        except (ApiError, BadMerge) as error:
            return Rejected(f"{manifest.get('kind')} {joined(key_of(manifest))}", str(error))
        return None


class _Owner(Struct, rename="camel"):
    api_version: str
    kind: str
    name: str
    uid: str


class _Metadata(Struct, rename="camel"):
    name: str
    uid: str
    resource_version: str
    namespace: Annotated[str, Meta(pattern="^[-a-z0-9]*$")] = ""
    generation: int = 1
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    finalizers: list[str] | None = None
    owner_references: list[_Owner] | None = None


#: What is checked of the objects that come by the thousand, where the schema would take long.
_TYPES: dict[str, type[Struct]] = {REQUESTS.kind: Request, SLICES.kind: Slice, EXTENTS.kind: Extent}


def _check(objects: Iterable[Document], catalog: Catalog) -> None:
    """Do nothing if the types of all fields are right. Raises Unanswerable."""
    for each in objects:
        if fault := _fault_of(each, catalog):
            name = f"{each['kind']} {joined(key_of(each))}"
            raise Unanswerable(f"{name} can't be read: {fault}. Correct it, or write the dump again by: {DUMP}")


def _fault_of(obj: Document, catalog: Catalog) -> str:
    try:
        msgspec.convert(obj["metadata"], _Metadata)
        if type_ := _TYPES.get(obj["kind"]):
            msgspec.convert(obj, type_)
            return ""
    except msgspec.ValidationError as error:
        return str(error)
    faults = catalog.of(obj).schema.faults(obj, frozenset({"metadata"}))
    return next((str(each) for each in faults if each.is_structural), "")


def in_its_version(obj: Document) -> Document:
    """An object of another project in the version that the cluster in a box serves; all others as they are."""
    resource = resource_of(obj)
    if resource not in FOREIGN or obj["apiVersion"] == resource.api_version or not resource.older:
        return obj
    obj = obj | {"apiVersion": resource.api_version}
    status = obj.get("status")
    if resource is CLAIMS and isinstance(status, dict) and isinstance(conditions := status.get("conditions"), list):
        obj["status"] = status | {"conditions": list(map(_condition, conditions))}
    return obj


def _condition(condition: Any) -> Any:
    """A condition of a claim in v1beta1 in the form of v1beta2, which demands a message and knows no severity."""
    if not isinstance(condition, dict):
        return condition
    wanted = {"reason": "Unknown", "message": ""} | condition
    wanted.pop("severity", None)
    return wanted


def annotation_of(controllers: Iterable[Document]) -> str:
    """The annotation in which these controllers write the addresses of Services; "" if they have no such hook."""
    for each in controllers:
        webhook = each
        for name in ("spec", "hooks", "sync", "webhook"):
            webhook = webhook.get(name) or {}
        _, found, annotation = (webhook.get("url") or webhook.get("path") or "").partition(_SERVICE_HOOK)
        if found:
            return str(annotation)
    return ""


def _with_annotation(controller: Document, annotation: str) -> Document:
    if not annotation or not annotation_of([controller]):
        return controller
    changed = deepcopy(controller)
    changed["spec"]["hooks"]["sync"]["webhook"]["path"] = f"{_SERVICE_HOOK}{annotation}"
    return changed
