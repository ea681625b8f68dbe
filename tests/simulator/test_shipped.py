"""The shipped `crds/` and `metacontroller/`: they load, and the API server in the box enforces them."""

from typing import Any

import pytest

from simulator.cluster import Cluster
from simulator.kubernetes.cel import Rules
from simulator.kubernetes.errors import Invalid
from simulator.kubernetes.objects import Obj
from simulator.kubernetes.resources import Resource
from simulator.metacontroller.webhook import HookError
from tests.e2e.crd_schema import crds, filled, schema_of

API_VERSION = "ipam.mandelsoft.org/v1alpha1"


def no_hooks(path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
    raise HookError(f"{path} was called with {len(body)} bytes")


@pytest.fixture(name="world")
def a_world() -> Cluster:
    return Cluster.shipped(no_hooks)


def iprange(**spec: Any) -> Obj:
    metadata = {"name": "net", "namespace": "default"}
    return {"apiVersion": API_VERSION, "kind": "IPAMRange", "metadata": metadata, "spec": spec}


def resource(world: Cluster) -> Resource:
    return world.catalog.called("iprange")[0]


def test_the_category_lists_the_kinds_that_users_write(world: Cluster) -> None:
    assert {item.kind for item in world.catalog.called("ipam")} == {"IPAMRange", "IPAMRequest"}
    assert [controller.name for controller in world.metacontroller.controllers] == [
        "ipamrange",
        "ipamrequest",
        "ipaddressclaim",
        "claimedrequest",
        "service",
    ]


@pytest.mark.parametrize("text", ["10.0.0.0/24", "10.0.1.5-10.0.1.99", "10.0.2.7", "2001:db8::/64", "::1"])
def test_addresses_in_canonical_text_are_accepted(world: Cluster, text: str) -> None:
    world.apply(iprange(ranges=[text]))


@pytest.mark.parametrize(
    "text",
    ["10.0.0.5/24", "10.0.0.0/33", "010.0.0.1", "10.0.0.0/255.0.0.0", "2001:DB8::/32", "::ffff:10.0.0.1", "net", ""],
)
def test_other_texts_are_refused_and_quoted(world: Cluster, text: str) -> None:
    with pytest.raises(Invalid) as caught:
        world.apply(iprange(ranges=[text]))
    assert f'spec.ranges[0]: Invalid value: "{text}"' in str(caught.value)


def test_specs_are_immutable(world: Cluster) -> None:
    world.apply(iprange(ranges=["10.0.0.0/24"]))
    with pytest.raises(Invalid, match="immutable"):
        world.apply(iprange(ranges=["10.0.0.0/24"], chunkSize=28))


SPEC_SCHEMA = next(
    schema_of(crd)["properties"]["spec"] for crd in crds() if crd["spec"]["names"]["kind"] == "IPAMRange"
)
#: The fields that may change: `ranges` by a rule of its own.
EDITABLE = {"ranges", "reservations"}
RANGE_SPEC = filled("IPAMRange", "default", "net")["spec"]


#: The fields of a range that may change; `ranges` may grow.
EDITABLE = {
    "allowedNamespaces", "closed", "cooldownSeconds", "description", "excludes", "network", "quota", "reservations",
}  # fmt: skip


@pytest.mark.parametrize("field", sorted(SPEC_SCHEMA["properties"].keys() - {"ranges"}))
def test_a_field_of_a_range_is_immutable_or_may_be_edited(field: str) -> None:
    rules = Rules({"properties": {"spec": SPEC_SCHEMA}})
    without = {name: value for name, value in RANGE_SPEC.items() if name != field}
    for before, after in ((without, RANGE_SPEC), (RANGE_SPEC, without)):
        found = [str(fault) for fault in rules.faults({"spec": after}, {"spec": before})]
        faults = [text for text in found if "belong to delegated ranges" not in text]  # one field needs the other
        assert ([] if field in EDITABLE else [True]) == [f"{field} is immutable, because" in text for text in faults]


def test_ranges_may_grow_and_lose_only_entries_that_their_ledger_names(world: Cluster) -> None:
    world.apply(iprange(ranges=["10.0.0.0/24"]))
    world.apply(iprange(ranges=["10.1.0.0/24", "10.0.0.0/24"]))
    with pytest.raises(Invalid, match=r"spec\.ranges: Invalid value: .*in use: keep 10\.1\.0\.0/24, add it to"):
        world.apply(iprange(ranges=["10.0.0.0/24", "10.2.0.0/24"]))
    removable = {"schemaV1": True, "revision": 1, "removable": ["10.1.0.0/24"]}
    world.store.update_status(world.get("iprange", "net") | {"status": removable})
    world.apply(iprange(ranges=["10.0.0.0/24", "10.2.0.0/24"]))


def test_of_two_ledgers_computed_from_one_revision_one_wins(world: Cluster) -> None:
    world.apply(iprange(ranges=["10.0.0.0/24"]))
    fresh = world.get("iprange", "net")
    first, second = (
        {"schemaV1": True, "revision": 1, "allocations": [{"cidr": f"10.0.0.{n}/32", "request": "a/b", "uid": str(n)}]}
        for n in (1, 2)
    )
    unconditional = {"apiVersion": API_VERSION, "kind": "IPAMRange", "metadata": iprange()["metadata"]}
    world.store.update_status(unconditional | {"spec": fresh["spec"], "status": first})
    for status in (second, {"revision": 0}, {"revision": 3} | second, None):
        loser = unconditional | {"spec": fresh["spec"]} | ({} if status is None else {"status": status})
        with pytest.raises(Invalid):
            world.store.update_status(loser)
    assert world.get("iprange", "net")["status"]["allocations"] == first["allocations"]
