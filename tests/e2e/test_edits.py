"""A range is edited while it is in use: what is allocated stays, and the edit decides about what comes after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from controlplane.api import EXTENTS, RANGES, Refused, kubectl
from controlplane.processes import wait_until

if TYPE_CHECKING:
    from controlplane.loop import Loop
    from controlplane.team import Team


def _edit(team: Team, **fields: object) -> int:
    """Change the spec of the range `net`; gives the generation of the edit."""
    edited = team.api.patch(RANGES, team.namespace, "net", {"spec": fields})
    return int(edited["metadata"]["generation"])


def _wait_observed(team: Team, generation: int) -> None:
    wait_until(
        lambda: team.range()["status"]["observedGeneration"] == generation, what="the edit is observed", seconds=30
    )


def test_a_retired_subnet_is_drained(team: Team, loop: Loop) -> None:
    team.create_range("net", "10.0.0.0/25", chunkSize=28)
    team.create_request("old", request="10.0.0.64/28")
    team.wait_state("old", "Ready")
    _edit(team, excludes=["10.0.0.64/26"])
    team.create_request("new", size=26)
    assert team.wait_state("new", "Ready")["status"]["cidr"] == "10.0.0.0/26"
    wait_until(
        lambda: team.range()["status"].get("retired") == {"addresses": "64", "held": "16"},
        what="it is retired",
        seconds=30,
    )
    (drained,) = (each for each in team.range()["status"]["conditions"] if each["type"] == "Drained")
    assert drained["status"] == "False"
    assert f"{team.namespace}/old (10.0.0.64/28)" in drained["message"]
    assert team.request("old")["status"]["cidr"] == "10.0.0.64/28"
    team.delete_request("old")
    wait = ("wait", "--timeout=60s", "--for=condition=Drained", "-n", team.namespace, "iprange/net")
    kubectl(loop.plane.kubeconfig, *wait)
    assert team.range()["status"]["retired"] == {"addresses": "64", "held": "0"}


def test_an_entry_that_is_not_in_use_is_taken_back_and_another_range_allocates_it(team: Team, loop: Loop) -> None:
    team.create_range("net", "10.0.0.0/28", "10.9.0.0/28", chunkSize=28)
    team.create_request("slip", request="10.9.0.0/28")
    team.wait_state("slip", "Ready")
    team.create_range("late", "10.9.0.0/28", chunkSize=28)
    team.create_request("rival", "late")
    team.wait_state("rival", "Busy")
    _edit(team, excludes=["10.9.0.0/28"])
    with pytest.raises(Refused, match=r"keep 10\.9\.0\.0/28, add it to excludes, and remove it from both"):
        _edit(team, ranges=["10.0.0.0/28"], excludes=None)
    team.delete_request("slip")
    wait = "--for=jsonpath={.status.removable[0]}=10.9.0.0/28"
    kubectl(loop.plane.kubeconfig, "wait", "--timeout=60s", wait, "-n", team.namespace, "iprange/net")
    _edit(team, ranges=["10.0.0.0/28"], excludes=None)
    assert team.wait_state("rival", "Ready")["status"]["cidr"] == "10.9.0.0/28"
    left = {"net": ["10.0.0.0-10.0.0.15"], "late": ["10.9.0.0-10.9.0.15"]}
    wait_until(
        lambda: {obj["spec"]["range"]: obj["spec"]["ranges"] for obj in team.api.list(EXTENTS, team.namespace)} == left,
        what="the extent that announces nothing any more is deleted",
        seconds=30,
    )
    _edit(team, ranges=["10.0.0.0/28", "10.9.0.0/28"])
    team.create_request("again", request="10.9.0.0/28")
    assert f"range {team.namespace}/late, which is older" in team.wait_state("again", "Busy")["status"]["message"]


def test_a_closed_range_serves_again_when_it_is_opened(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24", chunkSize=28)
    team.create_request("old")
    team.wait_state("old", "Ready")
    _wait_observed(team, _edit(team, closed=True))
    team.create_request("late")
    status = team.wait_state("late", "Busy")["status"]
    assert status["message"] == f"range {team.namespace}/net is closed: it allocates no new blocks"
    assert team.request("old")["status"]["state"] == "Ready"
    _edit(team, closed=None)
    team.wait_state("late", "Ready")


def test_a_holder_keeps_its_network_settings(team: Team) -> None:
    team.create_range("net", "10.0.0.0/29", network={"gateway": "10.0.0.1", "prefixLength": 24})
    team.create_request("old")
    team.wait_state("old", "Ready")
    _wait_observed(team, _edit(team, network={"gateway": "10.0.0.2", "prefixLength": 24}))
    team.create_request("new")
    assert team.wait_state("new", "Ready")["status"]["network"]["gateway"] == "10.0.0.2"
    assert team.request("old")["status"]["network"]["gateway"] == "10.0.0.1"
    team.create_request("greedy", request="10.0.0.1")
    assert "is a former gateway" in team.wait_state("greedy", "Invalid")["status"]["message"]
    team.delete_request("old")
    assert team.wait_state("greedy", "Ready")["status"]["cidr"] == "10.0.0.1/32"
