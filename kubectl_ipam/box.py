"""A cluster in a box with the state of another cluster: what the hooks of this version would make of it."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hooks.app import NOW_HEADER, create_app
from hooks.settings import Settings
from kubectl_ipam import shipped
from kubectl_ipam.errors import Unanswerable
from simulator.cluster import Cluster
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
COPIED = ("Namespace", "IPAMRange", "IPAMExtent", "IPAMAllocationSlice", "IPAMRequest")
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

    def __init__(self, documents: Iterable[Document] = (), now: datetime | None = None) -> None:
        """Start with these objects, as an API server has written them, at a time."""
        clock = SimulatedClock(now or datetime.now(UTC).replace(microsecond=0))
        caller = wsgi_caller(create_app(Settings(replay=True)), lambda: {NOW_HEADER: rfc3339(clock.now())})
        folders = (shipped.METACONTROLLER, shipped.ADMISSION)
        controllers = [item.obj for folder in folders for item in read_manifests(folder)]
        copied = [each for each in documents if each.get("kind") in COPIED]
        self.cluster = Cluster(Catalog.read(shipped.CRDS), controllers, caller, clock=clock, copied=copied)
        self._kinds = [self.cluster.catalog.called(kind.lower())[0] for kind in COPIED]

    def leave_alone(self, is_idle: Callable[[Document], bool]) -> None:
        """Do not call the hooks for these objects until something about them changes: they are at rest."""
        metacontroller = self.cluster.metacontroller
        for cache in metacontroller.caches.values():
            while cache.deliverable:
                cache.deliver()
        for controller in metacontroller.controllers:
            controller.rest(is_idle)

    def apply(self, manifests: Iterable[Document], namespace: str = "default") -> list[Rejected]:
        """Apply manifests in order, and run until nothing changes; gives those that are refused."""
        rejected = [each for manifest in manifests if (each := self._do(self.cluster.apply, manifest, namespace))]
        self.settle()
        return rejected

    def delete(self, manifests: Iterable[Document], namespace: str = "default") -> list[Rejected]:
        """Delete the objects of manifests in order, and run until nothing changes; gives those that are refused."""
        rejected = [each for manifest in manifests if (each := self._do(self.cluster.delete, manifest, namespace))]
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
