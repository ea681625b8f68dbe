"""The actions of cluster administrators on slices, drawn at random; no other users may write slices.

A slice that an administrator writes may mislead the requests that belong in it, as DESIGN.md says, so no such answers
are drawn. Answers without a request, or in the slice of another request, must not mislead any request.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from simulator.kubernetes.objects import joined, key_of, uid_of
from simulator.names import SLICES, SLOTS
from simulator.world.people import strays
from simulator.world.slices import ADOPTED, FOREIGN, MISNAMED, names_of_slice

if TYPE_CHECKING:
    import random

    from simulator.kubernetes.objects import Obj
    from simulator.world.machinery import Action, World

#: Uids and a name that no request has.
UNKNOWN = tuple(f"00000000-0000-4000-8000-00000000000{number}" for number in range(3))
MISSING = "a/missing"
#: What an answer may say that rests on no later ledger than any other.
STATES: tuple[Obj, ...] = (
    {"state": "Busy", "reason": "Full", "message": "by hand"},
    {"state": "Invalid"},
    {"state": "Released", "revision": 0},
    {"state": "Ready", "cidr": "10.0.0.8/32", "revision": 0},
)


def delete_stray_slice(world: World, _: random.Random) -> Action | None:
    """Delete a slice that no range controls, as messages ask people to."""
    found = strays(world, SLICES)
    return ("delete", SLICES, names_of_slice(found[0])[0]) if found else None


def occupy_slice(world: World, rng: random.Random) -> Action | None:
    """Create a slice of this second, in which the requests that come next may belong."""
    ranges = world.store.list(world.plural("ipamranges"))
    if not ranges:
        return None
    items = [_unknown(rng)] if rng.random() < 0.5 else []
    how = rng.choice((FOREIGN, ADOPTED, MISNAMED))
    return "occupy-slice", joined(key_of(rng.choice(ranges))), str(rng.randrange(SLOTS)), how, json.dumps(items)


def add_answer(world: World, rng: random.Random) -> Action | None:
    """Add an answer without a request to a slice, or one to a request of another slice."""
    slices = world.store.list(world.plural(SLICES))
    if not slices:
        return None
    obj, others = rng.choice(slices), _answered_elsewhere(world, rng)
    item = others if others and rng.random() < 0.5 else _unknown(rng)
    return "add-answer", names_of_slice(obj)[0], json.dumps(item)


def edit_answer(world: World, rng: random.Random) -> Action | None:
    """Change an answer into a refusal, or give a refusal a block."""
    name = _any_answered(world, rng)
    changes = rng.choice(({"state": "Busy"}, {"cidr": "10.0.0.8/32"}, {"reason": "ByHand"}))
    return ("set-answer", name, json.dumps(changes)) if name else None


def drop_answer(world: World, rng: random.Random) -> Action | None:
    """Remove an answer from its slice."""
    name = _any_answered(world, rng)
    return ("drop-answer", name) if name else None


def _unknown(rng: random.Random) -> Obj:
    return {"uid": rng.choice(UNKNOWN), "request": MISSING, **rng.choice(STATES)}


def _answered_elsewhere(world: World, rng: random.Random) -> Obj | None:
    """An item for any request that exists, whatever slice it belongs in; now and then it has another name."""
    requests = world.store.list(world.plural("ipamrequests"))
    if not requests:
        return None
    request = rng.choice(requests)
    name = MISSING if rng.random() < 0.1 else joined(key_of(request))
    return {"uid": uid_of(request), "request": name, **rng.choice(STATES)}


def _any_answered(world: World, rng: random.Random) -> str | None:
    """A request that has an answer."""
    names = [item["request"] for obj in world.store.list(world.plural(SLICES)) for item in obj["spec"]["answers"]]
    return rng.choice(names) if names else None
