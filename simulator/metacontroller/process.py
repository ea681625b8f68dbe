"""One Metacontroller process: its informer caches, shared by all of its controllers, and the controllers.

Several may run on one store, as when a cluster has two by mistake or one is replaced by another: each has caches and
queues of its own.
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
    """One instance of Metacontroller, with empty caches: what is in the store already comes to it as events."""

    def __init__(
        self,
        store: Store,
        manifests: Iterable[Obj],
        caller: Caller,
        *,
        api: Api | None = None,
        positions: Mapping[str, int] | None = None,
    ) -> None:
        """Objects among `manifests` that aren't controllers are passed over. Raises BadController.

        `api` is the way to the API server, if that isn't a faultless one; `positions` says by plural name how much of
        each kind's log the first list shows.
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
        """The cache of the kind that a person calls by this word. Raises NotFound."""
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
