"""Changes of the specs of ranges that the API server accepts, drawn at random."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from simulator.attack.features import ADDITIONS, EDITS_OF_RANGES, version_of
from simulator.kubernetes.objects import joined, key_of

if TYPE_CHECKING:
    import random

    from simulator.attack.workload import Behaviour
    from simulator.kubernetes.objects import Obj
    from simulator.world.machinery import Action, World


def grow(world: World, rng: random.Random) -> Action | None:
    """Append addresses to a range, which may have them already."""
    obj = _any_range(world, rng)
    if obj is None:
        return None
    ranges = [*obj["spec"].get("ranges", ()), rng.choice(ADDITIONS[version_of(key_of(obj)[1])])]
    return "set-spec", "ipamranges", joined(key_of(obj)), json.dumps({"ranges": ranges})


def edit(world: World, behaviour: Behaviour, rng: random.Random) -> Action | None:
    """Change a field that may change."""
    obj = _any_range(world, rng)
    weights = [behaviour.weights[name] for name in EDITS_OF_RANGES]
    if obj is None or not any(weights):
        return None
    name = joined(key_of(obj))
    drawn = EDITS_OF_RANGES[rng.choices(list(EDITS_OF_RANGES), weights)[0]]
    return "patch-spec", "ipamranges", name, json.dumps(drawn.draw(version_of(name), rng)["spec"])


def _any_range(world: World, rng: random.Random) -> Obj | None:
    found = world.store.list(world.plural("ipamranges"))
    return rng.choice(found) if found else None
