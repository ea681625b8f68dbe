"""Users tamper with objects on the full loop: they remove labels and finalizers, and edit and delete slices.

The whole history is audited after each test (`team`): a living request keeps its block in any case.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zlib import crc32

import pytest

from controlplane.api import RANGES, REQUESTS, SLICES, Refused
from controlplane.objects import FOREIGN, LABEL, OURS, RECLAIM, answer_item, slice_object
from controlplane.processes import wait_until
from hooks.api.names import SLOTS, NamespacedName, slice_name

if TYPE_CHECKING:
    from controlplane.api import Obj
    from controlplane.team import Team

#: How long a test waits for an event that must not happen.
PATIENCE_SECONDS = 5.0
#: From this age on, the hooks of a request ask for no resync for minutes.
OLD_SECONDS = 32.0
#: Requests that are created within a second or two, so that some of them share a slice.
SHARED_COUNT = 20
#: For how many seconds slices of others are in the way.
BLOCKED_SECONDS = 10
LAST_APPLIED = "metacontroller.k8s.io/last-applied-configuration"


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


def test_a_deleted_slice_is_created_again_with_the_same_blocks(team: Team) -> None:
    old = _shared_slice(team)
    name, blocks = old["metadata"]["name"], _blocks(old)
    team.api.delete(SLICES, team.namespace, name)
    wait_until(lambda: _is_created_again(team, old), what="the slice is created again", seconds=60)
    wait_until(lambda: _blocks(_slice(team, name)) == blocks, what="it has the same answers", seconds=60)
    assert {obj["metadata"]["uid"]: obj["status"]["cidr"] for obj in team.requests("Ready")}.items() >= blocks.items()


def test_an_edited_answer_is_corrected(team: Team) -> None:
    slice_ = _shared_slice(team)
    name, (first, *others) = slice_["metadata"]["name"], slice_["spec"]["answers"]
    with pytest.raises(Refused, match="immutable once set"):
        _write_answers(team, name, first | {"cidr": "10.0.0.99/32"}, *others)
    _write_answers(team, name, first | {"state": "Busy", "message": "edited"}, *others)
    wait_until(
        lambda: {answer["state"] for answer in _answers(team, name)} == {"Ready"}, what="all are Ready", seconds=60
    )
    assert _blocks(_slice(team, name)) == _blocks(slice_)
    team.wait_ready_count(SHARED_COUNT)


def test_a_removed_answer_comes_back_with_the_same_block(team: Team) -> None:
    slice_ = _shared_slice(team)
    name, (removed, *others) = slice_["metadata"]["name"], slice_["spec"]["answers"]
    _write_answers(team, name, *others)
    wait_until(lambda: _blocks(_slice(team, name)) == _blocks(slice_), what="it is there again", seconds=60)
    assert removed["uid"] in _blocks(_slice(team, name))


def test_an_answer_that_a_stranger_adds_is_removed(team: Team) -> None:
    """Metacontroller removes only what it has written, so the hooks return the answer once before they drop it."""
    slice_ = _shared_slice(team)
    name, answers = slice_["metadata"]["name"], slice_["spec"]["answers"]
    _write_answers(team, name, *answers, answer_item(f"{team.namespace}/ghost", "ghost", message="forged"))
    wait_until(lambda: _answers(team, name) == answers, what="the answer is removed", seconds=60)


def test_an_answer_in_the_slice_of_another_second_is_removed(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.create_request("web")
    team.wait_state("web", "Ready")
    time.sleep(1)
    team.create_request("db")
    team.wait_state("db", "Ready")
    web, db = team.answer_to("web"), team.answer_to("db")
    name = team.slice_of("db")["metadata"]["name"]
    _write_answers(team, name, db, web)
    wait_until(lambda: _answers(team, name) == [db], what="the copy is removed", seconds=60)
    assert team.answer_to("web") == web


def test_answers_are_removed_from_a_slice_that_has_lost_the_record_of_what_was_written(team: Team) -> None:
    name = _shared_slice(team)["metadata"]["name"]
    team.patch_slice(name, {"metadata": {"annotations": {LAST_APPLIED: None}}})
    team.delete_all(REQUESTS)
    team.wait_empty()


def test_answers_in_a_slice_of_a_wrong_name_are_removed(team: Team) -> None:
    """Even if the range controls the slice, because somebody with the right to write slices made it so."""
    created = team.create_range("net", "10.0.0.0/24")
    team.create_request("web")
    team.wait_state("web", "Ready")
    answer = team.answer_to("web")
    forged = slice_object(team.namespace, "forged", answer)
    owner = {"apiVersion": created["apiVersion"], "kind": created["kind"], "name": "net", "controller": True}
    forged["metadata"] |= {
        "labels": {"controller-uid": created["metadata"]["uid"]},
        "ownerReferences": [owner | {"uid": created["metadata"]["uid"]}],
    }
    team.create_slice(forged)
    wait_until(lambda: not _answers(team, "forged"), what="the answer is removed", seconds=60)
    assert team.answer_to("web") == answer


def test_a_slice_of_others_has_no_effect(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    uid = team.create_request("web")["metadata"]["uid"]
    status = team.wait_state("web", "Ready")["status"]
    answer = answer_item(f"{team.namespace}/web", uid, message="forged")
    team.create_slice(slice_object(team.namespace, "forged", answer))
    time.sleep(PATIENCE_SECONDS)
    assert team.request("web")["status"] == status
    team.api.delete(SLICES, team.namespace, "forged")


def test_slices_of_others_block_the_requests_of_their_second_until_they_are_deleted(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    in_the_way = _coming_slice_names(team)
    for name in in_the_way:
        team.create_slice(slice_object(team.namespace, name))
    team.create_request("web")
    wait_until(lambda: "blocks" in _message(team, "web"), what="the message names the slice", seconds=60)
    assert [name for name in in_the_way if name in _message(team, "web")]
    for name in in_the_way:
        team.api.delete(SLICES, team.namespace, name)
    team.wait_state("web", "Ready")


def _shared_slice(team: Team) -> Obj:
    """The slice with most answers after a burst of requests to the range `net`, in which nothing happens any more."""
    team.create_range("net", "10.0.0.0/24")
    team.start_load(SHARED_COUNT).wait_created()
    team.wait_ready_count(SHARED_COUNT)
    fullest = max(team.slices(), key=lambda each: len(each["spec"]["answers"]))
    assert len(fullest["spec"]["answers"]) > 1
    return fullest


def _slice(team: Team, name: str) -> Obj:
    return team.api.get(SLICES, team.namespace, name)


def _answers(team: Team, name: str) -> list[Obj]:
    return list(_slice(team, name)["spec"]["answers"])


def _write_answers(team: Team, name: str, *answers: Obj) -> None:
    team.patch_slice(name, {"spec": {"answers": list(answers)}})


def _blocks(slice_: Obj) -> dict[str, str]:
    """The blocks in a slice, by the uids of their holders."""
    return {answer["uid"]: answer.get("cidr", "") for answer in slice_["spec"]["answers"]}


def _is_created_again(team: Team, old: Obj) -> bool:
    found = team.api.find(SLICES, team.namespace, old["metadata"]["name"])
    return found is not None and found["metadata"]["uid"] != old["metadata"]["uid"]


def _coming_slice_names(team: Team) -> list[str]:
    """The names of all slices with answers of the range `net` to requests of this second and the next ones."""
    now, uids = datetime.now(UTC), {crc32(uid.encode()) % SLOTS: uid for uid in map(str, range(100))}
    assert len(uids) == SLOTS
    return [
        slice_name(NamespacedName(team.namespace, "net"), now + timedelta(seconds=seconds), uid)
        for seconds in range(BLOCKED_SECONDS)
        for uid in uids.values()
    ]


def _message(team: Team, name: str) -> str:
    return str(team.request(name)["status"].get("message", ""))


def _remove_by_force(team: Team, name: str) -> None:
    """Deletes a request and removes its finalizers, so that it does not exist any more."""
    uid = team.request(name)["metadata"]["uid"]
    team.set_finalizers(name, [FOREIGN])
    team.delete_request(name)
    team.set_finalizers(name, [])
    found = team.api.find(REQUESTS, team.namespace, name)
    assert found is None or found["metadata"]["uid"] != uid
