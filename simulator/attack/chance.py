"""The next action of a run, drawn from all that are possible.

Weights are drawn once per run, so that each seed explores another mix: in one run the cache of ranges hardly ever gets
an event, in another one every fifth write fails. Drawing reads the world but does not change it; `simulation` does the
action and records it.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from simulator.attack.features import SKEWED
from simulator.attack.restores import SETTLE, plan
from simulator.attack.workload import Behaviour, backup, drawn_person_action, first_actions, newcomer
from simulator.names import ADDRESSES, CLAIMS, CLUSTERS, SERVICES
from simulator.world.faults import CLOCK_OUTCOMES, HOOK_OUTCOMES, SAME_OUTCOMES, SKEWS, WRITE_OUTCOMES

if TYPE_CHECKING:
    from simulator.world.machinery import Action, World

#: The kinds whose caches the hooks depend on; and those of claims and Services.
KINDS = ("ipamranges", "ipamrequests", "ipamallocationslices", "ipamextents", "namespaces")
FOREIGN_KINDS = (CLAIMS, ADDRESSES, CLUSTERS, SERVICES, "ipamrangealiases")


@dataclass(frozen=True, slots=True)
class Weights:
    """How often each kind of action happens in one run."""

    people: float
    deliveries: dict[str, float]
    starts: float
    advances: float
    background: float
    waits: float
    restarts: float
    write_faults: float
    hook_faults: float
    clock_faults: float
    #: By how many seconds the clocks of the replicas are wrong; none, if all are right.
    skews: tuple[int, ...]
    #: The share of hook calls that are repeated, to compare the answers.
    repeated_calls: float
    relists: float
    #: The controller whose writes wait longest in Metacontroller's rate limiter, and how often one of them is made,
    #: compared with other steps of syncs.
    starved: str
    starved_share: float
    workers: int
    #: The most events by which the first list of a cache is behind.
    ages_max: dict[str, int]

    @classmethod
    def drawn(cls, rng: random.Random) -> Weights:
        """Weights drawn at random."""
        return cls(
            people=rng.choice((0.5, 1.0, 2.0)),
            deliveries={kind: rng.choice((0.2, 1.0, 4.0, 8.0)) for kind in KINDS},
            starts=rng.choice((2.0, 5.0)),
            advances=rng.choice((1.5, 4.0, 8.0)),
            background=rng.choice((0.3, 2.0)),
            waits=rng.choice((0.02, 0.1, 0.5)),
            restarts=rng.choice((0.0, 0.03, 0.15)),
            write_faults=rng.choice((0.0, 0.05, 0.2)),
            hook_faults=rng.choice((0.0, 0.05, 0.2)),
            clock_faults=rng.choice((0.0, 0.0, 0.2)),
            skews=tuple(rng.sample(SKEWS, 2)) if rng.random() < SKEWED else (),
            repeated_calls=0.1,
            relists=rng.choice((0.0, 0.1)),
            starved=rng.choice(("", "", "ipamrange", "ipamrequest")),
            starved_share=rng.choice((0.02, 0.2)),
            workers=rng.choice((1, 2, 5)),
            ages_max={kind: rng.choice((0, 3, 30)) for kind in KINDS},
        )


@dataclass(frozen=True, slots=True)
class Bias:
    """Values that replace drawn ones in the runs of a hunt, so that the occasions of a mistake are frequent."""

    #: Fields of Weights and of Behaviour, and the weights of actions and features, by name.
    weights: dict[str, Any] = field(default_factory=dict)
    behaviour: dict[str, Any] = field(default_factory=dict)
    actions: dict[str, float] = field(default_factory=dict)

    def applied(self, weights: Weights, behaviour: Behaviour) -> tuple[Weights, Behaviour]:
        """The drawn weights and behaviour with these values. Raises ValueError for an unknown action."""
        unknown = self.actions.keys() - behaviour.weights.keys()
        if unknown:
            raise ValueError(f"no such actions: {', '.join(sorted(unknown))}")
        actions = behaviour.weights | self.actions
        return replace(weights, **self.weights), replace(behaviour, **{"weights": actions, **self.behaviour})


class Chance:
    """Draws the actions of one run."""

    def __init__(self, seed: int, bias: Bias) -> None:
        self._rng = random.Random(seed)
        drawn = Weights.drawn(self._rng), Behaviour.drawn(self._rng)
        # Chance of its own, so that a run without claims and Services is the one that it was before there were any.
        self._foreign = random.Random(f"claims and Services of {seed}")
        self._weights, self._behaviour = bias.applied(drawn[0], drawn[1].integrated(self._foreign))
        self._deliveries = self._weights.deliveries | {
            kind: self._foreign.choice((0.2, 1.0, 8.0)) for kind in FOREIGN_KINDS
        }
        #: Planned actions: policies are installed first, usually ranges are created before requests, and a restore
        #: continues.
        self._planned: deque[Action] = deque(first_actions(self._behaviour, self._rng))
        self._boots = 0
        self.steps = self._rng.choice((60, 150, 250, 400))

    def next_action(self, world: World) -> Action:
        """An action that may be possible now."""
        rng, weights = self._rng, self._weights
        if self._planned and self._planned[0][0] == "install":
            return self._planned.popleft()
        if not world.instances and rng.random() < 0.5:
            return self._boot(world)
        waiting = self._startable(world)
        started = world.started()
        events = self._events(world)
        choices = [
            (self._person_acts, weights.people),
            (self._delivery, sum(self._deliveries[kind] for _, kind in events)),
            (self._start, weights.starts * min(len(waiting), 3)),
            (self._advance, weights.advances * min(len(started), 3)),
            (self._background, weights.background),
            (self._wait, weights.waits),
            (self._restart, weights.restarts),
            (self._relist, self._relist_weight(world, any_events=bool(events))),
        ]
        draw = rng.choices([draw for draw, _ in choices], [weight for _, weight in choices])[0]
        return draw(world)

    # --- a function for each kind of action

    def _person_acts(self, world: World) -> Action:
        if self._planned and self._rng.random() < (0.5 if SETTLE in self._planned else 0.8):
            return self._planned.popleft()
        if SETTLE in self._planned:
            return newcomer(world, self._behaviour, self._rng)
        action = drawn_person_action(world, self._behaviour, self._rng) or ("wait", "1")
        if action[0] == "wipe":
            self._planned.extend(backup(world, self._rng))
        if action[0] == "empty":
            self._planned = deque(plan(world, action[1], self._rng))
            return self._planned.popleft()
        return action

    def _events(self, world: World) -> list[tuple[str, str]]:
        """The caches that are behind: instance and kind."""
        caches = {kind: world.plural(kind) for kind in (*KINDS, *FOREIGN_KINDS)}
        return [
            (name, kind)
            for name, instance in world.instances.items()
            for kind, resource in caches.items()
            if instance.metacontroller.caches[resource].behind
        ]

    def _delivery(self, world: World) -> Action:
        found = self._events(world)
        name, kind = self._rng.choices(found, [self._deliveries[kind] for _, kind in found])[0]
        return ("deliver", name, kind, *self._hook_outcome(share=0.3))

    def _start(self, world: World) -> Action:
        return ("start", *self._rng.choice(self._startable(world)))

    def _startable(self, world: World) -> list[tuple[str, str, str]]:
        """The syncs that wait, except where all workers of the controller are busy."""
        busy: dict[tuple[str, str], int] = {}
        for name, controller, _ in world.started():
            busy[name, controller] = busy.get((name, controller), 0) + 1
        return [item for item in world.waiting() if busy.get(item[:2], 0) < self._weights.workers]

    def _advance(self, world: World) -> Action:
        found = [(item, world.instances[item[0]].syncs[item[1:]].about) for item in world.started()]
        shares = [self._share(item[1], about) for item, about in found]
        (name, controller, key), about = self._rng.choices(found, shares)[0]
        if about.startswith("write"):
            is_faulty = self._rng.random() < self._weights.write_faults
            outcomes = [self._rng.choice(WRITE_OUTCOMES)] if is_faulty else []
        else:
            outcomes = [*self._hook_outcome()] if about.startswith("hook") else []
        return ("advance", name, controller, key, *outcomes)

    def _share(self, controller: str, about: str) -> float:
        """How often a sync is advanced, compared with others: the rate limiter may let writes wait, but not forever."""
        is_starved = controller == self._weights.starved and about.startswith("write")
        return self._weights.starved_share if is_starved else 1.0

    def _hook_outcome(self, share: float = 1.0) -> tuple[str, ...]:
        drawn = self._rng.random()
        weights = (self._weights.hook_faults, self._weights.clock_faults, self._weights.repeated_calls)
        for outcomes, weight in zip((HOOK_OUTCOMES, CLOCK_OUTCOMES, SAME_OUTCOMES), weights, strict=True):
            if drawn < weight * share:
                return (self._rng.choice(outcomes),)
            drawn -= weight * share
        return (f"skew:{self._rng.choice(self._weights.skews)}",) if self._weights.skews else ()

    def _background(self, _: World) -> Action:
        return ("background", self._rng.choice(("garbage", "namespace")))

    def _wait(self, world: World) -> Action:
        due = world.next_due()
        if due is not None and self._rng.random() < 0.6:
            seconds = max((due - world.clock.now()).total_seconds(), 0.0)
            return "wait", f"{seconds:.6f}"
        return "wait", self._rng.choice(("1", "5", "11", "31", "61", "601", "1300"))

    def _restart(self, world: World) -> Action:
        if len(world.instances) < 2 and self._rng.random() < 0.5:
            return self._boot(world)
        if not world.instances:
            return self._boot(world)
        return "stop", self._rng.choice(list(world.instances))

    def _boot(self, world: World) -> Action:
        self._boots += 1
        ages = [f"{kind}={self._rng.randint(0, self._weights.ages_max[kind])}" for kind in KINDS]
        if self._behaviour.has_integrations:
            ages += [f"{kind}={self._foreign.choice((0, 0, 3, 12))}" for kind in FOREIGN_KINDS]
        server = [f"server={self._rng.choice(list(world.servers))}"] if world.store.mixed else []
        return ("boot", f"m{self._boots}", *ages, *server)

    def _relist_weight(self, world: World, *, any_events: bool) -> float:
        """Lists are repeated when watches break, as they do when a CRD changes."""
        if world.store.mixed and world.instances:
            return max(self._weights.relists, 0.1)
        return self._weights.relists if any_events else 0

    def _relist(self, world: World) -> Action:
        kinds = (*KINDS, *FOREIGN_KINDS) if self._behaviour.has_integrations else KINDS
        return "relist", self._rng.choice(list(world.instances)), self._rng.choice(kinds)
