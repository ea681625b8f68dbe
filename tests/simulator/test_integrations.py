"""Claims and Services in the cluster in a box, with the real hooks and its own time, whatever the order of events."""

import copy
from typing import Any

import pytest

from simulator.cluster import Cluster
from simulator.kubernetes.errors import ApiError
from simulator.names import ADDRESSES_ANNOTATION, GIVEN_UP_ANNOTATION, GROUP, METALLB_ANNOTATION, RANGES_ANNOTATION
from tests.simulator.test_promises import cluster, iprange

Obj = dict[str, Any]
CAPI = "ipam.cluster.x-k8s.io/v1beta2"
NETWORK = {"gateway": "10.0.0.1", "prefixLength": 24}
MESSAGE = f"{GROUP}/message"


@pytest.fixture(params=[1, 2], name="world")
def _world(request: pytest.FixtureRequest) -> Cluster:
    return new_world(request.param)


#: A request younger than ten seconds is kept although its claim is not shown: caches may be older.
CACHES_SECONDS = 20.0


def new_world(seed: int) -> Cluster:
    """A cluster with the range `net` of 10.0.0.0/24; each seed has another order of events."""
    world = cluster(seed=seed)
    world.apply(iprange("net", ["10.0.0.0/24"], network=NETWORK))
    world.run_until_quiet()
    return world


def claim(name: str = "worker-0", pool: str = "net", **fields: Any) -> Obj:
    reference = {"apiGroup": fields.pop("group", GROUP), "kind": fields.pop("kind", "IPAMRange"), "name": pool}
    spec: Obj = {"poolRef": reference}
    if "cluster" in fields:
        spec["clusterName"] = fields.pop("cluster")
    meta = {"namespace": "default", "name": name, **fields}
    return {"apiVersion": CAPI, "kind": "IPAddressClaim", "metadata": meta, "spec": spec}


def machine_cluster(**spec: Any) -> Obj:
    meta = {"namespace": "default", "name": "prod"}
    return {"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "metadata": meta, "spec": spec}


def service(name: str = "web", ranges: str | None = "net", type_: str = "LoadBalancer", **annotations: str) -> Obj:
    annotations |= {RANGES_ANNOTATION: ranges} if ranges is not None else {}
    meta = {"namespace": "default", "name": name, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"type": type_}}


def address_of(world: Cluster, name: str = "worker-0") -> str:
    """The address that a claim names; "" if it names none."""
    reference = world.get("ipaddressclaim", name).get("status", {}).get("addressRef", {})
    return str(world.get("ipaddress", reference["name"])["spec"]["address"]) if reference else ""


def ready(world: Cluster, name: str = "worker-0") -> tuple[str, str]:
    conditions = world.get("ipaddressclaim", name).get("status", {}).get("conditions", [])
    return next(((each["reason"], each["message"]) for each in conditions if each["type"] == "Ready"), ("", ""))


def annotations(world: Cluster, name: str = "web") -> dict[str, str]:
    return dict(world.get("service", name)["metadata"].get("annotations", {}))


def serve(world: Cluster, *addresses: str, name: str = "web") -> None:
    """The load balancer serves there."""
    status = {"loadBalancer": {"ingress": [{"ip": each} for each in addresses]}}
    world.store.update_status(world.get("service", name) | {"status": status})
    world.run_until_quiet()


def held(world: Cluster, name: str = "net") -> list[str]:
    return [entry["cidr"] for entry in world.get("iprange", name)["status"].get("allocations", [])]


# --- claims


def test_a_claim_gets_an_ipaddress_with_prefix_and_gateway(world: Cluster) -> None:
    world.apply(claim(labels={"cluster.x-k8s.io/cluster-name": "prod"}))
    world.apply(machine_cluster())
    world.run_until_quiet()

    address = world.get("ipaddress", "worker-0")
    assert address["spec"] == {
        "claimRef": {"name": "worker-0"},
        "poolRef": {"apiGroup": GROUP, "kind": "IPAMRange", "name": "net"},
        "address": "10.0.0.2",
        "prefix": 24,
        "gateway": "10.0.0.1",
    }
    assert address["metadata"]["labels"]["cluster.x-k8s.io/cluster-name"] == "prod"
    assert ready(world) == ("AddressAllocated", "")
    assert world.get("ipaddressclaim", "worker-0")["metadata"]["annotations"][ADDRESSES_ANNOTATION] == "10.0.0.2"


def test_thirty_claims_get_thirty_addresses(world: Cluster) -> None:
    for number in range(30):
        world.apply(claim(f"worker-{number}"))
    world.run_until_quiet()

    assert len({address_of(world, f"worker-{number}") for number in range(30)}) == 30


def test_a_claim_of_another_provider_is_never_written(world: Cluster) -> None:
    world.apply(claim(group="ipam.example.com", kind="InClusterIPPool"))
    before = world.get("ipaddressclaim", "worker-0")
    world.run_until_quiet()

    assert world.get("ipaddressclaim", "worker-0") == before
    assert world.objects("ipreq") == []


@pytest.mark.parametrize("how", ["cluster", "annotated cluster", "claim", "no cluster"])
def test_a_paused_claim_waits_and_is_served_afterwards(world: Cluster, how: str) -> None:
    paused = {"cluster.x-k8s.io/paused": ""}
    if how != "no cluster":
        prod = machine_cluster(paused=how == "cluster")
        prod["metadata"]["annotations"] = paused if how == "annotated cluster" else {}
        world.apply(prod)
    world.apply(claim(cluster="prod", annotations=paused if how == "claim" else {}))
    world.run_until_quiet()
    assert world.objects("ipreq") == []
    assert ready(world) == ("", "")

    world.apply(
        machine_cluster(paused=False) | {"metadata": {"namespace": "default", "name": "prod", "annotations": {}}}
    )
    world.apply(claim(cluster="prod", annotations={}))
    world.run_until_quiet()

    assert address_of(world) == "10.0.0.2"


def test_a_claim_of_an_alias_gets_an_address_of_its_range_once_that_allows_it(world: Cluster) -> None:
    world.apply(claim(pool="shared", kind="IPAMRangeAlias"))
    world.run_until_quiet()
    assert ready(world)[0] == "PoolNotReady"
    spec = {"range": {"namespace": "infra", "name": "far"}}
    world.apply(
        {"apiVersion": f"{GROUP}/v1alpha1", "kind": "IPAMRangeAlias", "metadata": {"name": "shared"}, "spec": spec}
    )
    far = iprange("far", ["10.9.0.0/24"], network={"prefixLength": 24})
    far["metadata"]["namespace"] = "infra"
    world.apply(far)
    world.run_until_quiet()
    assert address_of(world) == ""

    far["spec"]["allowedNamespaces"] = {"from": "All"}
    world.apply(far)
    world.run_until_quiet()

    assert address_of(world) == "10.9.0.1"


def test_an_exhausted_range_serves_the_next_claim_after_a_deletion(world: Cluster) -> None:
    world.apply(iprange("one", ["10.2.0.5"], network={"prefixLength": 24}))
    for name in ("first", "second"):
        world.apply(claim(name, "one"))
        world.run_until_quiet()
    assert ready(world, "second")[0] == "PoolExhausted"

    world.delete(claim("first", "one"))
    world.run_until_quiet(horizon=CACHES_SECONDS)

    assert address_of(world, "second") == "10.2.0.5"
    assert [each["metadata"]["name"] for each in world.objects("ipaddress")] == ["second"]


def test_a_claim_of_a_closed_range_says_so(world: Cluster) -> None:
    world.apply(iprange("one", ["10.2.0.0/24"], network={"prefixLength": 24}, closed=True))
    world.apply(claim("first", "one"))
    world.run_until_quiet()

    reason, message = ready(world, "first")
    assert reason == "PoolNotReady"
    assert "closed" in message


def test_a_claim_that_is_created_again_at_once_gets_an_address_of_its_own_life(world: Cluster) -> None:
    world.apply(claim())
    world.run_until_quiet()
    world.delete(claim())
    world.apply(claim())
    world.run_until_quiet(horizon=CACHES_SECONDS)

    assert address_of(world)
    assert held(world) == [f"{address_of(world)}/32"]
    uid = world.get("ipaddressclaim", "worker-0")["metadata"]["uid"]
    assert [each["uid"] for each in world.get("ipaddress", "worker-0")["metadata"]["ownerReferences"]] == [uid]


def test_an_ipaddress_that_is_deleted_comes_back_with_its_address(world: Cluster) -> None:
    for name in ("worker-0", "worker-1"):
        world.apply(claim(name))
    world.run_until_quiet()
    before = address_of(world)

    world.delete(world.get("ipaddress", "worker-0"))
    world.run_until_quiet()

    assert address_of(world) == before


def test_the_request_of_a_claim_is_deleted_only_with_it_or_on_purpose(world: Cluster) -> None:
    world.apply(claim())
    world.run_until_quiet()
    before = address_of(world)
    (request,) = world.objects("ipreq")
    with pytest.raises(ApiError, match="is deleted with it: delete that instead"):
        world.delete(request)
    request["metadata"]["annotations"][f"{GROUP}/allow-deletion"] = "true"

    world.delete(world.store.update(request))
    world.run_until_quiet()

    assert address_of(world) == before
    assert ready(world)[0] == "AddressAllocated"
    assert world.objects("ipreq")[0]["metadata"]["uid"] != request["metadata"]["uid"]


def test_a_restored_claim_gets_its_address_while_the_range_is_on_hold(world: Cluster) -> None:
    held_range = iprange("held", ["10.3.0.0/24"], network={"prefixLength": 24})
    held_range["metadata"]["annotations"] = {f"{GROUP}/hold": "true"}
    world.apply(held_range)
    world.apply(claim("new", "held"))
    world.apply(claim("old", "held", annotations={ADDRESSES_ANNOTATION: "10.3.0.1"}))
    world.run_until_quiet()

    assert address_of(world, "old") == "10.3.0.1"
    assert ready(world, "new")[0] == "PoolNotReady"
    assert "on hold" in ready(world, "new")[1]


# --- Services


def test_a_service_gets_its_address_once(world: Cluster) -> None:
    world.apply(service())
    world.run_until_quiet()
    serve(world, "10.0.0.2")

    assert annotations(world)[METALLB_ANNOTATION] == annotations(world)[ADDRESSES_ANNOTATION] == "10.0.0.2"
    assert MESSAGE not in annotations(world)


def test_both_addresses_of_a_dual_stack_service_are_written_together(world: Cluster) -> None:
    world.apply(service(ranges="net,six"))
    world.run_until_quiet()
    assert METALLB_ANNOTATION not in annotations(world)
    assert "no range default/six" in annotations(world)[MESSAGE]

    world.apply(iprange("six", ["fd00::/64"]))
    world.run_until_quiet()

    assert annotations(world)[METALLB_ANNOTATION] == "10.0.0.2,fd00::"


def test_the_addresses_of_a_service_follow_the_order_of_its_ranges(world: Cluster) -> None:
    """Otherwise each range would be asked for the address of the other one after a restore."""
    world.apply(iprange("six", ["fd00::/64"]))
    world.apply(service(ranges="net,six"))
    world.run_until_quiet()
    web = copy.deepcopy(world.get("service", "web"))
    web["metadata"]["annotations"][RANGES_ANNOTATION] = "six,net"
    world.store.update(web)
    world.run_until_quiet()

    shown = annotations(world)
    assert shown[METALLB_ANNOTATION] == shown[ADDRESSES_ANNOTATION] == "fd00::,10.0.0.2"
    assert MESSAGE not in shown


def test_a_service_with_a_long_annotation_says_what_is_wrong(world: Cluster) -> None:
    """All annotations of an object may have 256 KiB together."""
    world.store.create(service(ranges="x " * 70_000))
    world.run_until_quiet()

    assert annotations(world)[MESSAGE].startswith(f'annotation {RANGES_ANNOTATION} "x x ')


@pytest.mark.parametrize("other", [service(ranges=None), service(type_="ClusterIP")])
def test_other_services_are_never_written(world: Cluster, other: Obj) -> None:
    world.apply(other)
    before = world.get("service", "web")
    world.run_until_quiet()

    assert world.get("service", "web") == before


def test_an_address_is_released_after_the_load_balancer_has_given_it_up(world: Cluster) -> None:
    world.apply(service())
    world.run_until_quiet()
    serve(world, "10.0.0.2")
    world.apply(service(ranges=None))
    world.run_until_quiet()
    assert METALLB_ANNOTATION not in annotations(world)
    assert held(world) == ["10.0.0.2/32"]
    assert "10.0.0.2 will be released" in annotations(world)[MESSAGE]

    serve(world)

    assert held(world) == []
    assert not {ADDRESSES_ANNOTATION, MESSAGE} & annotations(world).keys()
    assert GIVEN_UP_ANNOTATION in annotations(world)


def test_a_service_that_names_its_range_again_is_served_again(world: Cluster) -> None:
    for _ in range(3):
        world.apply(service())
        world.run_until_quiet()
        assert annotations(world)[METALLB_ANNOTATION] == "10.0.0.2"
        world.apply(service(ranges=None))
        world.run_until_quiet()
        assert METALLB_ANNOTATION not in annotations(world)


def test_a_deleted_service_releases_its_address(world: Cluster) -> None:
    world.apply(service())
    world.run_until_quiet()

    world.delete(service())
    world.run_until_quiet()

    assert held(world) == []


def test_another_range_is_refused_by_a_message_once_the_address_is_written(world: Cluster) -> None:
    world.apply(service())
    world.run_until_quiet()
    world.apply(iprange("other", ["10.4.0.0/24"]))
    world.apply(service(ranges="other"))
    world.run_until_quiet()

    assert annotations(world)[METALLB_ANNOTATION] == "10.0.0.2"
    assert "10.0.0.2 is written and cannot change" in annotations(world)[MESSAGE]

    world.apply(service())
    world.run_until_quiet()
    assert MESSAGE not in annotations(world)


def test_a_claim_and_a_service_with_reservations_get_their_addresses(world: Cluster) -> None:
    holders = [{"kind": "IPAddressClaim", "name": "worker-0"}, {"kind": "Service", "name": "web"}]
    blocks = [{"cidr": f"10.5.0.{9 + number}", "holder": holder} for number, holder in enumerate(holders)]
    world.apply(iprange("kept", ["10.5.0.0/24"], network={"prefixLength": 24}, reservations=blocks))
    world.apply(claim(pool="kept"))
    world.apply(service(ranges="kept"))
    world.run_until_quiet()

    assert address_of(world) == "10.5.0.9"
    assert annotations(world)[METALLB_ANNOTATION] == "10.5.0.10"
