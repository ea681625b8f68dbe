"""Claims and Services that are deleted while machines and load balancers still use their addresses."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from controlplane.api import Refused
from controlplane.processes import wait_until
from tests.e2e.balancing import LoadBalancer, served_elsewhere
from tests.e2e.integrating import NETWORK, RANGE, Consumer, Objects, loop_with

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controlplane.loop import Loop
    from controlplane.plane import ControlPlane
    from controlplane.team import Team

pytestmark = pytest.mark.timeout(400)

#: The garbage collector looks for new kinds every 30 seconds, and a policy is not in effect at once.
EFFECT_SECONDS_MAX = 150.0
#: For so long nothing may be released; the garbage collector acts within two seconds.
HELD_SECONDS = 8.0
FINALIZER = "example.com/in-use"
REQUEST_VERSION = "ipam.mandelsoft.org/v1alpha1"


@pytest.fixture(scope="module")
def loop(control_plane: ControlPlane, metacontroller_path: Path) -> Iterator[Loop]:
    """The loop with claims and Services."""
    with loop_with(control_plane, metacontroller_path, "services/metallb", "cluster-api") as loop:
        yield loop


class Owner:
    """A claim or a Service `web` with a finalizer of the controller that uses its address."""

    def __init__(self, team: Team, kind: str) -> None:
        self.team, self.kind = team, kind
        self.consumer, self.balancer = Consumer(team.api, team.namespace), LoadBalancer(team.api, team.namespace)
        self.objects = self.balancer.services if kind == "Service" else self.consumer.claims

    def create(self, name: str, *finalizers: str) -> None:
        """Creates it, and waits until it has its address."""
        if self.kind == "Service":
            self.balancer.service(name, **{RANGE: "net"})
            self.objects.patch(name, {"metadata": {"finalizers": list(finalizers)}})
            self.balancer.serve(name)
        else:
            self.consumer.claim(name, finalizers=list(finalizers))
            self.consumer.wait_address(name)

    def held(self) -> list[str]:
        """The blocks in the ledger."""
        return [entry["cidr"] for entry in self.team.ledger()]


@pytest.fixture(params=["Service", "IPAddressClaim"])
def owner(request: pytest.FixtureRequest, team: Team) -> Iterator[Owner]:
    """Either kind, in a cluster whose garbage collector and policies are known to work."""
    team.create_range("net", "10.0.0.2-10.0.0.5", network=NETWORK)
    owner = Owner(team, request.param)
    owner.create("canary")
    wait_until(lambda: _is_refused(owner, "canary"), what="the policy is in effect", seconds=EFFECT_SECONDS_MAX)
    owner.objects.delete("canary")
    wait_until(lambda: not owner.held(), what="the garbage collector works", seconds=EFFECT_SECONDS_MAX)
    yield owner
    for each in owner.objects.all():
        with suppress(Refused):  # it is gone by now
            owner.objects.patch(each["metadata"]["name"], {"metadata": {"finalizers": []}})
    owner.objects.delete_all()
    wait_until(lambda: not owner.held(), what="all is released", seconds=EFFECT_SECONDS_MAX)


def _is_refused(owner: Owner, name: str) -> bool:
    """Whether a deletion that leaves the request behind is refused; it is only tried."""
    try:
        owner.objects.delete(name, propagationPolicy="Orphan", dryRun=["All"])
    except Refused as refusal:
        return "--cascade=background" in str(refusal)
    return False


def test_an_address_is_held_until_its_deleted_owner_is_gone(owner: Owner) -> None:
    owner.create("web", FINALIZER)
    before = owner.held()
    assert len(before) == 1

    owner.objects.delete("web", propagationPolicy="Background")
    time.sleep(HELD_SECONDS)
    assert owner.held() == before
    assert owner.objects.get("web")["metadata"]["finalizers"] == [FINALIZER]

    owner.objects.patch("web", {"metadata": {"finalizers": []}})
    wait_until(lambda: not owner.held(), what="the address is released", seconds=60)


def test_a_claim_deleted_in_the_foreground_keeps_its_address_until_it_is_unused(owner: Owner) -> None:
    """As Cluster API deletes machines, and the garbage collector their claims."""
    if owner.kind == "Service":
        pytest.skip("a Service is not deleted in the foreground")
    owner.create("worker-0", FINALIZER)
    before = owner.held()

    owner.objects.delete("worker-0", propagationPolicy="Foreground")
    requests = Objects(owner.team.api, REQUEST_VERSION, "ipamrequests", owner.team.namespace)
    wait_until(
        lambda: [each["metadata"].get("deletionTimestamp") for each in requests.all()] != [None],
        what="the garbage collector deletes the request",
        seconds=EFFECT_SECONDS_MAX,
    )
    time.sleep(HELD_SECONDS)
    assert owner.held() == before
    assert set(owner.objects.get("worker-0")["metadata"]["finalizers"]) == {FINALIZER, "foregroundDeletion"}

    owner.objects.patch("worker-0", {"metadata": {"finalizers": ["foregroundDeletion"]}})
    wait_until(lambda: not owner.held(), what="the address is released", seconds=60)
    wait_until(lambda: owner.objects.find("worker-0") is None, what="the claim is gone", seconds=60)


def test_the_end_of_a_namespace_releases_an_address_after_its_service(loop: Loop, team: Team) -> None:
    team.create_range("far", "10.7.0.0/30", allowedNamespaces={"from": "All"})
    there = served_elsewhere(team, "far")
    other = there.namespace
    there.services.patch("web", {"metadata": {"finalizers": [FINALIZER]}})

    loop.plane.api.ask("DELETE", f"/api/v1/namespaces/{other}")
    time.sleep(HELD_SECONDS)
    assert len(team.ledger("far")) == 1

    there.services.patch("web", {"metadata": {"finalizers": []}})
    wait_until(lambda: not team.ledger("far"), what="the address is released", seconds=120)
    namespaces = Objects(team.api, "v1", "namespaces", "")
    wait_until(lambda: namespaces.find(other) is None, what="the namespace is gone", seconds=120)


def test_a_service_with_addresses_is_not_deleted_in_the_foreground(owner: Owner) -> None:
    if owner.kind == "IPAddressClaim":
        pytest.skip("Cluster API deletes machines and their claims in this way")
    owner.create("web")
    with pytest.raises(Refused, match="--cascade=background"):
        owner.objects.delete("web", propagationPolicy="Foreground")
    owner.balancer.service("other")
    owner.objects.delete("other", propagationPolicy="Foreground")
