"""Claims that are created again, restored or tampered with: they keep their addresses, or say why they do not."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from controlplane.api import Refused
from controlplane.processes import wait_until
from tests.e2e.integrating import ADDRESSES, NETWORK, Consumer, Objects, claim_object, consumer_with_range, loop_with
from tests.e2e.policy_users import owner_of
from tests.e2e.rights import bind_in_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controlplane.api import Obj
    from controlplane.loop import Loop
    from controlplane.plane import ControlPlane
    from controlplane.team import Team

#: For how long nothing must be written at rest. IPAM_REST_SECONDS=600 is the full test.
REST_SECONDS = float(os.environ.get("IPAM_REST_SECONDS", "30"))
pytestmark = pytest.mark.timeout(300 + REST_SECONDS)

KEPT = "metal3data.infrastructure.cluster.x-k8s.io"


@pytest.fixture(scope="module")
def loop(control_plane: ControlPlane, metacontroller_path: Path) -> Iterator[Loop]:
    """The loop with deploy/cluster-api."""
    with loop_with(control_plane, metacontroller_path, "cluster-api") as loop:
        yield loop


@pytest.fixture
def consumer(team: Team) -> Iterator[Consumer]:
    """A controller of machines in the namespace of the team, which has the range `net`."""
    with consumer_with_range(team) as consumer:
        yield consumer


def test_claims_of_the_same_name_in_two_namespaces_get_different_addresses(
    consumer: Consumer, loop: Loop, team: Team
) -> None:
    other = f"{team.namespace}-2"
    team.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}})
    team.create_range(
        "shared", "10.1.0.0/24", network=NETWORK | {"gateway": "10.1.0.1"}, allowedNamespaces={"from": "All"}
    )
    aliases = Objects(team.api, "ipam.mandelsoft.org/v1alpha1", "ipamrangealiases", "")
    there = Consumer(loop.plane.api, other)
    there.claim("worker-0", team.namespace, kind="IPAMRangeAlias")
    assert "there is no IPAMRangeAlias" in there.wait_reason("worker-0", "PoolNotReady")
    aliases.create(_alias(team.namespace, team.namespace, "shared"))
    consumer.claim("worker-0", "shared")
    try:
        found = {consumer.wait_address("worker-0")[0], there.wait_address("worker-0", seconds=90)[0]}
    finally:
        there.leave()
        aliases.delete(team.namespace)

    assert found == {"10.1.0.2/24", "10.1.0.3/24"}


def test_a_claim_that_is_created_again_gets_an_address_of_its_own(consumer: Consumer) -> None:
    consumer.claim("worker-0", finalizers=[KEPT])
    consumer.wait_address("worker-0")
    consumer.claims.delete("worker-0")
    with pytest.raises(Refused, match="already exists"):
        consumer.claim("worker-0")
    consumer.claims.patch("worker-0", {"metadata": {"finalizers": None}})
    consumer.claims.wait_deleted("worker-0")

    uid = consumer.claim("worker-0")["metadata"]["uid"]

    consumer.wait_address("worker-0")
    assert consumer.addresses.get("worker-0")["metadata"]["ownerReferences"][0]["uid"] == uid


def test_an_ipaddress_that_is_deleted_comes_back_with_the_same_address(consumer: Consumer) -> None:
    consumer.claim("worker-0")
    before = consumer.wait_address("worker-0")
    uid = consumer.addresses.get("worker-0")["metadata"]["uid"]

    consumer.addresses.delete("worker-0")

    wait_until(lambda: _uid(consumer) not in ("", uid), what="the IPAddress is created again", seconds=60)
    assert consumer.read("worker-0") == before


def test_users_cannot_delete_the_request_of_a_claim(consumer: Consumer) -> None:
    consumer.claim("worker-0")
    consumer.wait_address("worker-0")
    request = consumer.request_of("worker-0")["metadata"]["name"]
    owner = consumer.requests.by(owner_of(consumer.api, consumer.namespace))

    for user in (owner, consumer.requests):
        with pytest.raises(Refused, match="is deleted with it: delete that instead"):
            user.delete(request)
    with pytest.raises(Refused, match="must keep its owner reference"):
        owner.patch(request, {"metadata": {"ownerReferences": None}})
    with pytest.raises(Refused, match="must keep its owner reference"):
        owner.annotate(request, **{"metacontroller.k8s.io/decorator-controller": None})
    owner.annotate(request, **{"ipam.mandelsoft.org/allow-deletion": "true"})
    with pytest.raises(Refused, match="is deleted with it"):
        owner.delete(request)
    with pytest.raises(Refused, match="is deleted with it"):
        owner.delete(request, preconditions={"uid": consumer.requests.get(request)["metadata"]["uid"]})


def test_a_request_that_an_administrator_deletes_comes_back_with_the_same_address(consumer: Consumer) -> None:
    consumer.claim("worker-0")
    before = consumer.wait_address("worker-0")
    request = consumer.request_of("worker-0")["metadata"]

    consumer.requests.annotate(request["name"], **{"ipam.mandelsoft.org/allow-deletion": "true"})
    consumer.requests.delete(request["name"])

    wait_until(
        lambda: (consumer.requests.find(request["name"]) or {"metadata": request})["metadata"]["uid"] != request["uid"],
        what="the request is created again",
        seconds=60,
    )
    consumer.wait_reason("worker-0", "AddressAllocated")
    assert consumer.read("worker-0") == before
    assert consumer.request_of("worker-0")["spec"]["request"] == before[0].partition("/")[0]


def test_an_address_that_another_request_got_meanwhile_is_reported_and_not_replaced(
    consumer: Consumer, team: Team
) -> None:
    consumer.claim("worker-0")
    before = consumer.wait_address("worker-0")
    address = before[0].partition("/")[0]
    uid = _uid(consumer)
    team.create_request("other", request=address)
    team.wait_state("other", "Busy")
    request = consumer.request_of("worker-0")["metadata"]["name"]

    consumer.requests.annotate(request, **{"ipam.mandelsoft.org/allow-deletion": "true"})
    consumer.requests.delete(request)

    other = f"held by {team.namespace}/other"
    wait_until(lambda: other in consumer.ready("worker-0")["message"], what="the claim names the other", seconds=60)
    ready = consumer.ready("worker-0")
    assert (ready["reason"], ready["status"]) == ("AllocationFailed", "False")
    assert f"has {address}, which is not allocated to it" in ready["message"]
    assert team.request("other")["status"]["cidr"] == f"{address}/32"
    assert (consumer.read("worker-0"), _uid(consumer)) == (before, uid), "no second one is published"
    team.delete_request("other")
    consumer.wait_reason("worker-0", "AddressAllocated")
    assert (consumer.read("worker-0"), _uid(consumer)) == (before, uid)


def test_a_restored_ipaddress_that_the_claim_does_not_control_is_reported_and_made_again(consumer: Consumer) -> None:
    stray = _ipaddress(consumer.namespace, "worker-0", "10.0.0.77")
    consumer.addresses.create(stray)
    uid = _uid(consumer)

    consumer.claim("worker-0", annotations={ADDRESSES: "10.0.0.77"})

    message = consumer.wait_reason("worker-0", "AllocationFailed", seconds=90)
    assert "delete an IPAddress of that name that the claim does not control" in message
    assert consumer.read("worker-0") is None
    assert _uid(consumer) == uid
    consumer.addresses.delete("worker-0")
    assert consumer.wait_address("worker-0")[0] == "10.0.0.77/24"


def test_a_namespace_with_claims_can_be_deleted(team: Team) -> None:
    team.create_range("shared", "10.2.0.0/24", network={"prefixLength": 24}, allowedNamespaces={"from": "All"})
    other = f"{team.namespace}-3"
    team.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}})
    aliases = Objects(team.api, "ipam.mandelsoft.org/v1alpha1", "ipamrangealiases", "")
    aliases.create(_alias(other, team.namespace, "shared"))
    there = Consumer(team.api, other)
    there.claim("worker-0", other, kind="IPAMRangeAlias")
    there.wait_address("worker-0")

    team.api.ask("DELETE", f"/api/v1/namespaces/{other}")

    namespaces = Objects(team.api, "v1", "namespaces", "")
    namespaces.wait_deleted(other)
    wait_until(lambda: not team.ledger("shared"), what="the address is released", seconds=60)
    aliases.delete(other)


def test_an_ipaddress_of_another_object_is_reported(consumer: Consumer) -> None:
    spec = {
        "claimRef": {"name": "worker-0"},
        "poolRef": {"apiGroup": "ipam.example.com", "kind": "Pool", "name": "pool"},
        "address": "10.9.9.9",
        "prefix": 24,
    }
    meta = {"name": "worker-0", "namespace": consumer.namespace}
    consumer.addresses.create(
        {"apiVersion": "ipam.cluster.x-k8s.io/v1beta2", "kind": "IPAddress", "metadata": meta, "spec": spec}
    )
    consumer.claim("worker-0")

    assert "delete an IPAddress of that name" in consumer.wait_reason("worker-0", "AllocationFailed", seconds=90)
    assert consumer.read("worker-0") is None
    consumer.addresses.delete("worker-0")
    assert consumer.wait_address("worker-0")[0] == "10.0.0.2/24"


def test_a_quota_that_refuses_the_request_is_an_event(consumer: Consumer, team: Team) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": team.namespace},
        "spec": {"hard": {"count/ipamrequests.ipam.mandelsoft.org": "0"}},
    }
    path = f"/api/v1/namespaces/{team.namespace}"
    team.api.ask("POST", f"{path}/resourcequotas", quota)
    wait_until(
        lambda: "hard" in team.api.ask("GET", f"{path}/resourcequotas/none").get("status", {}),
        what="the quota is counted",
        seconds=60,
    )
    consumer.claim("worker-0")

    assert "is not there yet" in consumer.wait_reason("worker-0", "PoolNotReady")
    messages = [event["message"] for event in team.api.ask("GET", f"{path}/events")["items"]]
    assert any("exceeded quota: none" in message for message in messages)
    team.api.ask("DELETE", f"{path}/resourcequotas/none")
    consumer.wait_address("worker-0", seconds=120)


def test_at_rest_nothing_is_written(consumer: Consumer) -> None:
    for number in range(3):
        consumer.claim(f"worker-{number}")
        consumer.wait_address(f"worker-{number}")
    time.sleep(2)
    before = _versions(consumer)

    time.sleep(REST_SECONDS)

    assert _versions(consumer) == before


@pytest.mark.parametrize("order", ["claims first", "addresses first"])
def test_restored_claims_get_their_addresses_again(consumer: Consumer, team: Team, order: str) -> None:
    for number in range(4):
        consumer.claim(f"worker-{number}")
        consumer.wait_address(f"worker-{number}")
    before = {f"worker-{number}": consumer.read(f"worker-{number}") for number in range(4)}
    claims, addresses = _saved(consumer.claims.all()), _saved(consumer.addresses.all())
    consumer.leave()
    team.delete_all("ipamranges")
    team.create_range("net", "10.0.0.0/24", network=NETWORK)
    hold = {"metadata": {"annotations": {"ipam.mandelsoft.org/hold": "true"}}}
    team.api.patch("ipamranges", team.namespace, "net", hold)
    claims.reverse()
    for obj in (claims + addresses) if order == "claims first" else (addresses + claims):
        _restore(consumer, obj)
    wait_until(lambda: len(team.ledger()) == len(claims), what="all addresses are allocated", seconds=60)
    for name in before:
        if not consumer.addresses.get(name)["metadata"].get("ownerReferences"):
            consumer.addresses.delete(name)

    for name, read in before.items():
        assert consumer.wait_address(name) == read


def test_owners_of_a_namespace_cannot_record_addresses(consumer: Consumer) -> None:
    user = owner_of(consumer.api, consumer.namespace)
    claim = claim_object(consumer.namespace, "forged", annotations={ADDRESSES: "10.0.0.9"})

    with pytest.raises(Refused, match="records its address"):
        consumer.claims.by(user).create(claim)
    with pytest.raises(Refused, match="create an IPAddressClaim"):
        consumer.addresses.by(user).create(_ipaddress(consumer.namespace, "forged", "10.0.0.9"))
    bind_in_cluster(consumer.api, "ipam-restore", user.impersonated)
    wait_until(lambda: _is_created(consumer.claims.by(user).create, claim), what="the role is in effect", seconds=30)
    assert consumer.wait_address("forged")[0] == "10.0.0.9/24"


def _is_created(create: object, obj: Obj) -> bool:
    assert callable(create)
    try:
        create(obj)
    except Refused:
        return False
    return True


def _ipaddress(namespace: str, name: str, address: str) -> Obj:
    """An IPAddress for a claim of that name, which nothing controls."""
    spec = {
        "claimRef": {"name": name},
        "poolRef": {"apiGroup": "ipam.mandelsoft.org", "kind": "IPAMRange", "name": "net"},
        "address": address,
        "prefix": 24,
    }
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "ipam.cluster.x-k8s.io/v1beta2", "kind": "IPAddress", "metadata": meta, "spec": spec}


def _alias(name: str, namespace: str, range_name: str) -> Obj:
    """An IPAMRangeAlias of a range."""
    spec = {"range": {"namespace": namespace, "name": range_name}}
    api_version = "ipam.mandelsoft.org/v1alpha1"
    return {"apiVersion": api_version, "kind": "IPAMRangeAlias", "metadata": {"name": name}, "spec": spec}


def _uid(consumer: Consumer) -> str:
    found = consumer.addresses.find("worker-0")
    return str(found["metadata"]["uid"]) if found else ""


def _versions(consumer: Consumer) -> dict[str, str]:
    objects = [*consumer.claims.all(), *consumer.addresses.all(), *consumer.requests.all()]
    return {each["metadata"]["uid"]: each["metadata"]["resourceVersion"] for each in objects}


def _saved(objects: list[Obj]) -> list[Obj]:
    """Objects as a backup has them: without status, uids and owners."""
    kept = ("name", "namespace", "labels", "annotations")
    return [
        {
            "kind": "IPAddressClaim" if "claimRef" not in obj["spec"] else "IPAddress",
            "apiVersion": "ipam.cluster.x-k8s.io/v1beta2",
            "metadata": {name: value for name, value in obj["metadata"].items() if name in kept},
            "spec": obj["spec"],
        }
        for obj in objects
    ]


def _restore(consumer: Consumer, obj: Obj) -> None:
    """Creates an object, which may be there already."""
    try:
        (consumer.claims if obj["kind"] == "IPAddressClaim" else consumer.addresses).create(obj)
    except Refused as refusal:
        if refusal.status != 409:
            raise
