"""The actions of people around claims and Services: their owners, the controllers of machines, and load balancers.

Weights are in `features.OF_INTEGRATIONS`. Few names, so that they are used again. A load balancer behaves as MetalLB
does: it serves at the address that is written, and goes on to do so when that is removed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from simulator.attack.edits import any_object
from simulator.kubernetes.objects import annotations_of, joined, key_of
from simulator.names import (
    ADDRESSES,
    CLAIMS,
    CLUSTERS,
    GROUP,
    METALLB_ANNOTATION,
    RANGES_ANNOTATION,
    SERVICES,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from typing import TypeAlias

    from simulator.world.machinery import Action, World

    Draw: TypeAlias = Callable[[World, tuple[str, ...], random.Random], Action | None]

NAMES = ("m1", "m2", "m3")
WEB = ("web", "web2")
CLUSTER, ALIAS = "prod", "shared"
CLUSTER_LABEL, PAUSED = "cluster.x-k8s.io/cluster-name", "cluster.x-k8s.io/paused"
CAPI = "ipam.cluster.x-k8s.io/v1beta2"


def _manifest(api_version: str, kind: str, name: str, spec: object, **metadata: object) -> str:
    namespace, _, short = name.rpartition("/")
    place = {"namespace": namespace} if namespace else {}
    return json.dumps(
        {"apiVersion": api_version, "kind": kind, "metadata": {**place, "name": short, **metadata}, "spec": spec}
    )


def _create_claim(__: World, ranges: tuple[str, ...], rng: random.Random) -> Action:
    namespace, _, name = rng.choice(ranges).partition("/")
    if rng.random() < 0.2:
        namespace, kind, name = rng.choice("ab"), "IPAMRangeAlias", ALIAS
    else:
        kind = "IPAMRange"
    group = GROUP if rng.random() < 0.95 else "ipam.example.com"
    spec: dict[str, object] = {"poolRef": {"apiGroup": group, "kind": kind, "name": name}}
    labels = {CLUSTER_LABEL: CLUSTER} if rng.random() < 0.15 else {}
    if rng.random() < 0.15:
        spec["clusterName"] = CLUSTER
    return "create", _manifest(CAPI, "IPAddressClaim", f"{namespace}/{rng.choice(NAMES)}", spec, labels=labels)


def _create_alias(__: World, ranges: tuple[str, ...], rng: random.Random) -> Action:
    namespace, _, name = rng.choice(ranges).partition("/")
    spec = {"range": {"namespace": namespace, "name": name}}
    return "create", _manifest(f"{GROUP}/v1alpha1", "IPAMRangeAlias", ALIAS, spec)


def _create_cluster(_: World, __: tuple[str, ...], rng: random.Random) -> Action:
    spec = {"paused": True} if rng.random() < 0.5 else {}
    return "create", _manifest("cluster.x-k8s.io/v1beta2", "Cluster", f"{rng.choice('ab')}/{CLUSTER}", spec)


def _ranges(ranges: tuple[str, ...], rng: random.Random) -> str:
    """The annotation of a Service: one range or two, each with its namespace."""
    names = [name.replace("/", ".") for name in ranges if name.count(".") == 0]
    chosen = rng.sample(names, min(len(names), rng.choice((1, 1, 1, 2))))
    return ",".join(chosen) or "a.none"


def _create_service(_: World, ranges: tuple[str, ...], rng: random.Random) -> Action:
    annotations = {RANGES_ANNOTATION: _ranges(ranges, rng)} if rng.random() < 0.9 else {}
    name = f"{rng.choice('ab')}/{rng.choice(WEB)}"
    return "create", _manifest("v1", "Service", name, {"type": "LoadBalancer"}, annotations=annotations)


def _on(verb: str, plural: str, *words: str) -> Draw:
    """A verb for any object of a kind."""

    def draw(world: World, _: tuple[str, ...], rng: random.Random) -> Action | None:
        obj = any_object(world, plural, rng)
        return None if obj is None else (verb, plural, joined(key_of(obj)), *words)

    return draw


def _toggle_claim(world: World, _: tuple[str, ...], rng: random.Random) -> Action | None:
    value = rng.choice(("", None))
    return _on("annotate", CLAIMS, json.dumps({PAUSED: value}))(world, (), rng)


def _toggle_cluster(world: World, _: tuple[str, ...], rng: random.Random) -> Action | None:
    if rng.random() < 0.2:
        return _on("annotate", CLUSTERS, json.dumps({PAUSED: rng.choice(("", None))}))(world, (), rng)
    return _on("patch-spec", CLUSTERS, json.dumps({"paused": rng.choice((True, False))}))(world, (), rng)


def _name_ranges(world: World, ranges: tuple[str, ...], rng: random.Random) -> Action | None:
    return _on("annotate", SERVICES, json.dumps({RANGES_ANNOTATION: _ranges(ranges, rng)}))(world, (), rng)


def _serve(world: World, _: tuple[str, ...], rng: random.Random) -> Action | None:
    """A load balancer serves at the addresses that are written."""
    found = [each for each in world.store.list(world.plural(SERVICES)) if METALLB_ANNOTATION in annotations_of(each)]
    if not found:
        return None
    service = rng.choice(found)
    ingress = [{"ip": address} for address in annotations_of(service)[METALLB_ANNOTATION].split(",")]
    return "set-status", SERVICES, joined(key_of(service)), json.dumps({"loadBalancer": {"ingress": ingress}})


def _write_address(world: World, _: tuple[str, ...], rng: random.Random) -> Action | None:
    value = rng.choice((f"10.0.0.{rng.randrange(1, 12)}", None))
    return _on("annotate", SERVICES, json.dumps({METALLB_ANNOTATION: value}))(world, (), rng)


def _change_type(world: World, _: tuple[str, ...], rng: random.Random) -> Action | None:
    return _on("patch-spec", SERVICES, json.dumps({"type": rng.choice(("LoadBalancer", "ClusterIP"))}))(world, (), rng)


INTEGRATION_ACTIONS: dict[str, Draw] = {
    "create a claim": _create_claim,
    "delete a claim": _on("delete", CLAIMS),
    "delete a claim, foreground": _on("delete", CLAIMS, "foregroundDeletion"),
    "delete a claim, orphaning": _on("delete", CLAIMS, "orphan"),
    "keep a claim by a finalizer": _on("add-finalizer", CLAIMS),
    "pause or resume a claim": _toggle_claim,
    "create an alias": _create_alias,
    "create a Cluster": _create_cluster,
    "pause or resume a Cluster": _toggle_cluster,
    "delete a Cluster": _on("delete", CLUSTERS),
    "delete an IPAddress": _on("delete", ADDRESSES),
    "create a Service": _create_service,
    "name ranges in a Service": _name_ranges,
    "name no range in a Service": _on("annotate", SERVICES, json.dumps({RANGES_ANNOTATION: None})),
    "serve at the addresses of a Service": _serve,
    "serve a Service no longer": _on("set-status", SERVICES, json.dumps({"loadBalancer": {}})),
    "write the address of a Service": _write_address,
    "change the type of a Service": _change_type,
    "delete a Service": _on("delete", SERVICES),
    "delete a Service, foreground": _on("delete", SERVICES, "foregroundDeletion"),
    "delete a Service, orphaning": _on("delete", SERVICES, "orphan"),
    "keep a Service by a finalizer": _on("add-finalizer", SERVICES),
}
