"""A cluster in which everything that can happen is an action: one small step, written as words.

An action is complete by itself: it refers to objects by name and never to earlier actions. So a list of actions is a
run that can be replayed, and a failing run is shortened by leaving actions out. An action that is not possible (any
more) is skipped.

This module has the actions of the machinery: deliveries of events, steps of syncs, starts and stops of Metacontrollers,
and time. The actions of people are in `people`.
"""

from __future__ import annotations

import random
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.cluster import START
from simulator.kubernetes.authorization import Roles, User
from simulator.kubernetes.clock import SimulatedClock
from simulator.kubernetes.controllers import GarbageCollector, NamespaceController
from simulator.kubernetes.errors import ApiError
from simulator.kubernetes.gate import ADMINISTRATOR, Gate
from simulator.kubernetes.json_patch import merge_patched
from simulator.kubernetes.objects import joined, key_of
from simulator.kubernetes.policies import MUTATING, VALIDATING, Policies
from simulator.kubernetes.store import Store
from simulator.metacontroller.process import Metacontroller
from simulator.names import ADDED_ROLES, CONTROLLER_MANAGER, METACONTROLLER, METACONTROLLER_ROLE, TENANT
from simulator.world.faults import FaultyApi, FaultyHooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from simulator.kubernetes.objects import Obj
    from simulator.kubernetes.resources import Catalog, Resource
    from simulator.metacontroller.controller import Controller
    from simulator.metacontroller.steps import Steps
    from simulator.metacontroller.webhook import Caller

#: How long a write waits in the rate limiter of Metacontroller, when a tenant repeats a patch of its object. With the
#: default of 5 calls a second, bursts of requests make writes wait for longer than that.
LIMITER_SECONDS = 5.0
#: A verb and its words.
Action = tuple[str, ...]
#: The kinds of admission policies, by the words of the action that installs them.
POLICY_KINDS = {"policies": VALIDATING, "defaults": MUTATING}


@dataclass(slots=True)
class Sync:
    """A started sync: its remaining steps, and what it is about to do."""

    steps: Steps[None]
    about: str


@dataclass(slots=True)
class Instance:
    """A Metacontroller, its connections, and its started syncs by controller and `namespace/name`."""

    metacontroller: Metacontroller
    api: FaultyApi
    hooks: FaultyHooks
    syncs: dict[tuple[str, str], Sync] = field(default_factory=dict)

    def controller(self, name: str) -> Controller | None:
        """The controller of this name."""
        return next((item for item in self.metacontroller.controllers if item.name == name), None)


class World:
    """A store, its background controllers, and any number of Metacontrollers by name."""

    def __init__(
        self,
        catalog: Catalog,
        manifests: Iterable[Obj],
        connect: Callable[[Callable[[], Mapping[str, str]]], Caller],
        seed: int,
    ) -> None:
        """`seed` determines the uids; `connect` makes the caller of the hooks."""
        self.catalog = catalog
        self.clock = SimulatedClock(START)
        self.store = Store(catalog, self.clock, random.Random(seed), _uid_maker(seed))
        #: API servers that share the storage; each may serve other schemas.
        self.servers = {"one": self.store, "two": self.store.beside()}
        self.garbage_collector = GarbageCollector(self.store)
        self.namespace_controller = NamespaceController(self.store)
        self.gate = self.store.gate = Gate(self.store.find, Policies([]))
        self.instances: dict[str, Instance] = {}
        #: The present writer, by its name in `simulator.names`.
        self.writer = METACONTROLLER
        #: Hook calls whose answers differed although the facts were the same.
        self.differences: list[str] = []
        #: The good hook calls of the last step: path, body, answer.
        self.answered: list[tuple[str, bytes, bytes]] = []
        #: The number of hook calls of Metacontrollers that have stopped.
        self.hook_calls = 0
        self._manifests = list(manifests)
        self._connect = connect
        self._roles = Roles(self._manifests)
        self._installed: set[str] = set()
        #: The patches that tenants repeat forever, by kind and `namespace/name`, each with its user.
        self.repeated: dict[tuple[str, str], tuple[User, Obj]] = {}
        has_role = METACONTROLLER_ROLE in self._roles
        added = [role for role in ADDED_ROLES if role in self._roles]
        self._metacontroller = (
            self._roles.user(METACONTROLLER, METACONTROLLER_ROLE, *added) if has_role else Roles.owner(METACONTROLLER)
        )
        self.gate.user = self._metacontroller

    def plural(self, name: str) -> Resource:
        """The kind with this plural name."""
        return next(item for item in self.catalog.resources if item.plural == name)

    def person(self, text: str) -> User:
        """A person by role and namespace, such as `ipam-edit:a`; `owner:a` may do everything in namespace a.

        Raises KeyError for an unknown role.
        """
        role, _, namespace = text.partition(":")
        if role == "owner":
            return Roles.owner(text, namespace)
        return self._roles.user(text, "ipam-view", role, namespace=namespace)

    # --- actions

    def install(self, word: str) -> str:
        """Install the validating policies of `metacontroller/`, or the mutating ones of `deploy/admission`."""
        self._installed.add(POLICY_KINDS[word])
        kinds = {word for kind in self._installed for word in (kind, f"{kind}Binding")}
        self.gate.policies = Policies(obj for obj in self._manifests if obj.get("kind") in kinds)
        return f"install {word}"

    @property
    def has_policies(self) -> bool:
        """Whether the validating policies are installed."""
        return POLICY_KINDS["policies"] in self._installed

    def boot(self, name: str, *behind: str) -> str | None:
        """Start a Metacontroller; `ipamranges=3` means that its first list of that kind is 3 events behind.

        `server=two` means that it talks to that API server.
        """
        if name in self.instances:
            return None
        ages = dict(word.split("=") for word in behind)
        server = self.servers[ages.pop("server", "one")]
        positions = {
            item.plural: max(len(self.store.log(item)) - int(ages.get(item.plural, 0)), self.store.oldest_state(item))
            for item in self.catalog.resources
        }
        api, hooks = FaultyApi(server, self._repeat), FaultyHooks(self.clock, self._connect)
        hooks.differences, hooks.answered = self.differences, self.answered
        made = Metacontroller(server, self._manifests, hooks, api=api, positions=positions)
        self.instances[name] = Instance(made, api, hooks)
        return f"{name} starts{''.join(f', {word}' for word in behind)}"

    def stop(self, name: str) -> str | None:
        """Stop a Metacontroller in the middle of its syncs."""
        instance = self.instances.pop(name, None)
        if instance is None:
            return None
        self.hook_calls += instance.hooks.calls
        return f"{name} stops in the middle of {len(instance.syncs)} syncs"

    def deliver(self, name: str, plural: str, outcome: str = "") -> str | None:
        """Deliver the next event of a kind; the outcome is for the customize call that this may cause."""
        instance = self.instances.get(name)
        cache = instance.metacontroller.caches[self.plural(plural)] if instance else None
        if instance is None or cache is None or not cache.behind:
            return None
        event = self.store.log(cache.resource)[len(self.store.log(cache.resource)) - cache.behind]
        self._with_outcome(instance, outcome, cache.deliver)
        where = joined((event.obj["metadata"].get("namespace", ""), event.obj["metadata"]["name"]))
        return f"{name} sees {event.type} {event.obj['kind']} {where}"

    def relist(self, name: str, plural: str) -> str | None:
        """Let a cache skip to the present."""
        instance = self.instances.get(name)
        cache = instance.metacontroller.caches[self.plural(plural)] if instance else None
        if instance is None or cache is None or not (cache.behind or cache.resource in self.store.mixed):
            return None
        behind = cache.behind
        cache.relist()
        return f"{name} lists {plural} again and skips {behind} events"

    def start(self, name: str, controller: str, key: str) -> str | None:
        """Start a sync that waits in a queue, and run it up to its first call."""
        instance = self.instances.get(name)
        found = instance.controller(controller) if instance else None
        if instance is None or found is None or (controller, key) in instance.syncs:
            return None
        found.queue.add_due()
        ready = next((item for item in found.queue.ready if joined(item[1]) == key), None)
        if ready is None:
            return None
        return self._resume(instance, (controller, key), Sync(found.processing(ready), f"{controller} syncs {key}"), "")

    def advance(self, name: str, controller: str, key: str, outcome: str = "") -> str | None:
        """Let a started sync make its next call, and run it up to the one after that."""
        instance = self.instances.get(name)
        if instance is None or (controller, key) not in instance.syncs:
            return None
        return self._resume(instance, (controller, key), instance.syncs.pop((controller, key)), outcome)

    def background(self, part: str) -> str | None:
        """Do one step of the garbage collector or of the namespace controller."""
        found = self.garbage_collector if part == "garbage" else self.namespace_controller
        if not found.has_work():
            return None
        try:
            with self.written_by(CONTROLLER_MANAGER, found.user):
                found.step()
        except ApiError as error:
            return f"{part} controller meets {error}"
        return f"{part} controller takes a step"

    def wait(self, seconds: str) -> str:
        """Let time pass."""
        self.clock.wait(float(seconds))
        return f"{seconds} seconds pass"

    @contextmanager
    def written_by(self, writer: str, user: User = ADMINISTRATOR) -> Iterator[None]:
        """Attribute the writes of a `with` block to another writer than Metacontroller, with the rights of a user."""
        self.writer = writer
        try:
            with self.gate.called_by(user):
                yield
        finally:
            self.writer = METACONTROLLER

    # --- what is possible

    def waiting(self) -> list[tuple[str, str, str]]:
        """The syncs that could start now: instance, controller, key."""
        result = []
        for name, instance in self.instances.items():
            for controller in instance.metacontroller.controllers:
                controller.queue.add_due()
                result += [(name, controller.name, joined(key[1])) for key in controller.queue.ready]
        return [item for item in result if item[1:] not in self.instances[item[0]].syncs]

    def started(self) -> list[tuple[str, str, str]]:
        """The syncs that could advance now: instance, controller, key."""
        return [(name, *key) for name, instance in self.instances.items() for key in instance.syncs]

    def failing_syncs(self) -> Iterator[str]:
        """A sentence for each sync whose last try failed."""
        for name, instance in self.instances.items():
            for controller in instance.metacontroller.controllers:
                for key, message in controller.failing.items():
                    yield f"{controller.name} of {name} still fails for {'/'.join(key[1])}: {message}"

    def next_due(self) -> datetime | None:
        """The time of the next timer of any queue; None if there is none."""
        queues = [item.queue for each in self.instances.values() for item in each.metacontroller.controllers]
        return min((due for queue in queues if (due := queue.next_due()) is not None), default=None)

    # --- helpers

    def _repeat(self, obj: Obj) -> None:
        """Change an object that Metacontroller is about to replace, if a tenant repeats a patch of it.

        Metacontroller's write waits in its rate limiter, and is outdated when it is made.
        """
        resource, key = self.catalog.of(obj), key_of(obj)
        found = self.repeated.get((resource.plural, joined(key)))
        if found is None or self.store.find(resource, key) is None:
            return
        user, patch = found
        self.clock.wait(LIMITER_SECONDS)
        count = {"metadata": {"annotations": {"example.com/count": str(self.store.version)}}}
        with self.written_by(TENANT, user), suppress(ApiError):
            self.store.patch(resource, key, merge_patched(patch, count))

    def _resume(self, instance: Instance, key: tuple[str, str], sync: Sync, outcome: str) -> str:
        def step() -> str:
            try:
                return next(sync.steps)
            except StopIteration:
                return ""

        done, sync.about = sync.about, self._with_outcome(instance, outcome, step)
        if sync.about:
            instance.syncs[key] = sync
        name = next(word for word, item in self.instances.items() if item is instance)
        return f"{name} {done}{f' ({outcome})' if outcome else ''}{'' if sync.about else '; done'}"

    @staticmethod
    def _with_outcome(instance: Instance, outcome: str, step: Callable[[], str | None]) -> str:
        instance.api.outcome = instance.hooks.outcome = outcome
        try:
            return step() or ""
        finally:
            instance.api.outcome = instance.hooks.outcome = ""


def _uid_maker(seed: int) -> Callable[[str], str]:
    """Uids that depend on the seed, a name and the count of its uses, but not on other objects."""
    made: dict[str, int] = {}

    def make(name: str) -> str:
        made[name] = made.get(name, 0) + 1
        return str(uuid.UUID(int=random.Random(f"{seed} {name} {made[name]}").getrandbits(128), version=4))

    return make
