"""One Metacontroller process: its controllers, and the informer caches that they share.

Several processes may run on one store, each with its own caches and queues, as when a cluster has two by mistake, or
one replaces another.
"""

from __future__ import annotations

import random
import uuid
from typing import TYPE_CHECKING

from simulator.metacontroller.composite import CompositeController
from simulator.metacontroller.controller import BadController, Controller, Surroundings, SyncError, stored_manifest
from simulator.metacontroller.decorator import DecoratorController
from simulator.metacontroller.informers import InformerCache

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from simulator.kubernetes.objects import Obj
    from simulator.kubernetes.store import Store
    from simulator.metacontroller.steps import Api
    from simulator.metacontroller.webhook import Caller

KINDS: dict[str, type[CompositeController | DecoratorController]] = {
    "CompositeController": CompositeController,
    "DecoratorController": DecoratorController,
}


class Metacontroller:
    """One instance of Metacontroller. By default its caches are empty, and all stored objects arrive as events."""

    def __init__(
        self,
        store: Store,
        manifests: Iterable[Obj],
        caller: Caller,
        *,
        api: Api | None = None,
        positions: Mapping[str, int] | None = None,
    ) -> None:
        """Objects among `manifests` that are not controllers are ignored. Raises BadController.

        `api` is the API server as this instance calls it, by default one that never fails; `positions` gives, by plural
        name, the number of events of each kind that its first list includes.
        """
        self.store = store
        shown = positions or {}
        self.caches = {item: InformerCache(store, item, shown.get(item.plural, 0)) for item in store.catalog.resources}
        around = Surroundings(store, self.caches.__getitem__, caller, store if api is None else api)
        self.controllers: list[Controller] = [
            KINDS[manifest["kind"]](around, _stored(store, manifest))
            for manifest in manifests
            if manifest.get("kind") in KINDS
        ]
        if not self.controllers:
            raise BadController("no CompositeController and no DecoratorController found")

    def cache(self, word: str) -> InformerCache:
        """The cache of the kind with this name. Raises NotFound."""
        return self.caches[self.store.catalog.called(word)[0]]

    def controller(self, name: str) -> Controller:
        """The controller of this name. Raises KeyError."""
        return {controller.name: controller for controller in self.controllers}[name]

    @property
    def events(self) -> list[SyncError]:
        """All SyncError events, oldest first."""
        return sorted((event for item in self.controllers for event in item.events), key=lambda event: event.time)


def _stored(store: Store, manifest: Obj) -> Obj:
    uid = uuid.UUID(int=random.Random(manifest["metadata"]["name"]).getrandbits(128), version=4)
    return stored_manifest(manifest, str(uid), store.clock.now())
