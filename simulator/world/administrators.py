"""The actions of administrators: CRDs of another version are applied while everything runs.

`one` and `two` are API servers that share the storage. They do not change their schemas at the same moment, and their
open watches show the former schema for a while.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.kubernetes.versions import lacking

if TYPE_CHECKING:
    from collections.abc import Callable

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


VERBS: dict[str, Callable[..., str]] = {"serve": serve, "rewatch": rewatch}
