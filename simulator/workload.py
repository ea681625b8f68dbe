"""What people ask for and what they do to it, drawn at random: one list, an entry for each feature or misdeed.

An entry draws an action for the world as it is, or None if there is nothing to do. A later feature of ranges and
requests takes part by its entry here, and by a line in `range_spec` or `request_spec`. `hands` has the verbs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.hands import GROUP, stray_allocations
from simulator.history import REQUEST_FINALIZER
from simulator.objects import finalizers_of, is_deleting, joined, key_of, labels_of, meta
from simulator.resources import NAMESPACE

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from simulator.objects import Obj
    from simulator.world import Action, World

NAMESPACES = ("a", "b")
RANGES = ("a/net", "b/net", "a/six")
#: Few names, so that they come again. One is so long that its allocation's name is cut, just behind a dot.
REQUESTS = ("r1", "r2", "r3", "r4", "r5", "r6", f"r{'0' * 50}.long")
POOLS_4 = (
    ["10.0.0.0/28"],
    ["10.0.0.0/26"],
    ["10.0.0.5-10.0.0.30"],
    ["10.0.0.0/29", "10.0.0.12-10.0.0.19", "10.0.0.40"],
)
POOLS_6 = (["2001:db8::/124"], ["2001:db8::5-2001:db8::1f"], ["2001:db8::/64"])


@dataclass(frozen=True, slots=True)
class Habits:
    """How the people of one run are: drawn once."""

    #: Weight of each feature, by name.
    weights: dict[str, float]
    #: What an admission policy sets at creation: nothing, the label, or label and finalizer.
    admits: str
    #: The names in use: where there are few, everybody meets.
    ranges: tuple[str, ...]
    requests: tuple[str, ...]

    @classmethod
    def drawn(cls, rng: random.Random) -> Habits:
        """Some do a thing often, some never."""
        weights = {name: feature.weight * rng.choice((0, 0.3, 1, 1, 3)) for name, feature in FEATURES.items()}
        weights["create a request"] = max(weights["create a request"], 3.0)
        weights["create a range"] = max(weights["create a range"], 1.0)
        ranges = tuple(rng.sample(RANGES, rng.choice((1, 1, 2, 3))))
        admits = rng.choice(("nothing", "label", "label and finalizer"))
        return cls(weights, admits, ranges, tuple(rng.sample(REQUESTS, rng.choice((1, 2, 3, 5, 7)))))


def range_spec(name: str, rng: random.Random) -> dict[str, Any]:
    """The spec of a range."""
    spec: dict[str, Any] = {"ranges": rng.choice(POOLS_6 if name.endswith("six") else POOLS_4)}
    if rng.random() < 0.6:
        spec["chunkSize"] = rng.choice((124, 126, 127) if name.endswith("six") else (29, 30, 31, 32))
    return spec


def request_spec(range_name: str, namespace: str, rng: random.Random) -> dict[str, Any]:
    """The spec of a request: the default size, one of its own, or a block of its choice."""
    range_namespace, _, name = range_name.partition("/")
    spec: dict[str, Any] = {"ipam": {"name": name}}
    if range_namespace != namespace:
        spec["ipam"]["namespace"] = range_namespace
    is_six = range_name.endswith("six")
    match rng.randrange(6):
        case 0 | 1:
            spec["size"] = rng.choice((124, 125, 126, 127, 128, 64) if is_six else (27, 28, 29, 30, 31, 32, 33))
        case 2:
            number = rng.randrange(0, 40, 4)
            spec["request"] = (
                f"2001:db8::{number + 1:x}" if is_six else rng.choice((f"10.0.0.{number}/30", f"10.0.0.{number}"))
            )
        case _:
            pass
    return spec


# --- drawing


def _create_range(_: World, habits: Habits, rng: random.Random) -> Action | None:
    name = rng.choice(habits.ranges)
    return _creation("IPAMRange", name, range_spec(name, rng))


def _create_request(_: World, habits: Habits, rng: random.Random) -> Action | None:
    namespace, range_name = rng.choice(NAMESPACES), rng.choice(habits.ranges)
    metadata: dict[str, Any] = {}
    if habits.admits != "nothing":
        metadata["labels"] = {f"{GROUP}/range": range_name.replace("/", ".")}
    if habits.admits == "label and finalizer":
        metadata["finalizers"] = [REQUEST_FINALIZER]
    name = f"{namespace}/{rng.choice(habits.requests)}"
    return _creation("IPAMRequest", name, request_spec(range_name, namespace, rng), metadata)


def _creation(kind: str, name: str, spec: dict[str, Any], metadata: dict[str, Any] | None = None) -> Action:
    namespace, _, short = name.partition("/")
    obj = {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": kind,
        "metadata": {"namespace": namespace, "name": short, **(metadata or {})},
        "spec": spec,
    }
    return "create", json.dumps(obj)


def _on(verb: str, plural: str, *words: str) -> Callable[[World, Habits, random.Random], Action | None]:
    """A verb on any object of a kind."""

    def draw(world: World, _: Habits, rng: random.Random) -> Action | None:
        obj = _any(world, plural, rng)
        return None if obj is None else (verb, plural, _name(plural, obj), *words)

    return draw


def _any(world: World, plural: str, rng: random.Random) -> Obj | None:
    found = world.store.list(world.plural(plural))
    return rng.choice(found) if found else None


def _name(plural: str, obj: Obj) -> str:
    if plural == "ipamallocations":
        request = obj["spec"]["request"]
        return f"{request['namespace']}/{request['name']}"
    return joined(key_of(obj))


def _mislabel(world: World, _: Habits, rng: random.Random) -> Action | None:
    obj = _any(world, "ipamrequests", rng)
    return (
        None
        if obj is None
        else ("mislabel", "ipamrequests", joined(key_of(obj)), rng.choice(("b.net", "a.six", "a.none")))
    )


def _edit_spec(world: World, _: Habits, rng: random.Random) -> Action | None:
    plural, changes = rng.choice(
        [
            ("ipamrequests", {"size": 30}),
            ("ipamranges", {"ranges": ["10.0.0.0/27"]}),
            ("ipamallocations", {"state": "Busy"}),
            ("ipamallocations", {"cidr": "10.0.0.8/32"}),
        ]
    )
    obj = _any(world, plural, rng)
    return None if obj is None else ("set-spec", plural, _name(plural, obj), json.dumps(changes))


def _edit_status(world: World, _: Habits, rng: random.Random) -> Action | None:
    obj = _any(world, "ipamrequests", rng)
    if obj is None:
        return None
    changes = rng.choice(({"state": "Busy"}, {"cidr": f"10.0.0.{rng.randrange(0, 24, 4)}/30"}, {"message": "by hand"}))
    return "set-status", "ipamrequests", joined(key_of(obj)), json.dumps(changes)


def _old_status(world: World, _: Habits, rng: random.Random) -> Action | None:
    obj = _any(world, rng.choice(("ipamranges", "ipamrequests")), rng)
    if obj is None:
        return None
    plural = "ipamranges" if obj["kind"] == "IPAMRange" else "ipamrequests"
    return "old-status", plural, joined(key_of(obj)), str(rng.randrange(6))


def _reclaim(world: World, _: Habits, rng: random.Random) -> Action | None:
    obj = _any(world, "ipamranges", rng)
    return None if obj is None else ("reclaim", joined(key_of(obj)))


def _delete_namespace(world: World, _: Habits, rng: random.Random) -> Action | None:
    found = [meta(obj)["name"] for obj in world.store.list(NAMESPACE) if not is_deleting(obj)]
    return ("delete", "namespaces", rng.choice(found)) if found else None


def _force_namespace(world: World, _: Habits, rng: random.Random) -> Action | None:
    found = [meta(obj)["name"] for obj in world.store.list(NAMESPACE) if is_deleting(obj)]
    return ("force-namespace", rng.choice(found)) if found else None


def _wipe(_: World, __: Habits, ___: random.Random) -> Action | None:
    return ("wipe",)


def _drop_finalizer(world: World, _: Habits, rng: random.Random) -> Action | None:
    for plural in ("ipamrequests", "ipamallocations", "ipamranges"):
        held = [obj for obj in world.store.list(world.plural(plural)) if "example.com/keep" in finalizers_of(obj)]
        if held and rng.random() < 0.7:
            return "drop-finalizer", plural, _name(plural, rng.choice(held))
    return None


def _clear_strays(world: World, _: Habits, __: random.Random) -> Action | None:
    strays = stray_allocations(world)
    return ("delete", "ipamallocations", _name("ipamallocations", strays[0])) if strays else None


@dataclass(frozen=True, slots=True)
class Feature:
    """Something that people do: how often, compared with the others, and how it is drawn."""

    weight: float
    draw: Callable[[World, Habits, random.Random], Action | None]


FEATURES: dict[str, Feature] = {
    "create a range": Feature(2.0, _create_range),
    "create a request": Feature(8.0, _create_request),
    "delete a request": Feature(4.0, _on("delete", "ipamrequests")),
    "delete a range": Feature(0.4, _on("delete", "ipamranges")),
    "delete a range, orphaning": Feature(0.15, _on("delete", "ipamranges", "orphan")),
    "delete a range, foreground": Feature(0.15, _on("delete", "ipamranges", "foregroundDeletion")),
    "delete an allocation": Feature(0.5, _on("delete", "ipamallocations")),
    "delete a namespace": Feature(0.1, _delete_namespace),
    "force a namespace away": Feature(0.1, _force_namespace),
    "keep a request by a finalizer": Feature(0.6, _on("add-finalizer", "ipamrequests")),
    "keep an allocation by a finalizer": Feature(0.2, _on("add-finalizer", "ipamallocations")),
    "let go what was kept": Feature(1.0, _drop_finalizer),
    "strip the finalizers of a request": Feature(0.4, _on("strip-finalizers", "ipamrequests")),
    "strip the finalizers of a range": Feature(0.15, _on("strip-finalizers", "ipamranges")),
    "strip the labels of a request": Feature(0.5, _on("strip-labels", "ipamrequests")),
    "mislabel a request": Feature(0.3, _mislabel),
    "strip the annotations of a request": Feature(0.3, _on("strip-annotations", "ipamrequests")),
    "strip the owners of an allocation": Feature(0.3, _on("strip-owners", "ipamallocations")),
    "strip the labels of an allocation": Feature(0.3, _on("strip-labels", "ipamallocations")),
    "clear stray allocations": Feature(0.3, _clear_strays),
    "edit a spec": Feature(0.4, _edit_spec),
    "edit a status": Feature(0.3, _edit_status),
    "write an old status again": Feature(0.5, _old_status),
    "reclaim": Feature(0.4, _reclaim),
    "wipe and restore": Feature(0.06, _wipe),
}


def drawn_deed(world: World, habits: Habits, rng: random.Random) -> Action | None:
    """Something that a person does now."""
    name = rng.choices(list(FEATURES), [habits.weights[name] for name in FEATURES])[0]
    return FEATURES[name].draw(world, habits, rng)


def backup(world: World, rng: random.Random) -> list[Action]:
    """The creations by which a restore brings everything back: no status, no uids, in any order."""
    actions: list[Action] = []
    for plural in ("ipamranges", "ipamrequests", "ipamallocations"):
        for obj in world.store.list(world.plural(plural)):
            if is_deleting(obj) or (plural == "ipamallocations" and rng.random() < 0.7):
                continue
            kept = {"labels": labels_of(obj), "annotations": meta(obj).get("annotations", {})}
            if rng.random() < 0.5:
                kept["finalizers"] = finalizers_of(obj)
            actions.append(_creation(obj["kind"], joined(key_of(obj)), obj["spec"], kept))
    rng.shuffle(actions)
    return actions
