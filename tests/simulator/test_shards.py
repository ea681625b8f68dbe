"""Two Metacontrollers divide the ranges and requests of the cluster in the box by a label."""

import pytest

from hooks.api.names import SHARD_LABEL
from hooks.app import create_app
from hooks.settings import Settings
from simulator.cluster import Cluster
from simulator.kubernetes.objects import Obj, finalizers_of, labels_of, meta
from simulator.metacontroller.process import Metacontroller
from simulator.metacontroller.webhook import wsgi_caller
from simulator.names import RANGE_FINALIZER, REQUEST_FINALIZER
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


@pytest.fixture(name="cluster", params=[None, 1, 2, 3, 4, 5])
def _cluster(request: pytest.FixtureRequest) -> Cluster:
    """A cluster with the default shard and the shard s1, each with a Metacontroller of its own."""
    caller = wsgi_caller(create_app(Settings()))
    cluster = Cluster.shipped(caller, seed=request.param)
    cluster.metacontrollers.append(Metacontroller(cluster.store, controllers_of("s1"), caller))
    return cluster


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
    cluster.delete(cluster.get("iprange", "net"))
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
