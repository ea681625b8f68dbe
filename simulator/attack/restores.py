"""Restores of a whole cluster: a backup is taken, the cluster is emptied, and everything is applied in any order.

The backup is the one of docs/operating.md: ranges and requests as plain manifests, without those in deletion; each
request records the block of its status, and each range is on hold. Or it is one in Velero's way: all kinds, in the
order of their names, with owners and finalizers of the former cluster.
"""

from __future__ import annotations

import ipaddress
import json
from typing import TYPE_CHECKING

from simulator.attack.features import FOREIGN_NOTATIONS
from simulator.judge.addresses import block_of
from simulator.kubernetes.objects import (
    annotations_of,
    finalizers_of,
    is_deleting,
    joined,
    key_of,
    labels_of,
    owners_of,
)
from simulator.names import CIDR_ANNOTATION, FOREIGN_FINALIZER, HOLD_ANNOTATION

if TYPE_CHECKING:
    import random

    from simulator.kubernetes.objects import Obj
    from simulator.world.machinery import Action, World

#: The action by which all caches catch up and all syncs are done.
SETTLE: Action = ("settle",)
#: The ways to restore, as the word of the action `empty`; the judge expects of each what its administrator did right.
ON_HOLD, HELD_LATE, NOT_HELD, VELERO = "on-hold", "held-late", "not-held", "velero"
#: The value of a hold that only users with the role ipam-restore can end.
RESTORE_HOLD = "restore"
#: All kinds, in Velero's order.
KINDS = ("ipamallocationslices", "ipamextents", "ipamranges", "ipamrequests")


def plan(world: World, way: str, rng: random.Random) -> list[Action]:
    """The actions of a backup, the end of the cluster, and a restore up to the end of the holds."""
    kinds = KINDS if way == VELERO else KINDS[2:]
    found = [obj for plural in kinds for obj in world.store.list(world.plural(plural)) if not is_deleting(obj)]
    creations = [("create", json.dumps(saved(obj, way, rng))) for obj in found if not _is_made_anew(obj)]
    if way != VELERO:
        rng.shuffle(creations)
    ranges = [joined(key_of(obj)) for obj in found if obj["kind"] == "IPAMRange"]
    late = [("set-hold", name, RESTORE_HOLD) for name in ranges] if way == HELD_LATE else []
    # An operator tries to end the hold of a range of its own before its time.
    early = [("as", f"ipam-ranges:{name.partition('/')[0]}", "hold", name) for name in ranges[:1]]
    released = [("set-hold", name, "") for name in rng.sample(ranges, len(ranges))]
    return [
        ("empty", way),
        *creations,
        *late,
        *(early if world.has_policies else []),
        ("boot", "restored"),
        SETTLE,
        *released,
        SETTLE,
    ]


def _is_made_anew(obj: Obj) -> bool:
    """Whether no backup has an object: a range that was made from the block of a request."""
    return "delegatedFrom" in obj["spec"]


def saved(obj: Obj, way: str, rng: random.Random) -> Obj:
    """An object as the backup has it; now and then a person has written its record in another notation."""
    annotations = dict(annotations_of(obj))
    if obj["kind"] == "IPAMRange" and way in {ON_HOLD, VELERO}:
        annotations[HOLD_ANNOTATION] = RESTORE_HOLD
    if "delegate" in obj["spec"] and way in {ON_HOLD, VELERO}:
        annotations[HOLD_ANNOTATION] = "true"
    if obj["kind"] == "IPAMRequest" and way != VELERO:
        annotations.pop(CIDR_ANNOTATION, None)
        cidr = obj.get("status", {}).get("cidr")
        annotations |= {CIDR_ANNOTATION: written(cidr, rng)} if cidr else {}
    namespace, name = key_of(obj)
    metadata: Obj = {"namespace": namespace, "name": name, "labels": labels_of(obj), "annotations": annotations}
    if way == VELERO:
        kept = [each for each in finalizers_of(obj) if each != FOREIGN_FINALIZER]  # its controller would remove it
        metadata |= {"finalizers": kept, "ownerReferences": owners_of(obj)}
    return {each: obj[each] for each in ("apiVersion", "kind", "spec")} | {"metadata": metadata}


def written(cidr: str, rng: random.Random) -> str:
    """A block as people write it: mostly as it is shown."""
    if rng.random() >= FOREIGN_NOTATIONS:
        return cidr
    network = ipaddress.ip_network(cidr)
    forms = [f"{network[-1]}/{network.prefixlen}", network.exploded.upper()]
    forms += [network.with_netmask] if network.version == 4 else []
    forms += [str(network[0])] if network.num_addresses == 1 else []
    return rng.choice(forms)


def has_overlaps(world: World) -> bool:
    """Whether two ranges of a domain share addresses, or a range that has grown has requests by index."""
    ranges = world.store.list(world.plural("ipamranges"))
    indexed = any("/" in text and not set(".:") & set(text) for text in map(_request_of, _requests(world)))
    pairs = ((one, other) for at, one in enumerate(ranges) for other in ranges[:at])
    return indexed or any(_domain(one) == _domain(other) and _overlap(one, other) for one, other in pairs)


def _requests(world: World) -> list[Obj]:
    return world.store.list(world.plural("ipamrequests"))


def _request_of(obj: Obj) -> str:
    return str(obj["spec"].get("request", "")).removeprefix("/")


def _domain(obj: Obj) -> str:
    return str(obj["spec"].get("domain", ""))


def _overlap(one: Obj, other: Obj) -> bool:
    blocks = [[block_of(text) for text in obj["spec"].get("ranges", ())] for obj in (one, other)]
    return any(first.overlaps(second) for first in blocks[0] for second in blocks[1])
