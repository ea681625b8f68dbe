"""Caches, queues, clock and scheduler."""

from datetime import UTC, datetime

import pytest

from simulator.kubernetes.clock import SimulatedClock, parse_rfc3339, rfc3339
from simulator.kubernetes.objects import meta
from simulator.metacontroller.process import Metacontroller
from simulator.metacontroller.workqueue import WorkQueue
from simulator.scheduler import NeverQuiet
from tests.simulator.toys import Hooks, box, cluster, controllers, ok, wish

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_cache_shows_only_what_was_delivered_to_it() -> None:
    world = cluster()
    cache = world.metacontroller.cache("box")
    world.apply(box())
    assert (cache.behind, cache.objects()) == (1, [])
    cache.deliver()
    assert [meta(obj)["name"] for obj in cache.objects()] == ["a"]


def test_a_lagging_cache_stays_behind_by_its_lag() -> None:
    world = cluster()
    cache = world.metacontroller.cache("box")
    cache.lag = 2
    for name in "abc":
        world.apply(box(name))
    assert (cache.behind, cache.deliverable) == (3, 1)
    world.run_until_quiet()
    assert (cache.behind, world.metacontroller.cache("wish").behind) == (2, 0)
    cache.lag, cache.paused = 0, True
    assert (world.run_until_quiet(), cache.behind) == (0, 2)
    cache.paused = False
    world.run_until_quiet()
    assert cache.behind == 0


def test_handlers_get_old_and_new_objects_and_late_handlers_get_all_objects() -> None:
    world = cluster()
    cache = world.metacontroller.cache("wish")
    received: list[tuple[object, object]] = []
    world.apply(wish("x"))
    cache.deliver()
    cache.add_handler(lambda old, new: received.append((old and old["spec"]["box"], new and new["spec"]["box"])))
    world.apply(wish("x", "b"))
    world.delete(wish("x"))
    while cache.deliverable:
        cache.deliver()
    assert received == [(None, "a"), ("a", "b"), ("b", None)]


def test_a_queue_holds_each_key_once() -> None:
    queue: WorkQueue[str] = WorkQueue(SimulatedClock(START))
    for key in ("a", "b", "a"):
        queue.add(key)
    assert queue.ready == ["a", "b"]
    queue.take("a")
    assert (queue.ready, queue.is_ready) == (["b"], True)


def test_add_after_keeps_the_earliest_time() -> None:
    clock = SimulatedClock(START)
    queue: WorkQueue[str] = WorkQueue(clock)
    for seconds in (30, 10, 20):
        queue.add_after("a", seconds)
    clock.wait(9.9)
    queue.add_due()
    assert queue.ready == []
    clock.wait(0.1)
    queue.add_due()
    assert (queue.ready, queue.next_due()) == (["a"], None)


def test_keys_become_ready_when_they_are_due_in_whatever_order_they_were_added() -> None:
    clock = SimulatedClock(START)
    queue: WorkQueue[str] = WorkQueue(clock)
    ready = []
    for key, seconds in (("b", 20), ("a", 10), ("c", 30)):
        queue.add_after(key, seconds)
    for _ in range(3):
        clock.wait(10)
        queue.add_due()
        ready.append(queue.ready)
    assert ready == [["a"], ["a", "b"], ["a", "b", "c"]]


def test_retries_back_off_and_a_success_resets_the_delay() -> None:
    clock = SimulatedClock(START)
    queue: WorkQueue[str] = WorkQueue(clock)
    delays = []
    for round_ in range(4):
        if round_ == 3:
            queue.forget("a")
        queue.add_rate_limited("a")
        due = queue.next_due()
        assert due is not None
        delays.append((due - clock.now()).total_seconds())
        clock.wait(delays[-1])
        queue.add_due()
    assert delays == [0.005, 0.01, 0.02, 0.005]


def test_the_same_seed_gives_the_same_run() -> None:
    def run(seed: int) -> list[str]:
        world, steps = cluster(seed=seed), []
        for obj in (box(), box("b"), wish("x"), wish("y", "b"), wish("z")):
            world.apply(obj)
        world.scheduler.run_until_quiet(after_step=lambda: steps.append(world.scheduler.last_step))
        return steps

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_a_resync_that_changes_nothing_ends_at_the_horizon() -> None:
    hooks = Hooks()
    hooks.override = lambda path, _: (
        ok({"status": {"revision": 0}, "resyncAfterSeconds": 10}) if "sync" in path else None
    )
    world = cluster(hooks)
    world.apply(box())
    world.run_until_quiet()
    assert world.clock.now() == datetime(2026, 1, 1, 0, 1, 30, tzinfo=UTC)
    assert world.run_until_quiet(horizon=0) == 0


def test_a_cluster_that_never_comes_to_rest_is_reported() -> None:
    hooks, counter = Hooks(), iter(range(10_000))
    hooks.override = lambda path, _: ok({"status": {"revision": 0, "count": next(counter)}}) if "sync" in path else None
    world = cluster(hooks)
    world.apply(box())
    with pytest.raises(NeverQuiet, match=r"not quiet after 200 steps; the last one: "):
        world.scheduler.run_until_quiet(steps_max=200)


def test_a_second_metacontroller_starts_with_empty_caches_and_both_come_to_rest() -> None:
    hooks = Hooks()
    world = cluster(hooks, seed=5)
    world.apply(box())
    world.apply(wish("x"))
    world.run_until_quiet()
    second = Metacontroller(world.store, controllers(), hooks)
    world.metacontrollers.append(second)
    assert second.cache("box").objects() == []
    world.apply(wish("y"))
    world.run_until_quiet()
    assert second.cache("slip").objects() == world.objects("slip")
    assert len(world.objects("slip")) == 2
    world.metacontrollers.remove(world.metacontroller)
    world.delete(wish("x"))
    world.run_until_quiet()
    assert len(world.objects("slip")) == 1


def test_times_are_written_and_read_as_in_kubernetes() -> None:
    assert rfc3339(START) == "2026-01-01T00:00:00Z"
    assert parse_rfc3339("2026-01-01T01:00:00+01:00") == START
    for text in ("2026-01-01", "2026-01-01T00:00:00"):
        with pytest.raises(ValueError, match=text):
            parse_rfc3339(text)
