"""Users tamper with objects on the full loop: they remove labels and finalizers, and delete and edit allocations.

The whole history is audited after each test (`team`): a living request keeps its block in any case.
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

#: How long a test waits for an event that must not happen.
PATIENCE_SECONDS = 5.0
#: From this age on, the hooks of a request ask for no resync for minutes.
OLD_SECONDS = 32.0


def test_a_removed_label_is_restored_and_the_block_stays(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.create_request("web")
    cidr = team.wait_state("web", "Ready")["status"]["cidr"]
    team.api.patch(REQUESTS, team.namespace, "web", {"metadata": {"labels": {LABEL: None}}})
    wait_until(
        lambda: LABEL in team.request("web")["metadata"].get("labels", {}), what="the label is restored", seconds=60
    )
    assert team.request("web")["status"]["cidr"] == cidr
    assert [item["cidr"] for item in team.ledger()] == [cidr]


def test_a_removed_finalizer_is_restored_and_the_block_stays(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.create_request("web")
    cidr = team.wait_state("web", "Ready")["status"]["cidr"]
    team.set_finalizers("web", [])
    wait_until(
        lambda: OURS in team.request("web")["metadata"].get("finalizers", ()),
        what="the finalizer is restored",
        seconds=60,
    )
    assert team.request("web")["status"]["cidr"] == cidr
    assert [item["cidr"] for item in team.ledger()] == [cidr]


def test_a_finalizer_removed_from_an_old_request_is_restored_within_seconds(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.create_request("web")
    team.wait_state("web", "Ready")
    time.sleep(OLD_SECONDS)
    team.set_finalizers("web", [])
    wait_until(
        lambda: OURS in team.request("web")["metadata"].get("finalizers", ()),
        what="the finalizer is restored",
        seconds=20,
    )
    team.delete_request("web")
    team.wait_deleted(REQUESTS, "web")
    team.wait_empty()


def test_a_request_removed_by_force_keeps_its_entry_until_it_is_reclaimed(team: Team) -> None:
    team.create_range("net", "10.0.0.0/32")
    team.create_request("web")
    uid = team.wait_state("web", "Ready")["metadata"]["uid"]
    _remove_by_force(team, "web")
    team.create_request("next")
    team.wait_state("next", "Busy")
    wait_until(lambda: "absentSince" in team.ledger()[0], what="the absence is shown", seconds=60)
    time.sleep(PATIENCE_SECONDS)
    assert [item["uid"] for item in team.ledger()] == [uid]
    team.api.patch(RANGES, team.namespace, "net", {"metadata": {"annotations": {RECLAIM: uid}}})
    assert team.wait_state("next", "Ready")["status"]["cidr"] == "10.0.0.0/32"


def test_a_deleted_allocation_is_created_again_with_the_same_block(team: Team) -> None:
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
        what="the allocation is created again",
        seconds=60,
    )
    assert team.allocation_of("web")["spec"]["cidr"] == cidr
    assert team.request("web")["status"]["cidr"] == cidr


def test_an_edited_allocation_is_corrected(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.create_request("web")
    team.wait_state("web", "Ready")
    name = team.allocation_of("web")["metadata"]["name"]
    with pytest.raises(Refused, match="immutable once set"):
        team.api.patch(ALLOCATIONS, team.namespace, name, {"spec": {"cidr": "10.0.0.9/32"}})
    team.api.patch(ALLOCATIONS, team.namespace, name, {"spec": {"state": "Busy", "message": "edited"}})
    wait_until(lambda: team.allocation_of("web")["spec"]["state"] == "Ready", what="it is Ready again", seconds=60)
    assert team.wait_state("web", "Ready")["status"]["cidr"] == team.allocation_of("web")["spec"]["cidr"]


def test_an_allocation_created_by_hand_has_no_effect(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    uid = team.create_request("web")["metadata"]["uid"]
    cidr = team.wait_state("web", "Ready")["status"]["cidr"]
    forged = {"namespace": team.namespace, "name": "web", "uid": uid}
    team.api.create(allocation_object(team.namespace, "forged", request=forged, message="forged"))
    time.sleep(PATIENCE_SECONDS)
    assert team.request("web")["status"] | {"cidr": cidr, "state": "Ready"} == team.request("web")["status"]
    team.api.delete(ALLOCATIONS, team.namespace, "forged")


def _remove_by_force(team: Team, name: str) -> None:
    """Deletes a request and removes its finalizers, so that it does not exist any more."""
    uid = team.request(name)["metadata"]["uid"]
    team.set_finalizers(name, [FOREIGN])
    team.delete_request(name)
    team.set_finalizers(name, [])
    found = team.api.find(REQUESTS, team.namespace, name)
    assert found is None or found["metadata"]["uid"] != uid
