"""Claims and Services in the cluster in a box that are deleted while a machine or load balancer uses their address."""

from collections.abc import Callable
from typing import Any

import pytest

from simulator.cluster import Cluster
from simulator.kubernetes.errors import Denied
from simulator.kubernetes.objects import is_deleting, key_of
from simulator.kubernetes.resources import NAMESPACE
from simulator.names import GROUP, RANGES_ANNOTATION
from tests.simulator.test_integrations import CACHES_SECONDS, NETWORK, claim, held, new_world, service
from tests.simulator.test_promises import iprange

Obj = dict[str, Any]


@pytest.fixture(params=[1, 2], name="world")
def _world(request: pytest.FixtureRequest) -> Cluster:
    return new_world(request.param)


def kept(obj: Obj, finalizer: str = "example.com/in-use") -> Obj:
    obj["metadata"]["finalizers"] = [finalizer]
    return obj


def delete_owner(world: Cluster, kind: str, name: str, how: str = "") -> None:
    obj = world.get(kind, name)
    world.store.delete(world.store.catalog.of(obj), key_of(obj), gc_finalizer=how)
    world.run_until_quiet(horizon=CACHES_SECONDS)


def forget(world: Cluster, kind: str, name: str) -> None:
    """Nothing but the garbage collector keeps an object any more."""
    obj = world.get(kind, name)
    left = [each for each in obj["metadata"]["finalizers"] if each == "foregroundDeletion"]
    world.store.update(obj | {"metadata": obj["metadata"] | {"finalizers": left}})
    world.run_until_quiet(horizon=CACHES_SECONDS)


OWNERS = [("service", "web", service), ("ipaddressclaim", "worker-0", claim)]


@pytest.mark.parametrize(("kind", "name", "manifest"), OWNERS, ids=["Service", "claim"])
def test_an_address_is_held_until_its_deleted_owner_is_gone(
    world: Cluster, kind: str, name: str, manifest: Callable[[], Obj]
) -> None:
    world.apply(kept(manifest()))
    world.run_until_quiet()
    before = held(world)
    assert len(before) == 1

    delete_owner(world, kind, name)
    assert held(world) == before

    forget(world, kind, name)
    assert held(world) == []


def test_a_claim_that_is_deleted_in_the_foreground_keeps_its_address_until_it_is_unused(world: Cluster) -> None:
    world.apply(kept(claim()))
    world.run_until_quiet()
    before = held(world)

    delete_owner(world, "ipaddressclaim", "worker-0", "foregroundDeletion")
    assert held(world) == before
    assert [is_deleting(each) for each in world.objects("ipamrequest")] == [True]

    forget(world, "ipaddressclaim", "worker-0")
    assert held(world) == []
    assert world.objects("ipaddressclaim") == []


@pytest.mark.parametrize("how", ["orphan", "foregroundDeletion"])
def test_a_service_is_deleted_before_its_requests(world: Cluster, how: str) -> None:
    world.apply(service())
    world.run_until_quiet()
    with pytest.raises(Denied, match="--cascade=background"):
        delete_owner(world, "service", "web", how)


def test_a_claim_can_not_be_deleted_without_its_request(world: Cluster) -> None:
    world.apply(claim())
    world.run_until_quiet()
    with pytest.raises(Denied, match="--cascade=background"):
        delete_owner(world, "ipaddressclaim", "worker-0", "orphan")


@pytest.mark.parametrize(("kind", "manifest"), [("service", service), ("ipaddressclaim", claim)])
def test_the_end_of_a_namespace_releases_an_address_after_its_owner(
    world: Cluster, kind: str, manifest: Callable[[], Obj]
) -> None:
    world.apply(iprange("far", ["10.9.0.0/24"], network=NETWORK, allowedNamespaces={"from": "All"}))
    owner = kept(manifest())
    owner["metadata"]["namespace"] = "team"
    if kind == "service":
        owner["metadata"]["annotations"][RANGES_ANNOTATION] = "default.far"
    else:
        spec = {"range": {"namespace": "default", "name": "far"}}
        alias = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "IPAMRangeAlias", "metadata": {"name": "far"}, "spec": spec}
        world.apply(alias)
        owner["spec"]["poolRef"] |= {"kind": "IPAMRangeAlias", "name": "far"}
    world.apply(owner)
    world.run_until_quiet()
    before = held(world, "far")
    assert len(before) == 1

    world.store.delete(NAMESPACE, ("", "team"))
    world.run_until_quiet(horizon=CACHES_SECONDS)
    assert held(world, "far") == before

    obj = next(each for each in world.objects(kind) if each["metadata"]["namespace"] == "team")
    world.store.update(obj | {"metadata": obj["metadata"] | {"finalizers": []}})
    world.run_until_quiet(horizon=CACHES_SECONDS)
    assert held(world, "far") == []
    assert world.store.find(NAMESPACE, ("", "team")) is None
