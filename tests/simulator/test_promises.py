"""The promises of the project, kept by the real hooks in the cluster in a box, whatever the order of events."""

from typing import Any

import pytest

from hooks.api.names import RANGE_LABEL, REQUEST_FINALIZER
from hooks.app import NOW_HEADER, create_app
from hooks.settings import Settings
from simulator.cluster import START, Cluster
from simulator.kubernetes.clock import SimulatedClock, rfc3339
from simulator.metacontroller.webhook import wsgi_caller
from simulator.names import ALLOW_DELETION_ANNOTATION


def cluster(seed: int, failing: list[str] | None = None) -> Cluster:
    """A cluster whose hooks use its time; each path in `failing` fails once and is then removed from the list."""
    clock = SimulatedClock(START)
    app = create_app(Settings(replay=True))
    hooks = wsgi_caller(app, lambda: {NOW_HEADER: rfc3339(clock.now())})

    def call(path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if failing and path in failing:
            failing.remove(path)
            return 503, {}, b""
        return hooks(path, body)

    return Cluster.shipped(call, clock=clock, seed=seed)


def iprange(name: str, ranges: list[str], **spec: Any) -> dict[str, Any]:
    return _object("IPAMRange", name, {"ranges": ranges, **spec})


def ipreq(name: str, range_name: str, **spec: Any) -> dict[str, Any]:
    return _object("IPAMRequest", name, {"ipam": {"name": range_name}, **spec})


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    meta = {"namespace": "default", "name": name}
    return {"apiVersion": "ipam.mandelsoft.org/v1alpha1", "kind": kind, "metadata": meta, "spec": spec}


def labelled(request: dict[str, Any]) -> dict[str, Any]:
    """The request as the admission policy makes it, so that its creation is its only event for the range."""
    meta = {"labels": {RANGE_LABEL: f"default.{request['spec']['ipam']['name']}"}, "finalizers": [REQUEST_FINALIZER]}
    return request | {"metadata": request["metadata"] | meta}


def statuses(world: Cluster) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each["status"] for each in world.objects("ipreq")}


def test_256_blocks_fill_the_range_and_the_257th_request_is_served_after_a_release() -> None:
    world = cluster(seed=1)
    world.apply(iprange("mynetworkpool", ["192.168.0.0/16"], chunkSize=24))
    for index in range(256):
        world.apply(ipreq(f"net-{index:03d}", "mynetworkpool"))
    world.run_until_quiet()
    world.apply(ipreq("late", "mynetworkpool"))
    world.run_until_quiet()
    before = statuses(world)

    assert sorted(status.get("cidr", "") for status in before.values()) == sorted(
        ["", *(f"192.168.{index}.0/24" for index in range(256))]
    )
    assert (before["late"]["state"], before["late"]["message"]) == (
        "Busy",
        "no free /24 in default/mynetworkpool: waiting for room",
    )

    released = before["net-007"]["cidr"]
    world.delete(ipreq("net-007", "mynetworkpool"))
    world.run_until_quiet()
    after = statuses(world)

    assert (after["late"]["state"], after["late"]["cidr"]) == ("Ready", released)
    del before["net-007"], before["late"], after["late"]
    assert after == before


@pytest.mark.parametrize("seed", range(6))
def test_a_range_that_is_deleted_before_its_requests_waits_for_them_and_leaves_nothing(seed: int) -> None:
    world = cluster(seed)
    world.apply(iprange("net", ["10.0.0.0/24"], chunkSize=28))
    for name in ("a", "b", "c"):
        world.apply(ipreq(name, "net"))
    world.run_until_quiet()
    blocks = {name: status["cidr"] for name, status in statuses(world).items()}
    allowed = {"metadata": {"annotations": {ALLOW_DELETION_ANNOTATION: "true"}}}
    world.store.patch(world.catalog.called("iprange")[0], ("default", "net"), allowed)
    world.delete(iprange("net", []))
    world.apply(ipreq("late", "net"))
    world.run_until_quiet()

    held = world.get("iprange", "net", "default")["status"]
    assert (held["state"], held["message"]) == (
        "Deleting",
        "waiting for 3 requests: default/a, default/b, default/c",
    )
    assert statuses(world)["late"]["state"] == "Invalid"
    assert {name: status["cidr"] for name, status in statuses(world).items() if "cidr" in status} == blocks

    for name in ("b", "a"):
        world.delete(ipreq(name, "net"))
    world.run_until_quiet()
    assert world.get("iprange", "net", "default")["status"]["message"] == "waiting for 1 request: default/c"

    world.delete(ipreq("c", "net"))
    world.run_until_quiet(30)
    assert not world.objects("iprange")
    assert not world.objects("ipslice")
    message = (
        "no range default/net answers: check that it exists (kubectl get iprange -n default) and allows this namespace"
    )
    assert statuses(world)["late"]["message"] == message
    world.delete(ipreq("late", "net"))
    world.run_until_quiet()
    assert not world.objects("ipreq")


def test_a_request_without_a_range_says_so_and_is_served_by_one_that_comes_later() -> None:
    world = cluster(1)
    world.apply(ipreq("web", "lb-pol"))
    world.run_until_quiet(9)
    assert statuses(world)["web"]["message"].startswith("no answer yet")
    world.run_until_quiet(30)
    assert statuses(world)["web"]["state"] == "Pending"
    assert statuses(world)["web"]["message"].startswith("no range default/lb-pol answers: check that it exists")
    world.apply(iprange("lb-pol", ["10.0.0.0/24"]))
    world.run_until_quiet()
    status = statuses(world)["web"]
    assert (status["state"], status["address"], status.get("message", "")) == ("Ready", "10.0.0.0", "")


def test_a_burst_costs_no_write_more_because_requests_look_for_their_range() -> None:
    """For each request: the creation, then label and finalizer, status and annotation, in three writes."""
    world = cluster(1)
    world.apply(iprange("net", ["10.0.0.0/24"]))
    world.run_until_quiet()
    before = world.store.version
    for number in range(20):
        world.apply(ipreq(f"r{number}", "net"))
    world.run_until_quiet(30)
    requests = world.catalog.called("ipreq")[0]
    writes = [event for event in world.store.log(requests) if int(event.obj["metadata"]["resourceVersion"]) > before]
    assert len(writes) == 20 * 5


@pytest.mark.parametrize("deleted", [False, True])
def test_a_request_whose_only_event_is_lost_is_processed_within_minutes(*, deleted: bool) -> None:
    """After 20 minutes Metacontroller calls the customize hook again; if that fails, it drops the event."""
    failing: list[str] = []
    world = cluster(1, failing)
    world.apply(iprange("net", ["10.0.0.0/28"]))
    world.apply(ipreq("first", "net"))
    world.run_until_quiet()
    world.clock.wait(21 * 60)
    failing.append("/ipamrange/customize")
    if deleted:
        world.delete(ipreq("first", "net"))
    else:
        world.apply(labelled(ipreq("second", "net")))
    world.run_until_quiet(horizon=400)

    assert not failing
    assert {name: status["state"] for name, status in statuses(world).items()} == (
        {} if deleted else {"first": "Ready", "second": "Ready"}
    )


@pytest.mark.parametrize("seed", range(6))
def test_creating_and_deleting_in_a_loop_leaks_nothing(seed: int) -> None:
    world = cluster(seed)
    world.apply(iprange("net", ["10.0.0.0/30"]))
    for index in range(12):
        world.apply(ipreq(f"r{index}", "net"))
        for _ in range(index):
            world.scheduler.step()
        world.delete(ipreq(f"r{index}", "net"))
    world.run_until_quiet()
    left = [item for obj in world.objects("ipslice") for item in obj["spec"]["answers"]]
    world.clock.wait(15 * 60)
    world.run_until_quiet()

    assert not world.objects("ipreq")
    assert not left
    assert not world.objects("ipslice")
    status = world.get("iprange", "net", "default")["status"]
    assert "allocations" not in status
    assert status["capacity"]["free"] == "4"
