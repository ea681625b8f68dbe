"""The actions of administrators: CRDs of another version are applied, and a cluster is emptied and restored.

`one` and `two` are API servers that share the storage. They do not change their schemas at the same moment, and their
open watches show the former schema for a while.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.kubernetes.objects import key_of, meta
from simulator.kubernetes.versions import lacking
from simulator.names import HOLD_ANNOTATION, LEDGER_FIELDS, TOUCHED_ANNOTATION
from simulator.world import people

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.kubernetes.objects import Obj
    from simulator.world.machinery import World


def serve(world: World, server: str, plural: str, lacks: str = "") -> str:
    """Serve a schema that lacks a property from now on, or the shipped one."""
    resource = world.plural(plural)
    world.servers[server].serve(resource, lacking(resource, lacks) if lacks else None)
    return f"API server {server} serves {plural}{f' without {lacks}' if lacks else ' as shipped'}"


def rewatch(world: World, server: str) -> str:
    """Let the watches of an API server show the schemas that it serves."""
    world.servers[server].rewatch()
    return f"API server {server} opens its watches again"


def serve_shipped(world: World) -> None:
    """Serve the shipped schemas everywhere, in watches, too."""
    for server in world.servers.values():
        for resource in world.store.mixed:
            server.serve(resource, None)
        server.rewatch()


def touch_incomplete(world: World) -> None:
    """Change each range of which a cache shows an incomplete ledger, as docs/operating.md says: it is seen again then.

    Hooks can't have it written again: the API server rejects the status that would.
    """
    ranges = world.plural("ipamranges")
    for instance in world.instances.values():
        for cached in instance.metacontroller.caches[ranges].objects():
            stored = world.store.find(ranges, key_of(cached))
            if stored is not None and _version(cached) == _version(stored) and _lost(cached, stored):
                world.store.patch(ranges, key_of(cached), {"metadata": {"annotations": {TOUCHED_ANNOTATION: "now"}}})


def _version(obj: Obj) -> object:
    return meta(obj)["resourceVersion"]


def _lost(cached: Obj, stored: Obj) -> bool:
    """Whether a cached range lacks a part of its ledger."""
    before, now = ({name: (obj.get("status") or {}).get(name) for name in LEDGER_FIELDS} for obj in (cached, stored))
    return before != now


def empty(world: World, way: str) -> str:
    """End the cluster, and begin with a new one that has only the namespaces; `way` is how it will be restored."""
    for name in list(world.instances):
        world.stop(name)
    people.wipe(world)
    world.store.begin_again()
    return f"a new cluster begins, to be restored {way}"


def set_hold(world: World, name: str, value: str) -> str | None:
    """Put a range on hold with this value, or end its hold."""
    resource, key = world.plural("ipamranges"), people.key_from(name)
    if world.store.find(resource, key) is None:
        return None
    world.store.patch(resource, key, {"metadata": {"annotations": {HOLD_ANNOTATION: value or None}}})
    return f"{'put on hold' if value else 'end the hold of'} {name}"


VERBS: dict[str, Callable[..., str | None]] = {
    "serve": serve,
    "rewatch": rewatch,
    "empty": empty,
    "set-hold": set_hold,
}
