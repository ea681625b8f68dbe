"""A restore from plain manifests: without status and owner references, with new uids, in any order."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from controlplane.api import RANGES, REQUESTS
from controlplane.objects import HOLD, RECORDED, request_object
from controlplane.processes import wait_until

if TYPE_CHECKING:
    from controlplane.api import Obj
    from controlplane.team import Team

#: The metadata that a backup keeps, as with Velero.
KEPT = ("namespace", "name", "labels", "annotations", "finalizers")


def test_each_restored_request_has_its_former_address(team: Team) -> None:
    before = _some_history(team)
    backup = [*team.api.list(RANGES, team.namespace), *team.requests()]
    _lose_everything(team)

    newcomers = [request_object(team.namespace, f"newcomer-{number}", "net") for number in range(5)]
    arriving = [*map(_plain, backup), *newcomers]
    random.Random(7).shuffle(arriving)
    for obj in arriving:
        team.api.create(_on_hold(obj) if obj["kind"] == "IPAMRange" else obj)

    team.wait_ready_count(len(before))
    assert _addresses(team) == before
    for newcomer in newcomers:
        refused = team.wait_state(newcomer["metadata"]["name"], "Busy")
        assert "is on hold: only requests with a recorded address are served" in refused["status"]["message"]

    team.api.patch(RANGES, team.namespace, "net", {"metadata": {"annotations": {HOLD: None}}})
    team.wait_ready_count(len(before) + len(newcomers))
    team.wait_at_rest()
    assert before.items() <= _addresses(team).items()


def test_of_two_records_of_one_block_the_older_one_is_served_and_the_other_gets_a_message(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24", chunkSize=28)
    for name in ("older", "younger"):
        obj = request_object(team.namespace, name, "net")
        team.api.create(obj | {"metadata": obj["metadata"] | {"annotations": {RECORDED: "10.0.0.64/28"}}})
        team.wait_state(name, "Ready")

    assert team.request("older")["status"]["cidr"] == "10.0.0.64/28"
    assert not team.request("older")["status"].get("message")
    status = team.request("younger")["status"]
    assert "instead of the recorded 10.0.0.64/28" in status["message"]
    wait_until(
        lambda: team.request("younger")["metadata"]["annotations"][RECORDED] == status["cidr"],
        what="the new address is recorded",
        seconds=60,
    )
    team.wait_at_rest()
    assert team.request("younger")["status"] == status


def _some_history(team: Team) -> dict[str, str]:
    """Creates and deletes requests, so that each has another address than in a new range; returns the addresses."""
    team.create_range("net", "10.0.0.0/24", chunkSize=28)
    for number in range(10):
        team.create_request(f"web-{number}", size=29 if number % 3 else 28)
        team.wait_state(f"web-{number}", "Ready")
    for number in (0, 2, 5):
        team.delete_request(f"web-{number}")
        team.wait_deleted(REQUESTS, f"web-{number}")
    team.create_request("dedicated", request="10.0.0.200")
    team.wait_state("dedicated", "Ready")
    wait_until(lambda: all(map(_is_recorded, team.requests())), what="all addresses are recorded", seconds=60)
    return _addresses(team)


def _lose_everything(team: Team) -> None:
    team.delete_all(REQUESTS)
    team.delete_range()
    team.wait_deleted(RANGES, "net")


def _addresses(team: Team) -> dict[str, str]:
    return {obj["metadata"]["name"]: obj["status"]["cidr"] for obj in team.requests("Ready")}


def _is_recorded(request: Obj) -> bool:
    return bool(request["metadata"].get("annotations", {}).get(RECORDED) == request["status"]["cidr"])


def _plain(obj: Obj) -> Obj:
    """The object as a backup restores it."""
    metadata: dict[str, Any] = {key: obj["metadata"][key] for key in KEPT if key in obj["metadata"]}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata, "spec": obj["spec"]}


def _on_hold(range_: Obj) -> Obj:
    metadata = range_["metadata"]
    return range_ | {"metadata": metadata | {"annotations": metadata.get("annotations", {}) | {HOLD: "true"}}}
