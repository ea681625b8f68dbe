"""One run: actions are done and judged one by one; then faults end, and the cluster must come to rest in a right state.

    drawn      chance draws actions; `judge.each_step` judges each
    healed     faults end, the shipped CRDs are served, foreign finalizers are removed; then stray slices and extents
               are deleted, as only people can do
    besieged   if tenants repeat patches forever: all others must be served, although they go on; then they stop
    at rest    all events are delivered and all syncs done; `judge.at_rest` judges
    reclaimed  the owners of ranges give up absent holders: then each entry of a ledger must have its request
    emptied    all claims and Services are deleted: nothing that was attached to them may be left; then all requests:
               after a while no slice may be left; then all ranges: nothing may be left

A run is determined by its seed (for the uids) and its actions.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from simulator.attack.chance import Bias, Chance
from simulator.attack.restores import SETTLE
from simulator.judge import at_rest, each_step
from simulator.judge.facts import HookCalls, Write
from simulator.judge.history import History
from simulator.judge.noting import note
from simulator.judge.restores import note_backup, restored
from simulator.kubernetes.errors import ApiError
from simulator.kubernetes.objects import joined, key_of
from simulator.metacontroller.steps import run_to_end
from simulator.names import CLAIMS, CONTROLLER_MANAGER, PERSON, SERVICES, SLICES
from simulator.scheduler import NeverQuiet, Scheduler
from simulator.world import administrators, people
from simulator.world.machinery import World
from simulator.world.people import VERBS, done_by_person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from simulator.kubernetes.controllers import GarbageCollector, NamespaceController
    from simulator.kubernetes.objects import Obj
    from simulator.kubernetes.resources import Catalog, Resource
    from simulator.kubernetes.storage import Event
    from simulator.metacontroller.webhook import Caller
    from simulator.world.machinery import Action

#: Longer than any back-off and than three periodic resyncs: every pending sync has run by then.
HORIZON_SECONDS = 400.0
#: The most steps until the cluster is at rest: at least this many, and this many for each object.
STEPS_MIN, STEPS_PER_OBJECT = 500, 80
#: For how long tenants repeat their patches before all others must be served, and the most steps until then.
SIEGE_SECONDS, SIEGE_STEPS = 200.0, 3000
#: A block may be delegated, and a part of it again.
DELEGATION_LEVELS = 3
#: After this time a range deletes all slices without answers, whenever they were created.
OUTLIVED_SECONDS = 1000.0
#: Everything that is judged, during a run and at its end.
INVARIANTS = tuple(dict.fromkeys([*each_step.CHECKS, *at_rest.CHECKS, "Calm"]))


@dataclass(frozen=True, slots=True)
class Setting:
    """What is simulated (CRDs, controllers, hooks), with which bias, and which invariants judge it."""

    catalog: Catalog
    manifests: list[Obj]
    connect: Callable[[Callable[[], Mapping[str, str]]], Caller]
    bias: Bias = field(default_factory=Bias)
    #: Violations of these are findings.
    invariants: tuple[str, ...] = INVARIANTS


@dataclass(slots=True)
class Outcome:
    """The result of a run."""

    seed: int
    actions: list[Action] = field(default_factory=list)
    steps: int = 0
    hook_calls: int = 0
    excuses: dict[str, int] = field(default_factory=dict)
    #: Violations; the run ends with the first step that has any.
    findings: list[str] = field(default_factory=list)

    @property
    def invariants(self) -> list[str]:
        """The names of the broken invariants."""
        return sorted({finding.partition(":")[0] for finding in self.findings})


class Simulation:
    """A run in progress."""

    def __init__(self, setting: Setting, seed: int, report: Callable[[str], None] | None = None) -> None:
        """`report` gets a line for each step."""
        self.world = World(setting.catalog, setting.manifests, setting.connect, seed)
        self.history = History(HookCalls(self.world.answered, self.world.differences))
        self.world.store.listeners.append(self._note)
        self.outcome = Outcome(seed)
        self._setting = setting
        self._report = report
        self._rests = True

    def run(self, steps: int | None = None) -> Outcome:
        """Draw and do actions, then let the cluster come to rest."""
        chance = Chance(self.outcome.seed, self._setting.bias)
        for _ in range(chance.steps if steps is None else steps):
            if not self._does(chance.next_action(self.world)):
                return self._finished()
        self._end()
        return self._finished()

    def replay(self, actions: list[Action]) -> Outcome:
        """Do just these actions, then let the cluster come to rest."""
        for action in actions:
            if not self._does(action):
                return self._finished()
        self._end()
        return self._finished()

    def _finished(self) -> Outcome:
        self.outcome.hook_calls = self.world.hook_calls + sum(
            each.hooks.calls for each in self.world.instances.values()
        )
        return self.outcome

    def _note(self, resource: Resource, event: Event) -> None:
        """Show the judge a write, with its writer and its time."""
        world = self.world
        is_deletion = event.type == "DELETED"
        note(self.history, Write(resource.plural, event.obj, is_deletion, world.writer, world.clock.now()))

    # --- steps

    def _does(self, action: Action) -> bool:
        """Do an action and judge it; False once there is a finding."""
        self.world.waiting()  # keys that are due enter their queues, in a replay as when actions are drawn
        if action == ("install", "policies"):
            self.history.has_policies = True
        if action[-1].startswith(("clock:", "skew:")):
            self.history.note_skew(float(action[-1].partition(":")[2]))
        if action == SETTLE:
            return self._settles()
        if action[0] == "empty":
            note_backup(self.history, action[1])
        self.history.schemas_changed |= action[0] == "serve"
        line = perform(self.world, action)
        if line is None:
            return True
        self.outcome.actions.append(action)
        return self._judge(line)

    def _settles(self) -> bool:
        """Let the cluster come to rest in the middle of a run, and judge a restore.

        Several Metacontrollers do not come to rest while an API server has another schema: each writes what the other
        one does not see.
        """
        self.outcome.actions.append(SETTLE)
        if not self.world.instances or (self._is_outdated and len(self.world.instances) > 1):
            return True
        self._finish_syncs()
        self._settle()
        if not (self.outcome.findings or self.world.repeated):
            self._judge_rest("Restored", restored(self.history))
        return self._rests and not self.outcome.findings

    def _judge(self, line: str) -> bool:
        self.outcome.steps += 1
        if self._report:
            self._report(f"{self.outcome.steps:5} {self.world.clock.now():%H:%M:%S} {line}")
        self._find(each_step.violations(self.history))
        return not self.outcome.findings

    def _judge_step(self, line: str) -> None:
        self._judge(line)

    def _find(self, violations: list[str]) -> None:
        found = [text for text in violations if text.partition(":")[0] in self._setting.invariants]
        self.outcome.findings += found
        if self._report:
            for text in found:
                self._report(f"*** {text}")

    # --- the end

    def _end(self) -> None:
        for _ in self._stages():
            if self.outcome.findings or not self._rests:
                return

    def _stages(self) -> Iterator[None]:
        """Do one stage after the other. A cluster that does not come to rest can't be judged at rest."""
        self._heal()
        if self.world.repeated:
            self._besiege()
            yield
        self._come_to_rest()
        yield
        if self.history.schemas_changed:
            self._let_customize_answers_lapse()
            self._come_to_rest()
            self._judge_rest("Calm", self.world.failing_syncs())
            yield
        self._judge_rest("Gone", at_rest.requests_gone(self.history))
        yield
        self._clear_strays()
        self._come_to_rest()
        yield
        history = self.history
        self._find(at_rest.violations(history))
        self._judge_rest("Calm", self.world.failing_syncs())
        self.outcome.excuses = at_rest.excuses(history)
        yield
        self._reclaim()
        yield
        self._judge_rest("NoLeak", at_rest.nothing_absent(history))
        self._judge_rest("Gone", at_rest.ranges_gone(history))
        yield
        for plural in (CLAIMS, SERVICES):
            self._delete_all(plural)
        self._judge_rest("Gone", at_rest.nothing_attached(history))
        yield
        self._delete_all("ipamrequests")
        yield
        for obj in people.stray_delegated_ranges(self.world):
            people.done_by_person(self.world, "delete", ("ipamranges", joined(key_of(obj))))
        self._come_to_rest()
        self._reclaim()  # deleted requests whose ranges were removed by force
        yield
        self.world.clock.wait(OUTLIVED_SECONDS)
        self._come_to_rest()
        yield
        self._judge_rest("Gone", at_rest.no_slices(history))
        yield
        self._delete_all("ipamranges")
        yield
        self._judge_rest("Gone", at_rest.empty(history))
        yield

    def _reclaim(self) -> None:
        """Give up absent holders, level by level: a request may end only when the range of its block has ended."""
        for _ in range(DELEGATION_LEVELS):
            has_named = people.reclaim_everywhere(self.world)
            self._come_to_rest()
            if not has_named:
                return

    def _delete_all(self, plural: str) -> None:
        for obj in self.world.store.list(self.world.plural(plural)):
            people.done_by_person(self.world, "delete", (plural, joined(key_of(obj))))
        self._come_to_rest()

    def _heal(self) -> None:
        world = self.world
        self._finish_syncs()
        if not world.instances:
            world.boot("last")
        administrators.serve_shipped(world)
        if self.history.schemas_changed:
            self._keep_one_metacontroller()
            administrators.touch_incomplete(world)
        with world.written_by(PERSON):
            people.drop_all_finalizers(world)
        self._judge("faults end")

    def _keep_one_metacontroller(self) -> None:
        """Stop all but the last one.

        As long as a cache of one has objects from an older schema, they write in turns, without a pause in which the
        objects could be written again.
        """
        for name in list(self.world.instances)[:-1]:
            self.world.stop(name)

    def _let_customize_answers_lapse(self) -> None:
        """Let the time pass for which Metacontroller keeps them.

        A server with an older schema shows a range without some of its fields, in its full generation. Until the answer
        to that lapses, Metacontroller shows the hooks too few related objects.
        """
        for instance in self.world.instances.values():
            for controller in instance.metacontroller.controllers:
                controller.related.forget_answers()

    def _besiege(self) -> None:
        """Let tenants repeat their patches while everything else settles; then judge all other requests."""
        self._settle()
        self._clear_strays()
        self._settle()
        attacked = {name for _, name in self.world.repeated}
        self._judge_rest("Live", at_rest.live(self.history, attacked))
        self.world.repeated.clear()

    def _settle(self) -> None:
        """Come to rest; or let some time pass, while tenants repeat patches or hooks wait for the present schema."""
        if not (self.world.repeated or self._is_outdated):
            self._come_to_rest()
            return
        world, start = self.world, self.world.clock.now()
        end = start + timedelta(seconds=SIEGE_SECONDS)
        scheduler = self._scheduler()
        for _ in range(SIEGE_STEPS):
            if scheduler.step():
                if not self._judge(scheduler.last_step) or world.clock.now() > end:
                    return
                continue
            due = scheduler.next_due()
            if due is None or due > end:
                return
            scheduler.pass_time(due)
        if not self.world.repeated:
            self._find([f"Calm: {SIEGE_STEPS} steps in {world.clock.now() - start} while a CRD is older"])

    @property
    def _is_outdated(self) -> bool:
        return any(server.is_older for server in self.world.servers.values())

    def _finish_syncs(self) -> None:
        for instance in self.world.instances.values():
            for sync in list(instance.syncs.values()):
                run_to_end(sync.steps)
            instance.syncs.clear()

    def _clear_strays(self) -> None:
        """Delete the slices and extents that block answers and extents, as messages ask people to."""
        with self.world.written_by(PERSON):
            for plural in (SLICES, "ipamextents"):
                for obj in people.strays(self.world, plural):
                    with suppress(ApiError):
                        self.world.store.delete(self.world.plural(plural), key_of(obj))
        self._judge("stray slices and extents are deleted")

    def _scheduler(self) -> Scheduler:
        world = self.world
        metacontrollers = [instance.metacontroller for instance in world.instances.values()]
        background = [InBackground(world, world.garbage_collector), InBackground(world, world.namespace_controller)]
        return Scheduler(world.store, world.clock, background, metacontrollers)

    def _come_to_rest(self) -> None:
        world, scheduler = self.world, self._scheduler()
        count = sum(len(world.store.list(item)) for item in world.catalog.resources)
        # What has failed again and again is tried again after up to 17 minutes.
        retry = scheduler.last_retry()
        until_retry = (retry - world.clock.now()).total_seconds() if retry else 0.0
        try:
            scheduler.run_until_quiet(
                steps_max=STEPS_MIN + STEPS_PER_OBJECT * count,
                horizon=max(HORIZON_SECONDS, until_retry),
                after_step=lambda: self._judge_step(scheduler.last_step),
            )
        except NeverQuiet as error:
            self._rests = False
            self._find([f"Calm: {error}"])

    def _judge_rest(self, name: str, violations: Iterator[str]) -> None:
        self._find([f"{name}: {text}" for text in violations])


class InBackground:
    """A background controller whose writes are attributed to the controller manager."""

    def __init__(self, world: World, part: GarbageCollector | NamespaceController) -> None:
        self._world, self._part = world, part

    def has_work(self) -> bool:
        """Whether the controller has work."""
        return self._part.has_work()

    def step(self) -> None:
        """Do one step of the controller."""
        # What is refused is tried again; if that has no end, nothing comes to rest.
        with self._world.written_by(CONTROLLER_MANAGER, self._part.user), suppress(ApiError):
            self._part.step()


def perform(world: World, action: Action) -> str | None:
    """Do an action and describe it; None if it was not possible."""
    verb, *words = action
    if verb == "as":
        return done_by_person(world, words[1], tuple(words[2:]), tenant=words[0])
    if verb in VERBS:
        return done_by_person(world, verb, tuple(words))
    if verb in administrators.VERBS:
        with world.written_by(PERSON), suppress(ApiError):
            return administrators.VERBS[verb](world, *words)
        return None
    machinery: dict[str, Callable[..., str | None]] = {
        "install": world.install,
        "boot": world.boot,
        "stop": world.stop,
        "deliver": world.deliver,
        "relist": world.relist,
        "start": world.start,
        "advance": world.advance,
        "background": world.background,
        "wait": world.wait,
    }
    return machinery[verb](*words)
