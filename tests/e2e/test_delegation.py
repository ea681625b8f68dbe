"""Ranges that are made from the blocks of requests, on the full loop: their life, and attempts to outwit the fence."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any

import pytest

from controlplane.api import RANGES, REQUESTS, Refused, kubectl, object_path
from controlplane.objects import ABANDON, HOLD, RECLAIM, RECORDED, range_object, request_object
from controlplane.processes import wait_until
from tests.e2e.policy_users import network_user_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from controlplane.api import Api, Obj
    from controlplane.loop import Loop
    from controlplane.team import Team

#: The uid of a request that does not exist any more.
GONE = "00000000-0000-4000-8000-000000000000"


def _create_site(team: Team, **delegate: object) -> Obj:
    """A range of one /28 for each site, and a request that delegates the first one."""
    team.create_range("net", "10.0.0.0/27", chunkSize=28)
    team.create_request("site", delegate=delegate)
    return team.wait_state("site", "Ready")


def _wait(what: str, is_true: Callable[[], object]) -> None:
    wait_until(lambda: bool(is_true()), what=what, seconds=60)


def _range(team: Team, name: str = "site") -> Obj:
    """A range; empty as long as it does not exist."""
    return team.api.find(RANGES, team.namespace, name) or {}


def _named(team: Team) -> Obj:
    named: Obj = team.request("site")["status"].get("range", {})
    return named


def _cidr(obj: Obj) -> str:
    return str(obj["status"]["cidr"])


def _late_range(team: Team, uid: str, *ranges: str) -> Obj:
    """A range as Metacontroller would create it for a request with this uid."""
    spec = {"domain": f"delegated-{uid}", "delegatedFrom": {"name": "site", "uid": uid}}
    made = range_object(team.namespace, "site", *ranges, **spec)
    owner = {"apiVersion": "ipam.mandelsoft.org/v1alpha1", "kind": "IPAMRequest", "name": "site", "uid": uid}
    made["metadata"]["ownerReferences"] = [owner | {"controller": True, "blockOwnerDeletion": True}]
    return made


def _delete_plainly(team: Team) -> None:
    """Deletes the range of the site as kubectl does, without the annotation that allows it."""
    team.api.ask("DELETE", object_path(RANGES, team.namespace, "site"))


def test_a_block_becomes_a_range_that_ends_with_its_request(team: Team, loop: Loop) -> None:
    _create_site(team, chunkSize=30)
    wait = ("wait", "--timeout=60s", "--for=condition=Delegated", "-n", team.namespace, "ipreq/site")
    kubectl(loop.plane.kubeconfig, *wait)
    team.create_request("web", "site")
    assert _cidr(team.wait_state("web", "Ready")) == "10.0.0.0/30"
    team.create_request("other")
    assert _cidr(team.wait_state("other", "Ready")) == "10.0.0.16/28"
    team.create_request("waiting")
    team.wait_state("waiting", "Busy")

    team.delete_request("site")
    _wait("the range ends", lambda: _range(team)["status"]["state"] == "Deleting")
    team.create_request("late", "site")
    assert "is being deleted" in team.wait_state("late", "Invalid")["status"]["message"]
    message = "waiting until no block of range .*/site is held"
    _wait("the request says what it waits for", lambda: team.request("site")["status"].get("message"))
    assert re.match(message, team.request("site")["status"]["message"])
    assert team.request("waiting")["status"]["state"] == "Busy"
    team.delete_request("web")
    team.wait_deleted(REQUESTS, "site")
    assert _cidr(team.wait_state("waiting", "Ready")) == "10.0.0.0/28"
    team.wait_deleted(RANGES, "site")


def test_a_range_that_was_created_late_allocates_nothing_and_is_deleted(team: Team) -> None:
    """As from a cache that shows a request which does not exist any more."""
    team.create_request("web", "site")
    team.api.create(_late_range(team, GONE, "10.0.0.0/28"))
    team.wait_deleted(RANGES, "site")
    assert "cidr" not in team.request("web")["status"]


def test_a_range_that_was_created_for_another_request_of_the_name_allocates_nothing(team: Team) -> None:
    """As restored by an administrator: it has the uid of the former request, and no owner that is deleted with it."""
    late = _late_range(team, GONE, "10.0.0.0/28")
    late["metadata"].pop("ownerReferences")
    team.api.create(late)
    _create_site(team)
    team.create_request("web", "site")
    refused = team.wait_state("web", "Busy")["status"]["message"]
    assert f"waiting for request {team.namespace}/site (uid {GONE})" in refused
    assert "another range has this name: delete that one" in team.request("site")["status"]["message"]
    with pytest.raises(Refused, match=r"set the annotation ipam\.mandelsoft\.org/allow-deletion=true"):
        _delete_plainly(team)
    team.api.delete(RANGES, team.namespace, "site")
    assert _cidr(team.wait_state("web", "Ready")) == "10.0.0.0/32"


def test_a_name_that_another_range_has_is_reported_and_used_once_it_is_free(team: Team) -> None:
    team.create_range("site", "10.9.0.0/28")
    _create_site(team)
    assert "another range has this name" in team.request("site")["status"]["message"]
    team.create_request("web", "site")
    assert _cidr(team.wait_state("web", "Ready")) == "10.9.0.0/32"
    team.delete_request("web")
    team.wait_deleted(REQUESTS, "web")
    team.delete_range("site")
    _wait("the range is named", lambda: _named(team))
    assert _range(team)["spec"]["ranges"] == ["10.0.0.0/28"]


def test_a_block_whose_range_was_removed_by_force_is_released_by_the_owner_of_the_range(team: Team, loop: Loop) -> None:
    uid = _create_site(team)["metadata"]["uid"]
    _wait("the range is named", lambda: _named(team))
    _wait("the range has its finalizer", lambda: _range(team)["metadata"].get("finalizers"))
    loop.metacontroller.kill()
    team.api.delete(RANGES, team.namespace, "site")
    abandoned = {"finalizers": None, "annotations": {ABANDON: "true"}}
    team.api.patch(RANGES, team.namespace, "site", {"metadata": abandoned})
    team.wait_deleted(RANGES, "site")
    loop.metacontroller.start()
    team.delete_request("site")
    remedy = f"set ipam.mandelsoft.org/reclaim={uid} on range {team.namespace}/net"
    _wait("the message has the remedy", lambda: remedy in team.request("site")["status"].get("message", ""))
    assert [entry["uid"] for entry in team.ledger()] == [uid]
    team.api.patch(RANGES, team.namespace, "net", {"metadata": {"annotations": {RECLAIM: uid}}})
    team.wait_deleted(REQUESTS, "site")
    assert not team.ledger()


def test_ranges_are_restored_by_their_requests(team: Team) -> None:
    _create_site(team)
    for number in range(4):
        team.create_request(f"web-{number}", "site")
        team.wait_state(f"web-{number}", "Ready")
    team.delete_request("web-0")
    team.wait_deleted(REQUESTS, "web-0")
    _wait("all blocks are recorded", lambda: all(map(_is_recorded, team.requests())))
    before = {obj["metadata"]["name"]: _cidr(obj) for obj in team.requests()}
    saved = [each for each in team.api.list(RANGES, team.namespace) if "ownerReferences" not in each["metadata"]]
    saved += team.requests()
    team.delete_all(REQUESTS)
    team.delete_all(RANGES)

    arriving = [*map(_on_hold, saved), request_object(team.namespace, "newcomer", "site")]
    random.Random(7).shuffle(arriving)
    for obj in arriving:
        team.api.create(obj)
    team.wait_ready_count(len(before))
    assert {obj["metadata"]["name"]: _cidr(obj) for obj in team.requests("Ready")} == before
    assert "is on hold" in team.wait_state("newcomer", "Busy")["status"]["message"]
    for name in ("net", "site"):
        team.api.patch(RANGES, team.namespace, name, {"metadata": {"annotations": {HOLD: None}}})
    assert _cidr(team.wait_state("newcomer", "Ready")) == "10.0.0.0/32"


def _is_recorded(request: Obj) -> bool:
    return bool(request["metadata"].get("annotations", {}).get(RECORDED) == _cidr(request))


def _on_hold(obj: Obj) -> Obj:
    """An object as the backup has it; ranges, and requests that delegate, are on hold."""
    metadata: dict[str, Any] = {key: obj["metadata"][key] for key in ("namespace", "name")}
    annotations = {RECORDED: _cidr(obj)} if obj["kind"] == "IPAMRequest" else {}
    if obj["kind"] == "IPAMRange" or "delegate" in obj["spec"]:
        annotations[HOLD] = "true"
    metadata["annotations"] = annotations
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata, "spec": obj["spec"]}


def test_a_range_that_its_request_made_is_not_deleted_by_people(team: Team) -> None:
    _create_site(team)
    _wait("the range is named", lambda: _named(team))
    with pytest.raises(Refused, match="ends with the request site, which delegated its block: delete that request"):
        _delete_plainly(team)
    team.api.delete(RANGES, team.namespace, "site")
    _wait("the request says so", lambda: _named(team).get("finished"))
    assert "a request delegates only once" in team.request("site")["status"]["message"]
    team.wait_deleted(RANGES, "site")
    team.delete_request("site")
    team.wait_deleted(REQUESTS, "site")


def test_a_range_that_lost_its_owner_reference_ends_with_its_request_all_the_same(team: Team) -> None:
    _create_site(team)
    _wait("the range is named", lambda: _named(team))
    team.api.patch(RANGES, team.namespace, "site", {"metadata": {"ownerReferences": None}})
    team.delete_request("site")
    team.wait_deleted(REQUESTS, "site")
    assert team.ledger() == []
    assert _range(team)["status"]["finished"]


def test_only_metacontroller_makes_ranges_of_requests(team: Team, api: Api) -> None:
    network = network_user_of(api, team.namespace)
    late = _late_range(team, GONE, "10.0.0.0/28")
    late["metadata"].pop("ownerReferences")
    with pytest.raises(Refused, match=r"create an IPAMRequest with spec\.delegate, which makes the range"):
        network.create(late)
