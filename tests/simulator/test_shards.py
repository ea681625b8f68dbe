"""Two Metacontrollers divide the ranges and requests of the cluster in the box by a label."""

from contextlib import suppress
from random import Random

import pytest

from hooks.api.names import SHARD_LABEL
from hooks.app import NOW_HEADER, create_app
from hooks.settings import Settings
from simulator.cluster import START, Cluster
from simulator.judge import each_step
from simulator.judge.facts import Write
from simulator.judge.history import History
from simulator.judge.noting import note
from simulator.kubernetes.clock import SimulatedClock, rfc3339
from simulator.kubernetes.errors import ApiError
from simulator.kubernetes.objects import Obj, finalizers_of, is_deleting, labels_of, meta, uid_of
from simulator.kubernetes.resources import Resource
from simulator.kubernetes.storage import Event
from simulator.metacontroller.process import Metacontroller
from simulator.metacontroller.webhook import wsgi_caller
from simulator.names import ALLOW_DELETION_ANNOTATION, RANGE_FINALIZER, REQUEST_FINALIZER, of_all_shards
from tests.shards import controllers_of

API_VERSION = "ipam.mandelsoft.org/v1alpha1"
SHARD = {SHARD_LABEL: "s1"}
DEFAULT: dict[str, str] = {}
KINDS = {"iprange": RANGE_FINALIZER, "ipreq": REQUEST_FINALIZER}


def an_object(kind: str, name: str, labels: dict[str, str], **spec: object) -> Obj:
    metadata = {"name": name, "namespace": "default", "labels": labels}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def a_request(name: str, range_name: str, labels: dict[str, str]) -> Obj:
    return an_object("IPAMRequest", name, labels, ipam={"name": range_name})


def two_shards(seed: int | None) -> Cluster:
    """A cluster with the default shard and the shard s1, each with a Metacontroller of its own."""
    clock = SimulatedClock(START)
    caller = wsgi_caller(create_app(Settings(replay=True)), lambda: {NOW_HEADER: rfc3339(clock.now())})
    cluster = Cluster.shipped(caller, clock=clock, seed=seed)
    cluster.metacontrollers.append(Metacontroller(cluster.store, controllers_of("s1"), caller))
    return cluster


@pytest.fixture(name="cluster", params=[None, 1, 2, 3, 4, 5])
def _cluster(request: pytest.FixtureRequest) -> Cluster:
    return two_shards(request.param)


def move(cluster: Cluster, word: str, name: str, labels: dict[str, str]) -> None:
    live = cluster.get(word, name)
    others = {key: value for key, value in labels_of(live).items() if key != SHARD_LABEL}
    cluster.store.update(live | {"metadata": meta(live) | {"labels": others | labels}})


def finalizers(cluster: Cluster, word: str, name: str) -> list[str]:
    base = KINDS[word]
    return [each.removeprefix(base) for each in finalizers_of(cluster.get(word, name))]


def cidrs(cluster: Cluster) -> dict[str, str]:
    return {meta(each)["name"]: each["status"].get("cidr", "") for each in cluster.objects("ipreq")}


def two_overlapping_ranges(cluster: Cluster) -> None:
    """One in each shard, with requests of both shards for both of them."""
    cluster.apply(an_object("IPAMRange", "old", DEFAULT, ranges=["10.0.0.0/30"]))
    cluster.run_until_quiet()
    cluster.apply(an_object("IPAMRange", "new", SHARD, ranges=["10.0.0.0/29"]))
    for number in range(2):
        for range_name in ("old", "new"):
            cluster.apply(a_request(f"{range_name}-{number}", range_name, DEFAULT))
            cluster.apply(a_request(f"{range_name}-{number}-s1", range_name, SHARD))
    cluster.run_until_quiet()


def test_each_shard_serves_its_own_objects_and_one_domain_is_shared(cluster: Cluster) -> None:
    two_overlapping_ranges(cluster)
    given = cidrs(cluster)
    assert sorted(given.values()) == [f"10.0.0.{number}/32" for number in range(8)]
    assert all(given[name] < "10.0.0.4" for name in given if name.startswith("old"))
    for word in KINDS:
        for obj in cluster.objects(word):
            expected = "-s1" if SHARD_LABEL in labels_of(obj) else ""
            assert finalizers(cluster, word, meta(obj)["name"]) == [expected]
    for obj in cluster.objects("ipreq"):
        cluster.delete(obj)
    cluster.run_until_quiet()
    assert cluster.objects("ipreq") == []
    assert [each["status"].get("allocations", []) for each in cluster.objects("iprange")] == [[], []]


def test_ranges_and_requests_move_to_another_shard_and_back_and_keep_their_blocks(cluster: Cluster) -> None:
    two_overlapping_ranges(cluster)
    given = cidrs(cluster)
    for labels, suffix in ((SHARD, "-s1"), (DEFAULT, "")):
        for word in KINDS:
            for obj in cluster.objects(word):
                move(cluster, word, meta(obj)["name"], labels)
        cluster.run_until_quiet()
        assert cidrs(cluster) == given
        assert {each["status"]["state"] for word in KINDS for each in cluster.objects(word)} == {"Ready"}
        for word in KINDS:
            assert {(*finalizers(cluster, word, meta(each)["name"]),) for each in cluster.objects(word)} == {(suffix,)}


def test_requests_of_a_range_in_another_shard_are_served_and_released(cluster: Cluster) -> None:
    cluster.apply(an_object("IPAMRange", "net", SHARD, ranges=["10.0.0.0/32"]))
    cluster.apply(a_request("one", "net", DEFAULT))
    cluster.run_until_quiet()
    cluster.apply(a_request("two", "net", DEFAULT))
    cluster.run_until_quiet()
    assert cidrs(cluster) == {"one": "10.0.0.0/32", "two": ""}
    cluster.delete(cluster.get("ipreq", "one"))
    cluster.run_until_quiet()
    assert cidrs(cluster) == {"two": "10.0.0.0/32"}


def test_a_range_that_is_deleted_while_it_moves_waits_for_its_requests(cluster: Cluster) -> None:
    cluster.apply(an_object("IPAMRange", "net", DEFAULT, ranges=["10.0.0.0/24"]))
    cluster.apply(a_request("one", "net", DEFAULT))
    cluster.run_until_quiet()
    move(cluster, "iprange", "net", SHARD)
    live = cluster.get("iprange", "net")
    cluster.store.update(live | {"metadata": meta(live) | {"annotations": {ALLOW_DELETION_ANNOTATION: "true"}}})
    cluster.delete(live)
    move(cluster, "ipreq", "one", SHARD)
    cluster.run_until_quiet()
    assert cluster.get("iprange", "net")["status"]["state"] == "Deleting"
    assert cidrs(cluster) == {"one": "10.0.0.0/32"}
    cluster.delete(cluster.get("ipreq", "one"))
    cluster.run_until_quiet()
    assert cluster.objects("iprange") == cluster.objects("ipreq") == []


def test_an_object_whose_label_names_no_shard_stays_with_its_former_one(cluster: Cluster) -> None:
    cluster.apply(an_object("IPAMRange", "net", DEFAULT, ranges=["10.0.0.0/24"]))
    cluster.apply(a_request("one", "net", DEFAULT))
    cluster.run_until_quiet()
    for word, name in (("iprange", "net"), ("ipreq", "one")):
        move(cluster, word, name, {SHARD_LABEL: "typo"})
    cluster.apply(a_request("two", "net", DEFAULT))
    cluster.run_until_quiet()
    assert cidrs(cluster) == {"one": "10.0.0.0/32", "two": "10.0.0.1/32"}
    assert [finalizers(cluster, *each) for each in (("iprange", "net"), ("ipreq", "one"))] == [[""], [""]]
    cluster.delete(cluster.get("ipreq", "one"))
    cluster.run_until_quiet()
    assert cidrs(cluster) == {"two": "10.0.0.1/32"}


# --- at random


def judged(cluster: Cluster) -> list[str]:
    """The violations of the invariants, as they appear while the cluster runs; also of a range without a finalizer."""
    history, found = History(), list[str]()
    served: set[str] = set()

    def see(resource: Resource, event: Event) -> None:
        note(history, Write(resource.plural, event.obj, event.type == "DELETED", at=cluster.clock.now()))
        found.extend(each_step.violations(history))
        if resource.plural == "ipamranges" and event.type != "DELETED":
            if of_all_shards(finalizers_of(event.obj), RANGE_FINALIZER):
                served.add(uid_of(event.obj))
            elif uid_of(event.obj) in served:
                found.append(f"{meta(event.obj)['name']} has lost its last finalizer")

    cluster.store.listeners.append(see)
    return found


def act(cluster: Cluster, rng: Random) -> None:
    """Create, delete or move an object; all ranges share one domain and have few addresses."""
    shard = rng.choice((SHARD, DEFAULT))
    objects = [(word, meta(each)["name"]) for word in KINDS for each in cluster.objects(word)]
    draw = rng.random()
    if draw < 0.5 and objects:
        move(cluster, *rng.choice(objects), shard)
    elif draw < 0.65 and objects:
        cluster.delete(cluster.get(*rng.choice(objects)))
    elif draw < 0.75:
        addresses = rng.choice(("10.0.0.0/29", "10.0.0.4-10.0.0.11", "10.0.0.0-10.0.0.2"))
        cluster.store.create(an_object("IPAMRange", rng.choice("abc"), shard, ranges=[addresses]))
    else:
        cluster.store.create(a_request(f"r{rng.randrange(12)}", rng.choice("abc"), shard))


@pytest.mark.parametrize("seed", range(6))
def test_no_invariant_is_broken_while_objects_move_at_random(seed: int) -> None:
    rng = Random(seed)
    cluster = two_shards(seed)
    found = judged(cluster)
    for _ in range(120):
        with suppress(ApiError):
            act(cluster, rng)
        for _ in range(rng.choice((0, 2, 10, 40))):
            cluster.scheduler.step()
        assert found == []
    cluster.run_until_quiet()
    live = [each for word in KINDS for each in cluster.objects(word) if not is_deleting(each)]
    for obj in live:
        base = RANGE_FINALIZER if obj["kind"] == "IPAMRange" else REQUEST_FINALIZER
        suffix = "-s1" if SHARD_LABEL in labels_of(obj) else ""
        assert of_all_shards(finalizers_of(obj), base) == [base + suffix]
    for word in ("ipreq", "iprange"):
        for obj in cluster.objects(word):
            cluster.delete(obj)
        cluster.run_until_quiet()
    assert [cluster.objects(word) for word in KINDS] == [[], []]
    assert found == []
