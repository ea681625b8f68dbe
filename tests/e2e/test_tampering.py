"""What users do by force, on the full loop: strip labels and finalizers, delete and edit what is not theirs.

After each test its whole history is audited (`team`): the block of a living request stays its own whatever they do.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from controlplane.api import ALLOCATIONS, RANGES, REQUESTS, Refused
from controlplane.objects import FOREIGN, LABEL, OURS, RECLAIM, allocation_object
from controlplane.processes import wait_until

if TYPE_CHECKING:
    from controlplane.team import Team

#: How long something that must not happen is watched.
PATIENCE_SECONDS = 5.0
#: From this age on no hook looks at a request again by itself for minutes.
OLD_SECONDS = 32.0


def test_a_stripped_label_comes_back_and_the_block_stays(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.create_request("web")
    cidr = team.wait_state("web", "Ready")["status"]["cidr"]
    team.api.patch(REQUESTS, team.namespace, "web", {"metadata": {"labels": {LABEL: None}}})
    wait_until(lambda: LABEL in team.request("web")["metadata"].get("labels", {}), what="the label is back", seconds=60)
    assert team.request("web")["status"]["cidr"] == cidr
    assert [item["cidr"] for item in team.ledger()] == [cidr]


def test_a_stripped_finalizer_comes_back_and_the_block_stays(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.create_request("web")
    cidr = team.wait_state("web", "Ready")["status"]["cidr"]
    team.set_finalizers("web", [])
    wait_until(
        lambda: OURS in team.request("web")["metadata"].get("finalizers", ()), what="the finalizer is back", seconds=60
    )
    assert team.request("web")["status"]["cidr"] == cidr
    assert [item["cidr"] for item in team.ledger()] == [cidr]


def test_a_finalizer_stripped_from_an_old_request_comes_back_within_seconds(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.create_request("web")
    team.wait_state("web", "Ready")
    time.sleep(OLD_SECONDS)
    team.set_finalizers("web", [])
    wait_until(
        lambda: OURS in team.request("web")["metadata"].get("finalizers", ()), what="the finalizer is back", seconds=20
    )
    team.delete_request("web")
    team.wait_deleted(REQUESTS, "web")
    team.wait_empty()


def test_a_request_that_vanished_by_force_keeps_its_entry_until_it_is_reclaimed(team: Team) -> None:
    team.create_range("net", "10.0.0.0/32")
    team.create_request("web")
    uid = team.wait_state("web", "Ready")["metadata"]["uid"]
    _vanish(team, "web")
    team.create_request("next")
    team.wait_state("next", "Busy")
    wait_until(lambda: "absentSince" in team.ledger()[0], what="the absence is shown", seconds=60)
    time.sleep(PATIENCE_SECONDS)
    assert [item["uid"] for item in team.ledger()] == [uid]
    team.api.patch(RANGES, team.namespace, "net", {"metadata": {"annotations": {RECLAIM: uid}}})
    assert team.wait_state("next", "Ready")["status"]["cidr"] == "10.0.0.0/32"


def test_a_deleted_allocation_comes_back_with_the_same_block(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.create_request("web")
    cidr = team.wait_state("web", "Ready")["status"]["cidr"]
    old = team.allocation_of("web")
    team.api.delete(ALLOCATIONS, team.namespace, old["metadata"]["name"])
    wait_until(
        lambda: (
            [obj["metadata"]["uid"] for obj in team.api.list(ALLOCATIONS, team.namespace)]
            not in ([], [old["metadata"]["uid"]])
        ),
        what="the allocation is back",
        seconds=60,
    )
    assert team.allocation_of("web")["spec"]["cidr"] == cidr
    assert team.request("web")["status"]["cidr"] == cidr


def test_an_edited_allocation_is_set_right(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.create_request("web")
    team.wait_state("web", "Ready")
    name = team.allocation_of("web")["metadata"]["name"]
    with pytest.raises(Refused, match="never changes"):
        team.api.patch(ALLOCATIONS, team.namespace, name, {"spec": {"cidr": "10.0.0.9/32"}})
    team.api.patch(ALLOCATIONS, team.namespace, name, {"spec": {"state": "Busy", "message": "edited"}})
    wait_until(lambda: team.allocation_of("web")["spec"]["state"] == "Ready", what="it is Ready again", seconds=60)
    assert team.wait_state("web", "Ready")["status"]["cidr"] == team.allocation_of("web")["spec"]["cidr"]


def test_an_allocation_made_by_hand_serves_nobody(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    uid = team.create_request("web")["metadata"]["uid"]
    cidr = team.wait_state("web", "Ready")["status"]["cidr"]
    forged = {"namespace": team.namespace, "name": "web", "uid": uid}
    team.api.create(allocation_object(team.namespace, "forged", request=forged, message="forged"))
    time.sleep(PATIENCE_SECONDS)
    assert team.request("web")["status"] | {"cidr": cidr, "state": "Ready"} == team.request("web")["status"]
    team.api.delete(ALLOCATIONS, team.namespace, "forged")


def _vanish(team: Team, name: str) -> None:
    """Strips the finalizer of a request under deletion until it is really gone."""
    uid = team.request(name)["metadata"]["uid"]
    team.set_finalizers(name, [FOREIGN])
    team.delete_request(name)
    team.set_finalizers(name, [])
    found = team.api.find(REQUESTS, team.namespace, name)
    assert found is None or found["metadata"]["uid"] != uid
