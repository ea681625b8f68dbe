"""The cluster in a box: API server, background controllers, Metacontroller and scheduler together.

It applies and deletes manifests as kubectl does. Its parts are public, for tests that step, inject lag or run several
Metacontrollers.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from simulator.kubernetes.clock import Clock, SimulatedClock
from simulator.kubernetes.controllers import GarbageCollector, NamespaceController
from simulator.kubernetes.gate import Gate
from simulator.kubernetes.kustomize import kustomized
from simulator.kubernetes.manifests import read_manifests
from simulator.kubernetes.merge import KUBECTL_ANNOTATION, last_applied, merged, with_last_applied
from simulator.kubernetes.objects import copied, key_of
from simulator.kubernetes.policies import Policies
from simulator.kubernetes.resources import Catalog, Resource
from simulator.kubernetes.store import Store
from simulator.metacontroller.process import Metacontroller
from simulator.scheduler import Scheduler

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simulator.kubernetes.objects import Key, Obj
    from simulator.metacontroller.webhook import Caller

#: The time at which a simulated clock starts by default.
START = datetime(2026, 1, 1, tzinfo=UTC)
#: The checkout that this package belongs to.
ROOT = Path(__file__).resolve().parent.parent
#: The kinds of Cluster API, reduced to what matters here.
FOREIGN_CRDS = ROOT / "simulator" / "kubernetes" / "foreign_crds.yaml"

Applied = Literal["created", "configured", "unchanged"]


def integrations(root: Path = ROOT) -> list[Obj]:
    """The objects of `deploy/` for claims and for Services with MetalLB; none if there is no such folder.

    Raises BadManifest.
    """
    folders = (root / "deploy" / "cluster-api", root / "deploy" / "services" / "metallb")
    return [obj for folder in folders if folder.is_dir() for obj in kustomized(folder)]


class Cluster:
    """A whole cluster; `store`, `scheduler`, `metacontrollers` and `clock` are its parts."""

    def __init__(
        self,
        catalog: Catalog,
        controllers: Iterable[Obj],
        caller: Caller,
        *,
        clock: Clock | None = None,
        seed: int | None = None,
        copied: Iterable[Obj] = (),
    ) -> None:
        """`controllers` are the manifests of controllers and policies; `seed` shuffles the steps (None: no shuffle).

        `copied` are objects of another cluster, as its API server has written them. Raises BadController, BadPolicy.
        """
        self.catalog = catalog
        self.clock: Clock = clock or SimulatedClock(START)
        copied = list(copied)
        others = f" after {len(copied)} others" if copied else ""
        self.store = Store(catalog, self.clock, random.Random(f"uids of {seed}{others}"))
        self.store.load(copied)
        controllers = list(controllers)
        self.store.gate = Gate(self.store.find, Policies(controllers))
        self.metacontrollers = [Metacontroller(self.store, controllers, caller)]
        background: list[GarbageCollector | NamespaceController] = [
            GarbageCollector(self.store),
            NamespaceController(self.store),
        ]
        self.scheduler = Scheduler(self.store, self.clock, background, self.metacontrollers, seed)

    @classmethod
    def shipped(
        cls, caller: Caller, *, root: Path = ROOT, clock: Clock | None = None, seed: int | None = None
    ) -> Cluster:
        """A cluster with the CRDs and controllers of this checkout, those for claims and Services among them.

        Raises BadManifest, BadController.
        """
        manifests = [item.obj for item in read_manifests(root / "metacontroller")] + integrations(root)
        definitions = [item.obj for path in (root / "crds", FOREIGN_CRDS) for item in read_manifests(path)] + manifests
        catalog = Catalog(obj for obj in definitions if obj["kind"] == "CustomResourceDefinition")
        return cls(catalog, manifests, caller, clock=clock, seed=seed)

    @property
    def metacontroller(self) -> Metacontroller:
        """The first Metacontroller, which is usually the only one."""
        return self.metacontrollers[0]

    def apply(self, obj: Obj, namespace: str = "default") -> Applied:
        """Apply one manifest as `kubectl apply` does; `namespace` is for a manifest that names none.

        Raises ApiError, and BadMerge.
        """
        resource, wanted = self._placed(obj, namespace)
        live = self.store.find(resource, key_of(wanted))
        if live is None:
            self.store.create(with_last_applied(wanted, wanted, KUBECTL_ANNOTATION), strict=True)
            return "created"
        version = self.store.version
        new = merged(live, last_applied(live, KUBECTL_ANNOTATION), wanted, by_item=False)
        self.store.update(with_last_applied(new, wanted, KUBECTL_ANNOTATION), strict=True)
        return "unchanged" if self.store.version == version else "configured"

    def require_namespaces(self, *existing: str) -> None:
        """Create these namespaces; from now on, all others must be created as well before they are used."""
        for name in existing:
            self.store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        self.store.creates_namespaces = False

    def delete(self, obj: Obj, namespace: str = "default") -> None:
        """Delete the object that a manifest names. Raises ApiError."""
        resource, wanted = self._placed(obj, namespace)
        self.store.delete(resource, key_of(wanted))

    def get(self, word: str, name: str, namespace: str = "default") -> Obj:
        """An object by its kind (any name of it), name and namespace. Raises NotFound."""
        resource = self.catalog.called(word)[0]
        return self.store.get(resource, self._key(resource, namespace, name))

    def objects(self, word: str, namespace: str | None = None) -> list[Obj]:
        """All objects of a kind, of one namespace or of all. Raises NotFound for an unknown kind."""
        return self.store.list(self.catalog.called(word)[0], namespace)

    def run_until_quiet(self, horizon: float | None = None) -> int:
        """Run until nothing changes (see `scheduler`); return the number of steps. Raises NeverQuiet."""
        if horizon is None:
            return self.scheduler.run_until_quiet()
        return self.scheduler.run_until_quiet(horizon=horizon)

    def _placed(self, obj: Obj, namespace: str) -> tuple[Resource, Obj]:
        resource = self.catalog.of(obj)
        wanted = copied(obj)
        if resource.namespaced and isinstance(wanted.get("metadata"), dict):
            wanted["metadata"].setdefault("namespace", namespace)
        return resource, wanted

    @staticmethod
    def _key(resource: Resource, namespace: str, name: str) -> Key:
        return (namespace if resource.namespaced else ""), name
