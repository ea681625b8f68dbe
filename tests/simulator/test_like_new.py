"""A range that has been edited and used, and is empty again, shows what a new range with its spec shows.

What a range remembers of its life, such as former gateways, must not outlive its reason.
"""

import random
from contextlib import suppress
from typing import Any

import pytest

from simulator.cluster import Cluster
from simulator.kubernetes.errors import ApiError
from tests.simulator.test_promises import cluster, iprange, ipreq, statuses

Spec = dict[str, Any]

ENTRIES = ("10.0.0.0/30", "10.0.0.0/31", "10.0.0.1", "10.0.0.2", "10.0.0.4/30", "10.0.0.8-10.0.0.13", "10.0.0.0/28")
ADDRESSES = tuple(f"10.0.0.{number}" for number in range(8))
SHOWN = ("state", "message", "notes", "capacity", "pending", "retired", "removable", "gateways", "allocations")
NAMES = ("a", "b", "c", "d")
#: No block cools down any more, and nobody waits for what never comes.
LONG_SECONDS = 700.0


class Life:
    """Random edits of a range, and requests of it that come and go."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.world = cluster(seed)
        self.ranges = self.rng.sample(ENTRIES, self.rng.randint(1, 3))
        self.spec = self.drawn_spec()
        self.world.apply(iprange("net", self.ranges, **self.spec))
        self.world.run_until_quiet()

    def drawn_spec(self) -> Spec:
        """A spec without its ranges."""
        rng, spec = self.rng, Spec(chunkSize=32)
        if rng.random() < 0.6:
            spec["excludes"] = rng.sample(ENTRIES + ADDRESSES, rng.randint(1, 3))
        if rng.random() < 0.6:
            spec["network"] = {"gateway": rng.choice(ADDRESSES)}
        if rng.random() < 0.3:
            spec["network"] = spec.get("network", {}) | {"prefixLength": rng.choice((24, 29, 30, 31))}
        return spec

    def step(self) -> None:
        """One thing that a person does."""
        name, chance = self.rng.choice(NAMES), self.rng.random()
        if chance < 0.3:
            size = {"size": self.rng.choice((30, 31))} if self.rng.random() < 0.3 else {}
            with suppress(ApiError):  # it exists already
                self.world.apply(ipreq(name, "net", **size))
        elif chance < 0.5:
            self.delete(name)
        elif chance < 0.6:
            self.edit([*self.ranges, self.rng.choice(ENTRIES)], self.drawn_spec())
        elif chance < 0.7 and (removable := self.status_in(self.world).get("removable")):
            self.edit([each for each in self.ranges if each not in removable], self.drawn_spec())
        else:
            self.edit(self.ranges, self.drawn_spec())
        if self.rng.random() < 0.7:
            self.world.run_until_quiet()

    def edit(self, ranges: list[str], spec: Spec) -> None:
        """Change the spec, if the API server accepts it."""
        with suppress(ApiError):
            self.world.apply(iprange("net", ranges, **spec))
            self.ranges, self.spec = ranges, spec

    def delete(self, name: str) -> None:
        """Delete a request, if it exists."""
        with suppress(ApiError):
            self.world.delete(ipreq(name, "net"))

    @staticmethod
    def status_in(world: Cluster) -> Spec:
        """What the range shows."""
        status = world.get("iprange", "net")["status"]
        return {name: status[name] for name in SHOWN if name in status}


#: 29 and 47 have shown former gateways that outlived their holders.
@pytest.mark.parametrize("seed", range(28, 48))
def test_a_range_that_is_empty_again_shows_what_a_new_one_shows(seed: int) -> None:
    life = Life(seed)
    for _ in range(life.rng.choice((4, 8, 14))):
        life.step()
    for name in NAMES:
        life.delete(name)
    life.world.run_until_quiet(LONG_SECONDS)

    new = cluster(seed)
    new.apply(iprange("net", life.ranges, **life.spec))
    new.run_until_quiet(LONG_SECONDS)

    assert statuses(life.world) == {}
    assert life.status_in(life.world) == life.status_in(new)
