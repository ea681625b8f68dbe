"""Changes of the specs of ranges that the API server accepts, drawn at random."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from simulator.attack.features import ADDITIONS, drawn_quota, version_of
from simulator.kubernetes.objects import joined, key_of

if TYPE_CHECKING:
    import random

    from simulator.kubernetes.objects import Obj
    from simulator.world.machinery import Action, World


def grow(world: World, rng: random.Random) -> Action | None:
    """Append addresses to a range, which may have them already."""
    obj = _any_range(world, rng)
    if obj is None:
        return None
    addition = rng.choice(ADDITIONS[version_of(key_of(obj)[1])])
    return _edit(obj, ranges=[*obj["spec"].get("ranges", ()), addition])


def change_quota(world: World, rng: random.Random) -> Action | None:
    """Set another quota, or remove it."""
    obj = _any_range(world, rng)
    if obj is None:
        return None
    return _edit(obj, quota=drawn_quota(version_of(key_of(obj)[1]), rng) if rng.random() < 0.7 else None)


def _any_range(world: World, rng: random.Random) -> Obj | None:
    found = world.store.list(world.plural("ipamranges"))
    return rng.choice(found) if found else None


def _edit(obj: Obj, **changes: Any) -> Action:
    return "set-spec", "ipamranges", joined(key_of(obj)), json.dumps(changes)
