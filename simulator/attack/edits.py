"""The actions of people on existing ranges and requests, drawn at random for the present world."""

from __future__ import annotations

import ipaddress
import json
import uuid
from typing import TYPE_CHECKING

from simulator.attack.features import ADDITIONS, EDITS_OF_RANGES, version_of
from simulator.judge.addresses import BITS, block_of
from simulator.judge.claim_forms import counts_by_index
from simulator.kubernetes.objects import finalizers_of, joined, key_of, uid_of
from simulator.names import FOREIGN_FINALIZER, GROUP, SLICES
from simulator.world.people import KEPT_KINDS
from simulator.world.slices import names_of_slice

if TYPE_CHECKING:
    import random

    from simulator.attack.workload import Behaviour
    from simulator.kubernetes.objects import Obj
    from simulator.world.machinery import Action, World


def any_object(world: World, plural: str, rng: random.Random) -> Obj | None:
    """An object of a kind; None if there is none."""
    found = world.store.list(world.plural(plural))
    return rng.choice(found) if found else None


def grow(world: World, rng: random.Random) -> Action | None:
    """Append addresses to a range, which may have them already."""
    obj = any_object(world, "ipamranges", rng)
    if obj is None:
        return None
    name = joined(key_of(obj))
    ranges = [*obj["spec"].get("ranges", ()), rng.choice(ADDITIONS[version_of(name)])]
    return "set-spec", "ipamranges", name, json.dumps({"ranges": ranges})


def take_back(world: World, rng: random.Random) -> Action | None:
    """Remove an entry of a range that its ledger names; if there is none, exclude one, or try to remove it."""
    obj = any_object(world, "ipamranges", rng)
    entries = obj["spec"].get("ranges", []) if obj else []
    if obj is None or len(entries) < 2:
        return None
    removable = obj.get("status", {}).get("removable") or []
    entry = rng.choice(removable or entries)
    excludes = obj["spec"].get("excludes", [])
    spec: Obj = {"excludes": [*excludes, entry]}
    if removable or rng.random() < 0.1:
        kept = excludes if rng.random() < 0.3 else [text for text in excludes if text != entry]
        spec = {"ranges": [text for text in entries if text != entry], "excludes": kept}
    return "set-spec", "ipamranges", joined(key_of(obj)), json.dumps(spec)


def edit(world: World, behaviour: Behaviour, rng: random.Random) -> Action | None:
    """Change a field of the spec of a range that may change."""
    obj = any_object(world, "ipamranges", rng)
    weights = [behaviour.weights[name] for name in EDITS_OF_RANGES]
    if obj is None or not any(weights):
        return None
    name = joined(key_of(obj))
    drawn = EDITS_OF_RANGES[rng.choices(list(EDITS_OF_RANGES), weights)[0]]
    return "patch-spec", "ipamranges", name, json.dumps(drawn.draw(version_of(name), rng)["spec"])


def retire_others(world: World, rng: random.Random) -> Action | None:
    """Exclude all addresses of a range but the block of a request by index: that of its block is 0 then."""
    shown = [obj for obj in world.store.list(world.plural("ipamrequests")) if obj.get("status", {}).get("cidr")]
    found = [obj for obj in shown if counts_by_index(obj["spec"], obj["status"]["cidr"])]
    if not found:
        return None
    obj = rng.choice(found)
    ipam, block = obj["spec"]["ipam"], block_of(obj["status"]["cidr"])
    name = f"{ipam.get('namespace', key_of(obj)[0])}/{ipam['name']}"
    address = ipaddress.IPv4Address if block.version == 4 else ipaddress.IPv6Address
    spans = ((0, block.first - 1), (block.last + 1, (1 << BITS[block.version]) - 1))
    excludes = [f"{address(first)}-{address(last)}" for first, last in spans if first <= last]
    return "patch-spec", "ipamranges", name, json.dumps({"excludes": excludes})


def edit_status(world: World, rng: random.Random) -> Action | None:
    """Change the status of a request."""
    obj = any_object(world, "ipamrequests", rng)
    if obj is None:
        return None
    changes = rng.choice(({"state": "Busy"}, {"cidr": f"10.0.0.{rng.randrange(0, 24, 4)}/30"}, {"message": "by hand"}))
    return "set-status", "ipamrequests", joined(key_of(obj)), json.dumps(changes)


def old_status(world: World, rng: random.Random) -> Action | None:
    """Write a former status of an object."""
    obj = any_object(world, rng.choice(("ipamranges", "ipamrequests")), rng)
    if obj is None:
        return None
    plural = "ipamranges" if obj["kind"] == "IPAMRange" else "ipamrequests"
    return "old-status", plural, joined(key_of(obj)), str(rng.randrange(6))


def reclaim(world: World, rng: random.Random) -> Action | None:
    """Name the holders without requests in the annotation of a range."""
    obj = any_object(world, "ipamranges", rng)
    return None if obj is None else ("reclaim", joined(key_of(obj)))


def reclaim_all(world: World, rng: random.Random) -> Action | None:
    """Name all holders there."""
    obj = any_object(world, "ipamranges", rng)
    return None if obj is None else ("reclaim", joined(key_of(obj)), "all")


def end_cooldown(world: World, rng: random.Random) -> Action | None:
    """End the cool-down of all released blocks of a range."""
    obj = any_object(world, "ipamranges", rng)
    return None if obj is None else ("end-cooldown", joined(key_of(obj)))


def delete_by_mistake(world: World, rng: random.Random) -> Action | None:
    """Delete a range although it may hold blocks."""
    obj = any_object(world, "ipamranges", rng)
    return None if obj is None else ("delete-by-mistake", joined(key_of(obj)))


def hold(world: World, rng: random.Random) -> Action | None:
    """Put a range on hold, or end its hold."""
    obj = any_object(world, "ipamranges", rng)
    return None if obj is None else ("hold", joined(key_of(obj)))


def create_late_range(world: World, rng: random.Random) -> Action | None:
    """Create a range as if it had been made from the block of a request: from an old cache, or in a restore."""
    obj = any_object(world, "ipamrequests", rng)
    if obj is None:
        return None
    (namespace, name), cidr = key_of(obj), obj.get("status", {}).get("cidr")
    delegator = {"name": name, "uid": rng.choice((uid_of(obj), str(uuid.UUID(int=rng.getrandbits(128)))))}
    spec = {"domain": f"delegated-{delegator['uid']}", "delegatedFrom": delegator, "ranges": [cidr or "10.0.0.0/30"]}
    metadata = {"namespace": namespace, "name": "late"}
    manifest = {"metadata": metadata, "spec": spec | {"allowedNamespaces": {"from": "All"}}}
    return "create", json.dumps({"apiVersion": f"{GROUP}/v1alpha1", "kind": "IPAMRange"} | manifest)


def drop_finalizer(world: World, rng: random.Random) -> Action | None:
    """Remove a finalizer that keeps an object."""
    for plural in KEPT_KINDS:
        held = [obj for obj in world.store.list(world.plural(plural)) if FOREIGN_FINALIZER in finalizers_of(obj)]
        if held and rng.random() < 0.7:
            return "drop-finalizer", plural, _name(plural, rng.choice(held))
    return None


def _name(plural: str, obj: Obj) -> str:
    return names_of_slice(obj)[0] if plural == SLICES else joined(key_of(obj))
