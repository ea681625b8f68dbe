"""A quota of addresses on the full loop: requests wait for it, and are served by a release or a larger quota."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api import RANGES
from controlplane.processes import wait_until

if TYPE_CHECKING:
    from controlplane.team import Team


def test_a_request_waits_for_its_quota_until_a_block_is_released(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24", chunkSize=28, quota={"addresses": 16})
    team.create_request("web")
    team.wait_state("web", "Ready")
    team.create_request("late")
    message = team.wait_state("late", "Busy")["status"]["message"]
    assert message == (
        f"16 more addresses would exceed the quota of namespace {team.namespace} (16): it held 16 when last checked"
    )
    team.delete_request("web")
    team.wait_state("late", "Ready")


def test_a_quota_can_be_raised_and_lowered(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24", chunkSize=28, quota={"addresses": 0})
    team.create_request("web")
    team.wait_state("web", "Busy")
    _set_quota(team, 16)
    granted = team.wait_state("web", "Ready")["status"]["cidr"]
    _set_quota(team, 8)
    excess = f"namespace {team.namespace} holds 16 addresses, more than its quota of 8"
    wait_until(lambda: team.range()["status"].get("message") == excess, what="the range names the excess", seconds=30)
    assert team.request("web")["status"]["cidr"] == granted


def _set_quota(team: Team, addresses: int) -> None:
    team.api.patch(RANGES, team.namespace, "net", {"spec": {"quota": {"addresses": addresses}}})
