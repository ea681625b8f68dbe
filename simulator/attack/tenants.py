"""The actions of tenants: people with roles in one namespace, where the admission policies are installed.

Weights are in `features.OF_TENANTS`. A tenant mostly acts in its own namespace, and now and then in a foreign one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from simulator.attack import strangers
from simulator.kubernetes.objects import joined, key_of
from simulator.names import CIDR_ANNOTATION, RANGE_LABEL, SLICES
from simulator.world.slices import names_of_slice

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from typing import TypeAlias

    from simulator.world.machinery import Action, World

    Draw: TypeAlias = Callable[[World, random.Random], Action | None]

EDITOR, OPERATOR, OWNER = "ipam-edit", "ipam-ranges", "owner"
#: The patch that is repeated forever: a range does not find the request without this label.
STRIPPED = {"metadata": {"labels": {RANGE_LABEL: None}}}
#: How often a tenant tries to act in a namespace in which it has no role.
STRAY_SHARE = 0.1


def _on(role: str, verb: str, plural: str, *words: str) -> Draw:
    """A verb for any object of a kind, by a tenant with this role."""

    def draw(world: World, rng: random.Random) -> Action | None:
        found = world.store.list(world.plural(plural))
        if not found:
            return None
        obj = rng.choice(found)
        namespace = "elsewhere" if rng.random() < STRAY_SHARE else key_of(obj)[0]
        name = names_of_slice(obj)[0] if plural == SLICES else joined(key_of(obj))
        return ("as", f"{role}:{namespace}", verb, plural, name, *words)

    return draw


def _writes_cidr(role: str) -> Draw:
    def draw(world: World, rng: random.Random) -> Action | None:
        changes = {"cidr": f"10.0.0.{rng.randrange(0, 24, 4)}/30"}
        return _on(role, "set-status", "ipamrequests", json.dumps(changes))(world, rng)

    return draw


def _occupies_slice(world: World, rng: random.Random) -> Action | None:
    occupies = strangers.occupy_slice(world, rng)
    return occupies and ("as", f"{OWNER}:{occupies[1].partition('/')[0]}", *occupies)


def _records(world: World, rng: random.Random) -> Action | None:
    annotations = {CIDR_ANNOTATION: f"10.0.0.{rng.randrange(0, 24, 4)}/30"}
    return _on(EDITOR, "annotate", "ipamrequests", json.dumps(annotations))(world, rng)


#: The draw of each action, by its name in `features.OF_TENANTS`.
TENANT_ACTIONS: dict[str, Draw] = {
    "a tenant deletes a request": _on(EDITOR, "delete", "ipamrequests"),
    "a tenant deletes a request in the foreground": _on(EDITOR, "delete", "ipamrequests", "foregroundDeletion"),
    "a tenant deletes a request, orphaning": _on(EDITOR, "delete", "ipamrequests", "orphan"),
    "a tenant strips the finalizers of a request": _on(EDITOR, "strip-finalizers", "ipamrequests"),
    "a tenant forges the finalizer of a request": _on(EDITOR, "forge-finalizer", "ipamrequests"),
    "an operator forges the finalizer of a range": _on(OPERATOR, "forge-finalizer", "ipamranges"),
    "a tenant strips the labels of a request": _on(EDITOR, "strip-labels", "ipamrequests"),
    "a tenant mislabels a request": _on(EDITOR, "mislabel", "ipamrequests", "b.net"),
    "a tenant writes a cidr": _writes_cidr(EDITOR),
    "a tenant deletes an extent": _on(EDITOR, "delete", "ipamextents"),
    "a tenant records an address": _records,
    "a tenant annotates a request forever": _on(EDITOR, "repeat", "ipamrequests", "{}"),
    "a tenant strips the label of a request forever": _on(EDITOR, "repeat", "ipamrequests", json.dumps(STRIPPED)),
    "an owner strips the finalizers of a request": _on(OWNER, "strip-finalizers", "ipamrequests"),
    "an owner strips the labels of a request": _on(OWNER, "strip-labels", "ipamrequests"),
    "an owner writes a cidr": _writes_cidr(OWNER),
    "an owner deletes an extent": _on(OWNER, "delete", "ipamextents"),
    "a tenant deletes a slice": _on(EDITOR, "delete", SLICES),
    "an owner deletes a slice": _on(OWNER, "delete", SLICES),
    "an owner empties a slice": _on(OWNER, "set-spec", SLICES, json.dumps({"answers": []})),
    "an owner strips the labels of a slice": _on(OWNER, "strip-labels", SLICES),
    "an owner occupies a slice": _occupies_slice,
    "an owner strips the labels of an extent": _on(OWNER, "strip-labels", "ipamextents"),
    "an operator deletes a range": _on(OPERATOR, "delete", "ipamranges"),
    "an operator deletes a range, orphaning": _on(OPERATOR, "delete", "ipamranges", "orphan"),
    "an operator strips the finalizers of a range": _on(OPERATOR, "strip-finalizers", "ipamranges"),
}
