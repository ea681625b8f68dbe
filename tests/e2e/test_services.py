"""Services of type LoadBalancer on the full loop, with a load balancer that behaves as MetalLB does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from controlplane.api import Refused
from controlplane.processes import wait_until
from tests.e2e.balancing import LoadBalancer, served_elsewhere
from tests.e2e.integrating import ADDRESSES, MESSAGE, METALLB, RANGE, Objects, loop_with
from tests.e2e.policy_users import owner_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controlplane.loop import Loop
    from controlplane.plane import ControlPlane
    from controlplane.team import Team

pytestmark = pytest.mark.timeout(180)

QUIET_SECONDS = 3.0


@pytest.fixture(scope="module")
def loop(control_plane: ControlPlane, metacontroller_path: Path) -> Iterator[Loop]:
    """The loop with deploy/services/metallb."""
    with loop_with(control_plane, metacontroller_path, "services/metallb") as loop:
        yield loop


@pytest.fixture
def balancer(team: Team) -> Iterator[LoadBalancer]:
    """A load balancer, and Services in the namespace of the team, which has the range `net`."""
    team.create_range("net", "10.0.0.0/24", chunkSize=28)
    balancer = LoadBalancer(team.api, team.namespace)
    yield balancer
    balancer.leave()


@pytest.fixture
def owner_of_services(balancer: LoadBalancer) -> LoadBalancer:
    """The same as a user that may do everything in the namespace."""
    return LoadBalancer(owner_of(balancer.api, balancer.namespace), balancer.namespace)


def test_a_service_gets_an_address_of_its_range_and_keeps_it(balancer: LoadBalancer) -> None:
    balancer.service("web", **{RANGE: "net"})

    assert balancer.serve("web") == ["10.0.0.0"]
    version = balancer.services.get("web")["metadata"]["resourceVersion"]
    time.sleep(QUIET_SECONDS)
    assert balancer.services.get("web")["metadata"]["resourceVersion"] == version, "at rest nothing is written"


def test_two_ranges_give_a_dual_stack_service_both_addresses_at_once(balancer: LoadBalancer, team: Team) -> None:
    team.create_range("six", "fd00::/64")
    balancer.service("web", **{RANGE: "net,six"})

    assert balancer.serve("web") == ["10.0.0.0", "fd00::"]


def test_a_range_of_another_namespace_is_named_with_a_dot(balancer: LoadBalancer, team: Team) -> None:
    balancer.service("web", **{RANGE: f"{team.namespace}.net"})

    assert balancer.serve("web") == ["10.0.0.0"]


def test_a_service_without_the_annotation_gets_no_write(balancer: LoadBalancer) -> None:
    version = balancer.service("plain")["metadata"]["resourceVersion"]
    other = balancer.service("internal", type_="ClusterIP", **{RANGE: "net"})["metadata"]["resourceVersion"]

    time.sleep(QUIET_SECONDS)

    assert balancer.services.get("plain")["metadata"]["resourceVersion"] == version
    assert balancer.services.get("internal")["metadata"]["resourceVersion"] == other
    assert not balancer.requests.all()


def test_a_service_that_waits_says_why_and_is_served_later(balancer: LoadBalancer, team: Team) -> None:
    team.create_range("one", "10.4.0.5")
    balancer.service("first", **{RANGE: "one"})
    balancer.serve("first")
    balancer.service("second", **{RANGE: "one"})
    assert "no free /32" in balancer.wait_message("second", "no free")

    balancer.services.delete("first")

    assert balancer.serve("second") == ["10.4.0.5"]
    assert MESSAGE not in balancer.annotations("second")


def test_a_misspelt_range_can_be_corrected(balancer: LoadBalancer) -> None:
    balancer.service("web", **{RANGE: "nett"})
    assert "no range" in balancer.wait_message("web", "no range", seconds=90)

    balancer.services.annotate("web", **{RANGE: "net"})

    assert balancer.serve("web") == ["10.0.0.0"]


def test_an_address_is_released_only_when_the_load_balancer_has_given_it_up(balancer: LoadBalancer, team: Team) -> None:
    balancer.service("web", **{RANGE: "net"})
    balancer.serve("web")
    balancer.services.annotate("web", **{RANGE: None})
    wait_until(lambda: METALLB not in balancer.annotations("web"), what="the address is not written", seconds=60)
    assert "10.0.0.0 will be released" in balancer.wait_message("web", "will be released")
    assert team.ledger()

    balancer.give_up("web")

    wait_until(lambda: not team.ledger(), what="the address is released", seconds=60)
    wait_until(lambda: ADDRESSES not in balancer.annotations("web"), what="the record is removed", seconds=60)
    assert MESSAGE not in balancer.annotations("web")


def test_a_service_that_names_its_range_again_gets_an_address_again(balancer: LoadBalancer, team: Team) -> None:
    balancer.service("web", **{RANGE: "net"})
    balancer.serve("web")
    balancer.services.annotate("web", **{RANGE: None})
    balancer.give_up("web")
    wait_until(lambda: not team.ledger(), what="the address is released", seconds=60)

    balancer.services.annotate("web", **{RANGE: "net"})

    assert balancer.serve("web") == ["10.0.0.0"]


def test_a_service_that_becomes_internal_releases_its_address(balancer: LoadBalancer, team: Team) -> None:
    balancer.service("web", **{RANGE: "net"})
    balancer.serve("web")

    balancer.give_up("web")
    balancer.services.patch("web", {"spec": {"type": "ClusterIP"}})

    wait_until(lambda: not team.ledger(), what="the address is released", seconds=60)
    wait_until(lambda: METALLB not in balancer.annotations("web"), what="nothing is written", seconds=60)


def test_a_deleted_service_releases_its_address(balancer: LoadBalancer, team: Team) -> None:
    balancer.service("web", **{RANGE: "net"})
    balancer.serve("web")

    balancer.services.delete("web")

    wait_until(lambda: not team.ledger(), what="the address is released", seconds=60)


def test_users_cannot_delete_the_request_of_a_service(
    balancer: LoadBalancer, owner_of_services: LoadBalancer, team: Team
) -> None:
    balancer.service("web", **{RANGE: "net"})
    balancer.serve("web")
    (request,) = [each["metadata"]["name"] for each in balancer.requests.all()]

    for user in (owner_of_services.requests, balancer.requests):
        with pytest.raises(Refused, match=f"Service {team.namespace}/web, and is deleted with it: delete that instead"):
            user.delete(request)
    with pytest.raises(Refused, match="must keep its owner reference"):
        owner_of_services.requests.patch(request, {"metadata": {"ownerReferences": None}})
    assert [entry["cidr"] for entry in team.ledger()] == ["10.0.0.0/32"]


def test_an_address_that_another_request_got_meanwhile_stays_written_and_is_reported(
    balancer: LoadBalancer, team: Team
) -> None:
    balancer.service("web", **{RANGE: "net"})
    balancer.serve("web")
    team.create_request("other", request="10.0.0.0")
    team.wait_state("other", "Busy")
    (request,) = [name for each in balancer.requests.all() if (name := each["metadata"]["name"]) != "other"]

    balancer.requests.annotate(request, **{"ipam.mandelsoft.org/allow-deletion": "true"})
    balancer.requests.delete(request)

    message = balancer.wait_message("web", f"held by {team.namespace}/other")
    assert message.startswith("10.0.0.0 is written, but not allocated: ")
    assert balancer.annotations("web")[METALLB] == "10.0.0.0"
    team.delete_request("other")
    wait_until(lambda: MESSAGE not in balancer.annotations("web"), what="the address is allocated again", seconds=60)
    assert balancer.annotations("web")[METALLB] == "10.0.0.0"
    assert [entry["cidr"] for entry in team.ledger()] == ["10.0.0.0/32"]


def test_a_namespace_with_services_can_be_deleted(team: Team) -> None:
    team.create_range("shared", "10.7.0.0/24", allowedNamespaces={"from": "All"})
    other = served_elsewhere(team, "shared").namespace

    team.api.ask("DELETE", f"/api/v1/namespaces/{other}")

    Objects(team.api, "v1", "namespaces", "").wait_deleted(other)
    wait_until(lambda: not team.ledger("shared"), what="the address is released", seconds=60)


def test_another_range_is_refused_once_the_address_is_written(balancer: LoadBalancer, team: Team) -> None:
    team.create_range("other", "10.9.0.0/24")
    balancer.service("web", **{RANGE: "net"})
    balancer.serve("web")

    balancer.services.annotate("web", **{RANGE: "other"})

    assert "10.0.0.0 is written and cannot change" in balancer.wait_message("web", "cannot change")
    assert balancer.annotations("web")[METALLB] == "10.0.0.0"


def test_a_written_address_that_is_removed_is_written_again(balancer: LoadBalancer) -> None:
    balancer.service("web", **{RANGE: "net"})
    balancer.serve("web")

    balancer.services.annotate("web", **{METALLB: None})

    assert balancer.serve("web") == ["10.0.0.0"]


def test_an_address_that_the_owner_wrote_is_the_one_that_is_allocated(balancer: LoadBalancer, team: Team) -> None:
    balancer.service("web", **{RANGE: "net", METALLB: "10.0.0.77"})

    wait_until(lambda: ADDRESSES in balancer.annotations("web"), what="the address is recorded", seconds=60)

    assert balancer.annotations("web")[ADDRESSES] == "10.0.0.77"
    assert [entry["cidr"] for entry in team.ledger()] == ["10.0.0.77/32"]


def test_a_restored_service_gets_its_address_again_while_the_range_is_on_hold(
    balancer: LoadBalancer, team: Team
) -> None:
    team.create_range("held", "10.5.0.0/24")
    balancer.service("web", **{RANGE: "held", ADDRESSES: "10.5.0.77", METALLB: "10.5.0.77"})
    team.api.patch(
        "ipamranges", team.namespace, "held", {"metadata": {"annotations": {"ipam.mandelsoft.org/hold": "true"}}}
    )

    wait_until(lambda: bool(team.ledger("held")), what="the address is allocated", seconds=60)

    assert [entry["cidr"] for entry in team.ledger("held")] == ["10.5.0.77/32"]


def test_a_reservation_keeps_an_address_for_a_service(balancer: LoadBalancer, team: Team) -> None:
    holder = {"kind": "Service", "name": "web"}
    team.create_range("kept", "10.6.0.0/24", reservations=[{"cidr": "10.6.0.9", "holder": holder}])
    balancer.service("web", **{RANGE: "kept"})

    assert balancer.serve("web") == ["10.6.0.9"]


def _may_record(owner: LoadBalancer) -> bool:
    """Whether the API server would take a record from a user. A new policy is not in effect at once."""
    obj = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "tried", "annotations": {ADDRESSES: "10.0.0.9"}}}
    return owner.api.call("POST", owner.services.path, obj | {"spec": {"ports": [{"port": 80}]}}, dryRun="All").ok


def test_owners_of_services_cannot_record_addresses(balancer: LoadBalancer, owner_of_services: LoadBalancer) -> None:
    wait_until(lambda: not _may_record(owner_of_services), what="the policy is in effect", seconds=120)
    with pytest.raises(Refused, match="written by the controller"):
        owner_of_services.service("forged", **{RANGE: "net", ADDRESSES: "10.0.0.9"})
    owner_of_services.service("web", **{RANGE: "net"})
    balancer.serve("web")
    for part in ("", "/status"):
        with pytest.raises(Refused, match="written by the controller"):
            owner_of_services.services.patch("web", {"metadata": {"annotations": {ADDRESSES: "10.0.0.9"}}}, part)
    owner_of_services.services.annotate("web", **{"example.com/note": "x"})
