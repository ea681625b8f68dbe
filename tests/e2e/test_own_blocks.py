"""Blocks that are kept for one consumer, on the full loop: reserved ones, and those that cool down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api import RANGES, REQUESTS
from controlplane.objects import request_object
from controlplane.processes import wait_until

if TYPE_CHECKING:
    from controlplane.api import Obj
    from controlplane.team import Team

END_COOLDOWN = "ipam.mandelsoft.org/end-cooldown"


def _cidr(obj: Obj) -> str:
    return str(obj["status"]["cidr"])


def test_a_request_that_is_deleted_by_mistake_and_created_again_gets_its_block_back(team: Team) -> None:
    team.create_range("net", "10.0.0.0/31", cooldownSeconds=3600)
    for name in ("web", "db"):
        team.create_request(name)
        team.wait_state(name, "Ready")
    before = _cidr(team.request("web"))
    team.create_request("older")
    team.wait_state("older", "Busy")
    team.delete_request("web")
    team.wait_deleted(REQUESTS, "web")
    team.create_request("web")
    assert _cidr(team.wait_state("web", "Ready")) == before
    assert team.wait_state("older", "Busy")


def test_the_owner_of_a_range_ends_a_cool_down(team: Team) -> None:
    team.create_range("net", "10.0.0.0/32", cooldownSeconds=3600)
    team.create_request("web")
    uid = team.wait_state("web", "Ready")["metadata"]["uid"]
    team.create_request("next")
    team.wait_state("next", "Busy")
    team.delete_request("web")
    team.wait_deleted(REQUESTS, "web")
    team.api.patch(RANGES, team.namespace, "net", {"metadata": {"annotations": {END_COOLDOWN: uid}}})
    assert _cidr(team.wait_state("next", "Ready")) == "10.0.0.0/32"


def test_a_reserved_block_waits_for_its_holder_and_is_free_when_it_is_not_reserved_any_more(team: Team) -> None:
    holders = [{"kind": "Service", "name": "web"}, {"kind": "IPAMRequest", "name": "dns"}]
    reservations = [{"cidr": f"10.0.0.{number}", "holder": holder} for number, holder in enumerate(holders)]
    team.create_range("net", "10.0.0.0/31", reservations=reservations)
    team.create_request("first")
    team.wait_state("first", "Busy")
    team.create_request("dns")
    assert _cidr(team.wait_state("dns", "Ready")) == "10.0.0.1/32"
    owned = request_object(team.namespace, "web-1a2b", "net")
    service = _service(team)
    owned["metadata"]["ownerReferences"] = [{**service, "controller": True}]
    team.api.create(owned)
    assert _cidr(team.wait_state("web-1a2b", "Ready")) == "10.0.0.0/32"
    team.delete_request("web-1a2b")
    team.wait_deleted(REQUESTS, "web-1a2b")
    assert team.range()["status"]["capacity"]["reserved"] == "1"
    team.api.patch(RANGES, team.namespace, "net", {"spec": {"reservations": reservations[1:]}})
    assert _cidr(team.wait_state("first", "Ready")) == "10.0.0.0/32"
    wait_until(lambda: "reserved" not in team.range()["status"]["capacity"], what="nothing is reserved", seconds=30)


def _service(team: Team) -> Obj:
    """A Service, as the owner of a request."""
    spec = {"ports": [{"port": 80}]}
    path = f"/api/v1/namespaces/{team.namespace}/services"
    created = team.api.ask("POST", path, {"metadata": {"name": "web"}, "spec": spec})
    return {"apiVersion": "v1", "kind": "Service", "name": "web", "uid": created["metadata"]["uid"]}
