"""Inputs that once had a wrong outcome, each with what is right: applied to the cluster in a box as a user would."""

from typing import Any

import pytest

from simulator.cluster import Cluster
from simulator.kubernetes.errors import Denied
from simulator.kubernetes.gate import Gate
from simulator.kubernetes.policies import Policies
from tests.simulator.test_promises import cluster, ipreq, statuses
from tests.simulator.test_promises import iprange as new_range

HOLD, CIDR = "ipam.mandelsoft.org/hold", "ipam.mandelsoft.org/cidr"


def iprange(name: str, ranges: list[str], *, hold: str = "", **spec: Any) -> dict[str, Any]:
    obj = new_range(name, ranges, **spec)
    return obj | {"metadata": obj["metadata"] | ({"annotations": {HOLD: hold}} if hold else {})}


def recorded(request: dict[str, Any], cidr: str) -> dict[str, Any]:
    return request | {"metadata": request["metadata"] | {"annotations": {CIDR: cidr}}}


def applied(*objects: dict[str, Any], world: Cluster | None = None) -> Cluster:
    """A cluster after each of these objects was applied and processed."""
    world = world or cluster(seed=1)
    for obj in objects:
        world.apply(obj)
        world.run_until_quiet()
    return world


def outcomes(world: Cluster) -> dict[str, tuple[str, str]]:
    return {name: (status["state"], status.get("cidr", "")) for name, status in statuses(world).items()}


def range_status(world: Cluster, name: str) -> dict[str, Any]:
    status: dict[str, Any] = world.get("iprange", name)["status"]
    return status


def conditions(world: Cluster, name: str) -> dict[str, str]:
    return {each["type"]: each["status"] for each in range_status(world, name)["conditions"]}


@pytest.mark.parametrize(
    ("slip", "reason"),
    [
        ("fd00:2::ff-fd00:2::1", '"fd00:2::ff-fd00:2::1" ends before it begins: write fd00:2::1-fd00:2::ff'),
        ("fd00:2::-fd00:1::", '"fd00:2::-fd00:1::" ends before it begins: write fd00:1::-fd00:2::'),
    ],
)
def test_ipv6_slip_that_is_added_does_not_stop_the_range(slip: str, reason: str) -> None:
    world = applied(iprange("sites", ["fd00:1::/64"]), ipreq("early", "sites"))
    applied(iprange("sites", ["fd00:1::/64", slip]), ipreq("late", "sites"), world=world)

    assert outcomes(world) == {"early": ("Ready", "fd00:1::/128"), "late": ("Ready", "fd00:1::1/128")}
    assert range_status(world, "sites")["message"] == f"ignored: ranges[1]: {reason}"
    assert conditions(world, "sites")["RangesIgnored"] == "True"


def test_a_correct_addition_beside_a_slip_is_used() -> None:
    world = applied(iprange("sites", ["fd00:1::/128", "fd00:2::9-fd00:2::2"]), ipreq("early", "sites"))
    applied(iprange("sites", ["fd00:1::/128", "fd00:2::9-fd00:2::2", "fd00:2::2-fd00:2::9"]), world=world)
    applied(ipreq("late", "sites"), world=world)

    assert outcomes(world)["late"] == ("Ready", "fd00:2::2/128")


@pytest.mark.parametrize("value", ["True", "TRUE", "yes", "1", "on", " true", "false"])
def test_hold_spelling_is_rejected_and_is_a_hold_where_no_policy_rejects_it(value: str) -> None:
    held = iprange("r", ["10.0.0.0/31"], hold=value)
    with pytest.raises(Denied, match=f'is "{value}": write "true" to hold the range'):
        applied(held)

    world = cluster(seed=1)
    world.store.gate = Gate(world.store.find, Policies([]))
    applied(held, ipreq("newcomer", "r"), recorded(ipreq("database", "r"), "10.0.0.0/32"), world=world)
    assert outcomes(world) == {"newcomer": ("Busy", ""), "database": ("Ready", "10.0.0.0/32")}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("10.0.0.7/24", '"10.0.0.7/24" has host bits set: write 10.0.0.0/24, or 10.0.0.7 for the single address'),
        ("10.5.0.777/32", '"10.5.0.777" is not an IP address, such as 10.0.0.5 or 2001:db8::5'),
        ("10.1.0.7/32", "10.1.0.7/32 is not wholly inside default/r"),
        ("fd00::7/128", "fd00::7/128 is IPv6, default/r is IPv4"),
        ("10.0.0.16/28", "10.0.0.16/28 is recorded, but the spec asks for /32"),
        ("10.0.0.9/32", "10.0.0.9/32 has addresses that are excluded from default/r: 10.0.0.9"),
        ("10.0.0.1/32", "10.0.0.1/32 is the gateway of default/r, which is never allocated"),
        ("10.0.0.0/32", "10.0.0.0/32 is not free: it was held by default/holder when last checked"),
    ],
)
def test_record_reasons_are_the_one_true_reason(record: str, reason: str) -> None:
    spec: dict[str, Any] = {"excludes": ["10.0.0.9"], "network": {"gateway": "10.0.0.1"}}
    world = applied(
        iprange("r", ["10.0.0.0/24"], **spec), ipreq("holder", "r"), recorded(ipreq("imported", "r"), record)
    )
    assert statuses(world)["imported"]["message"] == f"allocated 10.0.0.8/32 instead of the recorded {record}: {reason}"

    held = iprange("r", ["10.0.0.0/24"], hold="true", **spec)
    world = applied(held, recorded(ipreq("holder", "r"), "10.0.0.0/32"), recorded(ipreq("imported", "r"), record))
    if "excluded" in reason:  # a retired block, which its holder gets back
        assert outcomes(world)["imported"] == ("Ready", record)
    else:
        assert outcomes(world)["imported"] == ("Busy", "")
        assert statuses(world)["imported"]["message"].endswith(reason)


def test_record_reason_of_a_block_that_cools_down() -> None:
    world = applied(iprange("r", ["10.0.0.0/24"], cooldownSeconds=3600), ipreq("holder", "r"))
    world.delete(ipreq("holder", "r"))
    world.run_until_quiet(horizon=60)
    world.apply(recorded(ipreq("imported", "r"), "10.0.0.0/32"))
    world.run_until_quiet(horizon=60)

    message = statuses(world)["imported"]["message"]
    assert message.startswith(
        "allocated 10.0.0.1/32 instead of the recorded 10.0.0.0/32: 10.0.0.0/32 is not free: it is "
    )
    assert message.endswith("(released by default/holder)")


def test_index_record_is_honoured_after_a_growth_below() -> None:
    held = iprange("ix", ["10.0.1.0/28", "10.0.0.0/28"], chunkSize=28, hold="true")
    first = recorded(ipreq("first", "ix", request="0/28"), "10.0.1.0/28")
    world = applied(held, first, recorded(ipreq("second", "ix"), "10.0.0.0/28"))

    assert outcomes(world) == {"first": ("Ready", "10.0.1.0/28"), "second": ("Ready", "10.0.0.0/28")}


@pytest.mark.parametrize("order", ["older first", "younger first", "request first"])
def test_overlap_restore_gives_each_request_its_block_in_any_order(order: str) -> None:
    older = iprange("a-dc", ["10.50.0.0/24"], hold="true", chunkSize=28, domain="corp")
    younger = iprange("b-dc", ["10.50.0.0/24", "10.51.0.0/24"], hold="true", chunkSize=28, domain="corp")
    rack = recorded(ipreq("rack", "a-dc"), "10.50.0.0/28")
    orders = {
        "older first": (older, younger, rack),
        "younger first": (younger, older, rack),
        "request first": (rack, younger, older),
    }
    world = applied(*orders[order])
    assert outcomes(world) == {"rack": ("Ready", "10.50.0.0/28")}

    released = [
        obj | {"metadata": {"namespace": "default", "name": obj["metadata"]["name"]}} for obj in (younger, older)
    ]
    applied(*released, ipreq("stranger", "b-dc", request="10.50.0.0/28"), world=world)
    assert outcomes(world) == {"rack": ("Ready", "10.50.0.0/28"), "stranger": ("Busy", "")}


def test_a_block_larger_than_the_pool_is_reported_by_the_range() -> None:
    world = applied(iprange("r", ["10.0.0.0/24"], chunkSize=20))

    assert conditions(world, "r") == {"Ready": "True", "ChunkSizeTooLarge": "True"}
    assert range_status(world, "r")["message"] == (
        "chunkSize 20 never fits: the largest block is /24, so requests need a size"
    )


def test_an_idle_exclude_is_reported_by_the_range() -> None:
    world = applied(iprange("r", ["10.0.0.0/24"], excludes=["10.0.10.1"]))

    assert range_status(world, "r")["message"] == (
        "excludes has 10.0.10.1, where the range has no address: check for a typing error"
    )


def test_a_gateway_outside_of_the_network_is_reported_and_not_refused() -> None:
    world = applied(
        iprange("r", ["199.199.199.0/24"], network={"gateway": "199.199.199.1", "prefixLength": 25}), ipreq("web", "r")
    )

    assert range_status(world, "r")["message"] == (
        "network.gateway 199.199.199.1 with prefixLength 25 is in 199.199.199.0/25, "
        "which does not contain 199.199.199.128-199.199.199.255"
    )
    assert outcomes(world) == {"web": ("Ready", "199.199.199.2/32")}


def test_network_addresses_are_not_handed_out_as_single_addresses() -> None:
    network = {"gateway": "10.0.0.1", "prefixLength": 24}
    world = applied(iprange("r", ["10.0.0.0/24"], network=network), ipreq("node", "r"))
    applied(ipreq("broadcast", "r", request="10.0.0.255"), world=world)
    applied(iprange("end", ["10.0.1.252/30"], network={"prefixLength": 24}), world=world)
    applied(*(ipreq(f"node-{number}", "end") for number in range(4)), world=world)

    shown = outcomes(world)
    assert (shown.pop("node"), shown.pop("broadcast")) == (("Ready", "10.0.0.2/32"), ("Invalid", ""))
    assert sorted(cidr for _, cidr in shown.values()) == ["", "10.0.1.252/32", "10.0.1.253/32", "10.0.1.254/32"]


def test_many_shared_intervals_leave_room_for_what_follows() -> None:
    shared = [f"10.{number}.0.0/24" for number in range(256)]
    world = applied(iprange("older", shared), iprange("younger", shared, excludes=["192.168.0.1"]))

    message = range_status(world, "younger")["message"]
    assert "10.4.0.0-10.4.0.255 and 251 more, which is older in domain default" in message
    assert message.endswith("check for a typing error")
