"""A full range grows: waiting requests are served, and granted blocks do not change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api import RANGES
from controlplane.processes import wait_until

if TYPE_CHECKING:
    from controlplane.team import Team


def test_a_waiting_request_is_served_from_added_addresses(team: Team) -> None:
    team.create_range("net", "10.0.0.0/31")
    for name in ("a", "b"):
        team.create_request(name)
        team.wait_state(name, "Ready")
    team.create_request("late")
    team.wait_state("late", "Busy")
    granted = {name: team.request(name)["status"]["cidr"] for name in ("a", "b")}
    team.api.patch(RANGES, team.namespace, "net", {"spec": {"ranges": ["10.0.0.0/31", "10.0.1.0/30"]}})
    assert team.wait_state("late", "Ready")["status"]["cidr"] == "10.0.1.0/32"
    assert {name: team.request(name)["status"]["cidr"] for name in ("a", "b")} == granted
    wait_until(lambda: team.range()["status"]["capacity"]["total"] == "6", what="the total has grown", seconds=30)


def test_a_block_outside_the_range_is_granted_once_it_is_added(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.create_request("web", request="10.0.1.16/28")
    team.wait_state("web", "Invalid")
    team.api.patch(RANGES, team.namespace, "net", {"spec": {"ranges": ["10.0.0.0/24", "10.0.1.0/24"]}})
    assert team.wait_state("web", "Ready")["status"]["cidr"] == "10.0.1.16/28"
