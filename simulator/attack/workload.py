"""The actions of people, drawn at random: one table with an entry for each action.

An entry draws an action for the present world, or None if there is nothing to do. The features of new objects are in
`features`; `world.people` has the verbs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from simulator.attack import edits, strangers
from simulator.attack.edits import any_object
from simulator.attack.features import (
    EDITS_OF_RANGES,
    FORMS_OF_REQUESTS,
    INTEGRATED,
    LACKING,
    OF_INTEGRATIONS,
    OF_RANGES,
    OF_REQUESTS,
    OF_TENANTS,
    POOLS,
    RESTORED_WITH_OVERLAPS,
    RESTORES,
    WITH_INTEGRATIONS,
    Feature,
    version_of,
)
from simulator.attack.integrations import INTEGRATION_ACTIONS
from simulator.attack.restores import SETTLE, has_overlaps
from simulator.attack.tenants import TENANT_ACTIONS
from simulator.kubernetes.json_patch import merge_patched
from simulator.kubernetes.objects import finalizers_of, is_deleting, joined, key_of, labels_of, meta
from simulator.kubernetes.resources import NAMESPACE
from simulator.kubernetes.versions import properties_of
from simulator.names import GROUP, RANGE_LABEL, REQUEST_FINALIZER, SLICES
from simulator.world.slices import names_of_slice

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from typing import TypeAlias

    from simulator.kubernetes.objects import Obj
    from simulator.world.machinery import Action, World

    Draw: TypeAlias = Callable[[World, "Behaviour", random.Random], Action | None]

NAMESPACES = ("a", "b")
#: One name is so long that it is cut in the names of slices and extents, just behind a dot.
RANGES = ("a/net", "b/net", "a/six", "a/lan", f"a/n{'0' * 50}.long")
#: Few names, so that they are used again; others only for requests of the same second.
REQUESTS = ("r1", "r2", "r3", "r4", "r5", "r6", f"r{'0' * 50}.long")
BURST = tuple(f"q{number}" for number in range(8))

#: How often the validating policies, and the mutating policies of `deploy/admission`, are installed.
INSTALLED = {"policies": 0.7, "defaults": 0.2}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The behaviour of the people of one run, drawn once."""

    #: Weight of each action, and of each feature of objects, by name.
    weights: dict[str, float]
    #: What requests have at creation, as in a manifest of a restore: nothing, the label, or label and finalizer.
    admits: str
    #: The admission policies that are installed first (see `World.install`); without "policies" there are no tenants.
    installs: tuple[str, ...]
    #: The names in use: with few names, objects often meet.
    ranges: tuple[str, ...]
    requests: tuple[str, ...]
    #: What older CRDs lack, such as `ipamrequests spec.size`; "" if each time another property is drawn.
    lacks: str = ""

    @property
    def has_integrations(self) -> bool:
        """Whether there are claims or Services."""
        return any(self.weights[name] for name in OF_INTEGRATIONS)

    def integrated(self, rng: random.Random) -> Behaviour:
        """The same with claims and Services, in a share of the runs. Restores have runs of their own."""
        if rng.random() >= INTEGRATED:
            return self
        weights = {name: weight * rng.choice((0.3, 1, 3)) for name, weight in OF_INTEGRATIONS.items()}
        return replace(self, weights=self.weights | weights | WITH_INTEGRATIONS)

    @classmethod
    def drawn(cls, rng: random.Random) -> Behaviour:
        """A behaviour with each action drawn to be usual, frequent, rare or missing."""
        usual = {name: action.weight for name, action in PEOPLE_ACTIONS.items()}
        usual |= {
            name: feature.share
            for table in (OF_RANGES, FORMS_OF_REQUESTS, OF_REQUESTS, EDITS_OF_RANGES)
            for name, feature in table.items()
        }
        usual |= OF_TENANTS
        weights = {name: weight * rng.choice((0, 0.3, 1, 1, 3)) for name, weight in usual.items()}
        weights["create a request"] = max(weights["create a request"], 3.0)
        weights["create a range"] = max(weights["create a range"], 1.0)
        weights["the default size"] = max(weights["the default size"], 0.5)
        weights |= dict.fromkeys(OF_INTEGRATIONS, 0.0)
        ranges = tuple(rng.sample(RANGES, rng.choice((1, 1, 2, 3))))
        admits = rng.choice(("nothing", "label", "label and finalizer"))
        installs = tuple(word for word in ("policies", "defaults") if rng.random() < INSTALLED[word])
        return cls(weights, admits, installs, ranges, tuple(rng.sample(REQUESTS, rng.choice((1, 2, 3, 5, 7)))))


# --- drawing


def _create_range(_: World, behaviour: Behaviour, rng: random.Random) -> Action | None:
    name = rng.choice(behaviour.ranges)
    return _creation("IPAMRange", name, _range_manifest(name, behaviour, rng))


def _range_manifest(name: str, behaviour: Behaviour, rng: random.Random) -> Obj:
    """The spec and the annotations of a new range."""
    version = version_of(name)
    manifest = {"spec": {"ranges": rng.choice(POOLS[version])}}
    return _with_features(manifest, OF_RANGES, version, behaviour, rng)


def _create_request(_: World, behaviour: Behaviour, rng: random.Random) -> Action:
    namespace, range_name = rng.choice(NAMESPACES), rng.choice(behaviour.ranges)
    name = f"{namespace}/{rng.choice(behaviour.requests)}"
    return "create", _creation_of_request(name, range_name, behaviour, rng)


def _create_at_delegated(world: World, behaviour: Behaviour, rng: random.Random) -> Action | None:
    """A request to a range that was made from the block of another request."""
    found = [obj for obj in world.store.list(world.plural("ipamranges")) if "delegatedFrom" in obj["spec"]]
    if not found:
        return None
    name = f"{rng.choice(NAMESPACES)}/{rng.choice((*behaviour.requests, *BURST))}"
    return "create", _creation_of_request(name, joined(key_of(rng.choice(found))), behaviour, rng)


def _creation_of_request(name: str, range_name: str, behaviour: Behaviour, rng: random.Random) -> str:
    manifest = _request_manifest(name.partition("/")[0], range_name, behaviour, rng)
    if behaviour.admits != "nothing":
        manifest["metadata"]["labels"] = {RANGE_LABEL: range_name.replace("/", ".")}
    if behaviour.admits == "label and finalizer":
        manifest["metadata"]["finalizers"] = [REQUEST_FINALIZER]
    return _manifest("IPAMRequest", name, manifest)


def _create_burst(_: World, behaviour: Behaviour, rng: random.Random) -> Action:
    """Several requests in the same second, some of which share a slice."""
    names = rng.sample((*behaviour.requests, *BURST), rng.choice((4, 6, 9)))
    namespace, range_name = rng.choice(NAMESPACES), rng.choice(behaviour.ranges)
    return "create", *(_creation_of_request(f"{namespace}/{name}", range_name, behaviour, rng) for name in names)


def _request_manifest(namespace: str, range_name: str, behaviour: Behaviour, rng: random.Random) -> Obj:
    """The spec and the annotations of a new request: its range, one form, and any other features."""
    range_namespace, _, name = range_name.partition("/")
    manifest: Obj = {"metadata": {}, "spec": {"ipam": {"name": name}}}
    if range_namespace != namespace:
        manifest["spec"]["ipam"]["namespace"] = range_namespace
    form = rng.choices(list(FORMS_OF_REQUESTS), [behaviour.weights[form] for form in FORMS_OF_REQUESTS])[0]
    version = version_of(range_name)
    manifest = merge_patched(manifest, FORMS_OF_REQUESTS[form].draw(version, rng))
    return _with_features(manifest, OF_REQUESTS, version, behaviour, rng)


def _with_features(
    manifest: Obj, table: dict[str, Feature], version: int, behaviour: Behaviour, rng: random.Random
) -> Obj:
    for name, feature in table.items():
        if rng.random() < behaviour.weights[name]:
            manifest = merge_patched(manifest, feature.draw(version, rng))
    return manifest


def _creation(kind: str, name: str, manifest: Obj) -> Action:
    return "create", _manifest(kind, name, manifest)


def _manifest(kind: str, name: str, manifest: Obj) -> str:
    namespace, _, short = name.partition("/")
    metadata = {"namespace": namespace, "name": short, **manifest.get("metadata", {})}
    return json.dumps({"apiVersion": f"{GROUP}/v1alpha1", "kind": kind, "metadata": metadata, "spec": manifest["spec"]})


def _on(verb: str, plural: str, *words: str) -> Draw:
    """A verb for any object of a kind."""

    def draw(world: World, _: Behaviour, rng: random.Random) -> Action | None:
        obj = any_object(world, plural, rng)
        return None if obj is None else (verb, plural, _name(plural, obj), *words)

    return draw


def _name(plural: str, obj: Obj) -> str:
    if plural == SLICES:
        return names_of_slice(obj)[0]
    return joined(key_of(obj))


def _mislabel(world: World, _: Behaviour, rng: random.Random) -> Action | None:
    obj = any_object(world, "ipamrequests", rng)
    return (
        None
        if obj is None
        else ("mislabel", "ipamrequests", joined(key_of(obj)), rng.choice(("b.net", "a.six", "a.none")))
    )


def _edit_spec(world: World, behaviour: Behaviour, rng: random.Random) -> Action | None:
    """Try on an existing object every feature that a new one can have."""
    obj = any_object(world, rng.choice(("ipamrequests", "ipamranges")), rng)
    if obj is None:
        return None
    name = joined(key_of(obj))
    if obj["kind"] == "IPAMRange":
        return "set-spec", "ipamranges", name, json.dumps(_range_manifest(name, behaviour, rng)["spec"])
    manifest = _request_manifest(key_of(obj)[0], rng.choice(behaviour.ranges), behaviour, rng)
    return "set-spec", "ipamrequests", name, json.dumps(manifest["spec"])


def _delete_namespace(world: World, _: Behaviour, rng: random.Random) -> Action | None:
    found = [meta(obj)["name"] for obj in world.store.list(NAMESPACE) if not is_deleting(obj)]
    return ("delete", "namespaces", rng.choice(found)) if found else None


def _force_namespace(world: World, _: Behaviour, rng: random.Random) -> Action | None:
    found = [meta(obj)["name"] for obj in world.store.list(NAMESPACE) if is_deleting(obj)]
    return ("force-namespace", rng.choice(found)) if found else None


def _label_namespace(world: World, _: Behaviour, rng: random.Random) -> Action | None:
    found = [meta(obj)["name"] for obj in world.store.list(NAMESPACE)]
    return ("label-namespace", rng.choice(found), rng.choice(("yes", "no", ""))) if found else None


def _wipe(_: World, __: Behaviour, ___: random.Random) -> Action | None:
    return ("wipe",)


def _restore(world: World, _: Behaviour, rng: random.Random) -> Action | None:
    if rng.random() >= RESTORED_WITH_OVERLAPS and has_overlaps(world):
        return None
    return "empty", rng.choices(list(RESTORES), list(RESTORES.values()))[0]


def _serve_older(world: World, behaviour: Behaviour, rng: random.Random) -> Action | None:
    """Let an API server serve a CRD that lacks one of all properties."""
    if behaviour.lacks:
        return "serve", rng.choice(list(world.servers)), *behaviour.lacks.split(" ")
    ours = [each for each in world.catalog.resources if each.group == GROUP and each.namespaced]
    found = [(each.plural, path) for each in ours for path in properties_of(each)]
    weights = [LACKING.get(f"{plural} {path}", 1.0) for plural, path in found]
    if not any(weights):
        return None
    return "serve", rng.choice(list(world.servers)), *rng.choices(found, weights)[0]


def _serve_shipped(world: World, _: Behaviour, rng: random.Random) -> Action | None:
    mixed = sorted(item.plural for item in world.store.mixed)
    return ("serve", rng.choice(list(world.servers)), rng.choice(mixed)) if mixed else None


def _rewatch(world: World, _: Behaviour, rng: random.Random) -> Action | None:
    return ("rewatch", rng.choice(list(world.servers))) if world.store.mixed else None


def _without_behaviour(draw: Callable[[World, random.Random], Action | None]) -> Draw:
    return lambda world, _, rng: draw(world, rng)


@dataclass(frozen=True, slots=True)
class PersonAction:
    """An action of people: how often it happens, compared with the others, and how it is drawn."""

    weight: float
    draw: Draw


PEOPLE_ACTIONS: dict[str, PersonAction] = {
    "create a range": PersonAction(2.0, _create_range),
    "create a request": PersonAction(8.0, _create_request),
    "create a request of a delegated range": PersonAction(3.0, _create_at_delegated),
    "create a late range": PersonAction(0.2, _without_behaviour(edits.create_late_range)),
    "delete a request": PersonAction(4.0, _on("delete", "ipamrequests")),
    "delete a range": PersonAction(0.4, _on("delete", "ipamranges")),
    "delete a range by mistake": PersonAction(0.4, _without_behaviour(edits.delete_by_mistake)),
    "delete a range, orphaning": PersonAction(0.15, _on("delete", "ipamranges", "orphan")),
    "delete a range, foreground": PersonAction(0.15, _on("delete", "ipamranges", "foregroundDeletion")),
    "create requests in one second": PersonAction(1.0, _create_burst),
    "delete a slice": PersonAction(0.5, _on("delete", SLICES)),
    "delete an extent": PersonAction(0.1, _on("delete", "ipamextents")),
    "strip the owners of an extent": PersonAction(0.1, _on("strip-owners", "ipamextents")),
    "strip the labels of an extent": PersonAction(0.1, _on("strip-labels", "ipamextents")),
    "keep an extent by a finalizer": PersonAction(0.1, _on("add-finalizer", "ipamextents")),
    # 0 as long as a run in tests/simulator/findings shows that a request of a range in it may hang.
    "delete a namespace": PersonAction(0.1, _delete_namespace),
    "remove a namespace by force": PersonAction(0.1, _force_namespace),
    "keep a request by a finalizer": PersonAction(0.6, _on("add-finalizer", "ipamrequests")),
    "keep a slice by a finalizer": PersonAction(0.2, _on("add-finalizer", SLICES)),
    "remove a finalizer that keeps an object": PersonAction(1.0, _without_behaviour(edits.drop_finalizer)),
    "strip the finalizers of a request": PersonAction(0.4, _on("strip-finalizers", "ipamrequests")),
    "strip the finalizers of a range": PersonAction(0.15, _on("strip-finalizers", "ipamranges")),
    "strip the labels of a request": PersonAction(0.5, _on("strip-labels", "ipamrequests")),
    "mislabel a request": PersonAction(0.3, _mislabel),
    "strip the annotations of a request": PersonAction(0.3, _on("strip-annotations", "ipamrequests")),
    "strip the owners of a slice": PersonAction(0.3, _on("strip-owners", SLICES)),
    "strip the labels of a slice": PersonAction(0.3, _on("strip-labels", SLICES)),
    "strip the annotations of a slice": PersonAction(0.4, _on("strip-annotations", SLICES)),
    "delete a stray slice": PersonAction(0.3, _without_behaviour(strangers.delete_stray_slice)),
    "occupy a slice": PersonAction(0.3, _without_behaviour(strangers.occupy_slice)),
    "add an answer": PersonAction(0.6, _without_behaviour(strangers.add_answer)),
    "edit an answer": PersonAction(0.4, _without_behaviour(strangers.edit_answer)),
    "remove an answer": PersonAction(0.5, _without_behaviour(strangers.drop_answer)),
    "label a namespace": PersonAction(0.8, _label_namespace),
    "edit a spec": PersonAction(0.4, _edit_spec),
    "edit a range": PersonAction(1.0, edits.edit),
    "grow a range": PersonAction(0.5, _without_behaviour(edits.grow)),
    "take back an entry of a range": PersonAction(0.5, _without_behaviour(edits.take_back)),
    "retire all but a block by index": PersonAction(0.2, _without_behaviour(edits.retire_others)),
    "edit a status": PersonAction(0.3, _without_behaviour(edits.edit_status)),
    "write an old status again": PersonAction(0.5, _without_behaviour(edits.old_status)),
    "reclaim absent holders": PersonAction(0.4, _without_behaviour(edits.reclaim)),
    # Only in the runs of a mutant: people must name no holder that lives, which an old cache may not show for a minute.
    "reclaim all holders": PersonAction(0.0, _without_behaviour(edits.reclaim_all)),
    "end a cool-down": PersonAction(0.4, _without_behaviour(edits.end_cooldown)),
    "put a range on hold, or end its hold": PersonAction(0.3, _without_behaviour(edits.hold)),
    "wipe and restore": PersonAction(0.06, _wipe),
    "back up, empty and restore": PersonAction(0.08, _restore),
    "serve an older schema": PersonAction(0.1, _serve_older),
    "serve the shipped schema": PersonAction(0.5, _serve_shipped),
    "open watches again": PersonAction(0.5, _rewatch),
}


def drawn_person_action(world: World, behaviour: Behaviour, rng: random.Random) -> Action | None:
    """An action that a person does now; None if there is nothing to do."""
    tenants = TENANT_ACTIONS if "policies" in behaviour.installs else ()
    names = [*PEOPLE_ACTIONS, *tenants, *INTEGRATION_ACTIONS]
    name = rng.choices(names, [behaviour.weights[name] for name in names])[0]
    if name in INTEGRATION_ACTIONS:
        return INTEGRATION_ACTIONS[name](world, behaviour.ranges, rng)
    if name in TENANT_ACTIONS:
        return TENANT_ACTIONS[name](world, rng)
    return PEOPLE_ACTIONS[name].draw(world, behaviour, rng)


def first_actions(behaviour: Behaviour, rng: random.Random) -> list[Action]:
    """The installation of policies, the creations of most of the ranges in use, and now and then a delegated range."""
    actions = [*(("install", word) for word in behaviour.installs), *_first_ranges(behaviour, rng)]
    is_delegating = rng.random() < behaviour.weights["delegates its block"]
    return [*actions, *_first_delegation(behaviour, rng)] if is_delegating else actions


def _first_delegation(behaviour: Behaviour, rng: random.Random) -> list[Action]:
    """A request that delegates its block, and once its range is there, others that get blocks of that."""
    range_name = rng.choice(behaviour.ranges)
    namespace = range_name.partition("/")[0]
    first = json.loads(
        _creation_of_request(f"{namespace}/{rng.choice(behaviour.requests)}", range_name, behaviour, rng)
    )
    made = "site-six" if version_of(range_name) == 6 else "site"
    first["spec"]["delegate"] = {"name": made, "allowedNamespaces": {"from": "All"}}
    names = [f"{rng.choice(NAMESPACES)}/{each}" for each in rng.sample(BURST, 3)]
    users = [_creation_of_request(each, f"{namespace}/{made}", behaviour, rng) for each in names]
    return [("create", json.dumps(first)), SETTLE, *(("create", user) for user in users), SETTLE]


def _first_ranges(behaviour: Behaviour, rng: random.Random) -> list[Action]:
    names = [name for name in behaviour.ranges if rng.random() < 0.9]
    return [_creation("IPAMRange", name, _range_manifest(name, behaviour, rng)) for name in names]


def backup(world: World, rng: random.Random) -> list[Action]:
    """The creations by which a restore brings all objects back: without status and uids, in any order."""
    actions: list[Action] = []
    for plural in ("ipamranges", "ipamrequests", SLICES):
        for obj in world.store.list(world.plural(plural)):
            if is_deleting(obj) or (plural == SLICES and rng.random() < 0.7):
                continue
            kept = {"labels": labels_of(obj), "annotations": meta(obj).get("annotations", {})}
            if rng.random() < 0.5:
                kept["finalizers"] = finalizers_of(obj)
            actions.append(_creation(obj["kind"], joined(key_of(obj)), {"metadata": kept, "spec": obj["spec"]}))
    rng.shuffle(actions)
    return actions


def newcomer(world: World, behaviour: Behaviour, rng: random.Random) -> Action:
    """The creation of a request that records no address, as people who only request addresses make it."""
    verb, manifest = _create_request(world, behaviour, rng)
    obj = json.loads(manifest)
    obj["metadata"].pop("annotations", None)
    return verb, json.dumps(obj)
