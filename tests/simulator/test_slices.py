"""Answers in slices, in the cluster in a box: which slice has which answer, and what other writers do to them."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.api.names import NamespacedName
from hooks.api.names import slice_name as name_by_hooks
from hooks.ranges import placement
from simulator.attack.simulation import Simulation, perform
from simulator.attack.workload import PEOPLE_ACTIONS, Behaviour
from simulator.cluster import START, Cluster
from simulator.commands import APP, setting_for
from simulator.judge.placed import encoded
from simulator.judge.slices import items_of
from simulator.kubernetes.clock import rfc3339
from simulator.kubernetes.objects import Obj, joined, key_of, meta, uid_of
from simulator.names import SLICES, SLOTS, slice_name, slot_of
from simulator.world.machinery import World
from simulator.world.people import done_by_person
from tests.simulator.test_promises import cluster, iprange, ipreq, statuses

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,60}[a-z0-9])?", fullmatch=True)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
STRANGER = {"uid": "00000000-0000-4000-8000-000000000000", "request": "default/nobody", "state": "Busy"}


@given(NAMES, NAMES, TIMES, st.uuids().map(str))
def test_the_hooks_and_the_judge_compute_the_same_name(namespace: str, name: str, created: datetime, uid: str) -> None:
    by_hooks = name_by_hooks(NamespacedName(namespace, name), created, uid)

    assert f"{namespace}/{by_hooks}" == slice_name(f"{namespace}/{name}", rfc3339(created), slot_of(uid))


def slices(world: Cluster) -> list[Obj]:
    return world.objects("ipslice")


def answers(world: Cluster) -> dict[str, Obj]:
    """The item of each request, by its name."""
    return {item["request"].partition("/")[2]: item for obj in slices(world) for item in items_of(obj)}


def blocks(world: Cluster) -> dict[str, tuple[str, str]]:
    """State and block of each answer, whatever revision it rests on."""
    return {name: (item["state"], item["cidr"]) for name, item in answers(world).items()}


def without_revisions(shown: dict[str, Obj]) -> dict[str, Obj]:
    """Statuses, whatever answer they were copied from."""
    return {name: {key: value for key, value in each.items() if key != "revision"} for name, each in shown.items()}


def burst(world: Cluster, count: int) -> None:
    for number in range(count):
        world.apply(ipreq(f"r{number}", "net"))


def change(world: Cluster, obj: Obj, items: list[Obj] | None = None, **metadata: Any) -> None:
    """Write a slice as an administrator."""
    spec = obj["spec"] | ({} if items is None else {"answers": items})
    world.store.update(obj | {"spec": spec, "metadata": meta(obj) | metadata})
    world.run_until_quiet()


@pytest.fixture(name="world")
def a_world() -> Cluster:
    """A cluster with a slice that has several answers, the first of `slices`."""
    world = cluster(1)
    world.apply(iprange("net", ["10.0.0.0/27"]))
    burst(world, 20)
    world.run_until_quiet()
    assert len(items_of(slices(world)[0])) > 1
    return world


@pytest.mark.parametrize("seed", range(4))
def test_requests_of_one_second_share_a_few_slices(seed: int) -> None:
    world = cluster(seed)
    world.apply(iprange("net", ["10.0.0.0/24"]))
    burst(world, 40)
    world.run_until_quiet()
    world.clock.wait(1)
    world.apply(ipreq("later", "net"))
    world.run_until_quiet()

    assert {status["state"] for status in statuses(world).values()} == {"Ready"}
    assert len(slices(world)) == SLOTS + 1
    second = meta(world.get("ipreq", "later"))["creationTimestamp"]
    (late,) = [obj for obj in slices(world) if meta(obj)["creationTimestamp"] == second]
    assert [item["request"] for item in items_of(late)] == ["default/later"]
    for obj in slices(world):
        name = joined(key_of(obj))
        assert all(
            slice_name("default/net", meta(obj)["creationTimestamp"], slot_of(item["uid"])) == name
            for item in items_of(obj)
        )


def test_a_release_changes_no_other_answer_of_the_slice(world: Cluster) -> None:
    before = answers(world)
    gone = items_of(slices(world)[0])[0]["request"].partition("/")[2]
    world.delete(ipreq(gone, "net"))
    world.run_until_quiet()

    assert answers(world) == {name: item for name, item in before.items() if name != gone}


def test_an_answer_of_another_writer_is_removed(world: Cluster) -> None:
    before, found = answers(world), slices(world)[0]
    change(world, found, [*items_of(found), STRANGER])

    assert answers(world) == before


@pytest.mark.parametrize("state", ["Busy", "Ready", "Released"])
def test_an_answer_in_another_slice_misleads_nobody_and_is_removed(world: Cluster, state: str) -> None:
    before, (first, second, *_) = (answers(world), statuses(world)), slices(world)
    item = items_of(first)[0] | {"state": state, "cidr": "10.0.0.31/32", "revision": 0}
    change(world, second, [*items_of(second), item])

    assert (answers(world), statuses(world)) == before


@pytest.mark.parametrize(
    "changed",
    [
        lambda world, found: change(world, found, items_of(found)[1:]),
        lambda world, found: change(world, found, []),
        lambda world, found: change(world, found, ownerReferences=[]),
        lambda world, found: change(world, found, annotations={}),
        lambda world, found: world.delete(found),
    ],
    ids=["an answer is removed", "all are removed", "the owners", "what was applied", "the slice is deleted"],
)
def test_a_slice_is_made_right_again(world: Cluster, changed: Callable[[Cluster, Obj], None]) -> None:
    before = blocks(world), without_revisions(statuses(world))
    changed(world, slices(world)[0])
    world.run_until_quiet()
    shown = statuses(world)

    assert (blocks(world), without_revisions(shown)) == before
    assert all(shown[name]["revision"] == answer["revision"] for name, answer in answers(world).items())


def test_answers_end_after_what_was_applied_has_been_removed(world: Cluster) -> None:
    found = slices(world)[0]
    ended = [item["request"].partition("/")[2] for item in items_of(found)]
    change(world, found, annotations={})
    for name in ended:
        world.delete(ipreq(name, "net"))
    world.run_until_quiet()

    assert not set(answers(world)) & set(ended)
    assert not set(statuses(world)) & set(ended)


@pytest.mark.parametrize("seed", range(4))
def test_a_slice_that_is_full_delays_answers_until_there_is_room(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is lower than in use: with 200 kB and 320 requests the same takes half a minute."""
    monkeypatch.setattr(placement, "BYTES_FOR_NEW_ITEMS_MAX", 1_200)
    world = cluster(seed)
    world.apply(iprange("net", ["10.0.0.0/24"]))
    burst(world, 60)
    world.run_until_quiet()

    waiting = [name for name, status in statuses(world).items() if status["state"] == "Pending"]
    (delayed,) = [each for each in range_conditions(world) if each["type"] == "AnswersDelayed"]
    assert all(sum(len(encoded(item)) for item in items_of(obj)) <= 1_200 for obj in slices(world))
    assert len(waiting) > 5
    assert set(answers(world)) == {f"r{number}" for number in range(60)} - set(waiting)
    assert (delayed["status"], delayed["reason"]) == ("True", "SliceFull")
    assert f"{len(waiting)} requests" in delayed["message"]

    world.delete(ipreq(waiting[0], "net"))
    world.run_until_quiet()
    assert waiting[0] not in statuses(world)

    served = {waiting[0]}
    while names := set(answers(world)):
        served |= names
        for name in names:
            world.delete(ipreq(name, "net"))
        world.run_until_quiet()
    assert served == {f"r{number}" for number in range(60)}
    assert "AnswersDelayed" not in [each["type"] for each in range_conditions(world)]


def range_conditions(world: Cluster) -> list[Obj]:
    found: list[Obj] = world.get("iprange", "net")["status"]["conditions"]
    return found


# --- the actions of people in the attack


@pytest.fixture(name="attacked")
def an_attacked_world() -> World:
    """A world with a range and two requests in another slice each."""
    world = Simulation(setting_for(APP), 2).world
    manifests = [iprange("net", ["10.0.0.0/28"]), *(ipreq(f"r{number}", "net") for number in range(9))]
    assert done_by_person(world, "create", tuple(json.dumps(each) for each in manifests))
    for slot in ("0", "1"):
        perform(world, ("occupy-slice", "default/net", slot, "adopted"))
    return world


def test_a_slice_is_occupied_under_the_name_that_its_requests_will_ask_for(attacked: World) -> None:
    names = {joined(key_of(obj)) for obj in attacked.store.list(attacked.plural(SLICES))}

    assert names == {slice_name("default/net", rfc3339(START), slot) for slot in (0, 1)}
    assert "refused" in str(perform(attacked, ("occupy-slice", "default/net", "0", "foreign")))


@pytest.mark.parametrize(("state", "misplaced"), [("Busy", True), ("Busy", False), ("Ready", True)])
def test_people_add_answers_that_mislead_nobody(attacked: World, state: str, misplaced: bool) -> None:
    """The first slice without answers is named by its range."""
    first = attacked.store.list(attacked.plural(SLICES))[0]
    found = next(
        obj
        for obj in attacked.store.list(attacked.plural("ipamrequests"))
        if (slice_name("default/net", rfc3339(START), slot_of(uid_of(obj))) != joined(key_of(first))) == misplaced
    )
    item = {"uid": uid_of(found), "request": joined(key_of(found)), "state": state, "cidr": "10.0.0.9/32"}

    assert perform(attacked, ("add-answer", "default/net", json.dumps(item | {"revision": 1})))
    assert perform(attacked, ("set-answer", item["request"], json.dumps({"message": "by hand"})))
    assert perform(attacked, ("drop-answer", item["request"]))
    assert perform(attacked, ("drop-answer", item["request"])) is None


def test_people_add_no_answer_that_its_request_would_obey(attacked: World) -> None:
    first = attacked.store.list(attacked.plural(SLICES))[0]
    found = next(
        obj
        for obj in attacked.store.list(attacked.plural("ipamrequests"))
        if slice_name("default/net", rfc3339(START), slot_of(uid_of(obj))) == joined(key_of(first))
    )
    item = {"uid": uid_of(found), "request": joined(key_of(found)), "state": "Released", "revision": 0}

    assert perform(attacked, ("add-answer", "default/net", json.dumps(item))) is None


def test_requests_of_a_burst_are_created_in_one_second() -> None:
    rng = random.Random(1)
    world = Simulation(setting_for(APP), 1).world
    verb, *manifests = PEOPLE_ACTIONS["create requests in one second"].draw(world, Behaviour.drawn(rng), rng) or ()
    assert done_by_person(world, verb, tuple(manifests))

    created = world.store.list(world.plural("ipamrequests"))
    assert len(created) == len(manifests) > 3
    assert {meta(obj)["creationTimestamp"] for obj in created} == {rfc3339(START + timedelta())}
